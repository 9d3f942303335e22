"""The situation of a case at one look: all that the rows of the table depend on."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import NamedTuple

from remediation.domain.actions import ActionName
from remediation.domain.cases.records import CaseRecord, Memory
from remediation.domain.cases.verification import Verification
from remediation.domain.policy import Policy, accepts_risk
from remediation.domain.status import Status
from remediation.domain.tickets import Ticket, TicketState
from remediation.planning.observation import Observation
from remediation.planning.recovery import still_owed, with_own_work


class Situation(NamedTuple):
    """What is seen of a case, its policy, its stored record, and the time of the look.

    `memory` is the record's memory, in which those of our unfinished actions count as done whose result is seen. What
    differs from it was changed by somebody else. `record.memory` still has the actions that were begun.

    It is a tuple because one is made for every look: a frozen data class takes twice as long to make.
    """

    seen: Observation
    policy: Policy
    record: CaseRecord
    memory: Memory
    now: datetime

    @classmethod
    def of(cls, seen: Observation, policy: Policy, record: CaseRecord, now: datetime) -> "Situation":
        """Returns the situation with its memory."""
        return cls(seen, policy, record, with_own_work(record.memory, seen, record.parked), now)

    @property
    def status(self) -> Status:
        """The present status of the subject."""
        return self.seen.subject.status

    @property
    def is_known(self) -> bool:
        """Whether both sides have agreed before, and the memory has that state."""
        return self.memory.finding is not None

    @property
    def is_found_again(self) -> bool:
        """Whether the finding came back although its tickets are done (see `is_found_again` below)."""
        return is_found_again(self.seen, self.memory)

    def verification_of(self, tickets: Mapping[str, Ticket]) -> Verification | None:
        """The verification that was asked for because of these closings; None where there is none."""
        known = self.record.verification
        return known if known is not None and known.covers(tickets) else None

    @property
    def owed(self) -> AbstractSet[str]:
        """The trackers whose ticket an earlier look was to reopen or replace, and could not."""
        return still_owed(self.record, self.seen)

    @property
    def set_aside(self) -> AbstractSet[ActionName]:
        """The names of the actions that were refused, also of those that a person asked to repeat."""
        return self.record.parked | self.record.again

    @property
    def missing(self) -> tuple[str, ...]:
        """The trackers in which the rule wants a ticket and none exists (any more)."""
        return self.seen.missing(self.policy.trackers)

    @property
    def risk_until(self) -> datetime | None:
        """When the acceptance of the risk ends; None for never.

        Where every ticket that accepted the risk is gone, no ticket states the end: then the appointment has it. Not
        where a person has changed the reason of a done ticket, because that is a decision of its own.
        """
        existing = self.seen.existing
        until, came_due = self.policy.risk_until(existing), self.record.came_due
        if until is not None or came_due is None or any(accepts_risk(ticket) for ticket in existing.values()):
            return until
        if any(map(self.is_closed_otherwise, self.seen.done)):
            return None
        return datetime.fromtimestamp(came_due, tz=UTC)

    @property
    def deciding(self) -> Mapping[str, Ticket]:
        """The done tickets that state what people decided.

        A ticket that we closed follows a decision that was made elsewhere. It counts only where no other ticket is
        done, or where a person has changed its reason since.
        """
        done = {name: self.seen.tickets[name] for name in self.seen.done}
        return {name: ticket for name, ticket in done.items() if not self._is_closed_by_us(name)} or done

    def _is_closed_by_us(self, tracker: str) -> bool:
        closing = self.memory.closings.get(tracker)
        return closing is not None and closing.meant is not None and not self.is_closed_otherwise(tracker)

    def was_done(self, tracker: str) -> bool:
        """Whether the ticket was done when both sides last agreed."""
        return self.memory.tickets.get(tracker) is TicketState.DONE

    def is_closed_otherwise(self, tracker: str) -> bool:
        """Whether the ticket was done before for a remembered reason, and is done for another reason now."""
        closing = self.memory.closings.get(tracker)
        return closing is not None and self.was_done(tracker) and closing.differs_from(self.seen.tickets[tracker])

    def has_only_lost_its_end(self, tracker: str) -> bool:
        """Whether the ticket accepts a risk as before, and a person has removed the end, or made it unreadable."""
        closing, ticket = self.memory.closings.get(tracker), self.seen.tickets[tracker]
        return closing is not None and closing.reason is ticket.reason and closing.has_lost_its_end(ticket)

    def counted(self, tracker: str) -> bool:
        """Whether the remembered reason of the ticket, which was done then, is one that decides."""
        closing = self.memory.closings.get(tracker)
        return closing is not None and (closing.meant or closing.reason) not in self.policy.kept_open

    def has_later_end(self, tracker: str) -> bool:
        """Whether the ticket accepted the risk before, and a person has set a later end since."""
        closing = self.memory.closings.get(tracker)
        return closing is not None and self.was_done(tracker) and closing.has_later_end(self.seen.tickets[tracker])

    def was_active(self, tracker: str) -> bool:
        """Whether the ticket was active when both sides last agreed."""
        before = self.memory.tickets.get(tracker)
        return before is not None and before.is_active


def is_found_again(seen: Observation, memory: Memory) -> bool:
    """Whether the finding came back although its tickets are done.

    Without a memory, `open` always counts as found again, and `reviewing` counts only where no ticket is active and
    none was closed after the finding's last change. Where the status is our own, it was lost with the memory, and the
    tickets decide.
    """
    status, before = seen.subject.status, memory.finding
    if before is None and not seen.subject.keeps_status:
        return False
    if before is None and status is Status.REVIEWING:
        return not seen.active and not seen.is_closed_last
    return status is not before and (status is Status.OPEN or (before is not None and not before.is_unsolved))
