"""Job: look at a case: observe, plan, act, remember."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import structlog

from remediation import telemetry
from remediation.domain.actions import Plan, kind_of, target_of, tracker_of
from remediation.domain.cases import CaseKey, CaseRecord, Memory
from remediation.domain.errors import (
    LeaseLost,
    NotFound,
    OutsideError,
    Poison,
    Refused,
    StoreUnavailable,
    TryLater,
    Waiting,
)
from remediation.domain.renaming import names_in
from remediation.domain.status import Status
from remediation.failpoints import failpoint
from remediation.look.executing import Hands
from remediation.look.members import Members, home_of, reading_of
from remediation.look.observing import Sight, observe
from remediation.look.progress import Progress
from remediation.outbound.backoff import LONGEST, LONGEST_UNNAMED, delay
from remediation.planning import (
    Observation,
    as_remembered,
    plan,
    still_told,
    still_wanted,
    with_own_work,
    written_ahead,
)
from remediation.ports import Source
from remediation.store.cases.entries import PutOff, SetAside, Settled
from remediation.store.cases.todo import LEASE_SECONDS, Lease
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.systems import held_by
from workers.jobs.boundary import MOST_STUMBLES, following, never_raising
from workers.jobs.leases import under_lease
from workers.jobs.response_times import responses
from workers.jobs.telling import (
    count_and_log,
    note_answer,
    note_trouble,
    tell_doubts,
    tell_plan,
    tell_progress,
    tell_put_off,
    tell_unnamed,
)
from workers.metrics import LOOK_SECONDS, LOOKS, RETRIES, WAITS
from workers.resources import Desk

logger = structlog.get_logger()

_SHORTLY = 1.0
"""Seconds until a finding asks again to join a case that is just being looked at."""


@never_raising
async def look_at_case(desk: Desk, ref: str) -> None:
    """Look at one case, if it is dirty and nobody else is at it. Afterwards it is settled, put off or parked."""
    lease = await desk.todo.take(ref, desk.clock())
    if lease is None:
        return
    attempt = lease.record.attempts + 1
    with following(look_at_case.__name__, lease.origins.values(), case=lease.ref, district=lease.record.key.district):
        telemetry.note(attempt=attempt)
        await _look_under_lease(desk, lease)


async def _look_under_lease(desk: Desk, lease: Lease) -> None:
    started = time.monotonic()
    if lease.record.attempts:
        RETRIES.labels(look_at_case.__name__).inc()
    failpoint("lease_taken")
    try:
        await under_lease(desk.todo, lease, _look(desk, lease))
    except asyncio.CancelledError:
        # Stopped, or out of time: a tracker's thread may still be at work, so nobody else begins right now.
        await asyncio.shield(desk.todo.put_off(lease, desk.clock() + LEASE_SECONDS, desk.clock()))
        raise
    except (StoreUnavailable, LeaseLost):
        raise
    except Exception as error:
        await _stumbled(desk, lease, error)
        raise
    finally:
        LOOK_SECONDS.observe(time.monotonic() - started)
        await desk.todo.let_go(lease)


async def _look(desk: Desk, lease: Lease) -> None:
    record = lease.record
    try:
        lease.crashes.check()
        if names := names_in(record, desk.rulebook.former_names):
            lease = await desk.todo.rename_trackers(lease, names)
            record = lease.record
        source: Source = desk.source(record.key.district, record.key.kind)
        home = await home_of(record, source, desk.rulebook.identity(record.key.district))
        if home is not None:
            await _join(desk, lease, home)
            return
        if record.key.is_of_identity and not record.members:
            await _wait_for_a_name(desk, lease)
            return
        source = reading_of(record, source)
        sites = await desk.sites.of(record.links.keys() | desk.trackers.keys())
        with telemetry.span("observe"):
            sight = await observe(record, source, desk.trackers, desk.rulebook, desk.clock(), sites)
    except TryLater as error:
        await _put_off(desk, lease, [error])
        return
    except (Refused, Poison) as error:
        await _park_case(desk, lease, error)
        return
    if isinstance(source, Members) and source.resting:
        _require(lease, held=await desk.todo.renew(lease, dict(source.resting)))
    failpoint("observed")
    await tell_doubts(desk, lease, sight)
    await _note_unnamed(desk, lease, sight)
    with telemetry.span("plan"):
        actions = plan(sight.observation, sight.policy, record, sight.at)
        telemetry.note(count=len(actions))
    if actions:
        await _write_ahead(desk, lease, sight, actions)
        await tell_plan(desk, lease, sight, actions)
    hands = Hands(record, sight, source, desk.trackers, desk.links(lease, sight.sites), desk.clock)
    progress = await hands.carry_out(actions)
    progress.refused |= _refused_unnamed(record, sight)
    await _remember(desk, lease, sight, progress)


async def _join(desk: Desk, lease: Lease, home: CaseKey) -> None:
    """The finding belongs to another case, which is looked at in its place."""
    now = desk.clock()
    if not await desk.todo.join(lease, home, now):
        _require(lease, held=await desk.todo.put_off(lease, now + _SHORTLY, now, overtaken=True))
        return
    _count(home.district, "joined")
    logger.info("finding_joined", case=home.ref, finding=lease.record.key.id)


async def _wait_for_a_name(desk: Desk, lease: Lease) -> None:
    """After a wipe nobody can tell which findings a case had: a list names them. Nothing is concluded yet."""
    settled = desk.todo.settle(lease, lease.record.memory, desk.clock(), look_at=lease.look_at)
    _require(lease, held=await settled)
    _count(lease.record.key.district, "nameless")
    logger.info("case_nameless")


async def _note_unnamed(desk: Desk, lease: Lease, sight: Sight) -> None:
    """Where a tracker of the case is not named, tell it, and have the case looked at again once it is."""
    unnamed = sight.observation.unnamed
    if unnamed == lease.record.unnamed:
        return
    await tell_unnamed(desk, lease, sight)
    _require(lease, held=await desk.todo.note_unnamed(lease, unnamed, desk.clock()))


async def _write_ahead(desk: Desk, lease: Lease, sight: Sight, actions: Plan) -> None:
    """Write down what we are about to do, before the first of it."""
    ahead = written_ahead(lease.record, sight.observation, actions)
    _require(lease, held=await desk.todo.remember(lease, ahead))


def _refused_unnamed(record: CaseRecord, sight: Sight) -> dict[str, Refused]:
    """What a person asked for again in a tracker that is not named: it stays set aside, and says why."""
    unnamed = sight.observation.unnamed
    return {
        name: Refused(
            "mappings.yaml", f"names no tracker {tracker}: name it again, or where it has a new name, formerly"
        )
        for name in sorted(record.again)
        if (tracker := tracker_of(name)) in unnamed
    }


async def _remember(desk: Desk, lease: Lease, sight: Sight, progress: Progress) -> None:
    record = lease.record
    failures = {f"read:{name}": error for name, error in sight.failures.items()}
    later = [error for error in (*progress.later.values(), *failures.values()) if isinstance(error, TryLater)]
    refused = {**progress.refused, **{name: error for name, error in failures.items() if isinstance(error, Refused)}}
    count_and_log(lease, sight, progress, refused)
    for action, error in refused.items():
        await desk.parked.park(
            ParkedKind.ACTION, lease.ref, error, desk.clock(), district=record.key.district, action=action
        )
    memory, responded = _memory(desk, lease, sight, progress), responses(lease, sight, progress, desk.clock())
    if record.waits_for and record.waits_for in _answering(desk, record, sight, progress, refused.values()):
        await note_answer(desk, record.waits_for)
    if later:
        _require(lease, held=await desk.todo.remember(lease, memory))
        await tell_progress(desk, lease, sight, progress, memory, None)
        answered = {action.name for action in progress.done} | refused.keys()
        dealt_with = [f"again:{name}" for name in sorted(answered & record.again)]
        await _put_off(desk, lease, later, drop=[*dealt_with, *responded.moments])
        responded.count()
        return
    look_at = _appointment(lease, sight, progress, memory)
    await tell_progress(desk, lease, sight, progress, memory, Settled(desk.clock(), look_at))
    await _settle(desk, lease, sight, progress, memory, refused.keys(), look_at)
    responded.count()


def _answering(
    desk: Desk, record: CaseRecord, sight: Sight, progress: Progress, refused: Iterable[Refused]
) -> AbstractSet[str]:
    """The systems that did what this look asked of them; one that it asked nothing is not among them."""
    errors = (*progress.later.values(), *sight.failures.values())
    waited_for = {error.system for error in errors if isinstance(error, TryLater)}
    heard = sight.observation.tickets.keys() | progress.tickets.keys() | {error.system for error in refused}
    is_source = record.waits_for not in desk.trackers  # whoever has come so far was told of the finding
    return (heard | ({record.waits_for} if is_source else set())) - waited_for


def _memory(desk: Desk, lease: Lease, sight: Sight, progress: Progress) -> Memory:
    seen, record = sight.observation, lease.record
    kept = record.memory
    known = replace(with_own_work(kept, seen, record.parked), doing=kept.doing, planned_at=kept.planned_at)
    told = still_told(seen, sight.policy, record, sight.at)
    return progress.memory(known, seen, sight.policy, told, desk.clock())


def _appointment(lease: Lease, sight: Sight, progress: Progress, memory: Memory) -> float | None:
    """When an accepted risk ends (Unix seconds), if it does.

    `memory` is what is remembered of this look: what we closed for that counts whatever code its tracker has for it.
    Where a ticket could not be seen, or none names an end any more, the case is looked at when it was to end before: a
    field's name may have been mistyped since, and mended.
    """
    if progress.status is not Status.ACCEPTED_RISK:
        return None
    until = sight.policy.risk_until(as_remembered(progress.tickets, memory))
    ends = [until.timestamp()] if until is not None and until > sight.at else []
    is_unseen = bool(sight.observation.unseen or lease.record.links.keys() - sight.observation.tickets.keys())
    if lease.look_at is not None and (is_unseen or until is None):
        ends.append(lease.look_at)
    return min(ends, default=None)


async def _settle(
    desk: Desk,
    lease: Lease,
    sight: Sight,
    progress: Progress,
    memory: Memory,
    refused: AbstractSet[str],
    look_at: float | None,
) -> None:
    """Let go of the case; parked actions that have been done, or that nobody needs any more, go off the list."""
    record, now, there = lease.record, desk.clock(), _as_it_is_now(sight, progress)
    then = replace(record, memory=memory)
    moot = {name for name in record.parked if not still_wanted(name, there, sight.policy, then, sight.at)}
    strangers = {name for name in record.parked - moot if kind_of(name) != "open" and target_of(name) in sight.disowned}
    moot = (moot | strangers | {action.name for action in progress.done} & record.parked) - refused
    vanished = any(isinstance(error, NotFound) for error in progress.refused.values())
    if (
        vanished
        or strangers
        or record.again
        or (sight.observation.subject.status.is_solved and progress.status.is_unsolved)
    ):
        # A ticket deleted under our hands calls for a new one. What was refused on a ticket that is another case's was
        # not tried on this one's. What a person asked for again, or reopened, may call for more: a note, a ticket in a
        # tracker nobody asked.
        await desk.todo.mark([(record.key, None)], now)
    drop = [f"given_up:{name}" for name in sorted(moot & record.given_up)]
    drop += [f"parked:{name}" for name in sorted(moot)] + [f"again:{name}" for name in sorted(record.again)]
    drop += [*sorted(lease.awaited), *lease.origins]
    seen = progress.tickets.values()
    _require(lease, held=await desk.todo.settle(lease, memory, now, seen=seen, drop=drop, look_at=look_at))
    failpoint("remembered")
    _count(record.key.district, "settled")


def _as_it_is_now(sight: Sight, progress: Progress) -> Observation:
    seen = sight.observation
    subject = seen.subject.with_status(progress.status)
    return replace(seen, subject=subject, tickets={**seen.tickets, **progress.tickets})


async def _put_off(desk: Desk, lease: Lease, errors: list[TryLater], drop: Sequence[str] = ()) -> None:
    waits = {_wait(desk, lease.record, error): error for error in errors}
    wait = min(waits)
    await tell_put_off(desk, lease, PutOff.by(waits[wait], desk.clock() + wait, desk.clock()))
    for error in errors:
        WAITS.labels(error.system, error.waiting).inc()
        await note_trouble(desk, error)
    first, now = waits[wait], desk.clock()
    overtaken, system = first.waiting is Waiting.CHANGED, held_by(first)
    held = await desk.todo.put_off(lease, now + wait, now, overtaken=overtaken, held_by=system, drop=drop)
    _require(lease, held=held)
    _count(lease.record.key.district, "put_off")
    told = {"system": first.system, "reason": first.waiting.value, "status": first.status}
    logger.info("case_put_off", seconds=wait, attempt=lease.record.attempts + 1, **told)


def _wait(desk: Desk, record: CaseRecord, error: TryLater) -> float:
    """Seconds until the next look: more each time, whatever was asked for, as that did not end it the last time.

    Only a horizon of our own ends at a known time, however often we met it. Where somebody was quicker than we were,
    the outages before that do not count. Those who wait for a district of which the file says nothing are brought
    forward when it is back, as one case asks for all of them, so each asks by itself ever more seldom.
    """
    match error.waiting:
        case Waiting.CHANGED:
            attempts = record.overtaken
        case Waiting.OURS if error.after is not None and error.status is None:
            attempts = 0
        case _:
            attempts = record.attempts
    longest = LONGEST_UNNAMED if error.waiting is Waiting.UNNAMED else LONGEST
    return delay(attempts, error.after, desk.chance, longest)


async def _park_case(desk: Desk, lease: Lease, error: Exception) -> None:
    now, district = desk.clock(), lease.record.key.district
    await desk.parked.park(ParkedKind.CASE, lease.ref, error, now, district=district, action="look")
    drop = [*(f"again:{name}" for name in sorted(lease.record.again)), *sorted(lease.awaited)]
    drop += lease.origins
    await desk.timeline.tell(lease.ref, [SetAside.by(error, now)])
    # Nobody knows whether what the appointment was made for still holds: it stays until a look can tell.
    _require(lease, held=await desk.todo.settle(lease, lease.record.memory, now, drop=drop, look_at=lease.look_at))
    _count(district, "parked")
    status = error.status if isinstance(error, OutsideError) else None
    logger.warning("case_parked", error=type(error).__name__, status=status)


def _count(district: str, outcome: str) -> None:
    LOOKS.labels(district, outcome).inc()
    telemetry.note(outcome=outcome)


def _require(lease: Lease, *, held: bool) -> None:
    """Every write says whether the lease still held; what was not written must not be counted as done."""
    if not held:
        raise LeaseLost(lease.ref)


async def _stumbled(desk: Desk, lease: Lease, error: Exception) -> None:
    """An error of our own: it may be the case, so it waits longer each time, and in the end it waits for a person."""
    if lease.record.attempts >= MOST_STUMBLES:
        await _park_case(desk, lease, error)
        return
    await desk.todo.put_off(lease, desk.clock() + delay(lease.record.attempts, None, desk.chance), desk.clock())
