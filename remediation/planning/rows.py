"""The rows of the table, by the status of the subject.

Unsolved (open or reviewing): somebody is to work on it, or tickets that are done decide it. Solved (resolved or
accepted as a risk) and gone: nobody need work on it any more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from remediation.domain.actions import (
    BRINGS_BACK,
    Action,
    ActionName,
    CommentOnTicket,
    OpenTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Verb,
    Why,
)
from remediation.domain.cases.verification import ScanVerdict
from remediation.domain.policy import Policy, ResolveWhen, accepts_risk
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.planning.outcomes import (
    accepted_still,
    asking_for_scan,
    decided,
    decided_anew,
    is_question,
    is_to_be_verified,
    outcome_of,
)
from remediation.planning.situation import Situation


def for_unsolved(case: Situation) -> list[Action]:
    """Returns what brings an unsolved finding and its tickets into agreement."""
    if acceptance := _accepted_nevertheless(case):
        return [acceptance]
    again, owed = case.is_found_again and not _may_be_mended(case), case.owed
    why = Why.FOUND_AGAIN if (again or owed) and case.seen.existing and not _is_first(case) else Why.NEW
    if why is Why.FOUND_AGAIN:
        why = _why_back(case)
    opened = _newly_opened(case, why)
    if not (again or owed or opened):
        return _unchanged(case)
    back = _brought_back(case, [tracker for tracker in case.seen.done if again or tracker in owed], why)
    work = [*back, *opened]
    return [*work, *_note(case, work, why)]


def _is_first(case: Situation) -> bool:
    """Whether nothing says that the finding was ever away: both sides have never agreed, and no ticket was done.

    So it is where its tickets were opened, and its status waits for the limit of requests or for SchoolScan.
    """
    return not (case.is_known or case.seen.done or case.owed)


def _accepted_nevertheless(case: Situation) -> SetStatus | None:
    """The acceptance that still counts although the finding was found again; None where there is none."""
    seen, before = case.seen, case.memory.finding
    if seen.active or not seen.existing or case.status is not Status.OPEN:
        return None
    if before is not Status.ACCEPTED_RISK:
        if seen.unseen or before is Status.RESOLVED:  # then it was to be corrected, whatever tickets say
            return None
        return accepted_still(case.deciding, case.policy, case.now)
    if any(case.is_closed_otherwise(tracker) for tracker in seen.done):
        return None if seen.unseen else accepted_still(case.deciding, case.policy, case.now)
    until = case.risk_until
    if decided(case.deciding) is not Status.ACCEPTED_RISK or (until is not None and until <= case.now):
        return None
    return SetStatus(Status.ACCEPTED_RISK, Why.RISK_STILL_ACCEPTED, Reason.ACCEPTED_RISK, until)


def _unchanged(case: Situation) -> list[Action]:
    """What follows where no ticket is to be opened: done tickets decide, or work on the others continues."""
    ending = _endings(case)
    if any(isinstance(action, SetStatus) for action in ending):
        return ending
    return [*ending, *(_note(case, (), Why.NEW) or _lost(case))]


def _lost(case: Situation) -> list[SetStatus]:
    """What an incident is whose tickets are all closed and decide nothing, where our status was lost or never set."""
    seen = case.seen
    if seen.subject.keeps_status or case.status is not Status.OPEN or seen.active or seen.unseen or not seen.done:
        return []
    return [SetStatus(Status.REVIEWING, Why.KEPT_OPEN)]


def _note(case: Situation, work: Sequence[OpenTicket | ReopenTicket], why: Why) -> list[SetStatus]:
    """The note that names the tickets of this work and the active ones, where no earlier note names them."""
    if not (work or case.seen.active):
        return []
    opens = any(isinstance(action, OpenTicket) for action in work)
    is_verdict = why in {Why.STILL_FOUND, Why.UNVERIFIED}
    if not (opens or is_verdict or case.status is Status.OPEN or _is_unnamed(case)):
        return []
    is_conflict = any(action.why is Why.CONFLICT for action in work)
    return [SetStatus(Status.REVIEWING, Why.CONFLICT if is_conflict else why)]


def _is_unnamed(case: Situation) -> bool:
    """Whether a ticket was opened after the last agreement, so that no note names it yet."""
    return case.is_known and any(tracker not in case.memory.tickets for tracker in case.seen.active)


def _endings(case: Situation) -> list[Action]:
    """What done tickets make of an unsolved finding, and of the case's other tickets."""
    deciding = _deciding(case)
    if not deciding or (_is_stuck(case) and case.verification_of(deciding) is None):
        return []
    actions: list[Action] = []
    for action in outcome_of(deciding, case.policy, case.now):
        if isinstance(action, SetStatus) and is_to_be_verified(action, case):
            return _verified(case, deciding, action)
        if isinstance(action, SetStatus) and action.reason is not None:
            reason = action.reason
            actions += [ResolveTicket(tracker, reason, Why.TICKET_DONE) for tracker in case.seen.active]
        actions.append(action)
    return actions


def _verified(case: Situation, deciding: Mapping[str, Ticket], patch: SetStatus) -> list[Action]:
    """What follows where tickets say that the finding is mended, and a scan must say so, too."""
    known = case.verification_of(deciding)
    if known is None:
        return [asking_for_scan(patch, deciding)]
    match known.verdict:
        case None:
            failed = str(known.tries - 1) if known.tries > 1 else ""
            note = replace(asking_for_scan(patch, deciding), claim=known.claim, fact=failed)
            return [note] if known.told < known.tries else []
        case ScanVerdict.GONE:
            reason = patch.reason or Reason.NONE
            closings = [ResolveTicket(tracker, reason, Why.TICKET_DONE) for tracker in case.seen.active]
            return [*closings, replace(patch, fact=known.scan)]
        case ScanVerdict.FOUND | ScanVerdict.FAILED | ScanVerdict.REFUSED:
            why = Why.STILL_FOUND if known.verdict is ScanVerdict.FOUND else Why.UNVERIFIED
            back = _brought_back(case, deciding, why)
            return [*back, SetStatus(Status.REVIEWING, why, fact=known.fact)] if back else []
        case _:
            assert_never(known.verdict)


def is_being_verified(case: Situation) -> bool:
    """Whether the finding is kept as it is until a scan says whether what people mended is gone."""
    if not case.status.is_unsolved:
        return False
    deciding = _deciding(case)
    outcome = outcome_of(deciding, case.policy, case.now) if deciding else ()
    is_claim = any(isinstance(action, SetStatus) and is_to_be_verified(action, case) for action in outcome)
    return is_claim and case.verification_of(deciding) is not None


def _may_be_mended(case: Situation) -> bool:
    """Whether the memory is lost and closed tickets say that the finding is mended: only a scan can tell."""
    seen = case.seen
    if case.is_known or case.status is not Status.REVIEWING or seen.active or seen.unseen or not case.policy.verifies:
        return False
    outcome = outcome_of(case.deciding, case.policy, case.now) if seen.done else ()
    return any(isinstance(action, SetStatus) and is_to_be_verified(action, case) for action in outcome)


def _why_back(case: Situation) -> Why:
    """Why tickets of a finding are brought back that is there again: it was there all the time, if it was verified."""
    known = case.record.verification
    if known is None or not any(known.has(case.seen.tickets[name]) for name in case.seen.done):
        return Why.FOUND_AGAIN
    has_no_result = known.verdict in {ScanVerdict.FAILED, ScanVerdict.REFUSED} and not case.is_found_again
    return Why.UNVERIFIED if has_no_result else Why.STILL_FOUND


def _deciding(case: Situation) -> Mapping[str, Ticket]:
    """The done tickets that decide: all of the case's, or with `resolve_when: any` some. Empty while work continues."""
    seen = case.seen
    if case.policy.resolve_when is ResolveWhen.ALL or (seen.unseen and not seen.active):
        return {} if seen.active or seen.unseen else case.deciding
    closed = {name: seen.tickets[name] for name in _closed_since(case)}
    if closed:  # an acceptance that has ended does not count, however long ago it was made
        closed |= {name: each for name, each in seen.existing.items() if _has_ended(each, case.policy, case.now)}
    if not seen.active:  # the others were closed by us, and decide nothing
        return closed if closed and case.is_known else case.deciding
    return closed if case.is_known or seen.is_closed_last else {}


def _closed_since(case: Situation) -> list[str]:
    """The trackers whose ticket was closed, or got another reason, since the last agreement or question."""
    if not case.is_known:
        return list(case.seen.done)
    before, known = case.memory.tickets, case.record.verification
    asked = {token.partition("/")[0] for token in case.memory.told if is_question(token)}
    return [
        name
        for name in case.seen.done
        if name in asked
        or (known is not None and known.has(case.seen.tickets[name]))
        or before.get(name) not in {None, TicketState.DONE}
        or case.is_closed_otherwise(name)
        or case.has_later_end(name)
    ]


def _has_ended(ticket: Ticket, policy: Policy, now: datetime) -> bool:
    """Whether the ticket accepted a risk, and the acceptance has ended."""
    until = policy.acceptance.until(ticket)
    return accepts_risk(ticket) and until is not None and until <= now


def _is_stuck(case: Situation) -> bool:
    """Whether no ticket is active only because a tracker refused one, and nobody has closed one since.

    It refused to reopen a done ticket, or to open one in place of a ticket that was deleted.
    """
    done, refused = case.seen.done, case.set_aside
    if not refused or not all(case.was_done(tracker) for tracker in done):
        return False
    if any(case.is_closed_otherwise(tracker) or case.has_later_end(tracker) for tracker in done):
        return False
    return any(ActionName(verb, tracker) in refused for tracker in (*done, *case.missing) for verb in BRINGS_BACK)


def for_solved(case: Situation) -> list[Action]:
    """Returns what brings a solved finding and its tickets into agreement."""
    if reopened := [tracker for tracker in case.seen.active if case.was_done(tracker)]:
        return _reopened(case, reopened)
    if expired := _expired(case):
        return expired
    if _is_bringing_back(case):
        return [*_no_longer_accepting(case), SetStatus(Status.REVIEWING, Why.RISK_EXPIRED)]
    anew = decided_anew(case)
    status = next((action.status for action in anew if isinstance(action, SetStatus)), case.status)
    closings = [closing(tracker, status) for tracker in case.seen.active if status.is_solved]
    return [*closings, *(anew or _reasons_that_disagree(case))]


def _reopened(case: Situation, reopened: Sequence[str]) -> list[Action]:
    """What follows where a person reopened tickets: the finding is `reviewing`. A conflict is told to both sides."""
    if case.status is case.memory.finding:
        return [SetStatus(Status.REVIEWING, Why.TICKET_REOPENED)]
    told = [CommentOnTicket(tracker, Why.CONFLICT) for tracker in reopened]
    return [*told, SetStatus(Status.REVIEWING, Why.CONFLICT)]


def _expired(case: Situation) -> list[Action]:
    """What follows where an acceptance has ended: its tickets are brought back, or the rule's tickets are opened.

    Where no ticket can be, the finding alone becomes `reviewing`. Where a tracker refused it, the finding waits with
    the parked action for a person.
    """
    if case.status is not Status.ACCEPTED_RISK or case.seen.unseen:
        return []
    until = case.risk_until
    if until is None or until > case.now:
        return []
    back = [*_no_longer_accepting(case), *_newly_opened(case, Why.RISK_EXPIRED)]
    if not back and any(name.verb in BRINGS_BACK for name in case.record.parked):
        return []
    return [*back, SetStatus(Status.REVIEWING, Why.RISK_EXPIRED, until=until)]


def _is_bringing_back(case: Situation) -> bool:
    """Whether we brought a ticket back because an acceptance ended, and a crash prevented the note about it."""
    known, active = case.record.memory, case.seen.active
    if not (known.planned_at is case.status is Status.ACCEPTED_RISK):
        return False
    accepting = ActionName(Verb.PATCH, detail=Status.ACCEPTED_RISK)
    if any(name.verb == Verb.RESOLVE or name == accepting for name in known.doing):
        return False  # it was accepted after we had begun to open tickets
    done = [name for name in active if known.tickets.get(name) is TicketState.DONE]
    own = {ActionName(verb, name) for verb in BRINGS_BACK for name in done}
    own.add(ActionName(Verb.PATCH, detail=Status.REVIEWING))
    return bool(active) and bool(own & known.doing)


def _reasons_that_disagree(case: Situation) -> list[Action]:
    """What follows where finding and tickets were both solved since the last agreement, in ways that disagree.

    The same holds where the finding was solved in another way and the reason of a done ticket has changed. SchoolScan's
    status counts, and both sides are told.
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
    """The tickets are closed if the rule allows. Their people are told in any case, by a comment (see plans.py)."""
    if not case.policy.closes_gone:
        return []
    return [closing(tracker, case.status) for tracker in case.seen.active if not _goes_on(case, tracker)]


def _goes_on(case: Situation, tracker: str) -> bool:
    """Whether a person has reopened the ticket of a finding that is gone: then it stays open."""
    telling = CommentOnTicket(tracker, Why.FINDING_GONE)
    is_told = telling.token in case.memory.told or telling.name in case.set_aside
    return is_told or case.was_done(tracker)


def closing(tracker: str, status: Status) -> ResolveTicket:
    """Returns the closing of a ticket that this status of its subject calls for."""
    match status:
        case Status.ACCEPTED_RISK:
            return ResolveTicket(tracker, Reason.ACCEPTED_RISK, Why.FINDING_ACCEPTED)
        case Status.GONE:
            return ResolveTicket(tracker, Reason.CANCELLED, Why.FINDING_GONE)
        case _:
            return ResolveTicket(tracker, Reason.FIXED, Why.FINDING_RESOLVED)


def _brought_back(case: Situation, trackers: Iterable[str], why: Why) -> list[OpenTicket | ReopenTicket]:
    """The done tickets of these trackers, each reopened or followed by a new one; not where that is parked."""
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


def _newly_opened(case: Situation, why: Why) -> list[OpenTicket]:
    """The tickets that the rule wants and that do not exist (any more); not where that is parked."""
    opened, parked = [OpenTicket(tracker, why) for tracker in case.missing], case.record.parked
    return [action for action in opened if action.name not in parked] if parked else opened


def _no_longer_accepting(case: Situation) -> list[OpenTicket | ReopenTicket]:
    """The tickets that accepted the risk, brought back because the acceptance has ended."""
    accepting = (tracker for tracker in case.seen.done if accepts_risk(case.seen.tickets[tracker]))
    return _brought_back(case, accepting, Why.RISK_EXPIRED)
