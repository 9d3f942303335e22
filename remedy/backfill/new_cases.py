"""Which cases would be made of the findings of a list: one for each, or one for all of an identity or of a group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from remediation.domain.cases.identities import shown_by
from remediation.domain.cases.records import CaseKey
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.ports import Rulebook
from remediation.store.cases.groups import GroupCases
from remediation.store.cases.lists import homes_of, with_rows
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case that would be made: what its ticket would be about, and to how many findings something is written."""

    subject: Subject
    findings: int


class NewCases:
    """Finds them, as workers would mark them (see Owners.of_subjects). Reads only. Raises StoreUnavailable."""

    def __init__(self, connection: Connection, rulebook: Rulebook, at: datetime) -> None:
        self._connection = connection
        self._groups = GroupCases(connection)
        self._rulebook = rulebook
        self._at = at
        self._shared: dict[str, NewCase] = {}

    async def among(self, subjects: Sequence[Subject]) -> tuple[list[NewCase], int]:
        """The new cases of these findings that have one finding, and how many findings have a case already.

        A case that may have more findings is kept until all are known: see `shared`.
        """
        keys = await self._cases_of(subjects)
        known = await with_rows(self._connection, {key.ref for key in keys})
        alone: list[NewCase] = []
        for subject, key in zip(subjects, keys, strict=True):
            if key.ref in known:
                continue
            if key.has_members:
                self._join(key, subject)
            else:
                alone.append(NewCase(subject, 1))
        return alone, sum(key.ref in known for key in keys)

    def shared(self) -> Iterable[NewCase]:
        """The new cases of identities and of groups, once all findings were given."""
        return self._shared.values()

    async def _cases_of(self, subjects: Sequence[Subject]) -> list[CaseKey]:
        """The case of each: where its own row says so, or is, or else by its identity or its group."""
        own = [subject.key for subject in subjects]
        districts = {key.district for key in own}
        if not any(self._rulebook.identity(name) or self._rulebook.groups(name) for name in districts):
            return own
        joined = await homes_of(self._connection, [key.ref for key in own])
        has_own = await with_rows(self._connection, [key.ref for key in own])
        return [
            joined.get(each.key.ref) or (None if each.key.ref in has_own else await self._home_of(each)) or each.key
            for each in subjects
        ]

    async def _home_of(self, subject: Subject) -> CaseKey | None:
        if identity := self._rulebook.identity(subject.key.district):
            return identity.case_of(subject.key.district, subject.detail)
        group = self._rulebook.group_of(subject, self._at)
        return await self._groups.current_of(group) if group is not None else None

    def _join(self, key: CaseKey, subject: Subject) -> None:
        """What was seen of the case so far has the worst finding, and is open where any is (see shown_by)."""
        before = self._shared.get(key.ref)
        shown = subject if before is None else shown_by([before.subject, subject])
        written = (before.findings if before else 0) + (subject.status is not Status.REVIEWING)
        self._shared[key.ref] = NewCase(replace(shown, key=key), written)
