"""Actions that were set aside after a refusal: whether they still make sense, and what a person asked for again."""

from collections.abc import Iterator
from datetime import datetime

from remediation.domain.actions import Action, CommentOnTicket, OpenTicket, ReopenTicket, Why, kind_of, target_of
from remediation.domain.cases import CaseRecord
from remediation.domain.policy import Policy, accepts_risk
from remediation.domain.status import Status
from remediation.planning.closings import decided_anew
from remediation.planning.notifications import raised
from remediation.planning.observation import Observation
from remediation.planning.situation import Situation
from remediation.planning.solved import closing


def still_wanted(name: str, seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> bool:
    """Whether a parked action would still bring the case nearer to agreement."""
    kind, target = kind_of(name), target_of(name)
    status = seen.subject.status
    if target in seen.unseen or target in seen.unnamed:
        return True
    match kind:
        case "open" | "reopen":
            is_missing = kind == "open" and status.is_unsolved and target in seen.missing(policy.trackers)
            is_wanted = status.is_unsolved or _has_ended(target, seen, policy, now)
            return is_missing or (is_wanted and _may_come_back(name, seen, policy, now))
        case "resolve":
            return not status.is_unsolved and target in seen.active
        case "patch":
            brings_nearer = status != target and bool(seen.active) == (target == Status.REVIEWING)
            return brings_nearer or _is_decided_anew(name, Situation.of(seen, policy, record, now))
        case _:
            is_told = kind in {"duplicate", "comment", "raise"}
            return is_told and target in seen.existing  # until a person takes them off


def _is_decided_anew(name: str, case: Situation) -> bool:
    """Whether the note is owed because the reason for which a ticket is done has changed."""
    return case.status.is_solved and any(action.name == name for action in decided_anew(case))


def _may_come_back(name: str, seen: Observation, policy: Policy, now: datetime) -> bool:
    """Whether a done ticket is there that can be opened again, or followed by a new one which the rule still wants."""
    tracker = target_of(name)
    if tracker not in seen.done:
        return False
    return tracker in policy.trackers or (kind_of(name) == "reopen" and policy.reopens(seen.tickets[tracker], now))


def _has_ended(tracker: str, seen: Observation, policy: Policy, now: datetime) -> bool:
    """Whether the ticket there accepted a risk that is to be looked at again."""
    if seen.subject.status is not Status.ACCEPTED_RISK or tracker not in seen.tickets:
        return False
    until = policy.risk_until(seen.existing)
    return accepts_risk(seen.tickets[tracker]) and until is not None and until <= now


def asked_again(case: Situation) -> Iterator[Action]:
    """The actions that a person asked for again, as far as they still make sense."""
    seen = case.seen
    for name in sorted(case.record.again):
        tracker = target_of(name)
        if (
            tracker in seen.unseen
            or tracker in seen.unnamed
            or not still_wanted(name, seen, case.policy, case.record, case.now)
        ):
            continue  # what cannot be seen is not acted on either: it stays asked for
        match kind_of(name):
            case "reopen" if case.policy.reopens(seen.tickets[tracker], case.now):
                yield ReopenTicket(tracker, Why.FOUND_AGAIN)
            case "open" | "reopen":
                old = seen.existing.get(tracker)
                yield OpenTicket(tracker, Why.NEW, old.id if old else None)
            case "resolve":
                yield closing(tracker, seen.subject.status)
            case "raise" | "comment" if tracker in seen.active:
                yield from _worse(name, case)
            case _:
                continue  # the others follow from what is seen


def _worse(name: str, case: Situation) -> Iterator[Action]:
    """What was to be done when the finding became worse: since then nothing tells that it was better before."""
    telling = CommentOnTicket(target_of(name), Why.SEVERITY_RAISED, case.seen.subject.severity)
    if name == telling.name:
        yield telling
    elif kind_of(name) == "raise":
        yield from raised(case, telling.tracker)
