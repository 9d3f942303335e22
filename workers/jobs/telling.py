"""What a look tells: to the log, to the metrics, and to the case's timeline.

The metrics of response times begin at a delivery's receipt and end at its effects: the first ticket, and the finding's
change of status. The time of receipt stays in the case's row until a look has ended, so that it survives any crash. A
look for another reason finds no such time, and counts for nothing.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import structlog

from remediation.domain.actions import ActionName, OpenTicket, Plan, SetStatus, Verb
from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.errors import BudgetSpent, OutsideError, Refused, TryLater
from remediation.domain.ownership import Evidence
from remediation.domain.status import Severity
from remediation.look.observing import Snapshot
from remediation.mapping.config.trackers.kinds import all_senders
from remediation.planning import Progress
from remediation.store.activity.tally import ActivityTally, ResponseKind, WorkCount, response_name
from remediation.store.cases.entries import (
    Acted,
    Disagreed,
    Doubted,
    Entry,
    LookCause,
    Planned,
    PutOff,
    Seen,
    SetAside,
    Settled,
    Triggered,
    Unnamed,
)
from remediation.store.cases.todo import AWAITED_STATUS, AWAITED_TICKET, Lease
from workers.calls import account_of
from workers.metrics import ACTIONS, CONFLICTS, DELIVERY_TO_STATUS, DELIVERY_TO_TICKET, PLANNED, STRANGERS, UNMATCHED
from workers.resources import WorkerContext

logger = structlog.get_logger()

_ENTRIES_OF_A_STRETCH = 20
"""Entries of a timeline that are read: more than looks write between two looks that get through."""


_RESPONSES = {AWAITED_TICKET: ResponseKind.TICKET, AWAITED_STATUS: ResponseKind.STATUS}
_HISTOGRAMS = {AWAITED_TICKET: DELIVERY_TO_TICKET, AWAITED_STATUS: DELIVERY_TO_STATUS}
for _histogram in _HISTOGRAMS.values():
    for _sender in all_senders():
        _histogram.labels(_sender.name)  # from the start: Prometheus sees no growth in a series that begins with 1


async def tell_doubts(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> None:
    """Report linked tickets that are not the case's, tickets without a mark, and strangers: each ticket once.

    Strangers are seen again only for as long as the case's own ticket could not be opened.
    """
    if not lease.record.attempts:
        await _tell_strangers(context, lease, snapshot)
    news = [doubt for doubt in snapshot.doubts.values() if doubt.is_news]
    await context.timeline.tell(lease.ref, [Doubted.of(doubt, context.clock()) for doubt in news])
    for doubt in news:
        link = doubt.link
        event = "ticket_unmarked" if doubt.is_ours else "ticket_not_ours"
        logger.warning(event, tracker=link.tracker, ticket=link.ticket_key, reason=doubt.evidence.value)


async def _tell_strangers(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> None:
    """Report tickets that only carry the case's mark."""
    now, strangers = context.clock(), snapshot.strangers
    await context.timeline.tell(
        lease.ref, [Doubted(now, each.tracker, each.key, Evidence.STRANGER) for each in strangers]
    )
    for each in strangers:
        STRANGERS.labels(each.tracker).inc()
        logger.warning("ticket_not_ours", tracker=each.tracker, ticket=each.key, reason=Evidence.STRANGER.value)


async def tell_unnamed(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> None:
    """Report trackers of the case that mappings.yaml does not name (any more): once, until they change."""
    unnamed = snapshot.observation.unnamed
    if unnamed - lease.record.unnamed:
        await context.timeline.tell(lease.ref, [Unnamed(context.clock(), tuple(sorted(unnamed)))])
    for tracker in sorted(unnamed - lease.record.unnamed):
        logger.warning("tracker_unnamed", tracker=tracker)


async def tell_plan(context: WorkerContext, lease: Lease, snapshot: Snapshot, plan: Plan) -> None:
    """Report before the first action why we looked, what we saw, and what is planned."""
    for action in plan:
        PLANNED.labels(action.verb, action.name.target).inc()
    if _is_told(lease, {action.name for action in plan}):
        return
    entries = [*_seen(context, lease, snapshot), Planned.of(plan, context.clock())]
    await context.timeline.tell(lease.ref, entries, is_first=lease.record.memory == Memory())


async def tell_progress(
    context: WorkerContext, lease: Lease, snapshot: Snapshot, progress: Progress, memory: Memory, end: Entry | None
) -> None:
    """Report after the last action the outcome of each, and how the look ended.

    A look that did nothing and remembers nothing new is not reported.
    """
    acted = list(_acted(context, lease, progress))
    if acted:
        await context.timeline.tell(lease.ref, [*acted, *([end] if end else [])])
    elif memory != lease.record.memory:
        await context.timeline.tell(lease.ref, [*_seen(context, lease, snapshot), *([end] if end else [])])


async def tell_put_off(context: WorkerContext, lease: Lease, entry: PutOff) -> None:
    """Report which system holds the case up: once for each system until a look gets through.

    So an outage of days is one entry.
    """
    if lease.record.attempts == 0 or entry.system not in await _held_up_by(context, lease):
        await context.timeline.tell(lease.ref, [entry])


async def _held_up_by(context: WorkerContext, lease: Lease) -> set[str]:
    """The systems that are reported already as holding up the looks since the last one that got through."""
    systems = set()
    for entry in reversed(await context.timeline.read(lease.ref, _ENTRIES_OF_A_STRETCH)):
        if isinstance(entry, Settled | SetAside):
            break
        if isinstance(entry, PutOff):
            systems.add(entry.system)
    return systems


def _is_told(lease: Lease, names: AbstractSet[ActionName]) -> bool:
    """Whether an earlier attempt at these actions is reported already: one report of an outage is enough."""
    is_retry = lease.cause == LookCause.SWEEP and lease.record.attempts > 0
    return is_retry and names <= lease.record.memory.doing


def _seen(context: WorkerContext, lease: Lease, snapshot: Snapshot) -> list[Entry]:
    seen, now = snapshot.observation, context.clock()
    return [
        Triggered(now, lease.cause, lease.marked_at),
        Seen.of(seen.subject, seen.tickets, seen.unseen, now),
    ]


def _acted(context: WorkerContext, lease: Lease, progress: Progress) -> Iterator[Entry]:
    now = context.clock()
    if progress.is_conflict:
        yield Disagreed(now)
    for action in progress.done:
        ticket = progress.tickets.get(action.name.tracker)
        key, request_id = ticket.key if ticket else "", progress.requests.get(action.name, "")
        yield Acted(now, str(action.name), "done", key, request_id=request_id)
    later = {name: error for name, error in progress.later.items() if not _is_told(lease, {name})}
    for name, error in (*later.items(), *progress.refused.items()):
        yield Acted.failed(str(name), now, error, progress.tickets.get(name.tracker))


async def note_trouble(context: WorkerContext, error: TryLater) -> None:
    """Note that a system must be waited for. One of all workers logs it, once, and again where the reason changes."""
    if await context.systems.note_trouble(error, context.clock()):
        logger.warning("system_waited_for", system=error.system, reason=error.waiting, status=error.status)


async def note_answer(context: WorkerContext, system: str) -> None:
    """Note that a system did what was asked. Where that ends its trouble, one of all workers logs it."""
    if await context.systems.note_answer(system, context.clock()):
        logger.warning("system_answers_again", system=system)


def count_and_log(lease: Lease, snapshot: Snapshot, progress: Progress, refused: Mapping[ActionName, Refused]) -> None:
    """Count and log the outcome of every action, a conflict, and a finding that no rule takes."""
    key = lease.record.key
    district = key.district
    account = f"incidents:{district}" if key.kind is CaseKind.INCIDENT else account_of(district)
    for action in progress.done:
        target = action.name.target
        ticket = progress.tickets.get(action.name.tracker)
        ACTIONS.labels(action.verb, target, "done").inc()
        where = {"system": account} if isinstance(action, SetStatus) else {"tracker": target}
        logger.info("action_done", action=str(action.name), **where, ticket=ticket.key if ticket else None)
        if isinstance(action, OpenTicket) and ticket and ticket.not_kept:
            logger.warning("fields_not_kept", tracker=target, ticket=ticket.key, fields=",".join(ticket.not_kept))
    failed: tuple[tuple[str, Mapping[ActionName, OutsideError]], ...] = (
        ("later", progress.later),
        ("refused", refused),
    )
    for outcome, errors in failed:
        for name, error in errors.items():
            ACTIONS.labels(name.verb, name.target, outcome).inc()
            if isinstance(error, BudgetSpent):
                continue  # thousands may wait for their turn, and nothing is wrong
            logger.warning("action_failed", action=str(name), system=error.system, outcome=outcome, status=error.status)
    if progress.is_conflict:
        CONFLICTS.labels(district).inc()
        logger.warning("case_conflict")
    is_idle = not any(ticket.state.is_active for ticket in progress.tickets.values())
    is_taken = snapshot.policy.rule and not snapshot.policy.is_former
    is_finding = snapshot.observation.subject.key.kind is CaseKind.FINDING  # most incidents need no ticket
    if is_finding and not is_taken and progress.status.is_unsolved and is_idle:
        UNMATCHED.labels(district).inc()
        logger.info("finding_unmatched")


def count_work(tally: ActivityTally, key: CaseKey, progress: Progress) -> None:
    """Count for charts the tickets that were opened, and changes of a finding's status."""
    for action in progress.done:
        if isinstance(action, OpenTicket):
            tally.add(WorkCount.OPENED, key.district)
        elif isinstance(action, SetStatus) and key.kind is CaseKind.FINDING:
            tally.add(WorkCount.PATCHED, key.district)


@dataclass(frozen=True, slots=True)
class Responses:
    """When what deliveries waited for was done (Unix seconds), by the field of the row that names it."""

    lease: Lease
    moments: Mapping[str, float]

    def count(self, tally: ActivityTally, severity: Severity) -> None:
        """Add them to the histograms. Call it after these fields are deleted from the row: nothing counts twice."""
        for name, moment in self.moments.items():
            received = self.lease.awaited[name]
            seconds = max(0.0, moment - received.at)
            _HISTOGRAMS[name].labels(received.sender).observe(seconds)
            tally.add(response_name(_RESPONSES[name], severity, seconds), self.lease.record.key.district)


def responses(lease: Lease, snapshot: Snapshot, progress: Progress, now: float) -> Responses:
    """What was done for waiting deliveries, by this look or by one whose worker died before it was counted.

    `now` is in Unix seconds.
    """
    found = {
        AWAITED_TICKET: _opened_at(lease, progress, now),
        AWAITED_STATUS: _changed_at(lease, snapshot, progress, now),
    }
    return Responses(lease, {name: at for name, at in found.items() if at is not None and name in lease.awaited})


def _opened_at(lease: Lease, progress: Progress, now: float) -> float | None:
    """When the case got its first ticket: now where a worker that died has opened it.

    None where the case had a ticket before, or has none.
    """
    record = lease.record
    begun = {name.tracker for name in record.memory.doing if name.verb == Verb.OPEN}
    if record.links.keys() - begun:
        return None
    if begun & progress.tickets.keys():
        return now
    opened = (progress.done_at[action.name] for action in progress.done if isinstance(action, OpenTicket))
    return min(opened, default=None)


def _changed_at(lease: Lease, snapshot: Snapshot, progress: Progress, now: float) -> float | None:
    """When the finding's status was written: now where a worker that died has written it. None where it was not."""
    changed = (progress.done_at[action.name] for action in progress.done if isinstance(action, SetStatus))
    is_found_changed = ActionName(Verb.PATCH, detail=snapshot.observation.subject.status) in lease.record.memory.doing
    return min(changed, default=now if is_found_changed else None)
