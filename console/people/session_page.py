"""*People*: who has signed in to the console, and the end of their sessions. For administrators in all districts."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.answers import NotShown, PageRefused
from console.context import ConsoleContext, context_of, person_of
from console.forms import sent_form, text_in
from console.people.access import span_of
from console.people.sessions import config_of
from console.rendering import path_of, render
from console.tasks.acting import stores_of
from remediation.operations.console_entry import end_sessions
from remediation.read_model.console_sessions import name_shown, session_id_shown, sessions_named, way_words
from remediation.store.console.sessions import ConsoleSession, ConsoleSessions

_ONLY = "Who has signed in is shown to administrators in all districts."
_GONE = "There is no such session any more. Go back, and load the page again."


async def people(request: Request) -> Response:
    """Everybody who has signed in, the latest first."""
    _must_be_administrator(request)
    found = await _listed(context_of(request))
    rows = [(session_id_shown(each), name_shown(each), way_words(each), each.since, each.used) for each in found]
    return render(request, "people.html", rows=rows, ended=request.query_params.get("ended") == "1")


async def end_session(request: Request) -> Response:
    """End one session."""
    _must_be_administrator(request)
    context, shown = context_of(request), text_in(await sent_form(request), "session")
    named = [each for each in sessions_named(await _listed(context), shown) if session_id_shown(each) == shown]
    if not named:
        raise PageRefused(_GONE)
    await end_sessions(stores_of(context), named, name_shown(named[0]), person_of(request).name)
    return RedirectResponse(f"{path_of(request, 'people')}?ended=1", HTTPStatus.SEE_OTHER)


def _must_be_administrator(request: Request) -> None:
    """Raises NotShown: a session belongs to no district, and says who works for which."""
    if not person_of(request).administers():
        raise NotShown(_ONLY)


async def _listed(context: ConsoleContext) -> list[ConsoleSession]:
    sessions = ConsoleSessions(context.connection, context.keyring)
    return await sessions.listed(span_of(config_of(context)), context.clock())


ROUTES = [
    Route("/people", people, name="people"),
    Route("/people/end", end_session, methods=["POST"], name="end_session"),
]
