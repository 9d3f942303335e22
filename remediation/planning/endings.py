"""Rows of the table: the finding is unchanged, and tickets are done."""

from collections.abc import Mapping
from datetime import datetime

from remediation.domain.actions import BRINGS_BACK, Action, ActionName, ResolveTicket, SetStatus, Why
from remediation.domain.policy import Policy, ResolveWhen, accepts_risk
from remediation.domain.tickets import Ticket, TicketState
from remediation.planning.outcomes import is_question, outcome_of
from remediation.planning.situation import Situation


def endings(case: Situation) -> list[Action]:
    """What the tickets that are done make of a finding that waits for them, and of the case's other tickets."""
    deciding = _deciding(case)
    if not deciding or _is_stuck(case):
        return []
    actions: list[Action] = []
    for action in outcome_of(deciding, case.policy, case.now):
        if isinstance(action, SetStatus) and action.reason is not None:
            reason = action.reason
            actions += [ResolveTicket(tracker, reason, Why.TICKET_DONE) for tracker in case.seen.active]
        actions.append(action)
    return actions


def _deciding(case: Situation) -> Mapping[str, Ticket]:
    """The tickets whose closing ends the case: all of them, or with `any` some; none while it goes on."""
    seen = case.seen
    if case.policy.resolve_when is ResolveWhen.ALL or (seen.unseen and not seen.active):
        return {} if seen.active or seen.unseen else case.deciding
    closed = {name: seen.tickets[name] for name in _closed_since(case)}
    if closed:  # an acceptance that has ended is a decision that says too little, however long ago it was made
        closed |= {name: each for name, each in seen.existing.items() if _has_ended(each, case.policy, case.now)}
    if not seen.active:  # those that we have closed with it decide nothing
        return closed if closed and case.is_known else seen.existing
    return closed if case.is_known or seen.is_closed_last else {}


def _closed_since(case: Situation) -> list[str]:
    """The trackers whose ticket was closed, or closed otherwise, since the last agreement or a question about it."""
    if not case.is_known:
        return list(case.seen.done)
    before = case.memory.tickets
    asked = {token.partition("/")[0] for token in case.memory.told if is_question(token)}
    return [
        name
        for name in case.seen.done
        if name in asked
        or before.get(name) not in {None, TicketState.DONE}
        or case.is_closed_otherwise(name)
        or case.has_later_end(name)
    ]


def _has_ended(ticket: Ticket, policy: Policy, now: datetime) -> bool:
    """Whether the ticket accepted a risk for a time that is over."""
    until = policy.acceptance.until(ticket)
    return accepts_risk(ticket) and until is not None and until <= now


def _is_stuck(case: Situation) -> bool:
    """The tickets are done only because a tracker would not bring them back: nobody has closed any since."""
    done, refused = case.seen.done, case.set_aside
    if not refused or not all(case.was_done(tracker) for tracker in done):
        return False
    return any(ActionName(verb, tracker) in refused for tracker in done for verb in BRINGS_BACK)
