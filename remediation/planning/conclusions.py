"""What follows from a look once its plan was carried out: how far it came, what is remembered, and what is next.

Progress says how far the plan came; Conclusion is what the look leaves behind.
"""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from remediation.domain.actions import (
    BRINGS_BACK,
    ActionName,
    CommentOnTicket,
    OpenTicket,
    RaiseTicket,
    RelateTicket,
    ReopenTicket,
    ResolveTicket,
    Verb,
    Why,
)
from remediation.domain.cases.closings import Closing
from remediation.domain.cases.records import Memory
from remediation.domain.errors import NotFound
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.planning.observation import Observation
from remediation.planning.outcomes import DECISIONS, as_remembered, is_question
from remediation.planning.plans import still_told, still_wanted
from remediation.planning.progress import Progress
from remediation.planning.recovery import closing_times, times_of_undone
from remediation.planning.rows import is_being_verified
from remediation.planning.situation import Situation, is_found_again


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a look leaves behind.

    `look_at` (Unix seconds) is the appointment: when an accepted risk ends and the case is looked at again; None for
    none. `keeps_due` is true where an appointment came due and has not been dealt with (see CaseRecord.came_due).
    `moot` are the parked actions that are done or no longer needed. `calls_for_another` is true where another look may
    find more to do at once. `is_being_verified` is true where a scan is to say whether the finding is gone. Where an
    action was put off, only the memory is used.
    """

    memory: Memory
    look_at: float | None
    keeps_due: bool
    moot: frozenset[ActionName]
    calls_for_another: bool
    is_being_verified: bool = False


def concluded(
    case: Situation,
    progress: Progress,
    now: float,
    *,
    look_at: float | None,
    refused: AbstractSet[ActionName],
    disowned: Collection[str],
) -> Conclusion:
    """Returns the conclusion of a look at `case` with this progress, at `now` (Unix seconds).

    `look_at` is the present appointment. `refused` names all actions that were refused, also the reading of tickets.
    `disowned` are the trackers whose link led to a ticket of something else: an action that was refused on that ticket
    has not been tried on the case's own.
    """
    memory = _memory(case, progress, now)
    moot, strangers = _moot(case, progress, memory, disowned)
    vanished = any(isinstance(error, NotFound) for error in progress.refused.values())
    is_taken_up = case.status.is_solved and progress.status.is_unsolved
    # A ticket that was deleted during the look calls for a new one. An action that a person asked to repeat, or a
    # ticket that a person reopened, may call for more: a note, or a ticket in another tracker. A ticket that was opened
    # or reopened may have to be told of others.
    brings_back = any(action.name.verb in BRINGS_BACK for action in progress.done)
    is_related = bool(case.seen.related) and brings_back
    calls_for_another = bool(vanished or strangers or case.record.again or is_taken_up or is_related)
    appointment = _appointment(case, progress, memory, look_at)
    keeps_due = appointment is None and progress.status is Status.ACCEPTED_RISK
    is_waiting = _is_being_verified(case, progress)
    return Conclusion(memory, appointment, keeps_due, moot - refused, calls_for_another, is_waiting)


def _is_being_verified(case: Situation, progress: Progress) -> bool:
    """Whether a scan is to verify the closings as they are after this look; True where that cannot be seen."""
    if case.record.verification is None:
        return False
    return bool(case.seen.unseen) or is_being_verified(case._replace(seen=_as_it_is_now(case.seen, progress)))


def _memory(case: Situation, progress: Progress, now: float) -> Memory:
    kept = case.record.memory
    known = replace(case.memory, doing=kept.doing, planned_at=kept.planned_at)
    told = still_told(case.seen, case.policy, case.record, case.now)
    is_waiting = not case.seen.unseen and _is_being_verified(case, progress)
    return remembered(progress, known, case.seen, case.policy, told, now, is_waiting=is_waiting)


def _appointment(case: Situation, progress: Progress, memory: Memory, before: float | None) -> float | None:
    """When the accepted risk ends; None where there is none, or no end.

    `memory` is that of this look: a ticket that we closed for the risk counts, whatever reason its tracker shows. Where
    a ticket could not be seen, or none states an end any more, the appointment from `before` remains: the name of the
    field may be wrong in mappings.yaml, and be corrected.
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
    """The parked actions that are moot, and those of them that were refused on a ticket of something else."""
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


def _is_sure(name: ActionName) -> bool:
    """Whether the action is one request whose result nothing else shows."""
    is_patch = name.verb == Verb.PATCH and name.detail != Status.REVIEWING
    return is_patch or name.verb in {Verb.COMMENT, Verb.RAISE, Verb.RELATE, Verb.LIST, Verb.ATTACH}


def remembered(
    progress: Progress,
    known: Memory,
    seen: Observation,
    policy: Policy,
    told: frozenset[str],
    now: float,
    *,
    is_waiting: bool = False,
) -> Memory:
    """Returns the present state of both sides if they agree; otherwise what was known before, and what we did since.

    In the second case the next look still sees what people changed as a change. `told` are the tokens that were told
    before and still hold; `now` is in Unix seconds. `is_waiting`: nothing is left but that a scan must say whether the
    finding is gone.
    """
    known = _with_facts(progress, known, seen, policy, told, now)
    owed = _owed(progress, known, seen)
    waiting = owed | {name for name in known.doing if _may_yet_tell(name, seen.unseen)}
    known = replace(known, closed_at=_closed_at(progress, known, seen, owed))
    if progress.status.is_solved and progress.status is not known.planned_at:
        # It was solved after the plan was made: tickets that are found later are closed.
        opening = {name.tracker for name in waiting if name.verb in BRINGS_BACK}
        tickets = {name: state for name, state in known.tickets.items() if name not in opening}
        known = replace(known, tickets=tickets)
    if not progress.later and (progress.agrees or is_waiting or _waits(progress, known.told, seen)):
        return _in_step(progress, known, seen.unseen, waiting)
    return _on_the_way(progress, known, seen.unseen, waiting)


def _with_facts(
    progress: Progress, known: Memory, seen: Observation, policy: Policy, told: frozenset[str], now: float
) -> Memory:
    """Returns the memory with the facts that are remembered whether or not both sides agree."""
    severity, there = _severity(progress, known, seen), progress.tickets.keys() | seen.unseen
    return replace(
        known,
        severity=severity,
        rule=policy.rule or known.rule,
        said=policy.as_former if policy.rule else known.said,
        wrote=_wrote(progress, known, seen),
        told=_told(progress, told, seen, severity),
        conflict_at=now if progress.is_conflict else known.conflict_at,
        closings=_closings(progress, known, seen),
        left_over=_left_over(progress, known, seen),
        listed={name: each for name, each in known.listed.items() if name in there} | progress.listed,
        attached={name: each for name, each in known.attached.items() if name in there} | progress.attached,
    )


def _in_step(progress: Progress, known: Memory, unseen: AbstractSet[str], waiting: frozenset[ActionName]) -> Memory:
    """The memory where both sides agree. `waiting` are begun actions in trackers that could not be asked."""
    states = {name: ticket.state for name, ticket in progress.tickets.items()}
    tickets = {name: state for name, state in known.tickets.items() if name in unseen} | states
    planned_at = progress.status if waiting else None
    if progress.status is not known.finding and not progress.is_conflict:
        known = replace(known, conflict_at=None)  # both sides agree on another status since
    return replace(known, finding=progress.status, tickets=tickets, doing=waiting, planned_at=planned_at)


def _on_the_way(progress: Progress, known: Memory, unseen: AbstractSet[str], waiting: frozenset[ActionName]) -> Memory:
    """The memory where actions are left: changes that people made stay changes, except for those dealt with."""
    finding = progress.status if progress.is_patched else known.finding
    opened = {action.tracker for action in progress.done if isinstance(action, OpenTicket)}
    there = (progress.tickets.keys() | unseen) - opened  # nothing is known of a ticket that was replaced or is gone
    kept = {name: state for name, state in known.tickets.items() if name in there}
    tickets = kept | {name: progress.tickets[name].state for name in (*_named(progress), *_moved(progress))}
    doing = _unfinished(progress) | waiting
    return replace(known, finding=finding, tickets=tickets, doing=doing, planned_at=progress.status)


def _waits(progress: Progress, told: frozenset[str], seen: Observation) -> bool:
    """Whether tickets are done in a way that does not count, and the people who closed them were asked."""
    is_known = progress.status is Status.REVIEWING and not seen.unseen
    return is_known and any(is_question(token) for token in told)


def _owed(progress: Progress, known: Memory, seen: Observation) -> frozenset[ActionName]:
    """The tickets to be brought back as soon as their tracker answers, while another one is worked on already.

    A ticket of which the memory knows nothing, after a loss of Redis for example, counts as one of them.
    """
    is_taken_up = progress.status is Status.REVIEWING or _may_be_taken_up(progress)
    if not (seen.subject.status.is_unsolved and is_taken_up) or not is_found_again(seen, known):
        return frozenset()
    done = (name for name in seen.unseen if known.tickets.get(name, TicketState.DONE) is TicketState.DONE)
    return frozenset(ActionName(Verb.REOPEN, name) for name in done)


def _closed_at(progress: Progress, known: Memory, seen: Observation, owed: AbstractSet[ActionName]) -> dict[str, int]:
    """When the tickets were closed that are to be brought back, or no longer decide; 0 where nothing was tried."""
    put_off = closing_times(seen, [name.tracker for name in progress.later if name.verb in BRINGS_BACK])
    put_off |= times_of_undone(seen, _unfinished(progress))
    earlier = {name: at for name, at in known.closed_at.items() if name in seen.unseen}
    return {**earlier, **{name.tracker: 0 for name in owed}, **put_off}


def _may_be_taken_up(progress: Progress) -> bool:
    """Whether `reviewing` may have been written: there was no answer."""
    error = progress.later.get(ActionName(Verb.PATCH, detail=Status.REVIEWING))
    return error is not None and error.ambiguous


def _named(progress: Progress) -> Iterator[str]:
    """The trackers whose ticket is active and named in the note that was just written."""
    if progress.is_patched and progress.status is Status.REVIEWING:
        yield from (name for name, ticket in progress.tickets.items() if ticket.state.is_active)


def _moved(progress: Progress) -> Iterator[str]:
    """The trackers whose ticket we changed, or were to bring back. An opened one counts once a note names it."""
    unnamed = any(name.verb == Verb.PATCH for name in progress.later)
    tried = (name for name in (*progress.later, *progress.refused) if name.verb in BRINGS_BACK)
    yield from (name.tracker for name in tried if _is_done(progress, name))
    for action in progress.done:
        if isinstance(action, ResolveTicket | ReopenTicket) or (isinstance(action, OpenTicket) and not unnamed):
            yield action.tracker


def _is_done(progress: Progress, name: ActionName) -> bool:
    """Whether the ticket of this action is still done: then its closing has been dealt with."""
    ticket = progress.tickets.get(name.tracker)
    return ticket is not None and ticket.state is TicketState.DONE


def _unfinished(progress: Progress) -> frozenset[ActionName]:
    """The put-off actions that may have been done. Of the others, a result that is seen later is not ours."""
    sure = {name for name, error in progress.later.items() if _is_sure(name) and not error.ambiguous}
    return frozenset(progress.later.keys() - sure)


def _severity(progress: Progress, known: Memory, seen: Observation) -> Severity | None:
    """The severity that was told on the tickets: it stays as it was until they have been told of a worse one."""
    now = seen.subject.severity
    if now is Severity.UNKNOWN:
        return known.severity
    waiting = seen.unseen or any(_is_of_severity(name) for name in progress.later)
    idle = not any(ticket.state.is_active for ticket in progress.tickets.values())
    if known.severity is not None and now.is_worse_than(known.severity) and (waiting or idle):
        return known.severity
    return now


def _told(progress: Progress, told: frozenset[str], seen: Observation, severity: Severity | None) -> frozenset[str]:
    """The tokens that were told; those of a worse severity only until it was told on every ticket and is remembered."""
    tokens = told | {action.token for action in progress.done if isinstance(action, CommentOnTicket | RelateTicket)}
    if severity is not seen.subject.severity:
        return tokens
    return frozenset(token for token in tokens if f"/{Why.SEVERITY_RAISED}=" not in token)


def _closings(progress: Progress, known: Memory, seen: Observation) -> dict[str, Closing]:
    """How the tickets were closed. The former reason stays until the finding's note has told of the new one.

    Where an acceptance was taken back, a ticket that we closed for it, and that is still done, accepts nothing.
    """
    is_owed = progress.status.is_solved and progress.status is known.finding
    is_late = any(name.verb == Verb.PATCH for name in progress.later)
    is_owed = not progress.is_patched and (is_owed or is_late)
    is_taken_back = seen.subject.status is Status.ACCEPTED_RISK and progress.status.is_unsolved
    closings = {name: each for name, each in known.closings.items() if name in seen.unseen}
    for name, ticket in progress.tickets.items():
        before = known.closings.get(name) if known.tickets.get(name) is TicketState.DONE else None
        if ticket.state is not TicketState.DONE:
            continue
        is_kept = before is not None and name not in progress.closed and (is_owed or not before.differs_from(ticket))
        if before and is_kept:
            before = before.taken_back() if is_taken_back else before
            is_news = before.differs_from(ticket) or (is_late and before.has_later_end(ticket))
            closings[name] = before if is_news else before.dated_by(ticket)
        else:
            closings[name] = Closing.of(ticket, _meant(progress, name, ticket, known))
    return closings


def _meant(progress: Progress, name: str, ticket: Ticket, known: Memory) -> Reason | None:
    """The reason for which we closed the ticket, None where we did not.

    Where that was before a crash, or in an earlier version, the status of the finding implies the reason. Not while a
    look is unfinished: a person may have opened the ticket and closed it again.
    """
    is_begun = ActionName(Verb.RESOLVE, name) in known.doing
    if is_begun and progress.status is Status.RESOLVED:
        return progress.closed.get(name, Reason.FIXED)
    may_be_ours = is_begun or (not known.doing and known.tickets.get(name) is TicketState.DONE)
    is_accepted = progress.status is Status.ACCEPTED_RISK and name not in known.closings
    says_else = ticket.reason in DECISIONS and ticket.reason is not Reason.ACCEPTED_RISK
    told = Reason.ACCEPTED_RISK if may_be_ours and is_accepted and not says_else else None
    return progress.closed.get(name, told)


def _left_over(progress: Progress, known: Memory, seen: Observation) -> dict[str, str]:
    """The words that tickets kept when we reopened them, until a person reopens or we close the ticket."""
    ours = {action.tracker for action in progress.done if isinstance(action, ReopenTicket)}
    ours |= {name.tracker for name in known.doing if name.verb == Verb.REOPEN}
    words = {name: word for name, word in known.left_over.items() if name in seen.unseen}
    for name, ticket in progress.tickets.items():
        is_done = ticket.state is TicketState.DONE
        is_ours = name in progress.closed or (is_done and ActionName(Verb.RESOLVE, name) in known.doing)
        is_known = known.left_over.get(name) == ticket.word and not is_ours
        if ticket.word and ((name in ours and not is_done) or (is_known and (is_done or _was_active(name, known)))):
            words[name] = ticket.word
    return words


def _wrote(progress: Progress, known: Memory, seen: Observation) -> dict[str, Mapping[str, str]]:
    kept = {name: fields for name, fields in known.wrote.items() if name in progress.tickets or name in seen.unseen}
    for action in progress.done:
        if isinstance(action, RaiseTicket):
            kept[action.tracker] = {**kept.get(action.tracker, {}), **dict(action.fields)}
    return kept | progress.wrote


def _is_of_severity(name: ActionName) -> bool:
    """Whether an action of this name follows from a worse severity."""
    return name.verb == Verb.RAISE or name == CommentOnTicket(name.tracker, Why.SEVERITY_RAISED).name


def _was_active(name: str, known: Memory) -> bool:
    before = known.tickets.get(name)
    return before is not None and before.is_active


def _may_yet_tell(name: ActionName, unseen: AbstractSet[str]) -> bool:
    """Whether an unfinished action must stay in the memory: its tracker could not be asked.

    A comment stays while any tracker could not be asked: until then it is not known whether it is called for again.
    """
    return name.tracker in unseen or (bool(unseen) and name.verb == Verb.COMMENT)
