"""How often people try to sign in to the console, and how often it refuses something. No address is kept.

What strangers send must fill neither Redis nor the audit: a row counts a span of time, tells a limited number of
addresses or people apart, and is gone soon after.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from remediation.sealing import Keyring
from remediation.store.server.connection import Connection

SPAN_MS = 300_000
"""Over how long attempts are counted."""

MOST_OF_ONE = 60
"""How many one address may make in that time: an office may have one for all."""

MOST_OF_ALL = 3_000
"""How many all may make."""

_MOST_ADDRESSES = 5_000
"""How many addresses are told apart in that time; those beyond share what all may make."""

_HOUR_MS = 3_600_000
_MOST_REFUSED = 1_000
"""How many kinds of refusals are told apart within an hour; those beyond are counted as one."""

TOLD_COUNTS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""How often something was refused within an hour when the audit gets a line of it."""

_PURPOSE = "console attempts"


@dataclass(frozen=True, slots=True)
class RefusalSeen:
    """What is counted together: a kind of refusal, and who asked; `who` is a name or an address."""

    kind: str
    who: str = ""


class ConsoleAttempts:
    """The counts in Redis. `now` is in Unix seconds by Redis's clock. Raises StoreUnavailable."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def may_sign_in(self, address: str, now: float) -> float:
        """Count an attempt from this address. Returns 0, or in how many seconds one may be made again."""
        span, at = divmod(int(now * 1000), SPAN_MS)
        terms = (MOST_OF_ONE, MOST_OF_ALL, _MOST_ADDRESSES)
        may = await self._connection.run("count_attempt", span, SPAN_MS, self._digest(address), *terms)
        return 0.0 if may else (SPAN_MS - at) / 1000

    async def refused(self, seen: RefusalSeen, line: Callable[[int], bytes], now: float) -> int:
        """Count a refusal. `line` makes the line of the audit for a count. Returns how many there were in this hour."""
        lines = [part for count in TOLD_COUNTS for part in (count, line(count))]
        what = f"{seen.kind}|{self._digest(seen.who)}"
        hour = int(now * 1000) // _HOUR_MS
        return int(await self._connection.run("note_refusal", hour, _HOUR_MS, what, _MOST_REFUSED, *lines))

    def _digest(self, text: str) -> str:
        key = next(iter(self._keyring.derived(_PURPOSE).values()))
        return hmac.digest(key, text.encode(errors="replace"), "sha256").hex()[:32]
