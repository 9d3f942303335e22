"""The planning table: what follows from the status (see rows.py), the news for people, and parked actions.

News are comments on tickets: the subject is more severe, an expert reviewed it, or it is gone. Parked actions were set
aside after a refusal: they may be moot, or a person asked to repeat them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from remediation.domain.actions import (
    Action,
    ActionName,
    AttachReport,
    CloseDuplicate,
    CommentOnTicket,
    KeepList,
    OpenTicket,
    Plan,
    RaiseTicket,
    RelateTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Verb,
    Why,
)
from remediation.domain.cases.records import CaseRecord
from remediation.domain.cases.relations import MOST_RELATED
from remediation.domain.policy import Policy, accepts_risk
from remediation.domain.status import Status
from remediation.domain.tickets import LEFT_ALONE
from remediation.planning.observation import Observation
from remediation.planning.outcomes import is_question
from remediation.planning.rows import closing, for_gone, for_solved, for_unsolved, is_being_verified
from remediation.planning.situation import Situation


def plan(seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> Plan:
    """Returns the actions that are needed, those on tickets first. `record` is the stored record of the case.

    It is empty where the case is in agreement. Parked actions are left out, and so are comments that were written
    before. Actions that a person asked to repeat are included while they still make sense. Once the plan is carried
    out, the next plan is empty.
    """
    case = Situation.of(seen, policy, record, now)
    actions = _all_actions(case)
    if record.again:
        names = {action.name for action in actions}
        actions += [action for action in _asked_again(case) if action.name not in names]
    if not actions:
        return ()
    if record.parked:
        actions = [action for action in actions if action.name not in record.parked]
    return tuple([action for action in actions if not _is_told(action, record)])


def claim_to_verify(seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> str:
    """Returns what stands for the closings that a scan is to verify, asked for or not; empty for none."""
    case = Situation.of(seen, policy, record, now)
    actions = _for_status(case)
    asking = [action for action in actions if isinstance(action, SetStatus) and action.why is Why.VERIFYING]
    if asking:
        return asking[0].claim
    known = record.verification
    waits = known is not None and known.verdict is None and not actions and is_being_verified(case)
    return known.claim if known is not None and waits else ""


def still_told(seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> frozenset[str]:
    """Returns the tokens that were told, perhaps just before a crash, and still hold: they are not told again.

    What changed in an incident holds while it is deleted, too: it may come back.
    Of which other tickets a ticket was told holds for good: nobody's link is made once more.
    """
    told = record.memory.told
    unseen = frozenset(token for token in told if token.partition("/")[0] in seen.unseen or _is_relation(token))
    if seen.subject.told is None:  # what it was before may be sealed with a key that will be back
        unseen |= {token for token in told if _is_change(token)}
    if seen.unseen:  # a question is not repeated before every ticket can be seen
        unseen |= {token for token in told if is_question(token)}
    if not (told or record.memory.doing):
        return unseen
    case = Situation.of(seen, policy, record, now)
    facts = [*_all_actions(case), *_news(case, seen.existing), *_changes(case, seen.existing)]
    return unseen | {fact.token for fact in facts if isinstance(fact, CommentOnTicket) and _is_told(fact, record)}


def _is_told(action: Action, record: CaseRecord) -> bool:
    """Whether the action is a comment that was written, or may have been before a crash; or a link that was made.

    A link that may have been made before a crash is made again: a tracker has it once.
    """
    match action:
        case CommentOnTicket():
            return action.token in record.memory.told or action.name in record.memory.doing
        case RelateTicket():
            return action.token in record.memory.told
        case _:
            return False


def _all_actions(case: Situation) -> list[Action]:
    """Every action that the situation calls for, also those that are told or parked."""
    actions = _for_status(case)
    if _is_news(case):
        fresh = {
            action.tracker for action in actions if isinstance(action, OpenTicket)
        }  # created with the present severity
        told = _news(case, _at_work_after(actions, case.seen))
        actions += [each for each in told if not (each.tracker in fresh and _is_of_severity(each))]
    actions += [CloseDuplicate(ticket.tracker, ticket.id) for ticket in case.seen.duplicates]
    actions += _relations(case)
    if case.seen.listing:
        actions += [*_listings(case, actions)]
    if case.seen.report:
        actions += [*_reports(case, actions)]
    return actions


def _reports(case: Situation, actions: Iterable[Action]) -> Iterator[AttachReport]:
    """The report for each active ticket that does not have it, also for one that these actions open."""
    opened = {action.tracker for action in actions if isinstance(action, OpenTicket)}
    for tracker in _at_work_after(actions, case.seen):
        action = AttachReport(tracker, case.seen.report)
        ticket = None if tracker in opened else case.seen.existing.get(tracker)
        if ticket is None or case.memory.attached.get(tracker) != action.token(ticket.id):
            yield action


def _listings(case: Situation, actions: Iterable[Action]) -> Iterator[KeepList]:
    """The lists to be brought up to date: those of active tickets, unless a person has changed one.

    A ticket that these actions open is created with its list.
    """
    opened = {action.tracker for action in actions if isinstance(action, OpenTicket)}
    for tracker in _at_work_after(actions, case.seen):
        if tracker not in opened and case.memory.listed.get(tracker) not in {case.seen.listing, LEFT_ALONE}:
            yield KeepList(tracker, case.seen.listing)


def _is_change(token: str) -> bool:
    """Whether a told token is that of a change of an incident."""
    return token.partition("/")[2].startswith(f"{Why.INCIDENT_CHANGED}=")


def _is_relation(token: str) -> bool:
    """Whether a told token is that of a RelateTicket."""
    return token.partition("/")[2].startswith(f"{Why.RELATED}=")


def _relations(case: Situation) -> Iterator[RelateTicket]:
    """The tickets of findings of which each active ticket is to be told; of no more than MOST_RELATED in all."""
    for tracker in case.seen.active if case.seen.related else ():
        ticket_id = case.seen.tickets[tracker].id
        told = {token for token in case.memory.told if token.startswith(f"{tracker}/{Why.RELATED}={ticket_id}+")}
        for related in case.seen.related:
            if (link := related.link_for(tracker)) is None:
                continue
            action = RelateTicket(tracker, related.case, ticket_id, link.tracker, link.ticket_id)
            if action.token not in told and len(told) < MOST_RELATED:
                told.add(action.token)
                yield action


def _is_of_severity(action: RaiseTicket | CommentOnTicket) -> bool:
    return isinstance(action, RaiseTicket) or action.why is Why.SEVERITY_RAISED


def _for_status(case: Situation) -> list[Action]:
    """The rows for the subject's status; none for a status that is not known."""
    status = case.status
    if status.is_unsolved:
        return for_unsolved(case)
    if status.is_solved:
        return for_solved(case)
    return for_gone(case) if status is Status.GONE else []


def _at_work_after(actions: Iterable[Action], seen: Observation) -> Iterable[str]:
    """The trackers whose ticket is active once these actions are done."""
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


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\b")
"""How the value of a due date begins (see Ticket.urgency), whatever the tracker calls its field."""


def _is_news(case: Situation) -> bool:
    """Whether there is any news: mostly there is none."""
    subject = case.seen.subject
    is_told = subject.review is not None or subject.news is not None or subject.status is Status.GONE
    return is_told or _is_worse(case) or _has_another_rule(case)


def _news(case: Situation, trackers: Iterable[str]) -> Iterator[RaiseTicket | CommentOnTicket]:
    """The news for the tickets in these trackers, told or not, and the raising of their urgency."""
    subject, is_worse = case.seen.subject, _is_worse(case)
    for tracker in trackers:
        if is_worse and tracker in case.memory.tickets:
            yield CommentOnTicket(tracker, Why.SEVERITY_RAISED, subject.severity)
            yield from _raised(case, tracker)
        if subject.review is not None:
            yield CommentOnTicket(tracker, Why.EXPERT_REVIEWED, subject.review)
        if subject.status is Status.GONE:
            yield CommentOnTicket(tracker, Why.FINDING_GONE)
        else:
            yield from _changes(case, (tracker,))
        if _has_another_rule(case) and tracker not in case.policy.trackers:
            yield CommentOnTicket(tracker, Why.RULE_CHANGED, case.policy.rule)


def _changes(case: Situation, trackers: Iterable[str]) -> Iterator[CommentOnTicket]:
    """What changed in an incident since the tickets in these trackers were opened, told or not."""
    if (news := case.seen.subject.news) is not None:
        yield from (CommentOnTicket(tracker, Why.INCIDENT_CHANGED, news) for tracker in trackers)


def _has_another_rule(case: Situation) -> bool:
    """Whether the subject is taken by another rule than before because it is another now, as an incident may be."""
    before, now = case.memory.rule, case.policy.rule
    return not case.seen.subject.keeps_status and bool(before and now) and before != now


def _raised(case: Situation, tracker: str) -> Iterator[RaiseTicket]:
    """The raising of the ticket's urgency to that of its subject; nothing where no field is to be written."""
    if fields := _fields_of_ours(case, tracker):
        yield RaiseTicket(tracker, case.seen.subject.severity, fields)


def _is_worse(case: Situation) -> bool:
    known = case.memory.severity
    return known is not None and case.seen.subject.severity.is_worse_than(known)


def _fields_of_ours(case: Situation, tracker: str) -> tuple[tuple[str, str], ...]:
    """The fields to write: those that nobody changed since we wrote them, and a due date only where it is earlier."""
    ticket, wrote = case.seen.tickets.get(tracker), case.memory.wrote.get(tracker, {})
    if ticket is None:
        return ()
    now = ticket.urgency
    return tuple(
        (name, value)
        for name, value in case.seen.urgency.get(tracker, {}).items()
        if name in wrote and now.get(name) == wrote[name] and _is_more_urgent(name, value, now)
    )


def _is_more_urgent(name: str, value: str, now: Mapping[str, str]) -> bool:
    return value < now[name] if _DAY.match(value) else value != now[name]


def still_wanted(name: ActionName, seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> bool:
    """Whether a parked action would still bring the case closer to agreement; True where that cannot be seen."""
    tracker, status = name.tracker, seen.subject.status
    if tracker in seen.unseen or tracker in seen.unnamed:
        return True
    match name.verb:
        case Verb.OPEN | Verb.REOPEN:
            is_missing = name.verb == Verb.OPEN and status.is_unsolved and tracker in seen.missing(policy.trackers)
            is_wanted = status.is_unsolved or _has_ended(tracker, seen, policy, now)
            return is_missing or (is_wanted and _may_come_back(name, seen, policy, now))
        case Verb.RESOLVE:
            return not status.is_unsolved and tracker in seen.active
        case Verb.PATCH:
            brings_nearer = status != name.detail and bool(seen.active) == (name.detail == Status.REVIEWING)
            return brings_nearer or _is_called_for(name, Situation.of(seen, policy, record, now))
        case _:
            is_told = name.verb in {Verb.DUPLICATE, Verb.COMMENT, Verb.RAISE, Verb.RELATE, Verb.LIST, Verb.ATTACH}
            return is_told and tracker in seen.existing  # until a person gives them up


def _is_called_for(name: ActionName, case: Situation) -> bool:
    """Whether a solved finding must have this status, because an acceptance has ended or a reason has changed."""
    return case.status.is_solved and any(action.name == name for action in for_solved(case))


def _may_come_back(name: ActionName, seen: Observation, policy: Policy, now: datetime) -> bool:
    """Whether the tracker has a done ticket that can be reopened, or replaced by one that the rule still wants."""
    tracker = name.tracker
    if tracker not in seen.done:
        return False
    return tracker in policy.trackers or (name.verb == Verb.REOPEN and policy.reopens(seen.tickets[tracker], now))


def _has_ended(tracker: str, seen: Observation, policy: Policy, now: datetime) -> bool:
    """Whether the ticket accepted a risk, and the acceptance has ended."""
    if seen.subject.status is not Status.ACCEPTED_RISK or tracker not in seen.tickets:
        return False
    until = policy.risk_until(seen.existing)
    return accepts_risk(seen.tickets[tracker]) and until is not None and until <= now


def _asked_again(case: Situation) -> Iterator[Action]:
    """The actions that a person asked to repeat, as far as they still make sense."""
    seen = case.seen
    for name in sorted(case.record.again, key=str):
        tracker = name.tracker
        if (
            tracker in seen.unseen
            or tracker in seen.unnamed
            or not still_wanted(name, seen, case.policy, case.record, case.now)
        ):
            continue  # nothing is done about what cannot be seen: the request remains
        match name.verb:
            case Verb.REOPEN if case.policy.reopens(seen.tickets[tracker], case.now):
                yield ReopenTicket(tracker, Why.FOUND_AGAIN)
            case Verb.OPEN | Verb.REOPEN:
                old = seen.existing.get(tracker)
                yield OpenTicket(tracker, Why.NEW, old.id if old else None)
            case Verb.RESOLVE:
                yield closing(tracker, seen.subject.status)
            case Verb.RAISE | Verb.COMMENT if tracker in seen.active:
                yield from _worse(name, case)
            case _:
                continue  # the other rows plan it, if it is still needed


def _worse(name: ActionName, case: Situation) -> Iterator[Action]:
    """The parked news of a worse severity: the memory has the new one since, so no other row plans it again."""
    telling = CommentOnTicket(name.tracker, Why.SEVERITY_RAISED, case.seen.subject.severity)
    if name == telling.name:
        yield telling
    elif name.verb == Verb.RAISE:
        yield from _raised(case, telling.tracker)
