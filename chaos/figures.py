"""What came of an experiment: counted over the journal, the store and the sandbox, when everything is at rest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from chaos.journal import HONEST, Journal
from chaos.world import World
from remediation.deliveries.events import delivery_id
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.store.keys import INBOX, PARKED
from sandbox.secrets import DISTRICT

ENDS = frozenset({b"done", b"ignored", b"parked", b"quarantined", b"discarded"})
"""Where an accepted delivery may end."""

SOLVED = frozenset({"resolved", "accepted_risk"})
DEFECTS = ('"event": "job_failed"', '"event": "request_failed"', '"event": "uncaught', "Traceback (most recent")
"""What our processes log of an error that nobody foresaw."""

_BATCH = 1_000
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Figures:
    """Those that must be 0: lost, twice, unsettled, dishonest, defects.

    lost: accepted deliveries without a row, or whose row is not in an end. twice: cases with more than one ticket in
    one tracker, ever. unsettled: cases whose finding and tickets disagree, deliveries and cases that still wait, and
    writes that another look at everything caused. dishonest: answers that a sender must never get. defects: unforeseen
    errors in our logs.
    """

    attempts: int
    accepted: int
    tickets: int
    lost: int
    twice: int
    unsettled: int
    dishonest: int
    defects: int
    parked: int
    settle_seconds: float

    @property
    def sound(self) -> bool:
        """Whether every figure that must be 0 is."""
        return not (self.lost or self.twice or self.unsettled or self.dishonest or self.defects)

    def as_dict(self) -> dict[str, int | float]:
        """For JSON."""
        return asdict(self)


def figures(world: World, *, wiped_at: float = 0.0) -> Figures:
    """Wait for rest, and count. Where the store was wiped at `wiped_at` (Unix seconds), earlier rows do not count."""
    journal, rest = world.journal, world.settle()
    accepted = [
        event_id
        for event_id in journal.accepted
        if any(each.answer == "202" and each.at > wiped_at for each in journal.sent[event_id].attempts)
    ]
    states = zip(accepted, row_states(world, accepted), strict=True)
    lost = [f"{event_id}: {state!r}" for event_id, state in states if state not in ENDS]
    answers, apart = journal.answers(), list(disagreements(world, journal))
    written = writes_of_another_look(world, list(journal.told)) if not (apart or rest.left) else []
    tickets = ticket_counts(world, journal)
    twice = [f"{mark} in {tracker}: {count}" for (mark, tracker), count in tickets.items() if count > 1]
    found = {"lost": lost, "twice": twice, "apart": apart, "written at another look": written}
    world.remarks += [f"{kind}: {each}" for kind, all_ in found.items() for each in all_]
    return Figures(
        attempts=sum(answers.values()),
        accepted=len(journal.accepted),
        tickets=sum(tickets.values()),
        lost=len(lost),
        twice=len(twice),
        unsettled=len(apart) + rest.left + len(written),
        dishonest=sum(count for answer, count in answers.items() if answer.isdigit() and answer not in HONEST),
        defects=defects(world.logged()),
        parked=int(world.redis.zcard(PARKED)) - world.parked_before,
        settle_seconds=rest.seconds,
    )


def row_states(world: World, event_ids: Sequence[str]) -> Iterator[bytes | None]:
    """The state of each event's row; None where there is no row."""
    for start in range(0, len(event_ids), _BATCH):
        pipe = world.redis.pipeline(transaction=False)
        for event_id in event_ids[start : start + _BATCH]:
            pipe.hget(INBOX + delivery_id("schoolscan", DISTRICT, event_id), "state")
        yield from pipe.execute()


def ticket_counts(world: World, journal: Journal) -> Counter[tuple[str, str]]:
    """How many tickets each of the journal's findings has in each tracker, closed ones too."""
    ours = {CaseKey(DISTRICT, CaseKind.FINDING, finding_id).mark for finding_id in journal.findings}
    return Counter((mark, ticket.tracker) for mark, ticket in world.outside.all_tickets() if mark in ours)


def disagreements(world: World, journal: Journal) -> Iterator[str]:
    """The findings, of those that were told of, which do not agree with their tickets.

    One that is solved has no active ticket. Any other is reviewing, with one active ticket in each tracker that the
    rules name.
    """
    active: dict[str, list[str]] = {}
    for mark, ticket in world.outside.all_tickets():
        if ticket.is_active:
            active.setdefault(mark.rpartition(":")[2], []).append(ticket.tracker)
    status = {finding["id"]: finding["status"] for finding in world.outside.findings()}
    for finding_id, trackers in journal.told.items():
        seen, at_work = status.get(finding_id), sorted(active.get(finding_id, []))
        agrees = not at_work if seen in SOLVED else (seen == "reviewing" and at_work == sorted(trackers))
        if not agrees:
            yield f"{finding_id}: {seen}, {at_work}"


def writes_of_another_look(world: World, findings: Sequence[str]) -> list[str]:
    """Have every case looked at once more; returns the writes that this caused outside. It should plan nothing."""
    for system in world.stage.outside:
        world.outside.control(system, "DELETE", "requests")
    looking = Journal(findings=dict(world.journal.findings))
    kept, world.journal = world.journal, looking
    try:
        world.deliver(world.events(findings))
        world.settle()
    finally:
        world.journal = kept
    return writes_outside(world)


def writes_outside(world: World) -> list[str]:
    """The writes that came to each system since its journal was emptied."""
    return [
        f"{each['method']} {each['path']} at {system}"
        for system in world.stage.outside
        for each in world.outside.requests(system)
        if each["method"] in _WRITES
    ]


def defects(logged: str) -> int:
    """How many unforeseen errors were logged."""
    return sum(logged.count(words) for words in DEFECTS)
