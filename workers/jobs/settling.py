"""How a look at a case ends in the store: settled, put off, parked, or joined to another case."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import structlog

from remediation import telemetry
from remediation.domain.actions import ActionName, OpenTicket, Verb
from remediation.domain.cases.groups import number_of, numbered
from remediation.domain.cases.members import JOINED, UNLISTED
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.errors import BudgetSpent, LeaseLost, NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.domain.status import Status
from remediation.failpoints import failpoint
from remediation.look.grouping import GroupDecision, is_all_listed, is_listed_by_opening, with_joined, without
from remediation.look.observing import Snapshot
from remediation.outbound.backoff import LONGEST, LONGEST_UNNAMED, delay
from remediation.planning import Conclusion, Progress, Situation, concluded
from remediation.store.activity.tally import look_name
from remediation.store.cases.entries import PutOff, SetAside, Settled
from remediation.store.cases.groups import GroupCases
from remediation.store.cases.rows import VERIFICATION_FIELDS
from remediation.store.cases.todo import CAME_DUE, Lease
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.systems import held_by
from workers.jobs.auditing import decided, joined, moved_on
from workers.jobs.counting import count_again
from workers.jobs.making_room import make_room
from workers.jobs.telling import (
    count_and_log,
    count_work,
    note_answer,
    note_trouble,
    responses,
    tell_progress,
    tell_put_off,
    tell_unnamed,
)
from workers.metrics import LOOKS, WAITS
from workers.resources import WorkerContext

logger = structlog.get_logger()

_LONG_AFTER = 60.0
"""Seconds after which a case that waits for a budget asks by itself, besides twice the time that its turn may take."""

_SHORTLY = 1.0
"""Seconds until a finding asks again to join a case that is just being looked at."""


async def join(context: WorkerContext, lease: Lease, home: CaseKey) -> None:
    """Let the finding's own case join the case to which the finding belongs; that one is looked at instead."""
    now = context.clock()
    if not await context.todo.join(lease, home, now):
        require(lease, held=await context.todo.put_off(lease, now + _SHORTLY, now, overtaken=True))
        return
    failpoint("finding_joined")
    _count(context, home.district, "joined")
    logger.info("finding_joined", case=home.ref, finding=lease.record.key.id)


async def move_on(context: WorkerContext, lease: Lease, admission: GroupDecision) -> Lease:
    """Have findings that this case of a group does not take belong to the next one. Returns the lease without them."""
    record, now, cases = lease.record, context.clock(), GroupCases(context.connection)
    other = await cases.current_of(numbered(record.key, number_of(record.key) + 1))
    line = moved_on(context, lease, admission.moving, other)
    await cases.move_members(lease, admission.moving, other, now, line)
    failpoint("members_moved")
    logger.info("findings_moved_on", case=other.ref, count=len(admission.moving))
    return replace(lease, record=without(record, admission.moving))


async def let_in(context: WorkerContext, lease: Lease, admission: GroupDecision, snapshot: Snapshot) -> Lease:
    """Have findings join this case of a group. Returns the lease with them.

    Its ticket is theirs once it lists them: at once, where it is still to be opened.
    """
    listed = is_listed_by_opening(lease.record, snapshot)
    state = JOINED if listed else UNLISTED
    fields: dict[str, str | bytes] = {f"joined:{name}": state for name in sorted(admission.joining)}
    line = {"audit": joined(context, lease, admission.joining)}
    require(lease, held=await context.todo.renew(lease, fields | line))
    failpoint("members_let_in")
    return replace(lease, record=with_joined(lease.record, admission.joining, listed=listed))


async def note_listed(
    context: WorkerContext, lease: Lease, snapshot: Snapshot, progress: Progress, written: AbstractSet[str]
) -> None:
    """Note that a ticket lists the findings that have joined its case, but for those `written` to: they say so already.

    A worker that dies before this leaves findings that are listed once more, or move on where people close the ticket
    before. Raises LeaseLost.
    """
    if lease.record.unlisted and is_all_listed(lease.record, snapshot, progress):
        fields = {f"joined:{name}": JOINED for name in sorted(lease.record.unlisted - written)}
        require(lease, held=await context.todo.renew(lease, fields))


async def wait_for_a_name(context: WorkerContext, lease: Lease) -> None:
    """Let go of a case whose findings are not known after a wipe of Redis: a list will name them."""
    settled = context.todo.settle(lease, lease.record.memory, context.clock(), look_at=lease.look_at)
    require(lease, held=await settled)
    _count(context, lease.record.key.district, "nameless")
    logger.info("case_nameless")


async def note_unnamed(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> None:
    """Report the trackers of the case that are not named. When mappings.yaml names one, the case is looked at again."""
    unnamed = snapshot.observation.unnamed
    if unnamed == lease.record.unnamed:
        return
    await tell_unnamed(context, lease, snapshot)
    require(lease, held=await context.todo.note_unnamed(lease, unnamed, context.clock()))


async def finish(
    context: WorkerContext,
    lease: Lease,
    snapshot: Snapshot,
    progress: Progress,
    *,
    planned: bool,
    left: Sequence[TryLater] = (),
) -> None:
    """End the look: settle the case, or put it off where an action must be tried later. Raises LeaseLost.

    `planned`: this look has stored a plan. `left`: why findings of the case are left that must be read.
    """
    record = lease.record
    progress.refused |= _refused_unnamed(record, snapshot)
    failures = {ActionName(Verb.READ, name): error for name, error in snapshot.failures.items()}
    later = [error for error in (*progress.later.values(), *failures.values(), *left) if isinstance(error, TryLater)]
    refused = {**progress.refused, **{name: error for name, error in failures.items() if isinstance(error, Refused)}}
    count_and_log(lease, snapshot, progress, refused)
    count_work(context.tally, record.key, progress)
    for action, error in refused.items():
        await context.parked.park(
            ParkedKind.ACTION, lease.ref, error, context.clock(), district=record.key.district, action=str(action)
        )
    end, responded = (
        _conclusion(context, lease, snapshot, progress, refused),
        responses(lease, snapshot, progress, context.clock()),
    )
    opened = any(isinstance(action, OpenTicket) for action in progress.done)
    await count_again(context, lease, snapshot, end, opened=opened)
    if record.waits_for and record.waits_for in _answering(context, record, snapshot, progress, refused.values()):
        await note_answer(context, record.waits_for)
    line = decided(context, lease, snapshot, progress, planned=planned)
    if later:
        require(lease, held=await context.todo.remember(lease, end.memory, line))
        await tell_progress(context, lease, snapshot, progress, end.memory, None)
        answered = {action.name for action in progress.done} | refused.keys()
        dealt_with = [f"again:{name}" for name in sorted(map(str, answered & record.again))]
        await put_off(context, lease, later, drop=[*dealt_with, *responded.moments])
    else:
        await tell_progress(context, lease, snapshot, progress, end.memory, Settled(context.clock(), end.look_at))
        if _is_nobodys(record, snapshot, progress, end):
            await make_room(context, record.key.district, record.key)
        await _settle(context, lease, progress, end, line)
    responded.count(context.tally, snapshot.observation.subject.severity)


def _conclusion(
    context: WorkerContext, lease: Lease, snapshot: Snapshot, progress: Progress, refused: Mapping[ActionName, Refused]
) -> Conclusion:
    case = Situation.of(snapshot.observation, snapshot.policy, lease.record, snapshot.at)
    return concluded(
        case, progress, context.clock(), look_at=lease.look_at, refused=refused.keys(), disowned=snapshot.disowned
    )


def _refused_unnamed(record: CaseRecord, snapshot: Snapshot) -> dict[ActionName, Refused]:
    """Actions that a person replayed in a tracker that is not named: they stay parked, with this reason."""
    unnamed = snapshot.observation.unnamed
    return {
        name: Refused(
            "mappings.yaml", f"names no tracker {tracker}: name it again, or where it has a new name, formerly"
        )
        for name in sorted(record.again, key=str)
        if (tracker := name.tracker) in unnamed
    }


def _answering(
    context: WorkerContext, record: CaseRecord, snapshot: Snapshot, progress: Progress, refused: Iterable[Refused]
) -> AbstractSet[str]:
    """The systems that did what this look asked of them. A system that it did not ask is not among them."""
    errors = (*progress.later.values(), *snapshot.failures.values())
    waited_for = {error.system for error in errors if isinstance(error, TryLater)}
    heard = snapshot.observation.tickets.keys() | progress.tickets.keys() | {error.system for error in refused}
    is_source = record.waits_for not in context.trackers  # a look that comes to its end has read the finding
    return (heard | ({record.waits_for} if is_source else set())) - waited_for


def _is_nobodys(record: CaseRecord, snapshot: Snapshot, progress: Progress, end: Conclusion) -> bool:
    """Whether neither the source nor a tracker knows the case, of which nothing else was known before.

    A stranger who may write to a tracker's webhook can name any number of such cases.
    """
    seen, was = snapshot.observation, record.memory
    is_gone = seen.subject.status is Status.GONE and record.key.kind is CaseKind.FINDING
    is_known = bool(record.links or record.members or was.tickets or end.look_at)
    is_known = is_known or was.finding not in {None, Status.GONE}  # it was put off, and is remembered as gone
    return is_gone and not is_known and not (seen.tickets or seen.unseen or progress.tickets or progress.refused)


async def _settle(context: WorkerContext, lease: Lease, progress: Progress, end: Conclusion, line: bytes) -> None:
    """Let go of the case, and add this line to the audit.

    Parked actions that are moot are taken off the list of parked work.
    """
    record, now = lease.record, context.clock()
    if end.calls_for_another:
        await context.todo.mark([(record.key, None)], now)
    drop = [f"given_up:{name}" for name in sorted(map(str, end.moot & record.given_up))]
    drop += [f"parked:{name}" for name in sorted(map(str, end.moot))]
    drop += [f"again:{name}" for name in sorted(map(str, record.again))]
    drop += [*sorted(lease.awaited), *lease.origins, *([] if end.keeps_due else [CAME_DUE])]
    if record.verification is not None and not end.is_being_verified:
        drop += [f"verify:{name}" for name in VERIFICATION_FIELDS]
    drop += [f"opened:{name}" for name in record.links]  # this look has read them
    seen = progress.tickets.values()
    settled = context.todo.settle(lease, end.memory, now, seen=seen, drop=drop, look_at=end.look_at, audit=line)
    require(lease, held=await settled)
    failpoint("remembered")
    _count(context, record.key.district, "settled")


async def put_off(context: WorkerContext, lease: Lease, errors: list[TryLater], drop: Sequence[str] = ()) -> None:
    """The case is looked at again once the first of these waits is over; `drop` are fields of its row."""
    waits = {_wait(context, lease.record, error): error for error in errors}
    wait = min(waits)
    if waits[wait].waiting not in {Waiting.BUDGET, Waiting.TURN}:
        await tell_put_off(context, lease, PutOff.by(waits[wait], context.clock() + wait, context.clock()))
    for error in errors:
        WAITS.labels(error.system, error.waiting).inc()
        await note_trouble(context, error)
    first, now = waits[wait], context.clock()
    overtaken, system, budget = first.waiting is Waiting.CHANGED, held_by(first), ""
    if isinstance(first, BudgetSpent):
        budget, system = first.budget, lease.record.waits_for  # its answer may end the trouble of that system
    held = await context.todo.put_off(
        lease, now + wait, now, overtaken=overtaken, held_by=system, budget=budget, drop=drop
    )
    require(lease, held=held)
    _count(context, lease.record.key.district, "put_off")
    told = {"system": first.system, "reason": first.waiting.value, "status": first.status}
    logger.info("case_put_off", seconds=wait, attempt=lease.record.attempts + 1, **told)


def _wait(context: WorkerContext, record: CaseRecord, error: TryLater) -> float:
    """Seconds until the next look: more after each attempt, and at least what the other side asked for.

    A wait of our own with a known end (a search horizon) does not grow. Where somebody else changed the ticket first,
    only attempts that ended so count. Cases of a system that mappings.yaml does not name wait up to LONGEST_UNNAMED:
    one of them asks for all, and all are brought forward when the system is named again. A case that waits for a budget
    is woken when there is room: it asks by itself only where that fails.
    """
    if isinstance(error, BudgetSpent):
        return _LONG_AFTER + 2 * error.behind
    match error.waiting:
        case Waiting.CHANGED:
            attempts = record.overtaken
        case Waiting.OURS | Waiting.TURN if error.after is not None and error.status is None:
            attempts = 0
        case _:
            attempts = record.attempts
    longest = LONGEST_UNNAMED if error.waiting is Waiting.UNNAMED else LONGEST
    return delay(attempts, error.after, context.chance, longest)


async def park_case(context: WorkerContext, lease: Lease, error: Exception) -> None:
    """Park the case: no look at it can succeed until something changes or a person replays it. Raises LeaseLost."""
    now, district = context.clock(), lease.record.key.district
    await context.parked.park(ParkedKind.CASE, lease.ref, error, now, district=district, action="look")
    drop = [*(f"again:{name}" for name in sorted(map(str, lease.record.again))), *sorted(lease.awaited)]
    drop += lease.origins
    await context.timeline.tell(lease.ref, [SetAside.by(error, now)])
    if isinstance(error, NotFound):
        await make_room(context, district)
    # Whether the appointment is still needed is not known: it stays until a look can decide that.
    require(lease, held=await context.todo.settle(lease, lease.record.memory, now, drop=drop, look_at=lease.look_at))
    _count(context, district, "parked")
    status = error.status if isinstance(error, OutsideError) else None
    logger.warning("case_parked", error=type(error).__name__, status=status)


def _count(context: WorkerContext, district: str, outcome: str) -> None:
    LOOKS.labels(district, outcome).inc()
    context.tally.add(look_name(outcome), district)
    telemetry.note(outcome=outcome)


def require(lease: Lease, *, held: bool) -> None:
    """Raises LeaseLost where a write was refused because the lease is lost: it must not count as done."""
    if not held:
        raise LeaseLost(lease.ref)
