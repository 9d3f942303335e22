"""Begins, finds and ends sessions for requests."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from console.context import ConsoleContext
from console.people.access import span_of
from console.people.addresses import CookiePlace, cookie_place, is_background
from console.people.refusals import chain
from remediation.mapping.config.console import ConsoleConfig
from remediation.store.audit.entries import AuditAct
from remediation.store.console.sessions import ConsoleIdentity, ConsoleSession, ConsoleSessions, session_handle

COOKIE = "remedy-session"


@dataclass(frozen=True, slots=True)
class Begun:
    """A new session: its id is for the cookie alone."""

    session_id: str
    who: ConsoleIdentity


def config_of(context: ConsoleContext) -> ConsoleConfig | None:
    """What mappings.yaml says of the console now."""
    return context.loaded().mappings.console


def root_of(request: Request) -> str:
    """The prefix of our paths that a proxy has put before them, without a final slash; empty without one."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def place_of(request: Request) -> CookiePlace:
    """How cookies of this request are named and set."""
    return cookie_place(request.scope, request.headers.get("host", ""))


def cookie_of(request: Request) -> str:
    """The session's id that the browser sent; empty without one."""
    return request.cookies.get(place_of(request).name(COOKIE), "")


async def session_of(request: Request, context: ConsoleContext) -> ConsoleSession | None:
    """The session of this request; None without one, and where it is over."""
    session_id = cookie_of(request)
    if not session_id:
        return None
    sessions, span = ConsoleSessions(context.connection, context.keyring), span_of(config_of(context))
    return await sessions.use(session_id, span, context.clock(), by_hand=not is_background(request.headers))


async def begin(request: Request, context: ConsoleContext, who: ConsoleIdentity, link: str = "") -> Begun | None:
    """A new session with a new id; what the browser had before ends. None where `link` is used up.

    Raises StoreUnavailable.
    """
    sessions = ConsoleSessions(context.connection, context.keyring)
    line = context.audit.line(context.audit.entry(AuditAct.SIGNED_IN, who.name, choice=who.way))
    session_id = await sessions.open(who, span_of(config_of(context)), context.clock(), line, link)
    if session_id is None:
        return None
    if before := cookie_of(request):
        await sessions.end([session_handle(before)], b"")
    await chain(context)
    return Begun(session_id, who)


async def end(request: Request, context: ConsoleContext, name: str) -> None:
    """The session of this browser ends, and the audit says who signed out."""
    line = context.audit.line(context.audit.entry(AuditAct.SIGNED_OUT, name))
    await ConsoleSessions(context.connection, context.keyring).end([session_handle(cookie_of(request))], line)
    await chain(context)


def keep(request: Request, answer: Response, begun: Begun) -> None:
    """Give the session's id to the browser."""
    answer.headers.append("set-cookie", place_of(request).header(COOKIE, begun.session_id))


def drop(request: Request, answer: Response) -> None:
    """Take the session's id from the browser."""
    answer.headers.append("set-cookie", place_of(request).header(COOKIE, "", 0))
