"""What follows from a look once its plan was carried out: what is remembered, and what is to be done about it later."""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from remediation.domain.actions import ActionName, Verb
from remediation.domain.cases import Memory
from remediation.domain.errors import NotFound
from remediation.domain.status import Status
from remediation.planning.closings import as_remembered
from remediation.planning.left_over import still_wanted
from remediation.planning.observation import Observation
from remediation.planning.plans import still_told
from remediation.planning.progress import Progress
from remediation.planning.remembering import remembered
from remediation.planning.situation import Situation


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a look leaves behind.

    `look_at` is when (Unix seconds) an accepted risk ends and the case is looked at by itself, None for never. Where it
    `keeps_due`, an appointment that came due has yet to be dealt with (see CaseRecord.came_due). `moot` are the parked
    actions that have been done or that nobody needs any more. `calls_for_another` look is one after
    which there may be more to do at once. Where something has to wait, only the memory is of use.
    """

    memory: Memory
    look_at: float | None
    keeps_due: bool
    moot: frozenset[ActionName]
    calls_for_another: bool


def concluded(
    case: Situation,
    progress: Progress,
    now: float,
    *,
    look_at: float | None,
    refused: AbstractSet[ActionName],
    disowned: Collection[str],
) -> Conclusion:
    """The conclusion of a look at `case` that came so far, at `now` (Unix seconds).

    `look_at` is the appointment so far. `refused` names all that was refused, reading a ticket included; `disowned` are
    the trackers where the link led to a ticket that is not the case's: what was refused there was not tried on its own.
    """
    memory = _memory(case, progress, now)
    moot, strangers = _moot(case, progress, memory, disowned)
    vanished = any(isinstance(error, NotFound) for error in progress.refused.values())
    is_taken_up = case.status.is_solved and progress.status.is_unsolved
    # A ticket deleted under our hands calls for a new one. What a person asked for again, or reopened, may call for
    # more: a note, a ticket in a tracker nobody asked.
    calls_for_another = bool(vanished or strangers or case.record.again or is_taken_up)
    appointment = _appointment(case, progress, memory, look_at)
    keeps_due = appointment is None and progress.status is Status.ACCEPTED_RISK
    return Conclusion(memory, appointment, keeps_due, moot - refused, calls_for_another)


def _memory(case: Situation, progress: Progress, now: float) -> Memory:
    kept = case.record.memory
    known = replace(case.memory, doing=kept.doing, planned_at=kept.planned_at)
    told = still_told(case.seen, case.policy, case.record, case.now)
    return remembered(progress, known, case.seen, case.policy, told, now)


def _appointment(case: Situation, progress: Progress, memory: Memory, before: float | None) -> float | None:
    """When an accepted risk ends, if it does.

    `memory` is what is remembered of this look: what we closed for that counts whatever code its tracker has for it.
    Where a ticket could not be seen, or none names an end any more, the case is looked at when it was to end `before`:
    a field's name may have been mistyped since, and mended.
    """
    if progress.status is not Status.ACCEPTED_RISK:
        return None
    until = case.policy.risk_until(as_remembered(progress.tickets, memory))
    ends = [until.timestamp()] if until is not None and until > case.now else []
    is_unseen = bool(case.seen.unseen or case.record.links.keys() - case.seen.tickets.keys())
    if before is not None and (is_unseen or until is None):
        ends.append(before)
    return min(ends, default=None)


def _moot(
    case: Situation, progress: Progress, memory: Memory, disowned: Collection[str]
) -> tuple[frozenset[ActionName], frozenset[ActionName]]:
    """The parked actions that are moot, and those of them that were refused on a ticket that is another case's."""
    record, there = case.record, _as_it_is_now(case.seen, progress)
    then = replace(record, memory=memory)
    moot = {name for name in record.parked if not still_wanted(name, there, case.policy, then, case.now)}
    left = record.parked - moot
    strangers = frozenset(name for name in left if name.verb != Verb.OPEN and name.tracker in disowned)
    done = {action.name for action in progress.done} & record.parked
    return frozenset(moot | strangers | done), strangers


def _as_it_is_now(seen: Observation, progress: Progress) -> Observation:
    subject = seen.subject.with_status(progress.status)
    return replace(seen, subject=subject, tickets={**seen.tickets, **progress.tickets})
