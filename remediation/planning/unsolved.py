"""Rows of the table: the finding is open or reviewing, so that somebody is to work on it."""

from collections.abc import Sequence

from remediation.domain.actions import Action, OpenTicket, ReopenTicket, SetStatus, Why
from remediation.domain.status import Status
from remediation.domain.tickets import Reason
from remediation.planning.endings import endings
from remediation.planning.outcomes import accepted_still, decided
from remediation.planning.reopening import brought_back, newly_opened
from remediation.planning.situation import Situation


def for_unsolved(case: Situation) -> list[Action]:
    """What brings an unsolved finding and its tickets into agreement."""
    if acceptance := _accepted_nevertheless(case):
        return [acceptance]
    again, owed = case.is_found_again, case.owed
    why = Why.FOUND_AGAIN if (again or owed) and case.seen.existing else Why.NEW
    opened = newly_opened(case, why)
    if not (again or owed or opened):
        return _unchanged(case)
    back = brought_back(case, [tracker for tracker in case.seen.done if again or tracker in owed], why)
    work = [*back, *opened]
    return [*work, *_note(case, work, why)]


def _accepted_nevertheless(case: Situation) -> SetStatus | None:
    """Found again, although somebody decided to live with it: the decision stands until it ends."""
    seen, before = case.seen, case.memory.finding
    if seen.active or not seen.existing or case.status is not Status.OPEN:
        return None
    if before is not Status.ACCEPTED_RISK:
        if seen.unseen or before is Status.RESOLVED:  # then it was to be mended, whatever tickets say
            return None
        return accepted_still(case.deciding, case.policy, case.now)
    if any(case.is_closed_otherwise(tracker) for tracker in seen.done):
        return None if seen.unseen else accepted_still(case.deciding, case.policy, case.now)
    until = case.risk_until
    if decided(case.deciding) is not Status.ACCEPTED_RISK or (until is not None and until <= case.now):
        return None
    return SetStatus(Status.ACCEPTED_RISK, Why.RISK_STILL_ACCEPTED, Reason.ACCEPTED_RISK, until)


def _unchanged(case: Situation) -> list[Action]:
    """Nothing calls for more work: tickets that are done end it, or others go on."""
    ending = endings(case)
    if any(isinstance(action, SetStatus) for action in ending):
        return ending
    return [*ending, *_note(case, (), Why.NEW)]


def _note(case: Situation, work: Sequence[OpenTicket | ReopenTicket], why: Why) -> list[SetStatus]:
    """The note that tells of this work, and of what is active already, where none does yet."""
    if not (work or case.seen.active):
        return []
    opens = any(isinstance(action, OpenTicket) for action in work)
    if not (opens or case.status is Status.OPEN or _is_unnamed(case)):
        return []
    is_conflict = any(action.why is Why.CONFLICT for action in work)
    return [SetStatus(Status.REVIEWING, Why.CONFLICT if is_conflict else why)]


def _is_unnamed(case: Situation) -> bool:
    """A ticket was opened after the last agreement, and no note names it yet."""
    return case.is_known and any(tracker not in case.memory.tickets for tracker in case.seen.active)
