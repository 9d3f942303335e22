"""Rows of the table: the subject is resolved, accepted as a risk or gone, so that nobody need work on it any more."""

from collections.abc import Sequence

from remediation.domain.actions import (
    BRINGS_BACK,
    Action,
    ActionName,
    CommentOnTicket,
    ResolveTicket,
    SetStatus,
    Verb,
    Why,
)
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.planning.closings import decided_anew
from remediation.planning.outcomes import decided
from remediation.planning.reopening import newly_opened, no_longer_accepting
from remediation.planning.situation import Situation


def for_solved(case: Situation) -> list[Action]:
    """What brings a solved finding and its tickets into agreement."""
    if reopened := [tracker for tracker in case.seen.active if case.was_done(tracker)]:
        return _reopened(case, reopened)
    if expired := _expired(case):
        return expired
    if _is_bringing_back(case):
        return [*no_longer_accepting(case), SetStatus(Status.REVIEWING, Why.RISK_EXPIRED)]
    anew = decided_anew(case)
    status = next((action.status for action in anew if isinstance(action, SetStatus)), case.status)
    closings = [closing(tracker, status) for tracker in case.seen.active if status.is_solved]
    return [*closings, *(anew or _reasons_that_disagree(case))]


def _reopened(case: Situation, reopened: Sequence[str]) -> list[Action]:
    """Somebody works on it again: the side that says *still open* wins, and is told where the other side disagrees."""
    if case.status is case.memory.finding:
        return [SetStatus(Status.REVIEWING, Why.TICKET_REOPENED)]
    told = [CommentOnTicket(tracker, Why.CONFLICT) for tracker in reopened]
    return [*told, SetStatus(Status.REVIEWING, Why.CONFLICT)]


def _expired(case: Situation) -> list[Action]:
    """An accepted risk has come to its end: the tickets that accepted it come back, or those that the rule wants now.

    Where there is nothing to bring back the finding alone does; where that was refused, it waits with it for a person.
    """
    if case.status is not Status.ACCEPTED_RISK or case.seen.unseen:
        return []
    until = case.risk_until
    if until is None or until > case.now:
        return []
    back = [*no_longer_accepting(case), *newly_opened(case, Why.RISK_EXPIRED)]
    if not back and any(name.verb in BRINGS_BACK for name in case.record.parked):
        return []
    return [*back, SetStatus(Status.REVIEWING, Why.RISK_EXPIRED, until=until)]


def _is_bringing_back(case: Situation) -> bool:
    """We have opened a ticket again because an acceptance ended, and were cut off before we could say so."""
    known, active = case.record.memory, case.seen.active
    if not (known.planned_at is case.status is Status.ACCEPTED_RISK):
        return False
    accepting = ActionName(Verb.PATCH, detail=Status.ACCEPTED_RISK)
    if any(name.verb == Verb.RESOLVE or name == accepting for name in known.doing):
        return False  # it was accepted while we set out to open tickets
    done = [name for name in active if known.tickets.get(name) is TicketState.DONE]
    own = {ActionName(verb, name) for verb in BRINGS_BACK for name in done}
    own.add(ActionName(Verb.PATCH, detail=Status.REVIEWING))
    return bool(active) and bool(own & known.doing)


def _reasons_that_disagree(case: Situation) -> list[Action]:
    """The finding was solved and tickets were closed since the last agreement, one as fixed and one as accepted.

    Or it was solved in another way, and the reason for which a ticket is done has changed. SchoolScan's word counts,
    and both sides are told.
    """
    before, status = case.memory.finding, case.status
    if before is None or before is status:
        return []
    closed = {
        tracker: case.seen.tickets[tracker]
        for tracker in case.seen.done
        if (before.is_unsolved and case.was_active(tracker)) or case.is_closed_otherwise(tracker)
    }
    if decided(closed) in {None, status}:
        return []
    actions: list[Action] = [CommentOnTicket(tracker, Why.CONFLICT) for tracker in closed]
    if status is Status.ACCEPTED_RISK or status is Status.RESOLVED:
        actions.append(SetStatus(status, Why.CONFLICT))
    return actions


def for_gone(case: Situation) -> list[Action]:
    """The tickets are closed if the rule allows, never silently (see notifications.py)."""
    if not case.policy.closes_gone:
        return []
    return [closing(tracker, case.status) for tracker in case.seen.active if not _goes_on(case, tracker)]


def _goes_on(case: Situation, tracker: str) -> bool:
    """A person has opened the ticket of a finding that is gone again: that counts for as long as it is gone."""
    telling = CommentOnTicket(tracker, Why.FINDING_GONE)
    is_told = telling.token in case.memory.told or telling.name in case.set_aside
    return is_told or case.was_done(tracker)


def closing(tracker: str, status: Status) -> ResolveTicket:
    """Closing a ticket because of where its finding stands."""
    match status:
        case Status.ACCEPTED_RISK:
            return ResolveTicket(tracker, Reason.ACCEPTED_RISK, Why.FINDING_ACCEPTED)
        case Status.GONE:
            return ResolveTicket(tracker, Reason.CANCELLED, Why.FINDING_GONE)
        case _:
            return ResolveTicket(tracker, Reason.FIXED, Why.FINDING_RESOLVED)
