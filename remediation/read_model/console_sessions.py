"""Sessions of the console as people are told of them. Pure."""

from collections.abc import Iterable
from typing import Any

from remediation.store.cases.entries import moment
from remediation.store.console.sessions import ConsoleIdentity, ConsoleSession

_SHOWN = 12
"""Characters of a handle that name a session among a thousand."""

WAYS = {"oidc": "at the identity provider", "proxy": "at the proxy", "link": "with a link"}


def session_id_shown(session: ConsoleSession) -> str:
    """What a session is called. It opens nothing."""
    return session.handle[:_SHOWN]


def name_shown(session: ConsoleSession) -> str:
    """Whose a session is."""
    return session.who.name if session.who else "(its data key is missing)"


def way_words(session: ConsoleSession) -> str:
    """How they signed in."""
    return WAYS.get(session.who.way, session.who.way) if session.who else ""


def sessions_named(sessions: Iterable[ConsoleSession], name: str) -> list[ConsoleSession]:
    """The sessions of a person, or the one that is called so."""
    return [each for each in sessions if name in {session_id_shown(each), each.who.name if each.who else ""}]


def session_json(session: ConsoleSession) -> dict[str, Any]:
    """A session for programs."""
    who = session.who or ConsoleIdentity("", "")
    return {
        "session": session_id_shown(session),
        "name": who.name or None,
        "way": who.way or None,
        "since": moment(session.since).isoformat(),
        "used": moment(session.used).isoformat(),
    }
