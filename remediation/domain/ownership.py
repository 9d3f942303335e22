"""Whose a ticket is: one that we have linked, and one that a search for the case's mark has found. Pure.

A link is to a number, and numbers begin again where a tracker was restored or moved: a linked ticket is the case's by
the mark that it carries. A mark alone proves nothing, because whoever may write a label can write one: a ticket that is
not linked must have been opened by us, and where the case's tickets may be opened.
"""

from collections.abc import Collection, Container
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum, auto

from remediation.domain.cases import Link, ref_of_mark
from remediation.domain.tickets import Ticket, TicketState

_SAME_CREATION = timedelta(hours=1)
"""The time of a creation may be by our clock, if the tracker did not tell its own: clocks differ by less."""


class Ground(Enum):
    """Whose tickets the rules open in a place of a tracker (a project, a table), as one district sees it."""

    OWN = auto()
    """Its own may be, and perhaps others'."""
    OTHERS = auto()
    """Only those of other districts."""
    NOBODYS = auto()
    """None: a person has moved the ticket, say, or the file named another place when it was opened."""


def stranger_because(ticket: Ticket, ground: Ground, accounts: Collection[str], *, is_own_attempt: bool) -> str:
    """Why a ticket that carries the case's mark is not taken for the case's; empty where it is.

    `accounts` are ours, none where the tracker does not tell. `is_own_attempt` says that we were about to open one just
    when this one was opened. Where nobody tells who opened it, it counts only on the district's own ground.
    """
    is_told = ticket.opened_by is not None and accounts
    if is_told and ticket.opened_by not in accounts:
        return "no account of ours opened it"
    if ground is Ground.OTHERS and not (is_own_attempt and is_told):
        return "it is where only tickets of other districts are opened"
    if ground is Ground.NOBODYS and not is_told:
        return "it is where no tickets of ours are opened, and nobody tells who opened it"
    return ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a tracker may call its own among the tickets of one case: the linked one, and those in its place.

    `ticket_id` and `place` are empty where it has none; a tracker that the case has nothing to do with has neither.
    """

    tracker: str
    ticket_id: str = ""
    place: str = ""

    def is_for(self, ticket: Ticket, rivals: Collection["Claim"]) -> bool | None:
        """Whether a ticket that carries the case's mark is this tracker's, and no rival's; None where nobody tells.

        `rivals` are the other trackers on the same installation, where a search finds the tickets of all. A link counts
        first, unless both have one; then what the ticket says of itself, and then its place. A ticket that an earlier
        version opened says nothing, and an earlier version linked what a search found to both.
        """
        is_ours, is_theirs = ticket.id == self.ticket_id, any(ticket.id == rival.ticket_id for rival in rivals)
        if is_ours is not is_theirs:
            return is_ours
        if ticket.meant_for in {self.tracker, *(rival.tracker for rival in rivals)}:
            return ticket.meant_for == self.tracker
        if not any(rival.ticket_id or rival.place for rival in rivals):
            return True
        is_here = self.is_at(ticket)
        if any(rival.is_at(ticket) for rival in rivals):
            return None if is_here else False
        return True if is_here or not self.place else None

    def is_at(self, ticket: Ticket) -> bool:
        """Whether the ticket is in this tracker's place."""
        return bool(self.place) and self.place.casefold() == ticket.place.casefold()


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
    OTHER_TRACKER = "other_tracker"
    """It is the case's, and another tracker's on the same installation, which has a link to it as well."""


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
