"""*What would be done now* about a case: a worker looks, and does nothing."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.answers import NotShown
from console.context import context_of, person_of
from console.people.roles import ConsoleRole
from console.questions.asking import GIVES_UP, NAME, ask, asked, with_headers
from console.rendering import path_of, render
from remediation.domain.cases.records import CaseKey
from remediation.read_model.answers.wire import CaseSubject
from remediation.store.cases.todo import Todo
from remediation.store.console.questions import QuestionKind

_NO_CASE = "There is no such case. Look for it under Cases by its reference, its finding or its ticket."


async def plan(request: Request) -> Response:
    """What would be done about the case now, once a worker has said so."""
    key = await _case(request)
    question = await asked(request, QuestionKind.PLAN, _subject(key))
    is_known = await Todo(context_of(request).connection).is_known(key.ref)
    page = render(request, "plan.html", ref=key.ref, is_known=is_known, asked=question, gives_up=GIVES_UP)
    return with_headers(page, question)


async def ask_plan(request: Request) -> Response:
    """Have a worker look at the case."""
    key = await _case(request)
    question = await ask(request, QuestionKind.PLAN, _subject(key))
    return RedirectResponse(f"{path_of(request, 'plan', ref=key.ref)}?{NAME}={question}", HTTPStatus.SEE_OTHER)


def _subject(key: CaseKey) -> CaseSubject:
    return CaseSubject(key.district, key.kind, key.id)


async def _case(request: Request) -> CaseKey:
    """The case of the address. Raises NotShown, for one of another district as for none."""
    ref = request.path_params["ref"]
    district = ref.partition(":")[0]
    context = context_of(request)
    if district not in context.loaded().mappings.districts or not person_of(request).may(ConsoleRole.VIEWER, district):
        raise NotShown(_NO_CASE)
    try:
        key = await Todo(context.connection).key_of(ref)
    except ValueError:
        key = None
    if key is None:
        raise NotShown(_NO_CASE)
    return key


ROUTES = [
    Route("/plan/{ref:path}", plan, name="plan"),
    Route("/plan/{ref:path}", ask_plan, methods=["POST"], name="ask plan"),
]
