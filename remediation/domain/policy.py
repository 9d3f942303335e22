"""What a rule says of keeping a case in step, as values: when tickets decide, when they are opened again, and so on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from remediation.domain.tickets import Reason, Ticket, TicketState

FOR_EVER = timedelta.max

KEPT_OPEN = frozenset({Reason.CANCELLED, Reason.NOT_SOLVED, Reason.UNKNOWN})
"""Reasons that leave the finding as it is where no rule says otherwise: such a closing takes no data off the web."""


class ResolveWhen(StrEnum):
    """How many of a case's tickets must be done before its finding is."""

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a ticket must say so that the risk it accepts counts, and for how long it counts at most."""

    reason_required: bool = False
    expiry_required: bool = False
    at_most: timedelta | None = None

    def until(self, ticket: Ticket) -> datetime | None:
        """When the risk that this ticket accepts must be looked at again; None for never.

        Where its tracker does not tell when it was closed, the time of its last change takes that place.
        """
        said = ticket.risk.until if ticket.risk else None
        decided_at = ticket.closed_at or ticket.updated_at
        if self.at_most is None or decided_at is None:
            return said
        try:
            latest = decided_at + self.at_most
        except OverflowError:  # a moment at the end of all time
            return said
        return latest if said is None else min(said, latest)

    def lacks(self, ticket: Ticket, now: datetime) -> tuple[str, ...]:
        """What is missing for the ticket's decision to count: `reason`, `expiry`, or a usable end.

        An end that states no time is `unreadable`, whatever the rule demands; one that is over is `past`.
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
    """What counts for one case.

    `rule` is the name of the rule that says so, empty where there is none (see `defaults`).

    `trackers` are those in which the finding is to have a ticket. `reopen_within` is how long after its closing a
    ticket is opened again when its finding is found again (nothing: never, FOR_EVER: always); later a new ticket
    follows it. `kept_open` are the reasons for closing a ticket that leave the finding as it is. `closes_gone` is
    whether tickets are closed when SchoolScan no longer has the finding. `copies_closing_words` is whether notes may
    quote the person who closed a ticket, and `names_people` whether they name that person as the tracker shows the name
    to its own users. `is_former` is true where no rule takes the finding any more, and this is the one that did.
    """

    rule: str = ""
    trackers: tuple[str, ...] = ()
    resolve_when: ResolveWhen = ResolveWhen.ALL
    reopen_within: timedelta = FOR_EVER
    kept_open: frozenset[Reason] = KEPT_OPEN
    acceptance: Acceptance = field(default_factory=Acceptance)
    closes_gone: bool = False
    copies_closing_words: bool = False
    names_people: bool = False
    is_former: bool = False

    @property
    def as_former(self) -> "Policy":
        """The same for existing tickets, once the rule takes the finding no more: it asks for no new ones."""
        return self if self.is_former else replace(self, trackers=(), is_former=True)

    def reopens(self, ticket: Ticket, now: datetime) -> bool:
        """Whether this done ticket is opened again; otherwise a new one follows it."""
        if ticket.final:
            return False
        if self.reopen_within in {FOR_EVER, timedelta(0)} or ticket.closed_at is None:
            return self.reopen_within > timedelta(0)
        return now - ticket.closed_at < self.reopen_within

    def risk_until(self, tickets: Mapping[str, Ticket]) -> datetime | None:
        """When the risk that these tickets accept must be looked at again; None for never."""
        ends = [self.acceptance.until(ticket) for ticket in tickets.values() if accepts_risk(ticket)]
        return min((end for end in ends if end is not None), default=None)


def accepts_risk(ticket: Ticket) -> bool:
    """Whether the ticket was closed with an accepted risk."""
    return ticket.state is TicketState.DONE and ticket.reason is Reason.ACCEPTED_RISK
