"""What depends on the names in mappings.yaml: the cases with tickets in each tracker, and those that live by each rule.

No case is read. The index of a tracker's tickets has their cases: up to a thousand tickets are counted case by case; of
more, a thousand tell the share that counts. A case is counted for its rule by the script that remembers it (`lives_by`
in lua/shared.lua); one that an earlier version remembered last is counted from its next look on.
"""

from dataclasses import dataclass

from remediation.store.keys import DISTRICTS, LAST_SWEEP, LIVING, TRACKERS, UNNAMED
from remediation.store.server.connection import Connection

_COUNTED = 1_000
"""Tickets of a tracker that one script looks at: some milliseconds, during which Redis does nothing else."""

NOT_NAMED_AFTER = 120.0
"""Seconds before the last sweep in which a worker must have named a tracker: each sweep names all of its file."""


@dataclass(frozen=True, slots=True)
class KnownTracker:
    """A tracker by its name. `named_at` (Unix seconds) is when a worker last found it in mappings.yaml, 0 for never.

    `cases` have a ticket there, as well as that can be told, and `held_up` were looked at without it.
    """

    name: str
    named_at: float
    cases: int
    held_up: int

    @property
    def is_used(self) -> bool:
        """Whether a case has anything there."""
        return bool(self.cases or self.held_up)


async def known_trackers(connection: Connection) -> list[KnownTracker]:
    """Every tracker that mappings.yaml ever named, by name. Raises StoreUnavailable."""
    named_at = await connection.ask(connection.redis.hgetall(TRACKERS))
    found: list[KnownTracker] = []
    for name in sorted(each.decode() for each in named_at):
        cases = await connection.run("cases_of_tracker", name, _COUNTED)
        held_up = await connection.ask(connection.redis.zcard(UNNAMED + name))
        found.append(KnownTracker(name, int(named_at[name.encode()]) / 1000, int(cases), int(held_up)))
    return found


async def trackers_heard_of(connection: Connection) -> frozenset[str]:
    """Every tracker that mappings.yaml ever named. Raises StoreUnavailable."""
    return frozenset(name.decode() for name in await connection.ask(connection.redis.hkeys(TRACKERS)))


async def districts_heard_of(connection: Connection) -> frozenset[str]:
    """Every district that mappings.yaml ever named. Raises StoreUnavailable."""
    return frozenset(name.decode() for name in await connection.ask(connection.redis.hkeys(DISTRICTS)))


def not_named(trackers: list[KnownTracker], last_sweep: float | None) -> list[KnownTracker]:
    """The trackers in which cases have something, and which no worker finds in mappings.yaml any more."""
    return [each for each in trackers if each.is_used and each.named_at < _latest(last_sweep)]


async def no_longer_named(connection: Connection) -> frozenset[str]:
    """The names of the trackers that no worker finds in mappings.yaml any more. Raises StoreUnavailable."""
    named_at = await connection.ask(connection.redis.hgetall(TRACKERS))
    swept = await connection.ask(connection.redis.get(LAST_SWEEP))
    latest = _latest(int(swept) / 1000 if swept else None)
    return frozenset(name.decode() for name, at in named_at.items() if int(at) / 1000 < latest)


def _latest(last_sweep: float | None) -> float:
    """When (Unix seconds) a worker must have named a tracker at the latest; before the first sweep, at any time."""
    return (last_sweep or 0.0) - NOT_NAMED_AFTER


async def living_cases(connection: Connection) -> dict[str, int]:
    """How many living cases each rule has: the rule that counted at their last look. Raises StoreUnavailable.

    A living case is one on which people work, or with an acceptance that will end (see Memory.living_rule).
    """
    counts = await connection.ask(connection.redis.hgetall(LIVING))
    return {rule.decode(): int(count) for rule, count in counts.items()}
