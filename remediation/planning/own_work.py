"""What of the present is our own doing, after a crash that kept us from remembering it."""

from dataclasses import replace

from remediation.cases import Memory
from remediation.findings import FindingStatus
from remediation.planning.observation import Observation
from remediation.tickets import TicketState


def with_own_work(memory: Memory, seen: Observation) -> Memory:
    """The memory with those of our unfinished actions counted as done that the outside shows as done.

    After a crash we know what we set out to do, not how far we came; what is now as we wanted it is our doing and
    nobody's change.
    """
    if not memory.doing and memory.planned_at is None:
        return memory
    finding, tickets = memory.finding, dict(memory.tickets)
    status = seen.finding.status
    if f"patch:{status}" in memory.doing and (finding is None or memory.planned_at is not status):
        finding = status  # and not where it was so before: such a patch is only a note
        if finding.is_solved:  # planned only where every other ticket was done
            closing = {name for name in seen.existing if f"resolve:{name}" in memory.doing}
            known = {name: state for name, state in tickets.items() if name in closing}
            tickets = dict.fromkeys(seen.existing.keys() - closing, TicketState.DONE) | known
    elif memory.planned_at not in {None, status} and not (status.is_unsolved and memory.planned_at.is_unsolved):
        finding = memory.planned_at  # it has changed since, and not by us
    for tracker, ticket in seen.existing.items():
        own = {f"resolve:{tracker}"} if ticket.state is TicketState.DONE else {f"open:{tracker}", f"reopen:{tracker}"}
        if own & memory.doing:
            tickets[tracker] = ticket.state
    return replace(memory, finding=finding, tickets=tickets, doing=frozenset(), planned_at=None)


def still_owed(memory: Memory, seen: Observation) -> frozenset[str]:
    """The trackers whose ticket was to be brought back when its finding was found again, and could not be until now.

    Others could, so that the finding is `reviewing` already and does not tell any more.
    """
    reviewing = FindingStatus.REVIEWING
    if not (memory.finding is memory.planned_at is seen.finding.status is reviewing):
        return frozenset()
    if f"patch:{reviewing}" in memory.doing:  # cut off: nobody knows whether it was brought back and closed once more
        return frozenset()
    known = [name for name in seen.done if memory.tickets.get(name) is TicketState.DONE]
    return frozenset(name for name in known if {f"reopen:{name}", f"open:{name}"} & memory.doing)
