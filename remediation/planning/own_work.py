"""What of the present is our own doing, after a crash that kept us from remembering it."""

from dataclasses import replace

from remediation.cases import Memory
from remediation.planning.observation import Observation
from remediation.tickets import TicketState


def with_own_work(memory: Memory, seen: Observation) -> Memory:
    """The memory with those of our unfinished actions counted as done that the outside shows as done.

    After a crash we know what we set out to do, not how far we came; what is now as we wanted it is our doing and
    nobody's change.
    """
    if not memory.doing:
        return memory if memory.planned_at is None else replace(memory, planned_at=None)
    finding, tickets = memory.finding, dict(memory.tickets)
    status = seen.finding.status
    if f"patch:{status}" in memory.doing:
        finding = status
        if finding.is_solved:  # planned only where every ticket was done
            tickets = dict.fromkeys(seen.existing, TicketState.DONE)
    elif memory.planned_at not in {None, status}:
        finding = memory.planned_at  # it has changed since, and not by us
    for tracker, ticket in seen.existing.items():
        own = {f"resolve:{tracker}"} if ticket.state is TicketState.DONE else {f"open:{tracker}", f"reopen:{tracker}"}
        if own & memory.doing:
            tickets[tracker] = ticket.state
    return replace(memory, finding=finding, tickets=tickets, doing=frozenset(), planned_at=None)
