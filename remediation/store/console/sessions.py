"""Who is signed in to the console. A session's id is known to its browser alone: Redis has its digest.

What a session says is sealed and bound to its key: whoever can write to Redis can neither read it nor make one, nor
give one person's session to another. It says who somebody is, and not what they may do: that is worked out from
mappings.yaml at each request.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import msgspec

from remediation.domain.errors import KeyMissing
from remediation.sealing import Keyring
from remediation.store.keys import CONSOLE_LINK, CONSOLE_SESSION, CONSOLE_SESSIONS
from remediation.store.server.connection import Connection

LONGEST = timedelta(days=7)
"""How long a session may last at most, whatever mappings.yaml says."""

MOST_SESSIONS = 1_000
"""How many there are at once; one more ends the one that began first. Each has less than two kilobytes."""

LINK_LIFETIME = timedelta(minutes=10)
"""How long a link that signs in once is of use."""

_TOKEN_BYTES = 32
_TOKEN_LENGTH = 43
"""Characters of so many bytes in base64 without padding."""
_USED_MS = 10_000
"""How old it may be when somebody last did something, so that not every page is a write."""


@dataclass(frozen=True, slots=True)
class SessionSpan:
    """How long a session lasts without anything being done, and at most."""

    idle: timedelta
    longest: timedelta


class ConsoleIdentity(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who has signed in, as it is sealed.

    `way` is `oidc`, `proxy` or `link`, and `source` the issuer that said who it is. `role` and `districts` (None: all)
    are those of a link; other people's are in mappings.yaml. `form_token` is what each of their forms has.
    """

    name: str
    way: str
    source: str = ""
    groups: tuple[str, ...] = ()
    role: str = ""
    districts: tuple[str, ...] | None = None
    form_token: str = ""


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A session that lasts. `handle` names it among others, and opens nothing; times are Unix seconds.

    `who` is None where its data key is missing.
    """

    handle: str
    who: ConsoleIdentity | None
    since: float
    used: float


class ConsoleSessions:
    """The sessions and links in Redis. `now` is in Unix seconds by Redis's clock. Raises StoreUnavailable."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def open(
        self, who: ConsoleIdentity, span: SessionSpan, now: float, audit: bytes, link: str = ""
    ) -> str | None:
        """A new session's id, 256 bits at random. `audit` is its line.

        With `link`, the token of a link, that is used up in the same step; None where it was used up before.
        """
        session_id = new_token()
        digest = _digest(session_id)
        longest, idle = _ms(LONGEST), _ms(min(span.idle, span.longest))
        sealed = self._keyring.seal(msgspec.json.encode(who), CONSOLE_SESSION + digest)
        terms = (digest, sealed, int(now * 1000), idle, longest, MOST_SESSIONS)
        opened = await self._connection.run("open_session", *terms, _digest(link) if link else "", audit)
        return session_id if opened else None

    async def use(self, session_id: str, span: SessionSpan, now: float, *, by_hand: bool) -> ConsoleSession | None:
        """The session with this id; None where there is none (any more). `by_hand`: it counts as being in use."""
        if len(session_id) != _TOKEN_LENGTH:
            return None
        digest, times = _digest(session_id), (_ms(span.idle), _ms(span.longest))
        found = await self._connection.run("use_session", digest, int(now * 1000), *times, int(by_hand), _USED_MS)
        if not found:
            return None
        session = self._session(digest, *found)
        return session if session.who else None

    async def end(self, handles: list[str], audit: bytes) -> int:
        """End the sessions with these handles, and say so in the audit. Returns how many there were."""
        ended = await self._connection.run("end_sessions", audit, *handles)
        return int(ended)

    async def listed(self, span: SessionSpan, now: float) -> list[ConsoleSession]:
        """Every session that lasts, the latest first."""
        digests = await self._connection.ask(self._connection.redis.zrevrange(CONSOLE_SESSIONS, 0, -1))
        asked = self._connection.redis.pipeline(transaction=False)
        for digest in digests:
            asked.hmget(CONSOLE_SESSION + digest.decode(), ["sealed", "since", "used"])
        rows = await self._connection.ask(asked.execute()) if digests else []
        found = (self._session(digest.decode(), *row) for digest, row in zip(digests, rows, strict=True) if row[0])
        return [each for each in found if _lasts(each, span, now)]

    async def make_link(self, who: ConsoleIdentity, audit: bytes) -> str:
        """The token of a new link that signs in once, 256 bits at random."""
        token = new_token()
        digest = _digest(token)
        sealed = self._keyring.seal(msgspec.json.encode(who), CONSOLE_LINK + digest)
        await self._connection.run("make_link", digest, sealed, _ms(LINK_LIFETIME), audit)
        return token

    async def of_link(self, token: str) -> ConsoleIdentity | None:
        """For whom a link is; None where it is used up or over. It can still be used after that."""
        if len(token) != _TOKEN_LENGTH:
            return None
        name = CONSOLE_LINK + _digest(token)
        sealed = await self._connection.ask(self._connection.redis.hget(name, "sealed"))
        return self._opened(sealed, name) if sealed else None

    def _session(self, digest: str, sealed: bytes, since: bytes, used: bytes) -> ConsoleSession:
        who = self._opened(sealed, CONSOLE_SESSION + digest)
        return ConsoleSession(digest, who, int(since) / 1000, int(used) / 1000)

    def _opened(self, sealed: bytes, identity: str) -> ConsoleIdentity | None:
        try:
            return msgspec.json.decode(self._keyring.open(sealed, identity), type=ConsoleIdentity)
        except (KeyMissing, msgspec.MsgspecError):
            return None


def new_token() -> str:
    """256 bits at random, in letters that an address may have."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def session_handle(session_id: str) -> str:
    """The handle of the session with this id."""
    return _digest(session_id)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _lasts(session: ConsoleSession, span: SessionSpan, now: float) -> bool:
    return now - session.used < span.idle.total_seconds() and now - session.since < span.longest.total_seconds()
