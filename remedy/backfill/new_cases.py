"""Which cases would be made of the findings of a list: one for each, or one for all that are one by their identity."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from remediation.domain.cases import CaseKey
from remediation.domain.identities import Identity, shown_by
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.store.cases.lists import homes_of, with_rows
from remediation.store.server.connection import Connection


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case that would be made: what its ticket would be about, and to how many findings something is written."""

    subject: Subject
    findings: int


class NewCases:
    """Finds them, as workers would mark them (see Owners.of_subjects). Reads only. Raises StoreUnavailable."""

    def __init__(self, connection: Connection, identity: Identity | None) -> None:
        self._connection = connection
        self._identity = identity
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
            if key.is_of_identity:
                self._join(key, subject)
            else:
                alone.append(NewCase(subject, 1))
        return alone, sum(key.ref in known for key in keys)

    def shared(self) -> Iterable[NewCase]:
        """The new cases of identities, once all findings were given."""
        return self._shared.values()

    async def _cases_of(self, subjects: Sequence[Subject]) -> list[CaseKey]:
        """The case of each: where its own row says so, or is, or else by its identity."""
        own = [subject.key for subject in subjects]
        if self._identity is None:
            return own
        joined = await homes_of(self._connection, [key.ref for key in own])
        has_own = await with_rows(self._connection, [key.ref for key in own])
        return [
            joined.get(key.ref)
            or (None if key.ref in has_own else self._identity.case_of(key.district, subject.detail))
            or key
            for key, subject in zip(own, subjects, strict=True)
        ]

    def _join(self, key: CaseKey, subject: Subject) -> None:
        """What was seen of the case so far has the worst finding, and is open where any is (see shown_by)."""
        before = self._shared.get(key.ref)
        shown = subject if before is None else shown_by([before.subject, subject])
        written = (before.findings if before else 0) + (subject.status is not Status.REVIEWING)
        self._shared[key.ref] = NewCase(replace(shown, key=key), written)
