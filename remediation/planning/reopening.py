"""How tickets that are done come back to work."""

from collections.abc import Iterable

from remediation.domain.actions import OpenTicket, ReopenTicket, Why
from remediation.domain.policy import accepts_risk
from remediation.planning.situation import Situation


def brought_back(case: Situation, trackers: Iterable[str], why: Why) -> list[OpenTicket | ReopenTicket]:
    """The done tickets of these trackers, each opened again or followed by a new one; not where that is parked."""
    back: list[OpenTicket | ReopenTicket] = []
    may_conflict = why is Why.FOUND_AGAIN and case.is_known
    for tracker in trackers:
        ticket = case.seen.tickets[tracker]
        reason = Why.CONFLICT if may_conflict and case.was_active(tracker) else why
        if case.policy.reopens(ticket, case.now):
            back.append(ReopenTicket(tracker, reason))
        elif tracker in case.policy.trackers:
            back.append(OpenTicket(tracker, reason, ticket.id))
    parked = case.record.parked
    return [action for action in back if action.name not in parked] if parked else back


def newly_opened(case: Situation, why: Why) -> list[OpenTicket]:
    """The tickets that the rule wants and nobody has, or has any more; not where that is parked."""
    opened, parked = [OpenTicket(tracker, why) for tracker in case.missing], case.record.parked
    return [action for action in opened if action.name not in parked] if parked else opened


def no_longer_accepting(case: Situation) -> list[OpenTicket | ReopenTicket]:
    """The tickets that accepted a risk which has come to its end, brought back."""
    accepting = (tracker for tracker in case.seen.done if accepts_risk(case.seen.tickets[tracker]))
    return brought_back(case, accepting, Why.RISK_EXPIRED)
