"""Stands before every page: who asks, and may this request do what it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.answers import NotAllowed, PageRefused
from console.context import ConsoleContext
from console.forms import sent_form, text_in
from console.people.access import person_by
from console.people.addresses import SAFE_METHODS, is_background, is_from_us, own_path
from console.people.form_tokens import is_masked, masked
from console.people.identities import Identities
from console.people.refusals import SignInRefused, note_refusal
from console.people.roles import Person
from console.people.sessions import Begun, config_of, cookie_of, keep, root_of, session_of
from console.rendering import render
from remediation.mapping.config.console import address_of
from remediation.store.audit.entries import AuditAct
from remediation.store.console.sessions import ConsoleIdentity

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"

_NOT_FROM_US = "No page of this console has sent this change, so it was not made. Load the page again, and repeat it."
_OLD_FORM = "The page was older than your session, so nothing was done. Go back, load the page again, and repeat it."


class ChangeRefused(PageRefused):
    """A change that no page of this session has sent. `code` says why, in our words."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks. `begun` is their session where this request began it."""

    who: ConsoleIdentity
    begun: Begun | None = None


class PageGuard:
    """ASGI middleware: lets nobody in who has not signed in, and no change that no page of ours has sent.

    It puts `person`, `identity`, `form_token` and `form` into the request's state, and writes what is refused into the
    audit.
    """

    def __init__(
        self, app: ASGIApp, context: ConsoleContext, identities: Identities, open_routes: Sequence[BaseRoute]
    ) -> None:
        self._app = app
        self._context = context
        self._identities = identities
        self._open_routes = open_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI. Raises PageRefused and StoreUnavailable."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            entered = await self._entered(request)
            if isinstance(entered, Response):
                await entered(scope, receive, send)
            else:
                await self._app(scope, receive, _keeping(request, entered, send))
        except (ChangeRefused, NotAllowed, SignInRefused) as error:
            await self._note(request, error)
            raise

    async def _entered(self, request: Request) -> Response | Begun | None:
        """An answer instead of the page, or the session that this request began; None for one that goes on."""
        is_change = request.method not in SAFE_METHODS
        if is_change and not is_from_us(request.headers, self._own_url):
            raise ChangeRefused("other_site", _NOT_FROM_US)
        if is_change:
            request.state.form = await sent_form(request)
        if self._is_open(request):
            return None
        known = await self._known(request)
        if known is None:
            return _sent_to_sign_in(request)
        person = person_by(config_of(self._context), known.who)
        request.state.person, request.state.identity = person, known.who
        request.state.form_token = masked(known.who.form_token)
        if is_change and not _is_of_session(request, known.who):
            raise ChangeRefused("form_token", _OLD_FORM)
        if not person.grants and route_path(request) != SIGN_OUT:
            return render(request, "nothing_granted.html", status=HTTPStatus.FORBIDDEN, who=person.name)
        return known.begun

    def _is_open(self, request: Request) -> bool:
        return any(route.matches(request.scope)[0] is not Match.NONE for route in self._open_routes)

    async def _known(self, request: Request) -> Known | None:
        """Who asks; None for somebody who has not signed in, or whose session is over. Raises SignInRefused."""
        if self._identities.is_behind_proxy:
            vouched = await self._identities.vouched(request)
            return Known(*vouched) if vouched else None
        session = await session_of(request, self._context)
        return Known(session.who) if session and session.who else None

    async def _note(self, request: Request, error: ChangeRefused | NotAllowed | SignInRefused) -> None:
        person: Person | None = getattr(request.state, "person", None)
        address = request.client.host if request.client else ""
        act, cause, who = AuditAct.ATTEMPT_REFUSED, "not_allowed", person.name if person else ""
        match error:
            case ChangeRefused():
                cause = error.code
            case SignInRefused():
                act, cause, who = AuditAct.SIGN_IN_REFUSED, error.code, error.name
            case _:
                pass
        piece = f"{request.method} {getattr(request.scope.get('route'), 'name', '')} {route_path(request)}"
        said = piece if isinstance(error, NotAllowed) else ""
        await note_refusal(self._context, act, cause, who=who, address=address, piece=said)

    @property
    def _own_url(self) -> str:
        config = config_of(self._context)
        return address_of(config.url) if config else ""


def route_path(request: Request) -> str:
    """The path without the prefix that a proxy may have put before it, as routes have it."""
    return str(request.scope["path"]).removeprefix(root_of(request)) or "/"


def _is_of_session(request: Request, who: ConsoleIdentity) -> bool:
    return is_masked(text_in(request.state.form, "token"), who.form_token)


def _sent_to_sign_in(request: Request) -> Response:
    """What is answered to somebody who has not signed in, or whose session is over."""
    sign_in = root_of(request) + SIGN_IN
    if is_background(request.headers):
        answer = render(request, "parts/session_ended.html", status=HTTPStatus.UNAUTHORIZED, sign_in=sign_in)
        answer.headers["x-sign-in"] = sign_in
        return answer
    if request.method not in SAFE_METHODS:
        return render(request, "sign_in_again.html", status=HTTPStatus.UNAUTHORIZED, sign_in=sign_in)
    back = route_path(request) + (f"?{request.url.query}" if request.url.query else "")
    asked = {"next": own_path(back)} if back != "/" else {}
    words = urlencode(asked | ({"ended": "1"} if cookie_of(request) else {}))
    return RedirectResponse(f"{sign_in}{'?' if words else ''}{words}", HTTPStatus.SEE_OTHER)


def _keeping(request: Request, begun: Begun | None, send: Send) -> Send:
    """`send`, with the cookie of a session that this request began."""
    if begun is None:
        return send
    carrier = Response()
    keep(request, carrier, begun)
    cookies = [pair for pair in carrier.raw_headers if pair[0] == b"set-cookie"]

    async def keeping(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *cookies]
        await send(message)

    return keeping
