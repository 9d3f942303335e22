"""Whose ticket is it: the case that a changed ticket belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

from remediation.cases import CaseKey, ref_of_mark
from remediation.ports import Rulebook
from remediation.store.todo import Todo
from remediation.tickets import TicketChange


@dataclass(frozen=True, slots=True)
class Owners:
    """Finds the case of a ticket: by the correlation mark that it carries, or else by our own link.

    A link is to a number, and numbers begin again where a tracker was restored or moved. Anybody who may write a label
    can write a mark, so a mark counts only in a tracker to which a rule may send the district's findings: nobody
    reaches another district's cases from a tracker that is not theirs. Where a mark and a link disagree, both cases
    are looked at (the scripts see to it): only a look decides whose a ticket is.
    """

    todo: Todo
    rulebook: Rulebook

    async def of(self, tracker: str, changes: Sequence[TicketChange]) -> list[CaseKey | None]:
        """The case of each, None for a ticket that is none of ours."""
        return [next(iter(cases), None) for cases in await self.concerned(tracker, changes)]

    async def concerned(self, tracker: str, changes: Sequence[TicketChange]) -> list[tuple[CaseKey, ...]]:
        """The cases that each concerns: the one whose mark the ticket carries, then one that is tied to it."""
        linked = await self.todo.keys_of_tickets(tracker, [change.ticket_id for change in changes])
        marked = [await self._marked(tracker, change) for change in changes]
        return [tuple(key for key in dict.fromkeys(pair) if key) for pair in zip(marked, linked, strict=True)]

    async def _marked(self, tracker: str, change: TicketChange) -> CaseKey | None:
        ref = ref_of_mark(change.mark)
        key = await self.todo.key_of(ref) if ref else None
        return key if key is not None and self.rulebook.concerns(key.district, tracker) else None
