"""What SchoolScan and the trackers show of a case now."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from remediation.domain.cases.relations import RelatedCase
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Ticket, TicketState


@dataclass(frozen=True, slots=True)
class Observation:
    """The subject of a case and its tickets, as far as they could be seen.

    `tickets` has the case's tickets by tracker; a tracker that the rule wants and that has none is absent. `unseen`
    are the trackers that could not be asked: nothing is concluded about them. `unnamed` are the case's trackers that
    mappings.yaml does not name (any more): where one has a ticket, or may have one, it is unseen, too. `duplicates`
    are active tickets that carry the case's mark beside the one that counts. `urgency` has the fields that the rule
    wants in the urgency of each ticket; it is computed only where the subject is more severe than before, or where a
    person asked to repeat the raising of the ticket. `related` are the findings' cases that an incident has to do with.
    `listing` is the digest of the list of findings that tickets are to show; empty where the case has not several.
    `report` is the id of the compliance report that tickets are to have attached; empty for none.
    """

    subject: Subject
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    unseen: AbstractSet[str] = frozenset()
    unnamed: AbstractSet[str] = frozenset()
    duplicates: tuple[Ticket, ...] = ()
    urgency: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    related: tuple[RelatedCase, ...] = ()
    listing: str = ""
    report: str = ""

    existing: Mapping[str, Ticket] = field(init=False, repr=False, compare=False)
    active: tuple[str, ...] = field(init=False, repr=False, compare=False)
    done: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the tickets by state once, because every row of the table reads them."""
        existing: dict[str, Ticket] = {}
        active: list[str] = []
        done: list[str] = []
        for name, ticket in self.tickets.items():
            if ticket.state is TicketState.GONE:
                continue
            existing[name] = ticket
            (done if ticket.state is TicketState.DONE else active).append(name)
        object.__setattr__(self, "existing", existing)
        object.__setattr__(self, "active", tuple(active))
        object.__setattr__(self, "done", tuple(done))

    def missing(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the trackers among `wanted` that have no ticket (any more)."""
        return tuple([name for name in wanted if name not in self.existing and name not in self.unseen])

    @property
    def is_closed_last(self) -> bool:
        """Whether a ticket was closed after the last change of the subject; False where a time is not known."""
        changed = self.subject.changed_at
        closings = [ticket.closed_at for ticket in self.existing.values() if ticket.closed_at is not None]
        return bool(closings) and changed is not None and max(closings) > changed
