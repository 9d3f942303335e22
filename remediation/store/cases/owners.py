"""Whose is it: the case that a changed ticket belongs to, or a finding that a list shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from remediation.domain.cases import CaseKey, ref_of_mark
from remediation.domain.subjects import Subject
from remediation.domain.tickets import TicketChange
from remediation.ports import Rulebook
from remediation.store.cases.todo import Todo


@dataclass(frozen=True, slots=True)
class Owners:
    """Finds the case of a ticket: by the correlation mark that it carries, or else by our own link.

    A link is to a number, and numbers begin again where a tracker was restored or moved. Anybody who may write a label
    can write a mark, so a mark counts only in a tracker to which a rule may send the district's findings: nobody
    reaches another district's cases from a tracker that is not theirs. Of a district that mappings.yaml does not name
    (any more) nobody can tell that: its known cases are concerned, and held until it is back. Where a mark and a link
    disagree, both cases are looked at (the scripts see to it): only a look decides whose a ticket is.
    """

    todo: Todo
    rulebook: Rulebook

    async def of(self, tracker: str, changes: Sequence[TicketChange]) -> list[CaseKey | None]:
        """The case of each, None for a ticket that is none of ours."""
        return [next(iter(cases), None) for cases in await self.concerned(tracker, changes)]

    async def concerned(self, tracker: str, changes: Sequence[TicketChange]) -> list[tuple[CaseKey, ...]]:
        """The cases that each concerns: the one whose mark the ticket carries, then one that is tied to it."""
        linked = await self._linked(tracker, [change.ticket_id for change in changes])
        marked = [await self._marked(tracker, change) for change in changes]
        return [tuple(key for key in dict.fromkeys(pair) if key) for pair in zip(marked, linked, strict=True)]

    async def of_subjects(self, district: str, subjects: Sequence[Subject]) -> list[CaseKey]:
        """The case of each subject that a list shows, which is to be marked; those of an identity know them then."""
        own = [subject.key for subject in subjects]
        identity = self.rulebook.identity(district)
        if identity is None:
            return own
        homes = [identity.case_of(district, subject.detail) for subject in subjects]
        named = [(key, home) for key, home in zip(own, homes, strict=True) if home is not None]
        marked = dict(zip([key for key, _ in named], await self.todo.name_members(named), strict=True))
        return [marked.get(key, key) for key in own]

    async def _linked(self, tracker: str, ticket_ids: list[str]) -> list[CaseKey | None]:
        """The case of each ticket, linked under the tracker's name or, until a look has seen to it, a former one."""
        keys = await self.todo.keys_of_tickets(tracker, ticket_ids)
        for former, name in self.rulebook.former_names.items():
            if name == tracker and not all(keys):
                before = await self.todo.keys_of_tickets(former, ticket_ids)
                keys = [key or known for key, known in zip(keys, before, strict=True)]
        return keys

    async def _marked(self, tracker: str, change: TicketChange) -> CaseKey | None:
        ref = ref_of_mark(change.mark)
        key = await self.todo.key_of(ref) if ref else None
        if key is None:
            return None
        if not self.rulebook.names(key.district):
            return key if await self.todo.is_known(key.ref) else None
        if change.meant_for not in {"", tracker} and self.rulebook.concerns(key.district, change.meant_for):
            return None  # another tracker's, on the same installation: its own list tells of it
        return key if self.rulebook.concerns(key.district, tracker) else None
