"""A case as one look finds it: all that the rows of the table ask about."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import NamedTuple

from remediation.domain.actions import ActionName
from remediation.domain.cases import CaseRecord, Memory
from remediation.domain.policy import Policy, accepts_risk
from remediation.domain.status import Status
from remediation.domain.tickets import Ticket, TicketState
from remediation.planning.observation import Observation
from remediation.planning.recovery import still_owed, with_own_work


class Situation(NamedTuple):
    """What is seen of a case, what its rule says, what the store keeps of it, and the moment of the look.

    `memory` is the record's, with those of our unfinished actions counted as done that the outside shows as done:
    what differs from it is somebody's change. `record.memory` still tells what we had set out to do.

    A tuple, because one is made for every look: a frozen data class takes twice as long to make.
    """

    seen: Observation
    policy: Policy
    record: CaseRecord
    memory: Memory
    now: datetime

    @classmethod
    def of(cls, seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> "Situation":
        """The situation in which this is seen; the memory is worked out."""
        return cls(seen, policy, record, with_own_work(record.memory, seen, record.parked), now)

    @property
    def status(self) -> Status:
        """Where the finding stands now."""
        return self.seen.subject.status

    @property
    def is_known(self) -> bool:
        """Both sides have agreed before, and we remember how they were."""
        return self.memory.finding is not None

    @property
    def is_found_again(self) -> bool:
        """The finding came back, against what the tickets say."""
        return is_found_again(self.seen, self.memory)

    @property
    def owed(self) -> AbstractSet[str]:
        """The trackers whose ticket should have been brought back at an earlier look, and could not be."""
        return still_owed(self.record, self.seen)

    @property
    def set_aside(self) -> AbstractSet[ActionName]:
        """The names of the actions that were refused, whether or not they were asked for once more since."""
        return self.record.parked | self.record.again

    @property
    def missing(self) -> tuple[str, ...]:
        """The trackers in which the rule wants a ticket and none exists (any more)."""
        return self.seen.missing(self.policy.trackers)

    @property
    def risk_until(self) -> datetime | None:
        """When the risk that the tickets accept must be looked at again; None for never.

        Where every ticket that accepted it is gone, none tells of the end any more: it is what the appointment said.
        """
        existing = self.seen.existing
        until, came_due = self.policy.risk_until(existing), self.record.came_due
        if until is not None or came_due is None or any(accepts_risk(ticket) for ticket in existing.values()):
            return until
        return datetime.fromtimestamp(came_due, tz=UTC)

    @property
    def deciding(self) -> Mapping[str, Ticket]:
        """The tickets that are done and say what people decided.

        What we closed follows a decision that was made elsewhere, and is none: it counts only where nothing else is
        done, or once a person has changed the reason.
        """
        done = {name: self.seen.tickets[name] for name in self.seen.done}
        return {name: ticket for name, ticket in done.items() if not self._is_closed_by_us(name)} or done

    def _is_closed_by_us(self, tracker: str) -> bool:
        closing = self.memory.closings.get(tracker)
        return closing is not None and closing.meant is not None and not self.is_closed_otherwise(tracker)

    def was_done(self, tracker: str) -> bool:
        """Whether the ticket there was done when both sides last agreed."""
        return self.memory.tickets.get(tracker) is TicketState.DONE

    def is_closed_otherwise(self, tracker: str) -> bool:
        """Whether the ticket there was done already, for a reason that is remembered, and is done for another now."""
        closing = self.memory.closings.get(tracker)
        return closing is not None and self.was_done(tracker) and closing.differs_from(self.seen.tickets[tracker])

    def has_later_end(self, tracker: str) -> bool:
        """Whether the ticket there accepted the risk already, and a person has put off the end of that since."""
        closing = self.memory.closings.get(tracker)
        return closing is not None and self.was_done(tracker) and closing.has_later_end(self.seen.tickets[tracker])

    def was_active(self, tracker: str) -> bool:
        """Whether somebody was expected to work on the ticket there when both sides last agreed."""
        before = self.memory.tickets.get(tracker)
        return before is not None and before.is_active


def is_found_again(seen: Observation, memory: Memory) -> bool:
    """The finding came back, against what the tickets say.

    Without a memory `open` is taken at its word; `reviewing` beside done tickets is decided by what happened last.
    """
    status, before = seen.subject.status, memory.finding
    if before is None and status is Status.REVIEWING:
        return not seen.active and not seen.is_closed_last
    return status is not before and (status is Status.OPEN or (before is not None and not before.is_unsolved))
