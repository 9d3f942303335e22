"""Which actions would bring a case into agreement. Pure: what was seen, what is remembered and the rule go in.

The whole of it follows from one observation: in agreement, a finding is `reviewing` with at least one active ticket,
or solved with none. `open` is a word that SchoolScan alone sets, so it always means "new" or "found again".
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from remediation.actions import (
    Action,
    CloseDuplicate,
    CommentOnTicket,
    OpenTicket,
    PatchFinding,
    Plan,
    ReopenTicket,
    ResolveTicket,
    Why,
)
from remediation.cases import CaseRecord, Memory
from remediation.findings import Finding, FindingStatus
from remediation.tickets import Reason, Ticket, TicketState


@dataclass(frozen=True, slots=True)
class Observation:
    """What the outside says now.

    `tickets` has the case's tickets by tracker; a tracker that the rule wants and that has none is absent. `unseen`
    are the trackers that could not be asked: nothing is concluded about them. `duplicates` are active tickets that
    carry the case's mark beside the oldest one.
    """

    finding: Finding
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    unseen: AbstractSet[str] = frozenset()
    duplicates: tuple[Ticket, ...] = ()

    @property
    def existing(self) -> dict[str, Ticket]:
        """The tickets that are there, whatever their state."""
        return {name: ticket for name, ticket in self.tickets.items() if ticket.state is not TicketState.GONE}

    @property
    def active(self) -> tuple[str, ...]:
        """The trackers whose ticket waits for somebody."""
        return tuple(name for name, ticket in self.tickets.items() if ticket.state.is_active)

    @property
    def done(self) -> tuple[str, ...]:
        """The trackers whose ticket is done."""
        return tuple(name for name, ticket in self.tickets.items() if ticket.state is TicketState.DONE)

    def missing(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """The wanted trackers that have no ticket (any more)."""
        return tuple(name for name in wanted if name not in self.existing and name not in self.unseen)


def plan(seen: Observation, wanted: tuple[str, ...], record: CaseRecord) -> Plan:
    """The actions that are missing, tickets first. `wanted` are the trackers that the rule names for this finding.

    `record` is what the store keeps of the case. Empty when all is well. Parked actions are left out; actions that a
    person asked for again come in while they still make sense. Applying the plan and planning again gives nothing.
    """
    memory = with_own_work(record.memory, seen)
    status = seen.finding.status
    if status.is_unsolved:
        actions = list(_for_unsolved(seen, wanted, memory, record))
    elif status.is_solved:
        actions = list(_for_solved(seen, memory))
    else:
        actions = []
    actions += [CloseDuplicate(ticket.tracker, ticket.id) for ticket in seen.duplicates]
    names = {action.name for action in actions}
    actions += [action for action in _asked_again(seen, wanted, record.again) if action.name not in names]
    return tuple(action for action in actions if action.name not in record.parked)


def with_own_work(memory: Memory, seen: Observation) -> Memory:
    """The memory with those of our unfinished actions counted as done that the outside shows as done.

    After a crash we know what we set out to do, not how far we came; what is now as we wanted it is our doing and
    nobody's change.
    """
    finding, tickets = memory.finding, dict(memory.tickets)
    if f"patch:{seen.finding.status}" in memory.doing:
        finding = seen.finding.status
        if finding.is_solved:  # planned only where every ticket was done
            tickets = dict.fromkeys(seen.existing, TicketState.DONE)
    elif memory.planned_at not in {None, seen.finding.status}:
        finding = memory.planned_at  # it has changed since, and not by us
    for tracker, ticket in seen.existing.items():
        own = {f"resolve:{tracker}"} if ticket.state is TicketState.DONE else {f"open:{tracker}", f"reopen:{tracker}"}
        if own & memory.doing:
            tickets[tracker] = ticket.state
    return Memory(finding, tickets)


def _for_unsolved(seen: Observation, wanted: tuple[str, ...], memory: Memory, record: CaseRecord) -> Iterator[Action]:
    again = _is_found_again(seen, memory)
    why = Why.FOUND_AGAIN if again and seen.existing else Why.NEW
    missing = [OpenTicket(tracker, why) for tracker in seen.missing(wanted)]
    opened = [action for action in missing if action.name not in record.parked]
    if seen.existing and not (seen.active or again or opened):
        if not seen.unseen and not _is_stuck(seen, memory, record):
            yield _outcome(seen)
        return
    done = [ReopenTicket(tracker, why) for tracker in seen.done] if again else []
    reopened = [action for action in done if action.name not in record.parked]
    yield from reopened
    yield from opened
    if not (seen.active or reopened or opened):
        return
    if seen.finding.status is FindingStatus.OPEN or opened or _unnamed(seen, memory):
        yield PatchFinding(FindingStatus.REVIEWING, why)


def _is_stuck(seen: Observation, memory: Memory, record: CaseRecord) -> bool:
    """The tickets are done only because a tracker would not reopen them: nobody has closed any since."""
    refused = any(f"reopen:{tracker}" in record.parked | record.again for tracker in seen.done)
    return refused and all(memory.tickets.get(tracker) is TicketState.DONE for tracker in seen.done)


def _unnamed(seen: Observation, memory: Memory) -> bool:
    """A ticket was opened after the last agreement, and no note names it yet."""
    return memory.finding is not None and any(tracker not in memory.tickets for tracker in seen.active)


def _is_found_again(seen: Observation, memory: Memory) -> bool:
    """The finding came back, against what the tickets say.

    Without a memory `open` is taken at its word; `reviewing` beside done tickets is decided by what happened last.
    """
    status = seen.finding.status
    if memory.finding is None and status is FindingStatus.REVIEWING:
        return not _closed_after_finding_changed(seen)
    return status is not memory.finding and (
        status is FindingStatus.OPEN or (memory.finding is not None and memory.finding.is_solved)
    )


def _closed_after_finding_changed(seen: Observation) -> bool:
    closings = [ticket.closed_at for ticket in seen.existing.values() if ticket.closed_at is not None]
    return bool(closings) and seen.finding.updated_at is not None and max(closings) > seen.finding.updated_at


def _outcome(seen: Observation) -> PatchFinding:
    """What done tickets make of their finding: a risk is accepted only where every decision says so."""
    reasons = [ticket.reason or Reason.UNKNOWN for ticket in seen.existing.values()]
    decisions = [reason for reason in reasons if reason in {Reason.FIXED, Reason.ACCEPTED_RISK, Reason.FALSE_POSITIVE}]
    if decisions and all(reason is Reason.ACCEPTED_RISK for reason in decisions):
        return PatchFinding(FindingStatus.ACCEPTED_RISK, Why.TICKET_DONE, Reason.ACCEPTED_RISK)
    other = [reason for reason in decisions if reason is not Reason.ACCEPTED_RISK]
    return PatchFinding(FindingStatus.RESOLVED, Why.TICKET_DONE, (other or reasons)[0])


def _for_solved(seen: Observation, memory: Memory) -> Iterator[Action]:
    if not seen.active:
        return
    changed = seen.finding.status is not memory.finding
    reopened = [tracker for tracker in seen.active if memory.tickets.get(tracker) is TicketState.DONE]
    if reopened:
        why = Why.CONFLICT if changed else Why.TICKET_REOPENED
        if changed:
            yield from (CommentOnTicket(tracker, why) for tracker in reopened)
        yield PatchFinding(FindingStatus.REVIEWING, why)
        return
    accepted = seen.finding.status is FindingStatus.ACCEPTED_RISK
    reason = Reason.ACCEPTED_RISK if accepted else Reason.FIXED
    why = Why.FINDING_ACCEPTED if accepted else Why.FINDING_RESOLVED
    yield from (ResolveTicket(tracker, reason, why) for tracker in seen.active)


def still_wanted(name: str, seen: Observation, wanted: tuple[str, ...]) -> bool:
    """Whether a parked action would still bring the case nearer to agreement."""
    kind, _, target = name.partition(":")
    status = seen.finding.status
    if target in seen.unseen:
        return True
    if kind in {"open", "reopen"}:
        there = seen.missing(wanted) if kind == "open" else seen.done
        return status.is_unsolved and target in there
    if kind == "resolve":
        return status.is_solved and target in seen.active
    if kind == "duplicate":
        return True  # nobody looks for duplicates of a linked ticket: it stays parked until a person discards it
    if kind == "patch":
        return status != target and bool(seen.active) == (target == FindingStatus.REVIEWING)
    return False


def _asked_again(seen: Observation, wanted: tuple[str, ...], again: AbstractSet[str]) -> Iterator[Action]:
    for name in sorted(again):
        if name.partition(":")[2] in seen.unseen or not still_wanted(name, seen, wanted):
            continue  # what cannot be seen is not acted on either: it stays asked for
        match name.split(":"):
            case ["open", tracker]:
                yield OpenTicket(tracker, Why.NEW)
            case ["reopen", tracker]:
                yield ReopenTicket(tracker, Why.FOUND_AGAIN)
            case ["resolve", tracker]:
                accepted = seen.finding.status is FindingStatus.ACCEPTED_RISK
                why = Why.FINDING_ACCEPTED if accepted else Why.FINDING_RESOLVED
                yield ResolveTicket(tracker, Reason.ACCEPTED_RISK if accepted else Reason.FIXED, why)
            case _:
                continue  # patches and comments follow from what is seen
