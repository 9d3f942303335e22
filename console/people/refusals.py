"""What the console refuses, as lines of the audit: each kind by each person, and again at ten times as many."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from console.answers import PageRefused
from console.context import ConsoleContext
from remediation.domain.errors import StoreUnavailable
from remediation.store.audit.entries import AuditAct
from remediation.store.console.attempts import ConsoleAttempts, RefusalSeen


class SignInFailed(PageRefused):
    """Nobody has signed in. The page leads to another sign-in, and that one to `back`."""

    title = "Not signed in"
    back = "/"


class SignInRefused(SignInFailed):
    """Somebody is not let in. `code` says why, in our words; `name` is who it is, where that is proven."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self, code: str, says: str, name: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(says, headers)
        self.code = code
        self.name = name


class SignInLimited(SignInRefused):
    """Too many have tried."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class SignInAway(SignInFailed):
    """Nobody can sign in now: the identity provider is away, or the console lacks what it needs."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


async def chain(context: ConsoleContext) -> None:
    """Chain what waits for it. Where Redis is away by now, a worker does that later: the line itself is written."""
    with contextlib.suppress(StoreUnavailable):
        await context.audit.chain()


async def note_refusal(
    context: ConsoleContext, act: AuditAct, cause: str, *, who: str = "", address: str = "", piece: str = ""
) -> None:
    """Note that something was refused to `who`, or to somebody at an address, of which only a digest is counted."""
    entry = replace(context.audit.entry(act, who, piece=piece), cause=cause)
    attempts = ConsoleAttempts(context.connection, context.keyring)
    seen = RefusalSeen(f"{act}|{cause}", who or address)
    await attempts.refused(seen, lambda count: context.audit.line(replace(entry, count=count)), context.clock())
    await chain(context)
