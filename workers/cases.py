"""Job: look at a case: observe, plan, act, remember."""

import asyncio
import time
from dataclasses import replace
from http import HTTPStatus

import structlog

from remediation.acting import Hands, Progress
from remediation.actions import Plan
from remediation.backoff import delay
from remediation.errors import LeaseLost, OutsideError, Poison, Refused, StoreUnavailable, TryLater
from remediation.failpoints import failpoint
from remediation.observing import Sight, observe
from remediation.planning import Observation, plan, still_wanted, with_own_work
from remediation.store.case_rows import memory_json
from remediation.store.links import LeasedLinks
from remediation.store.parked import ParkedKind, name_of
from remediation.store.todo import LEASE_SECONDS, Lease
from workers.jobs import MOST_STUMBLES, never_raising
from workers.leases import under_lease
from workers.metrics import ACTIONS, LOOK_SECONDS, LOOKS, UNMATCHED
from workers.resources import Desk

logger = structlog.get_logger()


@never_raising
async def look_at_case(desk: Desk, ref: str) -> None:
    """Look at one case, if it is dirty and nobody else is at it. Afterwards it is settled, put off or parked."""
    lease = await desk.todo.take(ref, desk.clock())
    if lease is None:
        return
    started = time.monotonic()
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
        source = desk.source(record.key.district)
        sight = await observe(record, source, desk.trackers, desk.rulebook, desk.clock())
    except TryLater as error:
        await _put_off(desk, lease, [error])
        return
    except (Refused, Poison) as error:
        await _park_case(desk, lease, error)
        return
    failpoint("observed")
    actions = plan(sight.observation, sight.wanted, record)
    if actions:
        await _write_ahead(desk, lease, sight, actions)
    links = LeasedLinks(desk.connection, lease)
    hands = Hands(record, sight, source, desk.trackers, desk.rulebook, links, desk.clock)
    await _remember(desk, lease, sight, await hands.carry_out(actions))


async def _write_ahead(desk: Desk, lease: Lease, sight: Sight, actions: Plan) -> None:
    """Write down what we are about to do, so that after a crash our own work is not taken for somebody's change."""
    known = with_own_work(lease.record.memory, sight.observation)
    doing = lease.record.memory.doing | {action.name for action in actions}
    ahead = known.before(doing, sight.observation.finding.status)
    _require(lease, held=await desk.todo.renew(lease, {"memory": memory_json(ahead)}))


async def _remember(desk: Desk, lease: Lease, sight: Sight, progress: Progress) -> None:
    record, district = lease.record, lease.record.key.district
    failures = {f"read:{name}": error for name, error in sight.failures.items()}
    later = [error for error in (*progress.later.values(), *failures.values()) if isinstance(error, TryLater)]
    refused = {**progress.refused, **{name: error for name, error in failures.items() if isinstance(error, Refused)}}
    _tell(desk, lease, sight, progress, refused)
    for action, error in refused.items():
        await desk.parked.park(ParkedKind.ACTION, lease.ref, error, desk.clock(), district=district, action=action)
    moot = {name for name in record.parked if not still_wanted(name, _as_it_is_now(sight, progress), sight.wanted)}
    moot = (moot | {action.name for action in progress.done} & record.parked) - refused.keys()
    known = replace(with_own_work(record.memory, sight.observation), doing=record.memory.doing)
    memory = progress.memory(known, sight.observation.unseen)
    if later:
        _require(lease, held=await desk.todo.renew(lease, {"memory": memory_json(memory)}))
        await _put_off(desk, lease, later)
        return
    if record.again or (sight.observation.finding.status.is_solved and progress.status.is_unsolved):
        # What a person asked for again, or reopened, may call for more: a note, a ticket in a tracker nobody asked.
        await desk.todo.mark([(record.key, None)], desk.clock())
    drop = [f"parked:{name}" for name in sorted(moot)] + [f"again:{name}" for name in sorted(record.again)]
    _require(
        lease,
        held=await desk.todo.settle(lease, memory, desk.clock(), seen=progress.tickets.values(), drop=drop),
    )
    failpoint("remembered")
    await desk.parked.forget([name_of(ParkedKind.ACTION, lease.ref, name) for name in sorted(moot)])
    LOOKS.labels(district, "settled").inc()


def _as_it_is_now(sight: Sight, progress: Progress) -> Observation:
    seen = sight.observation
    finding = replace(seen.finding, status=progress.status)
    return replace(seen, finding=finding, tickets={**seen.tickets, **progress.tickets})


def _tell(desk: Desk, lease: Lease, sight: Sight, progress: Progress, refused: dict[str, Refused]) -> None:
    for action in progress.done:
        kind, _, target = action.name.partition(":")
        ticket = progress.tickets.get(target)
        ACTIONS.labels(kind, target, "done").inc()
        logger.info("action_done", case=lease.ref, action=action.name, ticket=ticket.key if ticket else None)
    for outcome, errors in (("later", progress.later), ("refused", refused)):
        for name, error in errors.items():
            kind, _, target = name.partition(":")
            ACTIONS.labels(kind, target, outcome).inc()
            logger.warning("action_failed", case=lease.ref, action=name, outcome=outcome, status=error.status)
    seen = sight.observation
    asked = seen.finding.status.is_unsolved and not seen.tickets
    if asked and desk.rulebook.is_unmatched(lease.record.key, seen.finding, sight.at):
        UNMATCHED.labels(lease.record.key.district).inc()
        logger.info("finding_unmatched", case=lease.ref)


async def _put_off(desk: Desk, lease: Lease, errors: list[TryLater]) -> None:
    waits = {_wait(desk, lease.record.attempts, error): error for error in errors}
    wait = min(waits)
    _require(lease, held=await desk.todo.put_off(lease, desk.clock() + wait, desk.clock()))
    LOOKS.labels(lease.record.key.district, "put_off").inc()
    attempt, error = lease.record.attempts + 1, waits[wait]
    logger.info("case_put_off", case=lease.ref, seconds=wait, attempt=attempt, system=error.system, status=error.status)


def _wait(desk: Desk, attempts: int, error: TryLater) -> float:
    """Seconds until the next look.

    A rate limit, and a horizon of our own (which has no status), end at a known time, however often we met them;
    anything else is asked less and less often.
    """
    known = error.after is not None and error.status in {None, HTTPStatus.TOO_MANY_REQUESTS}
    return delay(0 if known else attempts, error.after, desk.chance)


async def _park_case(desk: Desk, lease: Lease, error: Exception) -> None:
    now, district = desk.clock(), lease.record.key.district
    await desk.parked.park(ParkedKind.CASE, lease.ref, error, now, district=district, action="look")
    drop = [f"again:{name}" for name in sorted(lease.record.again)]
    _require(lease, held=await desk.todo.settle(lease, lease.record.memory, now, drop=drop))
    LOOKS.labels(district, "parked").inc()
    status = error.status if isinstance(error, OutsideError) else None
    logger.warning("case_parked", case=lease.ref, error=type(error).__name__, status=status)


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
