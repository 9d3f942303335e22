"""How much of their rate limits trackers leave us: one budget for each limit that a tracker told, for all workers.

Not every answer says how much remains, so requests are counted here: what a look may need is reserved before its first
request, and what it did not send is given back when it ends. Where there is no room, the case waits in the order of its
urgency and age, in turn with the cases of other districts, and is woken when there is room again.

A tracker that never told a limit has no budget. If a worker dies, what its look had reserved counts as sent. After a
wipe of Redis the next answers teach the limits again; what was sent of a window before is not known then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from remediation.outbound.metering import SaidLimit
from remediation.store.budgets.learned import NoRoom
from remediation.store.budgets.terms import POLL_SHARE
from remediation.store.keys import BUDGET, TRACKER_BUDGETS
from remediation.store.server.connection import Connection

_POLL_AT_ONCE = 4
"""Requests of one poll, at the least; of a large limit, a quarter of what polls may take of a window."""


@dataclass(frozen=True, slots=True)
class SentRequests:
    """What became of the requests of one look within one budget.

    `reserved` of them were under `name` (0: none were), and `sent` were sent. `said` is what the newest answer says of
    the limit, and `at` when that was (Unix seconds of Redis's clock).
    """

    budget: str
    name: str = ""
    reserved: int = 0
    sent: int = 0
    said: SaidLimit | None = None
    at: float = 0.0


class TrackerBudgets:
    """The budgets in Redis. Every method raises StoreUnavailable; `now` is in Unix seconds of Redis's clock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def names(self) -> frozenset[str]:
        """Every budget of which something is known: `<tracker>/<limit>`."""
        names = await self._connection.ask(self._connection.redis.smembers(TRACKER_BUDGETS))
        return frozenset(each.decode() for each in names)

    async def reserve(
        self, budgets: Sequence[str], ref: str, name: str, now: float, *, urgent: bool = False
    ) -> tuple[int, ...] | NoRoom:
        """Reserve requests for the look of this name, at the case of this reference, in all of these budgets or none.

        Returns how many in each; 0 where nothing limits them. Critical cases, and `urgent` work, may use what is kept
        of each window for them.
        """
        answer = await self._connection.run(
            "spend_tracker", ref, name, int(now * 1000), "1" if urgent else "", *budgets
        )
        if answer[0]:
            return tuple(int(each) for each in answer[1:])
        _, budget, after_ms, waiting, cases, window_ms = answer
        after = int(after_ms) / 1000
        behind = after + int(window_ms) / 1000 * (int(waiting) // int(cases)) if cases else after
        return NoRoom(budget.decode(), after, behind)

    async def settle(self, sent: Sequence[SentRequests], now: float, *, polled: bool = False) -> int:
        """Note what was sent and what was said, and wake the cases for which there is room now. Returns how many.

        `polled`: the requests read a list of changes.
        """
        args = [each for requests in sent for each in _written(requests)]
        return int(await self._connection.run("settle_tracker", int(now * 1000), "1" if polled else "", *args))

    async def polls_at(self, budgets: Sequence[str]) -> tuple[float, int | None]:
        """From when on (Unix seconds) a list of changes may be read again, so that polls leave room for other work.

        And how many requests that may take; None where nothing limits it. The next poll goes on where this one ends.
        """
        if not budgets:
            return 0.0, None
        asked = self._connection.redis.pipeline(transaction=False)
        for budget in budgets:
            asked.hmget(BUDGET + budget, ["poll_at", "limit"])
        found = await self._connection.ask(asked.execute())
        may_at = max((int(at) / 1000 for at, _ in found if at is not None), default=0.0)
        limits = [int(limit) for _, limit in found if limit is not None]
        return may_at, max(_POLL_AT_ONCE, int(min(limits) * POLL_SHARE / 4)) if limits else None


def _written(requests: SentRequests) -> tuple[str | int, ...]:
    said = requests.said
    told: tuple[str | int, ...] = ("", "", "", "", "")
    if said is not None and said.limit is not None:
        window, at = int(said.window * 1000), int((requests.at + said.ends_in) * 1000)
        told = (said.limit, window, said.fill, at, "" if said.remaining is None else said.remaining)
    closed = "" if said is None or said.closed is None else int(said.closed * 1000)
    answered = "" if said is None else int(requests.at * 1000)
    return (requests.budget, requests.name, requests.reserved, requests.sent, *told, closed, answered)
