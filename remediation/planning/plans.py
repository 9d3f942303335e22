"""The table of what is planned, row by row."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from remediation.actions import (
    Action,
    CloseDuplicate,
    CommentOnTicket,
    OpenTicket,
    PatchFinding,
    Plan,
    RaiseTicket,
    ReopenTicket,
    ResolveTicket,
    Why,
    kind_of,
)
from remediation.cases import CaseRecord, Memory
from remediation.findings import FindingStatus
from remediation.planning.left_over import asked_again, closing
from remediation.planning.news import is_news, news
from remediation.planning.observation import Observation
from remediation.planning.outcomes import accepted_still, decided, is_question, outcome_of
from remediation.planning.own_work import still_owed, with_own_work
from remediation.policy import Policy, ResolveWhen, accepts_risk
from remediation.tickets import Reason, Ticket, TicketState


def plan(seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> Plan:
    """The actions that are missing, tickets first. `record` is what the store keeps of the case.

    Empty when all is well. Parked actions are left out, and so is what was told already; actions that a person asked
    for again come in while they still make sense. Applying the plan and planning again gives nothing.
    """
    memory = with_own_work(record.memory, seen, record.parked)
    actions = _all_actions(seen, policy, memory, record, now)
    if record.again:
        names = {action.name for action in actions}
        actions += [action for action in asked_again(seen, policy, record.again, now) if action.name not in names]
    if not actions:
        return ()
    return tuple([action for action in actions if action.name not in record.parked and not _is_told(action, record)])


def still_told(seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> frozenset[str]:
    """Those facts that were told on tickets, perhaps just before a crash, and still hold: they are not told again."""
    told = record.memory.told
    unseen = frozenset(token for token in told if token.partition("/")[0] in seen.unseen)
    if seen.unseen:  # whether a closing counts is not asked before every ticket can be seen
        unseen |= {token for token in told if is_question(token)}
    if not (record.memory.told or record.memory.doing):
        return unseen
    memory = with_own_work(record.memory, seen, record.parked)
    facts = [*_all_actions(seen, policy, memory, record, now), *news(seen, memory, seen.existing)]
    news_told = (fact for fact in facts if isinstance(fact, CommentOnTicket | RaiseTicket))
    return unseen | {fact.token for fact in news_told if _is_told(fact, record)}


def _is_told(action: Action, record: CaseRecord) -> bool:
    """Whether people were told. A comment that we may have written before a crash is not written twice."""
    match action:
        case CommentOnTicket():
            return action.token in record.memory.told or action.name in record.memory.doing
        case RaiseTicket():
            cut_off = not action.fields and action.name in record.memory.doing
            return cut_off or action.token in record.memory.told
        case _:
            return False


def _all_actions(seen: Observation, policy: Policy, memory: Memory, record: CaseRecord, now: datetime) -> list[Action]:
    """Every action that is called for, told, parked or neither."""
    status, actions = seen.finding.status, list[Action]()
    if status.is_unsolved:
        actions += _for_unsolved(seen, policy, memory, record, now)
    elif status.is_solved:
        actions += _for_solved(seen, policy, memory, record, now)
    elif status is FindingStatus.GONE and policy.closes_gone:
        actions += [closing(tracker, status) for tracker in seen.active if not _goes_on(tracker, memory, record)]
    if is_news(seen, memory):
        fresh = {action.tracker for action in actions if isinstance(action, OpenTicket)}  # as urgent as it is now
        told = news(seen, memory, _at_work_after(actions, seen))
        actions += [each for each in told if not (isinstance(each, RaiseTicket) and each.tracker in fresh)]
    actions += [CloseDuplicate(ticket.tracker, ticket.id) for ticket in seen.duplicates]
    return actions


def _goes_on(tracker: str, memory: Memory, record: CaseRecord) -> bool:
    """A person has opened the ticket of a finding that is gone again: that counts for as long as it is gone."""
    telling = CommentOnTicket(tracker, Why.FINDING_GONE)
    is_told = telling.token in memory.told or telling.name in record.parked | record.again
    return is_told or memory.tickets.get(tracker) is TicketState.DONE


def _at_work_after(actions: Iterable[Action], seen: Observation) -> Iterable[str]:
    """The trackers whose ticket waits for somebody once these actions are done."""
    working = dict.fromkeys(seen.active)
    for action in actions:
        match action:
            case ResolveTicket():
                working.pop(action.tracker, None)
            case OpenTicket() | ReopenTicket():
                working[action.tracker] = None
            case _:
                continue
    return working


def _for_unsolved(
    seen: Observation, policy: Policy, memory: Memory, record: CaseRecord, now: datetime
) -> Iterator[Action]:
    if patch := _accepted_nevertheless(seen, policy, memory, now):
        yield patch
        return
    again, owed = is_found_again(seen, memory), still_owed(record, seen)
    why = Why.FOUND_AGAIN if (again or owed) and seen.existing else Why.NEW
    opened = _not_parked([OpenTicket(tracker, why) for tracker in seen.missing(policy.trackers)], record)
    if seen.existing and not (again or owed or opened):
        ending = list(_ending(seen, policy, memory, record, now))
        yield from ending
        if not seen.active or any(isinstance(action, PatchFinding) for action in ending):
            return
    back = [each for each in _brought_back(seen, policy, memory, why, now) if again or each.tracker in owed]
    back = _not_parked(back, record)
    yield from back
    yield from opened
    if not (seen.active or back or opened):
        return
    follows = any(isinstance(action, OpenTicket) for action in back)
    if seen.finding.status is FindingStatus.OPEN or opened or follows or _unnamed(seen, memory):
        conflict = any(action.why is Why.CONFLICT for action in back)
        yield PatchFinding(FindingStatus.REVIEWING, Why.CONFLICT if conflict else why)


def _not_parked(
    actions: list[OpenTicket | ReopenTicket] | list[OpenTicket], record: CaseRecord
) -> list[OpenTicket | ReopenTicket]:
    return [action for action in actions if action.name not in record.parked]


def _accepted_nevertheless(seen: Observation, policy: Policy, memory: Memory, now: datetime) -> PatchFinding | None:
    """A scan finds again what somebody decided to live with: the decision stands until it ends."""
    if seen.finding.status is not FindingStatus.OPEN or seen.active or not seen.existing:
        return None
    if memory.finding is not FindingStatus.ACCEPTED_RISK:
        if seen.unseen or memory.finding is FindingStatus.RESOLVED:  # then it was to be mended, whatever tickets say
            return None
        return accepted_still(seen.existing, policy, now)
    until = policy.risk_until(seen.existing)
    if decided(seen.existing) is not FindingStatus.ACCEPTED_RISK or (until is not None and until <= now):
        return None
    return PatchFinding(FindingStatus.ACCEPTED_RISK, Why.RISK_STILL_ACCEPTED, Reason.ACCEPTED_RISK, until)


def _brought_back(
    seen: Observation, policy: Policy, memory: Memory, why: Why, now: datetime
) -> Iterator[OpenTicket | ReopenTicket]:
    """Each done ticket opened again, or followed by a new one."""
    for tracker in seen.done:
        ticket = seen.tickets[tracker]
        was_active = tracker in memory.tickets and memory.tickets[tracker].is_active
        reason = Why.CONFLICT if was_active and why is Why.FOUND_AGAIN and memory.finding is not None else why
        if policy.reopens(ticket, now):
            yield ReopenTicket(tracker, reason)
        elif tracker in policy.trackers:
            yield OpenTicket(tracker, reason, ticket.id)


def _ending(seen: Observation, policy: Policy, memory: Memory, record: CaseRecord, now: datetime) -> Iterator[Action]:
    """What tickets that are done make of a finding that waits for them."""
    deciding = _deciding(seen, policy, memory, now)
    if not deciding or _is_stuck(seen, memory, record):
        return
    for action in outcome_of(deciding, policy, now):
        if isinstance(action, PatchFinding) and action.reason is not None:
            yield from (ResolveTicket(tracker, action.reason, Why.TICKET_DONE) for tracker in seen.active)
        yield action


def _has_ended(ticket: Ticket, policy: Policy, now: datetime) -> bool:
    until = policy.acceptance.until(ticket)
    return accepts_risk(ticket) and until is not None and until <= now


def _deciding(seen: Observation, policy: Policy, memory: Memory, now: datetime) -> Mapping[str, Ticket]:
    """The tickets whose closing ends the case: all, or with `any` those closed since, or asked back about."""
    if policy.resolve_when is ResolveWhen.ALL or (seen.unseen and not seen.active):
        return {} if seen.active or seen.unseen else seen.existing
    asked = {token.partition("/")[0] for token in memory.told if is_question(token)}
    known = dict.fromkeys(seen.done, TicketState.DONE) | dict(memory.tickets) if memory.finding else {}
    since = [name for name in seen.done if known.get(name) is not TicketState.DONE or name in asked]
    closed = {name: seen.tickets[name] for name in since}
    if closed:  # an acceptance that has ended is a decision that says too little, however long ago it was made
        closed |= {name: each for name, each in seen.existing.items() if _has_ended(each, policy, now)}
    if not seen.active:  # those that we have closed with it decide nothing
        return closed if closed and memory.finding is not None else seen.existing
    return closed if memory.finding is not None or _closed_after_finding_changed(seen) else {}


def _is_stuck(seen: Observation, memory: Memory, record: CaseRecord) -> bool:
    """The tickets are done only because a tracker would not bring them back: nobody has closed any since."""
    left = record.parked | record.again
    refused = any({f"reopen:{tracker}", f"open:{tracker}"} & left for tracker in seen.done)
    return refused and all(memory.tickets.get(tracker) is TicketState.DONE for tracker in seen.done)


def _unnamed(seen: Observation, memory: Memory) -> bool:
    """A ticket was opened after the last agreement, and no note names it yet."""
    return memory.finding is not None and any(tracker not in memory.tickets for tracker in seen.active)


def is_found_again(seen: Observation, memory: Memory) -> bool:
    """The finding came back, against what the tickets say.

    Without a memory `open` is taken at its word; `reviewing` beside done tickets is decided by what happened last.
    """
    status = seen.finding.status
    if memory.finding is None and status is FindingStatus.REVIEWING:
        return not seen.active and not _closed_after_finding_changed(seen)
    return status is not memory.finding and (
        status is FindingStatus.OPEN or (memory.finding is not None and not memory.finding.is_unsolved)
    )


def _closed_after_finding_changed(seen: Observation) -> bool:
    closings = [ticket.closed_at for ticket in seen.existing.values() if ticket.closed_at is not None]
    return bool(closings) and seen.finding.updated_at is not None and max(closings) > seen.finding.updated_at


def _for_solved(
    seen: Observation, policy: Policy, memory: Memory, record: CaseRecord, now: datetime
) -> Iterator[Action]:
    changed = seen.finding.status is not memory.finding
    reopened = [tracker for tracker in seen.active if memory.tickets.get(tracker) is TicketState.DONE]
    if reopened:
        why = Why.CONFLICT if changed else Why.TICKET_REOPENED
        if changed:
            yield from (CommentOnTicket(tracker, why) for tracker in reopened)
        yield PatchFinding(FindingStatus.REVIEWING, why)
    elif ended := list(_expired(seen, policy, memory, record, now)):
        yield from ended
    elif _is_bringing_back(seen, record.memory):
        yield from _no_longer_accepting(seen, policy, memory, record, now)
        yield PatchFinding(FindingStatus.REVIEWING, Why.RISK_EXPIRED)
    else:
        yield from (closing(tracker, seen.finding.status) for tracker in seen.active)
        yield from _reasons_that_disagree(seen, memory)


def _is_bringing_back(seen: Observation, memory: Memory) -> bool:
    """We have opened a ticket again because an acceptance ended, and were cut off before we could say so."""
    if not (memory.planned_at is seen.finding.status is FindingStatus.ACCEPTED_RISK):
        return False
    accepting = f"patch:{FindingStatus.ACCEPTED_RISK}"
    if any(kind_of(name) == "resolve" or name == accepting for name in memory.doing):
        return False  # it was accepted while we set out to open tickets
    done = [name for name in seen.active if memory.tickets.get(name) is TicketState.DONE]
    own = {f"patch:{FindingStatus.REVIEWING}", *(f"{verb}:{name}" for verb in ("reopen", "open") for name in done)}
    return bool(seen.active) and bool(own & memory.doing)


def _expired(seen: Observation, policy: Policy, memory: Memory, record: CaseRecord, now: datetime) -> Iterator[Action]:
    """An accepted risk has come to its end: the tickets that accepted it come back."""
    if seen.finding.status is not FindingStatus.ACCEPTED_RISK or seen.unseen:
        return
    until = policy.risk_until(seen.existing)
    if until is None or until > now:
        return
    if back := _no_longer_accepting(seen, policy, memory, record, now):
        yield from back
        yield PatchFinding(FindingStatus.REVIEWING, Why.RISK_EXPIRED, until=until)


def _no_longer_accepting(
    seen: Observation, policy: Policy, memory: Memory, record: CaseRecord, now: datetime
) -> list[OpenTicket | ReopenTicket]:
    """The tickets that accepted the risk, brought back."""
    back = list(_brought_back(seen, policy, memory, Why.RISK_EXPIRED, now))
    return _not_parked([action for action in back if accepts_risk(seen.tickets[action.tracker])], record)


def _reasons_that_disagree(seen: Observation, memory: Memory) -> Iterator[Action]:
    """The finding was solved and tickets were closed since the last agreement, one as fixed and one as accepted.

    SchoolScan's word counts, and both sides are told.
    """
    if memory.finding is None or not memory.finding.is_unsolved:
        return
    before, status = memory.tickets, seen.finding.status
    closed = {name: seen.tickets[name] for name in seen.done if name in before and before[name].is_active}
    if decided(closed) in {None, status}:
        return
    yield from (CommentOnTicket(tracker, Why.CONFLICT) for tracker in closed)
    if status is FindingStatus.ACCEPTED_RISK or status is FindingStatus.RESOLVED:
        yield PatchFinding(status, Why.CONFLICT)
