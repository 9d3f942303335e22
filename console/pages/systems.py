"""*Systems*: what is stored of processes, limits and waits, and, when asked, how SchoolScan and the trackers answer."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.answers import NotShown
from console.context import context_of, person_of
from console.forms import sent_form, text_in
from console.pages.now import status_of
from console.people.roles import ConsoleRole
from console.questions.asking import GIVES_UP, NAME, ask, asked, with_headers
from console.rendering import path_of, render
from remediation.read_model.answers.systems import SystemsAnswer
from remediation.read_model.answers.wire import SystemsSubject
from remediation.read_model.cases.words import WAITING
from remediation.read_model.status.codes import district_of
from remediation.read_model.status.lines import status_sections
from remediation.store.console.questions import QuestionKind

TITLE = "Systems"

_NO_DISTRICT = "There is no such district. Choose one on the page Systems."


async def systems(request: Request) -> Response:
    """What is stored, as far as the person may know it: all of it, or what is of their districts."""
    return await _shown(request, "systems.html")


async def systems_state(request: Request) -> Response:
    """The part of it that is fetched again."""
    return await _shown(request, "parts/systems_state.html")


async def _shown(request: Request, template: str) -> Response:
    person, status = person_of(request), await status_of(request)()
    sees_all, districts = person.sees_everything(), person.granted_districts()
    return render(
        request,
        template,
        at=status.at,
        parts=status_sections(status) if sees_all else [],
        processes=status.processes if sees_all else (),
        troubles=[each for each in status.troubles if _is_shown(each.system, districts)],
        budgets=[each for each in status.budgets if _is_shown(each.system, districts)],
        feeds=[each for each in status.feeds if _is_shown(f"incidents:{each.figures.name}", districts)],
        waiting=WAITING,
        districts=person.visible(context_of(request).loaded().mappings.districts),
    )


async def live(request: Request) -> Response:
    """How the systems answer, once a worker has asked them."""
    subject = _subject(request, request.query_params.get("of", ""))
    question = await asked(request, QuestionKind.SYSTEMS, subject)
    answer = question.answer if isinstance(question.answer, SystemsAnswer) else None
    page = render(request, "systems_live.html", of=subject.district, asked=question, found=answer, gives_up=GIVES_UP)
    return with_headers(page, question)


async def ask_systems(request: Request) -> Response:
    """Have a worker ask the systems."""
    subject = _subject(request, text_in(await sent_form(request), "of"))
    question = await ask(request, QuestionKind.SYSTEMS, subject)
    address = path_of(request, "live systems")
    return RedirectResponse(f"{address}?of={subject.district}&{NAME}={question}", HTTPStatus.SEE_OTHER)


def _subject(request: Request, district: str) -> SystemsSubject:
    """The systems that are meant. Raises NotShown where the person may not read of all of them."""
    known = district in context_of(request).loaded().mappings.districts
    if not person_of(request).may(ConsoleRole.VIEWER, district or None) or (district and not known):
        raise NotShown(_NO_DISTRICT)
    return SystemsSubject(district)


def _is_shown(system: str, districts: frozenset[str] | None) -> bool:
    return districts is None or district_of(system) in districts


ROUTES = [
    Route("/systems", systems, name="systems"),
    Route("/systems/state", systems_state, name="systems state"),
    Route("/systems/live", live, name="live systems"),
    Route("/systems/live", ask_systems, methods=["POST"], name="ask systems"),
]
