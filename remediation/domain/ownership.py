"""Whether a ticket is the case's: a linked one, and one that a search for the case's mark has found. Pure.

A link names a ticket's number on one site. Numbers begin again where a tracker was restored or moved to another site,
so a linked ticket is the case's only if it carries the case's mark. A mark alone proves nothing, because anybody who
may write a label can write one: a ticket that is not linked must have been opened by us, in a place where the case's
tickets may be opened.
"""

import math
from collections.abc import Collection, Container
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, StrEnum, auto

from remediation.domain.cases.records import Intent, Link, ref_of_mark
from remediation.domain.tickets import Ticket, TicketState


@dataclass(frozen=True, slots=True)
class Site:
    """A site: the address in mappings.yaml, and the id that the site gives itself, where it tells one.

    The id is a Jira's base address or a ServiceNow's instance id; empty where we may not read it.
    """

    address: str
    id: str = ""

    @property
    def key(self) -> str:
        """The name under which a link remembers the site."""
        return self.id or self.address

    def is_same(self, other: "Site") -> bool:
        """Whether both are the same site: by their ids where both are known, otherwise by their addresses."""
        if self.id and other.id:
            return self.id == other.id
        return self.address == other.address


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """The present site of a tracker, and the one `before`, which it was until `since` (Unix seconds); None for none.

    `is_told` is false where the tracker did not answer, and only its new address says that it may be another site.
    """

    site: Site
    before: Site | None = None
    since: float = 0.0
    is_told: bool = True

    def seen(self, site: Site, now: float) -> "SiteHistory":
        """Returns the history after the tracker was seen to be this site at `now` (Unix seconds).

        An unknown id counts as unchanged.
        """
        if not self.site.is_same(site):
            return SiteHistory(site, self.site, now)
        return SiteHistory(Site(site.address, site.id or self.site.id), self.before, self.since)

    def untold(self, address: str) -> "SiteHistory":
        """The history as far as it goes where the tracker, at this address now, does not tell its site.

        At another address than before it may be another site from any moment on.
        """
        return self if address == self.site.address else replace(self.seen(Site(address), math.inf), is_told=False)

    def is_of(self, link: Link) -> bool:
        """Whether the link was made on the present site. A link without a site was if there was never another one.

        No link is known to be of a site that is not told.
        """
        if not self.is_told:
            return False
        if not link.site:
            return self.before is None
        return link.site in {self.site.id, self.site.address}

    def elsewhere(self, link: Link | None, intent: Intent | None) -> str:
        """The key of the other site on which the case has a ticket, or may have one; empty where it has none there.

        A link says where it was made; an intent does not: one of before the last change was for the site before.
        """
        if link is not None and not self.is_of(link):
            return link.site or (self.before.key if self.before else "")
        if link is None and intent is not None and intent.is_ours and self.before and intent.at < self.since:
            return self.before.key
        return ""


_SAME_CREATION = timedelta(hours=1)
"""The largest difference between two times of creation of one ticket. One of them may be by our clock."""


class Ground(Enum):
    """Whose tickets the rules open in a place of a tracker (a project, a table), as one district sees it."""

    OWN = auto()
    """The district's own tickets may be opened there, and perhaps others'."""
    OTHERS = auto()
    """Only tickets of other districts are opened there."""
    NOBODYS = auto()
    """No tickets are opened there: a person has moved the ticket, or the file named another place when it was opened.
    """


@dataclass(frozen=True, slots=True)
class Stranger:
    """A ticket with the case's mark that is not taken for the case's, and why.

    `is_certain` says that it is none of ours: its tracker tells that another account opened it, and it stands where no
    ticket of this district is opened. Otherwise it may be ours, and the file lacks a word.
    """

    ticket: Ticket
    why: str
    is_certain: bool = False


def stranger_in(ticket: Ticket, ground: Ground, accounts: Collection[str], *, is_own_attempt: bool) -> Stranger | None:
    """Returns why a ticket with the case's mark is not taken for the case's; None where it is taken for it.

    `accounts` are ours, empty where the tracker does not state them. `is_own_attempt` is true where we were about to
    create a ticket when this one was created. A ticket of which nobody tells that we opened it is taken only if it is
    such an attempt, in a place of the district's own.
    """
    is_told = ticket.opened_by is not None and accounts
    if is_told and ticket.opened_by not in accounts:
        return Stranger(ticket, "no account of ours opened it", is_certain=ground is not Ground.OWN)
    if ground is Ground.OTHERS and not (is_own_attempt and is_told):
        return Stranger(ticket, "it is in a place where only tickets of other districts are opened")
    if is_told or (ground is Ground.OWN and is_own_attempt):
        return None
    if ground is Ground.NOBODYS:
        return Stranger(
            ticket, "it is in a place where no tickets of ours are opened, and it is not known who opened it"
        )
    return Stranger(ticket, "it is not known who opened it")


@dataclass(frozen=True, slots=True)
class Claim:
    """Why a tracker may have a right to tickets of one case: the linked ticket, and the place for the case's tickets.

    Each is empty where there is none; both are empty for a tracker that the case does not use.
    """

    tracker: str
    ticket_id: str = ""
    place: str = ""

    def is_for(self, ticket: Ticket, rivals: Collection["Claim"]) -> bool | None:
        """Whether a ticket with the case's mark belongs to this tracker and not to a rival; None where nothing decides.

        `rivals` are the claims of the other trackers on the same installation: a search there finds the tickets of all.
        A link decides first, unless both sides have one; then the tracker that the ticket itself names; then its place.
        Earlier versions created tickets that name no tracker, and linked one ticket to both trackers.
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
    """Why a linked ticket may not be the case's."""

    NO_MARK = "no_mark"
    """Its mark was removed, or we may not see it: only the number says that the ticket is the case's."""
    OTHER_MARK = "other_mark"
    """It carries the mark of another case."""
    OTHER_TICKET = "other_ticket"
    """It has no mark, and was created at another time than the ticket that was linked."""
    OTHER_SITE = "other_site"
    """The link was made on another site, and its number leads here to nothing with the case's mark."""
    STRANGER = "stranger"
    """It only carries the case's mark: another account opened it, in a place where no ticket of ours is opened."""
    OTHER_TRACKER = "other_tracker"
    """It is the case's ticket in another tracker on the same installation."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A linked ticket that is not proven to be the case's, and why."""

    link: Link
    evidence: Evidence

    @property
    def is_ours(self) -> bool:
        """Whether the ticket is taken for the case's nevertheless."""
        return self.evidence is Evidence.NO_MARK

    @property
    def is_news(self) -> bool:
        """Whether people have not been told of it yet."""
        return not (self.is_ours and self.link.unmarked)


def doubt_of(marks: Container[str], link: Link, ticket: Ticket, *, here: bool = True) -> Doubt | None:
    """Returns the doubt about a linked ticket; None where the ticket carries a mark of the case, or is gone.

    `here` is true where the link was made on the tracker's present site. On another site only the mark counts.
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
