"""*Which rule takes a finding*, and why not another one: a worker reads the finding, and tries the rules."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.answers import NotShown, PageRefused
from console.context import context_of, person_of
from console.forms import sent_form, text_in
from console.people.roles import ConsoleRole
from console.questions.asking import GIVES_UP, NAME, ask, asked, with_headers
from console.rendering import path_of, render
from remediation.domain.cases.records import outside_id
from remediation.read_model.answers.wire import FindingSubject
from remediation.store.console.questions import QuestionKind

_NO_DISTRICT = "There is no such district. Choose one on the page Rules."
_NO_ID = "That is no id of a finding: an id has 1 to 256 printable characters. SchoolScan shows it beside each finding."


async def explain(request: Request) -> Response:
    """Why a rule takes the finding, once a worker has said so."""
    subject = _subject(request, request.path_params["district"], request.path_params["finding"])
    question = await asked(request, QuestionKind.EXPLAIN, subject)
    page = render(
        request, "explain.html", district=subject.district, finding=subject.id, asked=question, gives_up=GIVES_UP
    )
    return with_headers(page, question)


async def ask_explain(request: Request) -> Response:
    """Have a worker read the finding, and try the rules."""
    form = await sent_form(request)
    subject = _subject(request, text_in(form, "district"), text_in(form, "finding").strip())
    question = await ask(request, QuestionKind.EXPLAIN, subject)
    address = path_of(request, "explain", district=subject.district, finding=subject.id)
    return RedirectResponse(f"{address}?{NAME}={question}", HTTPStatus.SEE_OTHER)


def _subject(request: Request, district: str, finding: str) -> FindingSubject:
    """The finding that is meant. Raises NotShown, for a district that the person may not see as for none."""
    known = context_of(request).loaded().mappings.districts
    if district not in known or not person_of(request).may(ConsoleRole.VIEWER, district):
        raise NotShown(_NO_DISTRICT)
    if outside_id(finding) is None:
        raise PageRefused(_NO_ID)
    return FindingSubject(district, finding)


ROUTES = [
    Route("/explain", ask_explain, methods=["POST"], name="ask explain"),
    Route("/explain/{district}/{finding:path}", explain, name="explain"),
]
