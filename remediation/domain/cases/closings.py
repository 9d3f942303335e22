"""How a ticket was closed, as it is remembered: for which reason, in which word, and until when a risk is accepted."""

from dataclasses import dataclass, replace

from remediation.domain.tickets import Reason, Ticket


@dataclass(frozen=True, slots=True)
class Closing:
    """How a ticket was closed when it was last looked at.

    `reason` and `word` are those of the ticket (see Ticket); `meant` is the reason for which we closed it, None where
    somebody else closed it. `ticket_id` is the id of that ticket, because the case may have another one in this tracker
    now; it is empty in a closing that an earlier version stored. `until` (whole Unix seconds) is the end of the risk
    that the ticket accepts, None where it stated none; `is_unread` is true where its text states no time (see Risk).
    """

    reason: Reason
    word: str = ""
    meant: Reason | None = None
    ticket_id: str = ""
    until: int | None = None
    is_unread: bool = False

    @classmethod
    def of(cls, ticket: Ticket, meant: Reason | None = None) -> "Closing":
        """The closing of a ticket that is done."""
        return cls(ticket.reason or Reason.NONE, ticket.word, meant, ticket.id).dated_by(ticket)

    def taken_back(self) -> "Closing":
        """The same closing after the acceptance was taken back for which we made it: the ticket's own reason counts."""
        return replace(self, meant=self.reason) if self.meant is Reason.ACCEPTED_RISK else self

    @property
    def has_end(self) -> bool:
        """Whether the ticket stated an end, also where its text states no time."""
        return self.is_unread or self.until is not None

    def dated_by(self, ticket: Ticket) -> "Closing":
        """The same closing with the end that the ticket states now, where its tracker shows that."""
        risk = ticket.risk
        if risk is None or risk.is_untold:
            return self
        return replace(self, until=int(risk.until.timestamp()) if risk.until else None, is_unread=risk.is_unread)

    def is_of(self, ticket: Ticket) -> bool:
        """Whether this is a closing of that ticket. A closing without a ticket's id counts as one of every ticket."""
        return self.ticket_id in {"", ticket.id}

    def has_word_of(self, ticket: Ticket) -> bool:
        """Whether the ticket still has the word with which it was closed, if any."""
        return self.word.casefold() == ticket.word.casefold()

    def differs_from(self, ticket: Ticket) -> bool:
        """Whether the ticket is done for another reason now.

        The same word is the same reason, even if mappings.yaml maps it to another one today. Where we closed the ticket
        without a word, a later word was set by the tracker and is no other reason. Where a person removed the end of an
        accepted risk, or replaced it with a text that states no time, the reason counts as another one.
        """
        if self.has_lost_its_end(ticket):
            return True
        if (self.word and self.has_word_of(ticket)) or (self.meant is not None and not self.word):
            return False
        is_another_word = ticket.reason is Reason.UNKNOWN and not self.has_word_of(ticket)
        return is_another_word or self.reason is not (ticket.reason or Reason.NONE)

    def has_later_end(self, ticket: Ticket) -> bool:
        """Whether a person who accepted the risk in this ticket has given it an end since, or a later one."""
        until = ticket.risk.until if ticket.risk is not None else None
        if self.meant is not None or self.reason is not Reason.ACCEPTED_RISK or until is None or not self.is_of(ticket):
            return False
        return self.until is None or int(until.timestamp()) > self.until

    def has_lost_its_end(self, ticket: Ticket) -> bool:
        """Whether a person removed the end of the accepted risk, or replaced it with a text that states no time."""
        risk = ticket.risk
        if self.meant is not None or risk is None or risk.is_untold or risk.until is not None:
            return False
        return not self.is_unread if risk.is_unread else self.until is not None
