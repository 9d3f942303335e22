"""The policy of a rule, as values: when tickets decide about their case, when they are reopened, and so on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from remediation.domain.tickets import Reason, Ticket, TicketState

FOR_EVER = timedelta.max

KEPT_OPEN = frozenset({Reason.CANCELLED, Reason.NOT_SOLVED, Reason.UNKNOWN})
"""The reasons that leave the finding as it is, by default: closing a ticket for them removes no data from the web."""


class ResolveWhen(StrEnum):
    """How many of a case's tickets must be done before its finding is."""

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a ticket must state so that its acceptance of a risk counts, and for how long it counts at most."""

    reason_required: bool = False
    expiry_required: bool = False
    at_most: timedelta | None = None

    def until(self, ticket: Ticket) -> datetime | None:
        """Returns when the acceptance of the risk ends; None for never.

        Where the tracker does not state when the ticket was closed, the time of its last change counts.
        """
        said = ticket.risk.until if ticket.risk else None
        decided_at = ticket.closed_at or ticket.updated_at
        if self.at_most is None or decided_at is None:
            return said
        try:
            latest = decided_at + self.at_most
        except OverflowError:  # later than the last date that datetime has
            return said
        return latest if said is None else min(said, latest)

    def lacks(self, ticket: Ticket, now: datetime) -> tuple[str, ...]:
        """Returns what is missing so that the ticket's acceptance counts, as words; empty where it counts.

        `reason` and `expiry` are missing only where the rule demands them. An end whose text states no time is
        `unreadable`, and one that is over is `past`, whatever the rule demands.
        """
        risk, until = ticket.risk, self.until(ticket)
        is_unread = risk is not None and risk.is_unread
        lacking = [
            ("reason", self.reason_required and not (risk and risk.reason)),
            ("expiry", self.expiry_required and until is None and not is_unread),
            ("unreadable", is_unread),
            ("past", until is not None and until <= now and not is_unread),
        ]
        return tuple(word for word, is_lacking in lacking if is_lacking)


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy for one case.

    `rule` is the name of its rule; it is empty where `defaults` of mappings.yaml say it and no rule does.

    `trackers` are those in which the finding is to have a ticket. `reopen_within` is how long after its closing a
    ticket is reopened when its finding is found again (zero: never, FOR_EVER: always); later a new ticket follows it.
    `kept_open` are the reasons for closing a ticket that leave the finding as it is. `closes_gone` is true where
    tickets are closed when SchoolScan no longer has the finding, `closes_solved` where the ticket
    of a summary is closed once all findings of its scan are solved, `attaches_reports` where that ticket has the scan's
    compliance report, `copies_closing_words` where notes are to quote the
    person who closed a ticket, and `names_people` where they name that person as the tracker shows the name to its own
    users. `quotes_people` is true where notes may quote anybody at all: the rule has `detail: restricted`. `is_former`
    is true where no rule matches the finding any more, and this is the policy of the last one. `verifies` is true where
    a scan must say that what people have mended is gone before the finding is resolved.
    """

    rule: str = ""
    trackers: tuple[str, ...] = ()
    resolve_when: ResolveWhen = ResolveWhen.ALL
    reopen_within: timedelta = FOR_EVER
    kept_open: frozenset[Reason] = KEPT_OPEN
    acceptance: Acceptance = field(default_factory=Acceptance)
    closes_gone: bool = False
    closes_solved: bool = False
    attaches_reports: bool = False
    copies_closing_words: bool = False
    names_people: bool = False
    quotes_people: bool = False
    is_former: bool = False
    verifies: bool = False

    @property
    def quotes_closings(self) -> bool:
        """Whether notes quote the person who closed a ticket."""
        return self.quotes_people and self.copies_closing_words

    @property
    def quotes_risks(self) -> bool:
        """Whether notes quote why a risk was accepted."""
        return self.quotes_people and (self.copies_closing_words or self.acceptance.reason_required)

    @property
    def as_former(self) -> "Policy":
        """Returns the policy for existing tickets once the rule does not match any more: it wants no new tickets."""
        return self if self.is_former else replace(self, trackers=(), is_former=True)

    def reopens(self, ticket: Ticket, now: datetime) -> bool:
        """Whether this done ticket is reopened; otherwise a new one follows it."""
        if ticket.final:
            return False
        if self.reopen_within in {FOR_EVER, timedelta(0)} or ticket.closed_at is None:
            return self.reopen_within > timedelta(0)
        return now - ticket.closed_at < self.reopen_within

    def risk_until(self, tickets: Mapping[str, Ticket]) -> datetime | None:
        """Returns when the first acceptance of these tickets ends; None for never."""
        ends = [self.acceptance.until(ticket) for ticket in tickets.values() if accepts_risk(ticket)]
        return min((end for end in ends if end is not None), default=None)


def accepts_risk(ticket: Ticket) -> bool:
    """Whether the ticket was closed with an accepted risk."""
    return ticket.state is TicketState.DONE and ticket.reason is Reason.ACCEPTED_RISK
