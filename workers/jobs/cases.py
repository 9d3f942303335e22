"""Job: look at a case: observe, plan, act, remember."""

import asyncio
import time

from remediation import telemetry
from remediation.domain.actions import Plan
from remediation.domain.errors import LeaseLost, Poison, Refused, StoreUnavailable, TryLater
from remediation.domain.renaming import names_in
from remediation.failpoints import failpoint
from remediation.look.executing import Hands
from remediation.look.members import Members, home_of, reading_of
from remediation.look.observing import Sight, observe
from remediation.outbound.backoff import delay
from remediation.planning import plan, written_ahead
from remediation.ports import Source
from remediation.store.cases.todo import LEASE_SECONDS, Lease
from workers.jobs.boundary import MOST_STUMBLES, following, never_raising
from workers.jobs.leases import under_lease
from workers.jobs.settling import finish, join, note_unnamed, park_case, put_off, require, wait_for_a_name
from workers.jobs.telling import tell_doubts, tell_plan
from workers.metrics import LOOK_SECONDS, RETRIES
from workers.resources import Desk


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
    try:
        lease.crashes.check()
        lease = await _under_names_of_today(desk, lease)
        source = await _source(desk, lease)
        if source is None:
            return
        sight = await _observe(desk, lease, source)
    except TryLater as error:
        await put_off(desk, lease, [error])
        return
    except (Refused, Poison) as error:
        await park_case(desk, lease, error)
        return
    await _note_seen(desk, lease, source, sight)
    actions = await _plan(desk, lease, sight)
    hands = Hands(lease.record, sight, source, desk.trackers, desk.links(lease, sight.sites), desk.clock)
    await finish(desk, lease, sight, await hands.carry_out(actions))


async def _under_names_of_today(desk: Desk, lease: Lease) -> Lease:
    """The case with its trackers under the names that mappings.yaml gives them now."""
    names = names_in(lease.record, desk.rulebook.former_names)
    return await desk.todo.rename_trackers(lease, names) if names else lease


async def _source(desk: Desk, lease: Lease) -> Source | None:
    """Where the case's subject is read; None where there is nothing to look at: it joined another, or has no name."""
    record = lease.record
    source = desk.source(record.key.district, record.key.kind)
    home = await home_of(record, source, desk.rulebook.identity(record.key.district))
    if home is not None:
        await join(desk, lease, home)
        return None
    if record.key.is_of_identity and not record.members:
        await wait_for_a_name(desk, lease)
        return None
    return reading_of(record, source)


async def _observe(desk: Desk, lease: Lease, source: Source) -> Sight:
    record = lease.record
    sites = await desk.sites.of(record.links.keys() | desk.trackers.keys())
    with telemetry.span("observe"):
        return await observe(record, source, desk.trackers, desk.rulebook, desk.clock(), sites)


async def _note_seen(desk: Desk, lease: Lease, source: Source, sight: Sight) -> None:
    """Keep and tell what was seen, whatever is done about it."""
    if isinstance(source, Members) and source.resting:
        require(lease, held=await desk.todo.renew(lease, dict(source.resting)))
    failpoint("observed")
    await tell_doubts(desk, lease, sight)
    await note_unnamed(desk, lease, sight)


async def _plan(desk: Desk, lease: Lease, sight: Sight) -> Plan:
    """What is to be done, which is written down and told before the first of it."""
    with telemetry.span("plan"):
        actions = plan(sight.observation, sight.policy, lease.record, sight.at)
        telemetry.note(count=len(actions))
    if actions:
        ahead = written_ahead(lease.record, sight.observation, actions)
        require(lease, held=await desk.todo.remember(lease, ahead))
        await tell_plan(desk, lease, sight, actions)
    return actions


async def _stumbled(desk: Desk, lease: Lease, error: Exception) -> None:
    """An error of our own: it may be the case, so it waits longer each time, and in the end it waits for a person."""
    if lease.record.attempts >= MOST_STUMBLES:
        await park_case(desk, lease, error)
        return
    await desk.todo.put_off(lease, desk.clock() + delay(lease.record.attempts, None, desk.chance), desk.clock())
