"""Tickets that carry a mark of ours and belong to no case, as the trackers' lists tell of them. Nothing is asked."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from remediation.domain.cases.records import CaseKey, ref_of_mark
from remediation.domain.tickets import TicketChange
from remediation.ports import Rulebook

MOST_STRAYS = 10_000
"""Tickets that are counted one by one, because a list may tell of one twice; of more there are at least so many."""


@dataclass(slots=True)
class Strays:
    """The tickets, by tracker and by the district whose case they name.

    After a loss of Redis nobody takes them for theirs: mappings.yaml does not name the district, or no rule of it sends
    the district's cases there. `stopped` says that there were more than are counted.
    """

    tickets: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    counted: int = 0
    stopped: bool = False

    def note(
        self, tracker: str, changes: Sequence[TicketChange], concerned: Sequence[Sequence[CaseKey]], rulebook: Rulebook
    ) -> None:
        """Count those of a page that concern no case."""
        for change, cases in zip(changes, concerned, strict=True):
            ref = ref_of_mark(change.mark)
            district = ref.partition(":")[0] if ref else ""
            if district and not cases and _is_stray(tracker, change.meant_for, district, rulebook):
                self._count((tracker, district), change.ticket_id)

    def _count(self, where: tuple[str, str], ticket_id: str) -> None:
        if self.counted >= MOST_STRAYS:
            self.stopped = self.stopped or ticket_id not in self.tickets[where]
        elif ticket_id not in self.tickets[where]:
            self.tickets[where].add(ticket_id)
            self.counted += 1


def _is_stray(tracker: str, meant_for: str, district: str, rulebook: Rulebook) -> bool:
    """Whether no tracker on this installation may have the ticket, and this one is to tell of it.

    Lists of several trackers on one installation have the same tickets: the one that a ticket names tells of it, or
    else the first.
    """
    here = {tracker, *rulebook.beside(tracker)}
    if rulebook.names(district) and any(rulebook.concerns(district, name) for name in here):
        return False
    meant_for = rulebook.former_names.get(meant_for, meant_for)
    return tracker == (meant_for if meant_for in here else min(here))
