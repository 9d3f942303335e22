"""Whose ticket is it: the case that a changed ticket belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

from remediation.cases import CaseKey, ref_of_mark
from remediation.ports import Rulebook
from remediation.store.todo import Todo
from remediation.tickets import TicketChange


@dataclass(frozen=True, slots=True)
class Owners:
    """Finds the case of a ticket: by our own link first, or else by the correlation mark that it carries.

    Anybody who may write a label can write a mark. So a mark counts only in a tracker to which a rule may send the
    district's findings: nobody reaches another district's cases from a tracker that is not theirs.
    """

    todo: Todo
    rulebook: Rulebook

    async def of(self, tracker: str, changes: Sequence[TicketChange]) -> list[CaseKey | None]:
        """The case of each, None for a ticket that is none of ours."""
        linked = await self.todo.keys_of_tickets(tracker, [change.ticket_id for change in changes])
        return [key or await self._marked(tracker, change) for key, change in zip(linked, changes, strict=True)]

    async def _marked(self, tracker: str, change: TicketChange) -> CaseKey | None:
        ref = ref_of_mark(change.mark)
        key = await self.todo.key_of(ref) if ref else None
        return key if key is not None and self.rulebook.concerns(key.district, tracker) else None
