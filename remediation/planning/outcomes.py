"""What tickets that are done make of their finding: a decision, or a question back to those who closed them."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from remediation.domain.actions import CommentOnTicket, SetStatus, Why
from remediation.domain.policy import Policy, accepts_risk
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket

DECISIONS = frozenset({Reason.FIXED, Reason.ACCEPTED_RISK, Reason.FALSE_POSITIVE})
"""Reasons that say something of the finding; the others say only why nobody works on the ticket any more."""

Outcome = tuple[SetStatus | CommentOnTicket, ...]
"""One change of the finding's status, or a comment on each ticket whose closing does not count."""


def is_question(token: str) -> bool:
    """Whether what was told (see CommentOnTicket.token) says that a closing does not count as it is."""
    return token.partition("/")[2].partition("=")[0] in {Why.RISK_UNEXPLAINED, Why.KEPT_OPEN}


def outcome_of(tickets: Mapping[str, Ticket], policy: Policy, now: datetime) -> Outcome:
    """What these tickets, all of them done, make of their finding.

    A risk is accepted only where every decision says so, and says enough. Where nobody decided anything, one closing
    that does not count is enough for a question.
    """
    reasons = {name: ticket.reason or Reason.NONE for name, ticket in tickets.items()}
    decisions = [reason for reason in reasons.values() if reason in DECISIONS]
    if decisions and all(reason is Reason.ACCEPTED_RISK for reason in decisions):
        return _acceptance_of(tickets, policy, now)
    kept = {name for name, ticket in tickets.items() if reasons[name] in policy.kept_open or ticket.is_left_over}
    counting: list[Reason] = [reason for reason in decisions if reason is not Reason.ACCEPTED_RISK]
    for reason in counting or ([] if kept else reasons.values()):
        if reason not in policy.kept_open:
            return (SetStatus(Status.RESOLVED, Why.TICKET_DONE, reason),)
    return tuple(CommentOnTicket(name, Why.KEPT_OPEN, tickets[name].closed_as) for name in tickets if name in kept)


def accepted_still(tickets: Mapping[str, Ticket], policy: Policy, now: datetime) -> SetStatus | None:
    """The acceptance that these tickets state, if it counts and has not ended."""
    for action in outcome_of(tickets, policy, now):
        if isinstance(action, SetStatus) and action.status is Status.ACCEPTED_RISK:
            return action
    return None


def decided(tickets: Mapping[str, Ticket]) -> Status | None:
    """What these tickets decide of their finding, whether or not it counts; None where they decide nothing."""
    decisions = [ticket.reason for ticket in tickets.values() if ticket.reason in DECISIONS]
    if not decisions:
        return None
    every = all(reason is Reason.ACCEPTED_RISK for reason in decisions)
    return Status.ACCEPTED_RISK if every else Status.RESOLVED


def _acceptance_of(tickets: Mapping[str, Ticket], policy: Policy, now: datetime) -> Outcome:
    if questions := tuple(_questions(tickets, policy, now)):
        return questions
    until = policy.risk_until(tickets)
    return (SetStatus(Status.ACCEPTED_RISK, Why.TICKET_DONE, Reason.ACCEPTED_RISK, until),)


def _questions(tickets: Mapping[str, Ticket], policy: Policy, now: datetime) -> Iterator[CommentOnTicket]:
    for name, ticket in tickets.items():
        if accepts_risk(ticket) and (lacking := policy.acceptance.lacks(ticket, now)):
            yield CommentOnTicket(name, Why.RISK_UNEXPLAINED, ",".join(lacking))
