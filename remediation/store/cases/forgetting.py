"""A case is deleted whole: no key, field or member in Redis names it afterwards, but lines of the audit.

One step of Redis deletes it (lua/forget_case.lua). A case that a worker looks at is not touched: the look would write
again, and may have opened a ticket that nobody would know of. Its lease ends with the look, and some seconds after the
worker has died.

What a case's row does not lead to (the spots at which it is found, counts of replays, jobs) is named by `traces`, which
goes through the store key by key; our user needs SCAN for it.

Nothing keeps a case away that was deleted. A list of SchoolScan's, a feed, a delivery, or a ticket that bears its mark
and changes makes a new one: these are the truth, and the store is not.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.queue import JOB_PREFIX, Job
from remediation.store.keys import CASE, PARKED_ROW, REPLAYS, SPOT, TRACKERS
from remediation.store.server.connection import Connection

_KEYS_AT_ONCE = 1_000
"""Keys of any kind that one step goes through."""

_BUCKETS_AT_ONCE = 20
"""Buckets of an index that one step goes through: about two milliseconds, during which Redis does nothing else."""

_COLONS = 2
"""In a reference; the name of a delivery's parked work has others, or none."""


class ForgetOutcome(StrEnum):
    """What became of an order to forget a case.

    HELD: a worker looks at it, or at the case to which the finding belongs; nothing was changed, try again later.
    MEMBERS: findings still belong to it, and have to be forgotten first; nothing was changed.
    """

    FORGOTTEN = "forgotten"
    UNKNOWN = "unknown"
    HELD = "held"
    MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class ForgottenCase:
    """What became of it, and how many entries of each kind were deleted (or, in a trial, would be)."""

    outcome: ForgetOutcome
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traces:
    """Entries that name a case and to which its row may not lead.

    That is spots by name, actions with parked work or a count of replays, and ids of jobs.
    """

    spots: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()


NO_TRACES = Traces()


@dataclass(frozen=True, slots=True)
class Kin:
    """Which cases belong together because of an identity: `members` belong to the case, or it belongs to `home`.

    A member is its own case's reference and the finding's id.
    """

    home: str = ""
    members: tuple[tuple[str, str], ...] = ()


class CaseForgetting:
    """Deletes cases. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def forget(
        self, ref: str, *, traces: Traces = NO_TRACES, audit: bytes = b"", home: str = "", finding: str = ""
    ) -> ForgottenCase:
        """Delete all that is kept of a case, in one step.

        `audit` is a line of the audit, added where something is deleted; empty for none. `home` and `finding` (its id)
        name the case of an identity to which a finding belongs, where its own row may be missing.
        """
        return await self._run(ref, "", traces, audit, home, finding)

    async def counted(self, ref: str, *, traces: Traces = NO_TRACES) -> ForgottenCase:
        """What `forget` would delete. Changes nothing; the case may have members."""
        return await self._run(ref, "1", traces, b"", "", "")

    async def kin(self, ref: str) -> Kin:
        """The findings that belong to a case of an identity, or the case to which a finding belongs."""
        row = await self._connection.ask(self._connection.redis.hgetall(CASE + ref))
        district = ref.partition(":")[0]
        names = [name.decode().removeprefix("member:") for name in row if name.startswith(b"member:")]
        members = tuple((CaseKey.ref_of(district, CaseKind.FINDING, name), name) for name in sorted(names))
        return Kin(row.get(b"home", b"").decode(), members)

    async def traces(self, is_meant: Callable[[str], bool]) -> Mapping[str, Traces]:
        """The traces of all cases whose reference is meant, by their references.

        Goes through all keys. What is written meanwhile may be missing.
        """
        found: dict[str, _Found] = defaultdict(_Found)
        cursor = 0
        while True:
            # Without a pattern: the names of jobs begin otherwise than ours.
            cursor, keys = await self._connection.ask(self._connection.redis.scan(cursor, count=_KEYS_AT_ONCE))
            names = [key.decode(errors="replace") for key in keys]
            for ref, spot in await self._at_spots([name for name in names if name.startswith(SPOT)]):
                found[ref].spots.append(spot)
            for ref, action in filter(None, map(_action_in, names)):
                found[ref].actions.append(action)
            for ref, job in filter(None, map(_job_in, names)):
                found[ref].jobs.append(job)
            for ref in [ref for ref in found if not is_meant(ref)]:
                del found[ref]
            if not cursor:
                return {ref: each.traces() for ref, each in found.items()}

    async def forget_tickets(self, meant: Iterable[str]) -> int:
        """Delete entries of the indexes of tickets that lead to cases which are gone. Returns how many.

        `meant` are references, or names of districts, whose cases all count. A row does not lead to what its case was
        linked to before. Goes through all buckets of all trackers.
        """
        count, wanted = 0, list(meant)
        trackers = await self._connection.ask(self._connection.redis.hkeys(TRACKERS))
        for tracker in sorted(name.decode() for name in trackers):
            number = 0
            while number >= 0:
                answer = await self._connection.run("forget_tickets", tracker, number, _BUCKETS_AT_ONCE, *wanted)
                number, deleted = map(int, answer)
                count += deleted
        return count

    async def _at_spots(self, keys: Sequence[str]) -> list[tuple[str, str]]:
        """The references of the cases at these spots, each with the name of its spot."""
        asked = self._connection.redis.pipeline(transaction=False)
        for key in keys:
            asked.hkeys(key)
        answers = await self._connection.ask(asked.execute()) if keys else []
        pairs = zip(keys, answers, strict=True)
        return [(ref.decode(), key.removeprefix(SPOT)) for key, refs in pairs for ref in refs]

    async def _run(self, ref: str, trial: str, traces: Traces, audit: bytes, home: str, finding: str) -> ForgottenCase:
        known: tuple[str | int, ...] = (
            len(traces.spots),
            *traces.spots,
            len(traces.actions),
            *traces.actions,
            *traces.jobs,
        )
        answer: Any = await self._connection.run("forget_case", ref, trial, audit, home, finding, *known)
        if isinstance(answer, bytes):
            return ForgottenCase(ForgetOutcome(answer.decode()))
        counts = {kind.decode(): int(count) for kind, count in zip(answer[::2], answer[1::2], strict=True)}
        return ForgottenCase(ForgetOutcome.FORGOTTEN if counts else ForgetOutcome.UNKNOWN, dict(sorted(counts.items())))


@dataclass(slots=True)
class _Found:
    """The traces of one case as far as they are found."""

    spots: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    def traces(self) -> Traces:
        # SCAN may name a key twice.
        spots, actions, jobs = (tuple(dict.fromkeys(each)) for each in (self.spots, self.actions, self.jobs))
        return Traces(spots, actions, jobs)


def _action_in(key: str) -> tuple[str, str] | None:
    """The case and the action of a row of parked work, or of a count of its replays; None for any other key."""
    for prefix in (PARKED_ROW, REPLAYS):
        if key.startswith(prefix):
            ref, _, action = key.removeprefix(prefix).partition("/")
            return (ref, action) if action and ref.count(":") == _COLONS else None
    return None


def _job_in(key: str) -> tuple[str, str] | None:
    """The case and the id of a job that looks at it; None for any other key."""
    if not key.startswith(JOB_PREFIX):
        return None
    job = key.removeprefix(JOB_PREFIX)
    name, _, rest = job.partition(":")
    return (rest.rpartition(":")[0], job) if name == Job.LOOK_AT_CASE else None
