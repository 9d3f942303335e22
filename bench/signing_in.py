"""Sessions of the console for somebody who is measured: as if they had just signed in by a link."""

import time
from datetime import timedelta

from remediation.store.console.sessions import ConsoleIdentity, ConsoleSessions, SessionSpan, new_token

_LASTS = SessionSpan(timedelta(hours=8), timedelta(hours=8))


async def session_id(sessions: ConsoleSessions, name: str, role: str, districts: tuple[str, ...] | None = None) -> str:
    """The id of a session of somebody who has just signed in, with a role in these districts (None: in all)."""
    who = ConsoleIdentity(name, "link", role=role, districts=districts, form_token=new_token())
    begun = await sessions.open(who, _LASTS, time.time(), b"")
    if begun is None:
        raise AssertionError("a session that uses no link always begins")
    return begun
