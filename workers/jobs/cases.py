"""Job: look at a case: observe, plan, act, remember."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from remediation import telemetry
from remediation.domain.actions import Plan
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.cases.renaming import names_in
from remediation.domain.errors import LeaseLost, Poison, Refused, StoreUnavailable, TryLater
from remediation.failpoints import failpoint
from remediation.look.executing import Executor
from remediation.look.grouping import admission_of, as_members_see_it, group_beside
from remediation.look.members import Members, home_of, reading_of
from remediation.look.observing import Snapshot, observe
from remediation.look.relating import with_relations
from remediation.outbound.backoff import delay
from remediation.planning import Progress, plan, written_ahead
from remediation.ports import Source
from remediation.store.cases.groups import GroupCases
from remediation.store.cases.todo import LEASE_SECONDS, Lease, Todo
from workers.jobs.auditing import found_status
from workers.jobs.boundary import MOST_STUMBLES, following, never_raising
from workers.jobs.counting import count_for_look, count_scans
from workers.jobs.reporting import have_reported, reports_of
from workers.jobs.settling import (
    finish,
    join,
    let_in,
    move_on,
    note_listed,
    note_unnamed,
    park_case,
    put_off,
    require,
    wait_for_a_name,
)
from workers.jobs.telling import tell_doubts, tell_plan
from workers.jobs.verifying import have_verified, note_told
from workers.metering import metered_look
from workers.metrics import LOOK_SECONDS, RETRIES
from workers.resources import WorkerContext


@never_raising
async def look_at_case(context: WorkerContext, ref: str) -> None:
    """Look at one case, if it is dirty and no other worker holds it. Afterwards it is settled, put off or parked."""
    lease = await context.todo.take(ref, context.clock())
    if lease is None:
        return
    attempt = lease.record.attempts + 1
    with following(look_at_case.__name__, lease.origins.values(), case=lease.ref, district=lease.record.key.district):
        telemetry.note(attempt=attempt)
        await _look_under_lease(context, lease)


async def _look_under_lease(context: WorkerContext, lease: Lease) -> None:
    started = time.monotonic()
    if lease.record.attempts:
        RETRIES.labels(look_at_case.__name__).inc()
    failpoint("lease_taken")
    try:
        async with metered_look(context.tracker_limits, lease.ref):
            await under_lease(context.todo, lease, _look(context, lease))
    except asyncio.CancelledError:
        # stopped, or out of time: a tracker's thread may still be at work, so the next look must not begin now
        await asyncio.shield(context.todo.put_off(lease, context.clock() + LEASE_SECONDS, context.clock()))
        raise
    except (StoreUnavailable, LeaseLost):
        raise
    except Exception as error:
        await _stumbled(context, lease, error)
        raise
    finally:
        LOOK_SECONDS.observe(time.monotonic() - started)
        await context.todo.let_go(lease)


async def _look(context: WorkerContext, lease: Lease) -> None:
    try:
        lease.crashes.check()
        seen = await _seen(context, await _under_names_of_today(context, lease))
        if seen is None:
            return
        lease, source, snapshot = seen
    except TryLater as error:
        await put_off(context, lease, [error])
        return
    except (Refused, Poison) as error:
        await park_case(context, lease, error)
        return
    await _note_seen(context, lease, snapshot)
    snapshot = await _with_relations(context, lease, snapshot)
    try:
        lease = await have_verified(context, lease, snapshot)
    except TryLater as error:
        await put_off(context, lease, [error])
        return
    actions = await _plan(context, lease, snapshot)
    links = context.links(lease, snapshot.sites)
    async with reports_of(context, lease) as reports:
        executor = Executor(lease.record, snapshot, source, context.trackers, links, context.clock, reports)
        progress = await executor.carry_out(actions)
    await have_reported(context, lease, snapshot, progress)
    await note_told(context, lease, progress)
    if isinstance(source, Members):
        await note_listed(context, lease, snapshot, progress, source.written)
    await _be_found(context, lease, snapshot, progress)
    left = source.left if isinstance(source, Members) else ()
    await finish(context, lease, snapshot, progress, planned=bool(actions), left=left)


async def _under_names_of_today(context: WorkerContext, lease: Lease) -> Lease:
    """The case with the present names of its trackers."""
    names = names_in(lease.record, context.rulebook.former_names)
    return await context.todo.rename_trackers(lease, names) if names else lease


async def _seen(context: WorkerContext, lease: Lease) -> tuple[Lease, Source, Snapshot] | None:
    """What a look sees; None where it ends here, because the finding belongs to another case, or nobody is known.

    In a case of a group, findings that it does not take have moved on before anything is concluded from them.
    """
    while True:
        source = await _source(context, lease)
        if source is None:
            return None
        snapshot = await _observe(context, lease, source)
        if not isinstance(source, Members):
            group = group_beside(lease.record, snapshot, context.rulebook, snapshot.at)
            if group is None:
                return lease, source, snapshot
            await join(context, lease, await GroupCases(context.connection).current_of(group))
            return None
        admission = await admission_of(lease.record, snapshot, source.known, context.trackers)
        if not admission.moving:
            break
        lease = await move_on(context, lease, admission)
    if admission.joining:
        lease = await let_in(context, lease, admission, snapshot)
    return lease, source, as_members_see_it(lease.record, snapshot, source.known)


async def _source(context: WorkerContext, lease: Lease) -> Source | None:
    """The source of the case's subject; None where the look ends here: the case joined another, or waits for a name."""
    record = lease.record
    await count_for_look(context, lease)
    in_steps = bool(record.members)
    account = context.source_for(lease.ref, record.key.district, record.key.kind, in_steps=in_steps)
    now = datetime.fromtimestamp(context.clock(), tz=UTC)
    home, source = await home_of(record, account, context.rulebook, now)
    if home is not None:
        await join(context, lease, await _present(context, record, home))
        return None
    if record.key.has_members and not record.members:
        await wait_for_a_name(context, lease)
        return None
    note, news = partial(_note_members, context, lease), partial(count_scans, context, record.key.district)
    return reading_of(record, source, note, news)


async def _present(context: WorkerContext, record: CaseRecord, home: CaseKey) -> CaseKey:
    """The case to join: of a group that is new to the finding, the one that takes findings now."""
    is_new = home.is_of_group and not record.home
    return await GroupCases(context.connection).current_of(home) if is_new else home


async def _note_members(context: WorkerContext, lease: Lease, fields: Mapping[str, str]) -> None:
    """Remember what was read of the case's findings, or done about them. Raises LeaseLost."""
    require(lease, held=await context.todo.renew(lease, dict(fields)))


async def _observe(context: WorkerContext, lease: Lease, source: Source) -> Snapshot:
    record = lease.record
    sites = await context.sites.of(record.links.keys() | context.trackers.keys())
    with telemetry.span("observe"):
        return await observe(record, source, context.trackers, context.rulebook, context.clock(), sites)


async def _note_seen(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> None:
    """Store and report what was seen, before any action is planned."""
    failpoint("observed")
    await tell_doubts(context, lease, snapshot)
    await note_unnamed(context, lease, snapshot)


async def _with_relations(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> Snapshot:
    """Have an incident be found by findings, and then look for those: whichever of the two comes second finds both."""
    key, vicinity = lease.record.key, snapshot.ruling.vicinity
    if vicinity is not None and key.kind is CaseKind.INCIDENT:
        await context.relations.note(key, vicinity, {}, context.clock())
    return await with_relations(snapshot, context.relations, context.rulebook, context.trackers)


async def _be_found(context: WorkerContext, lease: Lease, snapshot: Snapshot, progress: Progress) -> None:
    """Have a finding with tickets be found by incidents; those of its vicinity are looked at where that is news.

    A look that dies before this is repeated.
    """
    key, vicinity = lease.record.key, snapshot.ruling.vicinity
    if vicinity is not None and key.kind is CaseKind.FINDING and progress.tickets:
        await context.relations.note(key, vicinity, progress.tickets, context.clock())


async def _plan(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> Plan:
    """Plan the actions. They are stored and reported before the first of them. Raises LeaseLost."""
    with telemetry.span("plan"):
        actions = plan(snapshot.observation, snapshot.policy, lease.record, snapshot.at)
        telemetry.note(count=len(actions))
    if actions:
        ahead = written_ahead(lease.record, snapshot.observation, actions)
        line = found_status(context, lease, snapshot)
        require(lease, held=await context.todo.remember(lease, ahead, line))
        await tell_plan(context, lease, snapshot, actions)
    return actions


async def _stumbled(context: WorkerContext, lease: Lease, error: Exception) -> None:
    """Put the case off after an error of our own, longer each time; after MOST_STUMBLES attempts, park it.

    The case may be the cause of the error.
    """
    if lease.record.attempts >= MOST_STUMBLES:
        await park_case(context, lease, error)
        return
    await context.todo.put_off(
        lease, context.clock() + delay(lease.record.attempts, None, context.chance), context.clock()
    )


async def under_lease(todo: Todo, lease: Lease, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` and renew the lease meanwhile.

    Raises LeaseLost, and cancels the work, when another worker may hold it.
    """
    task = asyncio.create_task(work)
    keeper = asyncio.create_task(_keep_lease(todo, lease))
    try:
        await asyncio.wait({task, keeper}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            await keeper
        await task
    finally:
        for other in (task, keeper):
            other.cancel()
        await asyncio.gather(task, keeper, return_exceptions=True)


async def _keep_lease(todo: Todo, lease: Lease) -> None:
    loop = asyncio.get_running_loop()
    good_until = loop.time() + LEASE_SECONDS
    while loop.time() < good_until:
        await asyncio.sleep(LEASE_SECONDS / 3)
        asked = loop.time()
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout_at(good_until):  # Redis may hang for longer than the lease lasts
                if not await todo.renew(lease):
                    break
            good_until = asked + LEASE_SECONDS
    raise LeaseLost(lease.ref)
