"""Actions that were set aside after a refusal: whether they still make sense, and what a person asked for again."""

from collections.abc import Iterator
from datetime import datetime

from remediation.domain.actions import (
    Action,
    ActionName,
    CommentOnTicket,
    OpenTicket,
    ReopenTicket,
    Verb,
    Why,
)
from remediation.domain.cases import CaseRecord
from remediation.domain.policy import Policy, accepts_risk
from remediation.domain.status import Status
from remediation.planning.closings import decided_anew
from remediation.planning.notifications import raised
from remediation.planning.observation import Observation
from remediation.planning.situation import Situation
from remediation.planning.solved import closing


def still_wanted(name: ActionName, seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> bool:
    """Whether a parked action would still bring the case nearer to agreement."""
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
            return brings_nearer or _is_decided_anew(name, Situation.of(seen, policy, record, now))
        case _:
            is_told = name.verb in {Verb.DUPLICATE, Verb.COMMENT, Verb.RAISE}
            return is_told and tracker in seen.existing  # until a person takes them off


def _is_decided_anew(name: ActionName, case: Situation) -> bool:
    """Whether the note is owed because the reason for which a ticket is done has changed."""
    return case.status.is_solved and any(action.name == name for action in decided_anew(case))


def _may_come_back(name: ActionName, seen: Observation, policy: Policy, now: datetime) -> bool:
    """Whether a done ticket is there that can be opened again, or followed by a new one which the rule still wants."""
    tracker = name.tracker
    if tracker not in seen.done:
        return False
    return tracker in policy.trackers or (name.verb == Verb.REOPEN and policy.reopens(seen.tickets[tracker], now))


def _has_ended(tracker: str, seen: Observation, policy: Policy, now: datetime) -> bool:
    """Whether the ticket there accepted a risk that is to be looked at again."""
    if seen.subject.status is not Status.ACCEPTED_RISK or tracker not in seen.tickets:
        return False
    until = policy.risk_until(seen.existing)
    return accepts_risk(seen.tickets[tracker]) and until is not None and until <= now


def asked_again(case: Situation) -> Iterator[Action]:
    """The actions that a person asked for again, as far as they still make sense."""
    seen = case.seen
    for name in sorted(case.record.again, key=str):
        tracker = name.tracker
        if (
            tracker in seen.unseen
            or tracker in seen.unnamed
            or not still_wanted(name, seen, case.policy, case.record, case.now)
        ):
            continue  # what cannot be seen is not acted on either: it stays asked for
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
                continue  # the others follow from what is seen


def _worse(name: ActionName, case: Situation) -> Iterator[Action]:
    """What was to be done when the finding became worse: since then nothing tells that it was better before."""
    telling = CommentOnTicket(name.tracker, Why.SEVERITY_RAISED, case.seen.subject.severity)
    if name == telling.name:
        yield telling
    elif name.verb == Verb.RAISE:
        yield from raised(case, telling.tracker)
