"""Whose a linked ticket is. A link is to a number, and numbers begin again where a tracker was restored or moved.

A ticket is the case's by the mark that it carries. Pure.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from remediation.cases import Link, ref_of_mark
from remediation.tickets import Ticket, TicketState

_SAME_CREATION = timedelta(hours=1)
"""The time of a creation may be by our clock, if the tracker did not tell its own: clocks differ by less."""


class Evidence(StrEnum):
    """What casts a doubt on a linked ticket."""

    NO_MARK = "no_mark"
    """Somebody removed the mark, or we may not see it: the number alone says that the ticket is the case's."""
    OTHER_MARK = "other_mark"
    """The mark is another case's."""
    OTHER_TICKET = "other_ticket"
    """No mark, and it was created at another time than the ticket that was linked."""
    OTHER_SITE = "other_site"
    """The link was made on another site, and here its number leads to nothing that carries the case's mark."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A linked ticket that does not show that it is the case's, and why."""

    link: Link
    evidence: Evidence

    @property
    def is_ours(self) -> bool:
        """Whether the ticket is taken for the case's nevertheless."""
        return self.evidence is Evidence.NO_MARK

    @property
    def is_news(self) -> bool:
        """Whether nobody was told of it yet."""
        return not (self.is_ours and self.link.unmarked)


def doubt_of(marks: Container[str], link: Link, ticket: Ticket, *, here: bool = True) -> Doubt | None:
    """What casts a doubt on the ticket that the link led to; None where it carries a mark of the case's, or is gone.

    `here` says that the link was made on the site that the tracker is now. Of another one only the mark is believed.
    """
    if ticket.mark in marks or (here and ticket.state is TicketState.GONE):
        return None
    if ref_of_mark(ticket.mark):
        return Doubt(link, Evidence.OTHER_MARK)
    if not here:
        return Doubt(link, Evidence.OTHER_SITE)
    if link.created is not None and ticket.created_at is not None:
        apart = abs(ticket.created_at.timestamp() - link.created)
        if apart > _SAME_CREATION.total_seconds():
            return Doubt(link, Evidence.OTHER_TICKET)
    return Doubt(link, Evidence.NO_MARK)
