"""Which changes are our own after a crash: what was done between the last memory and the crash."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeGuard

from remediation.domain.actions import (
    BRINGS_BACK,
    Action,
    ActionName,
    OpenTicket,
    Plan,
    ReopenTicket,
    Verb,
)
from remediation.domain.cases.closings import Closing
from remediation.domain.cases.records import CaseRecord, Memory
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.planning.observation import Observation


def with_own_work(memory: Memory, seen: Observation, parked: AbstractSet[ActionName] = frozenset()) -> Memory:
    """Returns the memory in which those of our unfinished actions count as done whose result is seen.

    After a crash it is known which actions were begun, and not which were done. Where the result of an action is seen,
    it was our action and no person's change. `parked` are the names of actions that were set aside and not done.
    """
    memory = _of_these_tickets(memory, seen)
    if not memory.doing and memory.planned_at is None:
        return memory
    finding, tickets, closings = memory.finding, dict(memory.tickets), memory.closings
    status = seen.subject.status
    if _is_ours(memory, seen):
        finding = status
        if finding.is_solved:  # planned only where every other ticket was done
            closing = {name for name in seen.existing if ActionName(Verb.RESOLVE, name) in memory.doing | parked}
            known = {name: state for name, state in tickets.items() if name in closing}
            tickets = dict.fromkeys(seen.existing.keys() - closing, TicketState.DONE) | known
        elif memory.planned_at is not None and memory.planned_at.is_solved:  # closings that it took back are dealt with
            tickets |= {name: TicketState.DONE for name in seen.done if _is_as_planned(name, memory, seen)}
        closings = {name: _closing(name, memory, seen) for name in seen.done} | _unchanged(memory, seen)
    elif memory.planned_at not in {None, status} and not (status.is_unsolved and memory.planned_at.is_unsolved):
        finding = memory.planned_at  # somebody else has changed it since
    elif _is_closed_first(memory, seen):
        finding = memory.planned_at
    for tracker, ticket in seen.existing.items():
        verbs = {Verb.RESOLVE} if ticket.state is TicketState.DONE else BRINGS_BACK
        if any(ActionName(verb, tracker) in memory.doing for verb in verbs):
            tickets[tracker] = ticket.state
    return replace(memory, finding=finding, tickets=tickets, closings=closings, doing=frozenset(), planned_at=None)


def _is_closed_first(memory: Memory, seen: Observation) -> bool:
    """Whether people have closed the case's first tickets before the status of their subject was set.

    It is `open` still, because we died after a ticket was opened, and was not found again: it has not changed since.
    """
    is_open = memory.finding is None and memory.planned_at is seen.subject.status is Status.OPEN
    opened = any(ActionName(Verb.OPEN, name) in memory.doing for name in seen.done)
    return is_open and opened and seen.is_closed_last


def _is_as_planned(name: str, memory: Memory, seen: Observation) -> bool:
    """Whether the done ticket is closed as it was at the time of the plan."""
    at, closing = memory.closed_at.get(name), memory.closings.get(name)
    is_same = at is not None and at == closing_times(seen, (name,)).get(name)
    return is_same and not (closing is not None and closing.differs_from(seen.tickets[name]))


def times_of_undone(seen: Observation, doing: AbstractSet[ActionName]) -> dict[str, int]:
    """Returns when the done tickets were closed, where `doing` takes the solving of their subject back.

    These closings do not count any more once `reviewing` is written. A ticket that is to be brought back is not one.
    """
    if not seen.subject.status.is_solved or ActionName(Verb.PATCH, detail=Status.REVIEWING) not in doing:
        return {}
    back = {name.tracker for name in doing if name.verb in BRINGS_BACK}
    return closing_times(seen, [name for name in seen.done if name not in back])


def _of_these_tickets(memory: Memory, seen: Observation) -> Memory:
    """Returns the memory without the closings of tickets that have been replaced by another one in their tracker.

    Where a ticket is deleted, an earlier one of the case counts instead, and a worker may die before it remembers that.
    """
    tickets, closings = seen.tickets, memory.closings
    of_others = {name for name, each in closings.items() if name in tickets and not each.is_of(tickets[name])}
    if not of_others:
        return memory
    return replace(memory, closings={name: each for name, each in closings.items() if name not in of_others})


def _closing(name: str, memory: Memory, seen: Observation) -> Closing:
    """Returns how the ticket was closed: by us where that was begun, for the reason that the status implies."""
    meant = Reason.ACCEPTED_RISK if seen.subject.status is Status.ACCEPTED_RISK else Reason.FIXED
    return Closing.of(seen.existing[name], meant if ActionName(Verb.RESOLVE, name) in memory.doing else None)


def _unchanged(memory: Memory, seen: Observation) -> dict[str, Closing]:
    """Returns the remembered closings, without those of tickets whose reason has changed."""
    kept = memory.closings.items()
    return {name: each for name, each in kept if name not in seen.done or not each.differs_from(seen.tickets[name])}


def written_ahead(record: CaseRecord, seen: Observation, actions: Plan) -> Memory:
    """Returns the memory to store before the first of these actions. After a crash it distinguishes our own work.

    An unfinished SetStatus of an earlier look is dropped: it is done, or this plan replaces it, so a later status does
    not come from it. A ticket that is to be brought back counts as done before: where it is still done after a crash,
    nobody has closed it again. Of one that a person has opened again the former closing is over.
    """
    known = with_own_work(record.memory, seen, record.parked)
    doing = {name for name in record.memory.doing if name.verb != Verb.PATCH} | {action.name for action in actions}
    back = {action.tracker: TicketState.DONE for action in actions if _brings_back(action)}
    return replace(
        known,
        tickets={**known.tickets, **back},
        doing=frozenset(doing),
        planned_at=seen.subject.status,
        closings={name: each for name, each in known.closings.items() if name not in seen.active},
        closed_at={name: at for name, at in known.closed_at.items() if name not in back}
        | times_of_undone(seen, doing)
        | closing_times(seen, back),
    )


def found_done(memory: Memory, seen: Observation) -> tuple[ActionName, ...]:
    """Returns the begun actions of earlier looks whose result is seen, in order: those looks could not say so.

    A comment, and a ticket that was made more urgent, leave nothing by which they could be told from a person's.
    """
    return tuple(name for name in sorted(memory.doing, key=str) if _is_seen(name, memory, seen))


def _is_seen(name: ActionName, memory: Memory, seen: Observation) -> bool:
    if name.verb == Verb.PATCH:
        return name.detail == seen.subject.status and _is_ours(memory, seen)
    ticket = seen.existing.get(name.tracker)
    if ticket is None or name.verb not in {Verb.OPEN, Verb.REOPEN, Verb.RESOLVE}:
        return False
    if name.verb == Verb.OPEN and name.tracker not in memory.tickets:
        return True
    return ticket.state.is_active is (name.verb in BRINGS_BACK)


def closing_times(seen: Observation, trackers: Iterable[str]) -> dict[str, int]:
    """When the done tickets of these trackers were closed (see Memory.closed_at), as far as that is known."""
    done = (seen.tickets[name] for name in trackers if name in seen.done)
    return {each.tracker: int(each.closed_at.timestamp()) for each in done if each.closed_at is not None}


def _brings_back(action: Action) -> TypeGuard[ReopenTicket | OpenTicket]:
    return isinstance(action, ReopenTicket) or (isinstance(action, OpenTicket) and action.follows is not None)


def _is_ours(memory: Memory, seen: Observation) -> bool:
    """Whether we set the present status of the finding.

    We did not where it had this status before: then the SetStatus only added a note. Nor did we where tickets were to
    be opened first and none is active, because `reviewing` is written after that. If people have closed all of them
    meanwhile, the finding counts as still open.
    """
    status, opening = seen.subject.status, any(name.verb in BRINGS_BACK for name in memory.doing)
    if ActionName(Verb.PATCH, detail=status) not in memory.doing:
        return False
    if memory.finding is None:
        return True
    is_early = status is Status.REVIEWING and opening and not seen.active and not seen.unseen
    return memory.planned_at is not status and not is_early


def still_owed(record: CaseRecord, seen: Observation) -> frozenset[str]:
    """Returns the trackers whose ticket was to be brought back when the finding was found again, and is still done.

    The tickets of other trackers were brought back, so the finding is `reviewing` and does not show that any more.
    Where the answer to that SetStatus is not known, after a crash for example, a ticket may have been brought back and
    closed again by a person: it counts only where it is known that it was closed before.
    """
    memory, status = record.memory, seen.subject.status
    if not memory.doing or status is not Status.REVIEWING:
        return frozenset()
    owed = {name.tracker for name in memory.doing if name.verb in BRINGS_BACK} & set(seen.done)
    if ActionName(Verb.PATCH, detail=status) in memory.doing:
        return frozenset(name for name in owed if _is_closed_as_before(seen.tickets[name], record, seen))
    if not memory.finding is memory.planned_at is status:
        return frozenset()
    return frozenset(name for name in owed if _is_as_it_was(seen.tickets[name], record, seen))


def _is_closed_as_before(ticket: Ticket, record: CaseRecord, seen: Observation) -> bool:
    """Whether nobody has opened and closed the ticket since it was to be brought back (see Memory.closed_at)."""
    before = record.memory.closed_at.get(ticket.tracker)
    if before == 0:
        return _is_as_it_was(ticket, record, seen)
    return before is not None and before == closing_times(seen, (ticket.tracker,)).get(ticket.tracker)


def _is_as_it_was(ticket: Ticket, record: CaseRecord, seen: Observation) -> bool:
    """Whether a ticket was done already when its finding was found again.

    A linked ticket was if the memory says so. A ticket that is found only now was if it was not closed after the
    finding's last change.
    """
    link, known = record.links.get(ticket.tracker), record.memory.tickets.get(ticket.tracker)
    if link is not None:
        return known is TicketState.DONE and link.ticket_id == ticket.id
    changed = seen.subject.changed_at
    is_late = ticket.closed_at is not None and changed is not None and ticket.closed_at > changed
    intent = record.intents.get(ticket.tracker)
    return known is None and not (intent is not None and intent.is_ours) and not is_late
