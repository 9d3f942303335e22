"""Job: look at a case: observe, plan, act, remember."""

import asyncio
import time

import structlog

from remediation.acting import Hands, Progress
from remediation.actions import Plan
from remediation.backoff import delay
from remediation.errors import LeaseLost, OutsideError, Refused, StoreUnavailable, TryLater
from remediation.observing import Sight, observe
from remediation.planning import plan, still_wanted, with_own_work
from remediation.store.case_rows import memory_json
from remediation.store.links import LeasedLinks
from remediation.store.parked import ParkedKind, name_of
from remediation.store.todo import Lease
from workers.jobs import never_raising
from workers.leases import under_lease
from workers.metrics import ACTIONS, LOOK_SECONDS, LOOKS, STUMBLES, UNMATCHED
from workers.resources import Desk

logger = structlog.get_logger()

MOST_STUMBLES = 8
"""After this many put-off looks in a row, one more error of our own parks the case instead of trying again."""


@never_raising
async def look_at_case(desk: Desk, ref: str) -> None:
    """Look at one case, if it is dirty and nobody else is at it. Afterwards it is settled, put off or parked."""
    lease = await desk.todo.take(ref)
    if lease is None:
        return
    started = time.monotonic()
    try:
        await under_lease(desk.todo, lease, _look(desk, lease))
    except asyncio.CancelledError:
        await asyncio.shield(desk.todo.put_off(lease, desk.clock()))
        raise
    except (StoreUnavailable, LeaseLost):
        raise
    except Exception as error:
        await _stumbled(desk, lease, error)
        raise
    finally:
        LOOK_SECONDS.observe(time.monotonic() - started)


async def _look(desk: Desk, lease: Lease) -> None:
    record = lease.record
    try:
        source = desk.source(record.key.district)
        sight = await observe(record, source, desk.trackers, desk.rulebook)
    except TryLater as error:
        await _put_off(desk, lease, [error])
        return
    except Refused as error:
        await _park_case(desk, lease, error)
        return
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
    if not await desk.todo.renew(lease, {"memory": memory_json(ahead)}):
        raise LeaseLost(lease.ref)


async def _remember(desk: Desk, lease: Lease, sight: Sight, progress: Progress) -> None:
    record, district = lease.record, lease.record.key.district
    failures = {f"read:{name}": error for name, error in sight.failures.items()}
    later = [error for error in (*progress.later.values(), *failures.values()) if isinstance(error, TryLater)]
    refused = {**progress.refused, **{name: error for name, error in failures.items() if isinstance(error, Refused)}}
    _tell(lease, sight, progress, refused)
    for action, error in refused.items():
        await desk.parked.park(ParkedKind.ACTION, lease.ref, error, desk.clock(), district=district, action=action)
    moot = {name for name in record.parked if not still_wanted(name, sight.observation, sight.wanted)}
    moot = (moot | {action.name for action in progress.done} & record.parked) - refused.keys()
    await desk.parked.forget([name_of(ParkedKind.ACTION, lease.ref, name) for name in sorted(moot)])
    if later:
        await _put_off(desk, lease, later)
        return
    if sight.observation.finding.status.is_solved and progress.status.is_unsolved:
        # Reopened by a person: trackers that nobody asked while it was solved may lack a ticket now.
        await desk.todo.mark([(record.key, None)], desk.clock())
    drop = [f"parked:{name}" for name in sorted(moot)] + [f"again:{name}" for name in sorted(record.again)]
    await desk.todo.settle(lease, progress.memory(), desk.clock(), seen=progress.tickets.values(), drop=drop)
    LOOKS.labels(district, "settled").inc()


def _tell(lease: Lease, sight: Sight, progress: Progress, refused: dict[str, Refused]) -> None:
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
    if seen.finding.status.is_unsolved and not sight.wanted and not seen.tickets:
        UNMATCHED.labels(lease.record.key.district).inc()
        logger.info("finding_unmatched", case=lease.ref)


async def _put_off(desk: Desk, lease: Lease, errors: list[TryLater]) -> None:
    waits = {delay(lease.record.attempts, error.after, desk.chance): error for error in errors}
    wait = min(waits)
    await desk.todo.put_off(lease, desk.clock() + wait)
    LOOKS.labels(lease.record.key.district, "put_off").inc()
    attempt, error = lease.record.attempts + 1, waits[wait]
    logger.info("case_put_off", case=lease.ref, seconds=wait, attempt=attempt, system=error.system, status=error.status)


async def _park_case(desk: Desk, lease: Lease, error: Exception) -> None:
    now, district = desk.clock(), lease.record.key.district
    await desk.parked.park(ParkedKind.CASE, lease.ref, error, now, district=district, action="look")
    drop = [f"again:{name}" for name in sorted(lease.record.again)]
    await desk.todo.settle(lease, lease.record.memory, now, drop=drop)
    LOOKS.labels(district, "parked").inc()
    status = error.status if isinstance(error, OutsideError) else None
    logger.warning("case_parked", case=lease.ref, error=type(error).__name__, status=status)


async def _stumbled(desk: Desk, lease: Lease, error: Exception) -> None:
    """An error of our own: it may be the case, so it waits longer each time, and in the end it waits for a person."""
    STUMBLES.labels("look_at_case", type(error).__name__).inc()
    if lease.record.attempts >= MOST_STUMBLES:
        await _park_case(desk, lease, error)
        return
    await desk.todo.put_off(lease, desk.clock() + delay(lease.record.attempts, None, desk.chance))
