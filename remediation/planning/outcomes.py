"""What tickets that are done make of their finding: a decision, or a question to those who closed them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from remediation.domain.actions import Action, ActionName, CommentOnTicket, SetStatus, Verb, Why
from remediation.domain.cases.closings import Closing
from remediation.domain.cases.records import Memory
from remediation.domain.cases.verification import UNMENDED, claim_of
from remediation.domain.policy import Policy, accepts_risk
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.planning.situation import Situation

DECISIONS = frozenset({Reason.FIXED, Reason.ACCEPTED_RISK, Reason.FALSE_POSITIVE})
"""Reasons that decide about the finding; the others only say why nobody works on the ticket any more."""

_Outcome = tuple[SetStatus | CommentOnTicket, ...]
"""One change of the finding's status, or a comment on each ticket whose closing does not count."""


def is_question(token: str) -> bool:
    """Whether a told token (see CommentOnTicket) is a question: that a closing does not count as it is."""
    return token.partition("/")[2].partition("=")[0] in {Why.RISK_UNEXPLAINED, Why.KEPT_OPEN}


def outcome_of(tickets: Mapping[str, Ticket], policy: Policy, now: datetime) -> _Outcome:
    """Returns what these tickets, all of them done, make of their finding.

    A risk is accepted only where every decision accepts it, with all that the policy demands. Where no ticket has a
    decision, one closing that does not count leads to a question.
    """
    reasons = {name: ticket.reason or Reason.NONE for name, ticket in tickets.items()}
    decisions = [reason for reason in reasons.values() if reason in DECISIONS]
    if decisions and all(reason is Reason.ACCEPTED_RISK for reason in decisions):
        return _acceptance_of(tickets, policy, now)
    kept = {name for name, ticket in tickets.items() if _is_kept(ticket, policy)}
    counting: list[Reason] = [reason for reason in decisions if reason is not Reason.ACCEPTED_RISK]
    for reason in counting or ([] if kept else reasons.values()):
        if reason not in policy.kept_open:
            return (SetStatus(Status.RESOLVED, Why.TICKET_DONE, reason),)
    return tuple(CommentOnTicket(name, Why.KEPT_OPEN, tickets[name].closed_as) for name in tickets if name in kept)


def is_to_be_verified(action: SetStatus, case: Situation) -> bool:
    """Whether a scan must say that the finding is gone before this change of its status counts."""
    is_claim = action.status is Status.RESOLVED and action.reason not in UNMENDED
    is_of_one_site = (
        not case.record.key.is_of_group
    )  # a rule that groups does not verify; an earlier one may have grouped
    return is_claim and is_of_one_site and case.policy.verifies and case.seen.subject.keeps_status


def asking_for_scan(patch: SetStatus, tickets: Mapping[str, Ticket]) -> SetStatus:
    """Returns what takes the place of this change of the status until a scan has verified these closings."""
    return SetStatus(Status.REVIEWING, Why.VERIFYING, patch.reason, claim=claim_of(tickets))


def accepted_still(tickets: Mapping[str, Ticket], policy: Policy, now: datetime) -> SetStatus | None:
    """Returns the acceptance that these tickets state, if it counts and has not ended."""
    for action in outcome_of(tickets, policy, now):
        if isinstance(action, SetStatus) and action.status is Status.ACCEPTED_RISK:
            return action
    return None


def decided(tickets: Mapping[str, Ticket]) -> Status | None:
    """Returns what these tickets decide about their finding, whether or not it counts; None where they do not."""
    decisions = [ticket.reason for ticket in tickets.values() if ticket.reason in DECISIONS]
    if not decisions:
        return None
    every = all(reason is Reason.ACCEPTED_RISK for reason in decisions)
    return Status.ACCEPTED_RISK if every else Status.RESOLVED


def _acceptance_of(tickets: Mapping[str, Ticket], policy: Policy, now: datetime) -> _Outcome:
    if questions := tuple(_questions(tickets, policy, now)):
        return questions
    until = policy.risk_until(tickets)
    return (SetStatus(Status.ACCEPTED_RISK, Why.TICKET_DONE, Reason.ACCEPTED_RISK, until),)


def _questions(tickets: Mapping[str, Ticket], policy: Policy, now: datetime) -> Iterator[CommentOnTicket]:
    for name, ticket in tickets.items():
        if accepts_risk(ticket) and (lacking := policy.acceptance.lacks(ticket, now)):
            yield CommentOnTicket(name, Why.RISK_UNEXPLAINED, ",".join(lacking))


def as_remembered(tickets: Mapping[str, Ticket], memory: Memory) -> dict[str, Ticket]:
    """Returns the tickets with the reasons that count, in view of the memory.

    A word that was left when we reopened a ticket is no decision of the person who closes it: a fix needs no word, and
    for any other reason the person is asked. A ticket that we closed is done for the reason that we meant, where its
    tracker has no word for it. Where a tracker does not show the end of an acceptance (any more), the last one that was
    read counts.
    """
    return {name: _as_remembered(name, ticket, tickets, memory) for name, ticket in tickets.items()}


def _as_remembered(name: str, ticket: Ticket, tickets: Mapping[str, Ticket], memory: Memory) -> Ticket:
    if ticket.state is not TicketState.DONE or ActionName(Verb.RESOLVE, name) in memory.doing:
        return ticket
    left = memory.left_over.get(name, "")
    if left and left.casefold() == ticket.word.casefold():
        is_fix = ticket.reason is Reason.FIXED
        reason = Reason.NONE if is_fix else Reason.UNKNOWN
        return replace(ticket, reason=reason, risk=None, is_left_over=not is_fix)
    ticket = _as_dated(ticket, memory.closings.get(name))
    meant = _meant(name, ticket, tickets, memory)
    return ticket if meant is None or ticket.reason in DECISIONS else replace(ticket, reason=meant)


def _as_dated(ticket: Ticket, closing: Closing | None) -> Ticket:
    """Returns the ticket with the remembered end of its acceptance, where its tracker does not show the end."""
    if ticket.risk is None or not ticket.risk.is_untold or closing is None or closing.until is None:
        return ticket
    if not closing.is_of(ticket):
        return ticket
    until = datetime.fromtimestamp(closing.until, tz=UTC)
    return replace(ticket, risk=replace(ticket.risk, until=until))


def _meant(name: str, ticket: Ticket, tickets: Mapping[str, Ticket], memory: Memory) -> Reason | None:
    """Returns the reason for which we closed the ticket; None where we did not.

    Earlier versions did not store it: then an accepted finding says so where no ticket accepts the risk. Not while a
    look is unfinished: its ticket may have been opened since the finding was accepted, and a person may have closed it.
    """
    closing = memory.closings.get(name)
    if closing is not None:
        return closing.meant if closing.is_of(ticket) and closing.has_word_of(ticket) else None
    is_at_rest = not memory.doing and memory.finding is Status.ACCEPTED_RISK
    was_accepted = is_at_rest and memory.tickets.get(name) is TicketState.DONE
    return Reason.ACCEPTED_RISK if was_accepted and not any(map(accepts_risk, tickets.values())) else None


def decided_anew(case: Situation) -> list[Action]:
    """Returns what follows where the status is unchanged and the reason of a done ticket has changed.

    A reason that does not count, or lacks what the policy demands, takes the decision back that the earlier one was:
    the finding becomes `reviewing`, and the person who closed the ticket is asked. Where the earlier reason did not
    count either, the finding was solved by other means, and nothing follows. Where neither counts and other tickets
    decide, there is a new note, and no other status: SchoolScan may have decided against them.
    """
    seen, changed = case.seen, [name for name in case.seen.done if _is_decided_otherwise(case, name)]
    if not changed or seen.unseen or case.status is not case.memory.finding:
        return []
    outcome = outcome_of(case.deciding, case.policy, case.now)
    patches = [replace(action, why=Why.REASON_CHANGED) for action in outcome if isinstance(action, SetStatus)]
    if case.status is not Status.RESOLVED and any(is_to_be_verified(patch, case) for patch in patches):
        return [asking_for_scan(patches[0], case.deciding)]
    if patches:
        decides = any(case.counted(name) or not _is_kept(seen.tickets[name], case.policy) for name in changed)
        return [patch for patch in patches if decides or patch.status is case.status]
    withdrawn = [name for name in changed if case.counted(name)]
    if not withdrawn:
        return []
    return [SetStatus(Status.REVIEWING, Why.REASON_CHANGED, seen.tickets[withdrawn[0]].reason), *outcome]


def _is_decided_otherwise(case: Situation, name: str) -> bool:
    """Whether the reason of the done ticket has changed.

    The lost end of an acceptance does not count where the finding is resolved: no acceptance has resolved it.
    """
    is_undated = case.status is Status.RESOLVED and case.has_only_lost_its_end(name)
    return case.is_closed_otherwise(name) and not is_undated


def _is_kept(ticket: Ticket, policy: Policy) -> bool:
    """Whether the ticket is done for a reason that leaves the finding as it is."""
    return (ticket.reason or Reason.NONE) in policy.kept_open or ticket.is_left_over
