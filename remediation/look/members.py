"""A Source for one case that is identified by content: it shows the members, which are findings, as one subject."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from remediation.domain.cases import CaseKey, CaseRecord, key_of_ref
from remediation.domain.errors import NotFound, Refused
from remediation.domain.identities import Identity, at_rest, shown_by, yet_to_be
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.ports import Source


@dataclass(frozen=True, slots=True)
class Members:
    """Reads the members of the case of `record`, and writes to those that need it. One object serves one look.

    Members at rest are read only where every other one is gone.
    """

    source: Source
    record: CaseRecord
    seen: list[Subject] = field(default_factory=list, init=False)

    async def subject(self, key: CaseKey) -> Subject:
        """Returns the subject that represents all members.

        Raises NotFound where every member is gone, and what the source raises.
        """
        self.seen[:] = await self._there(self.record.live)
        if not self.seen:
            self.seen[:] = await self._there(self.record.members.keys() - set(self.record.live))
        if not self.seen:
            raise NotFound(key.district, "none of the case's findings is there (any more)", status=404)
        return replace(shown_by(self.seen), key=key)

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the status of every member that needs it, according to what `subject` read.

        A member that is gone or refused does not prevent the writes to the others. Raises the source's errors, at once
        for TryLater; the next look sees what was written before.
        """
        del key
        refused: list[Refused] = []
        members = yet_to_be(self.seen, status)
        for member in members:
            try:
                await self.source.set_status(member.key, status, note)
            except Refused as error:
                refused.append(error)
        weighty = [error for error in refused if not isinstance(error, NotFound)]
        if weighty or len(refused) == len(members):
            raise (weighty or refused)[0]

    @property
    def resting(self) -> Mapping[str, str]:
        """The fields of the case's row that say which members were seen to be at rest."""
        quiet = at_rest(self.seen) if self.seen else frozenset()
        return {f"rested:{name}": str(times) for name, times in self.record.members.items() if name in quiet}

    async def _there(self, ids: Iterable[str]) -> list[Subject]:
        """Returns those of these members that the source has."""
        there = []
        for each in sorted(ids):
            try:
                there.append(await self.source.subject(replace(self.record.key, id=each)))
            except NotFound:
                continue
        return there


def reading_of(record: CaseRecord, source: Source) -> Source:
    """Returns the source for a look at this case: `source` itself, or one that shows the members as one subject."""
    return Members(source, record) if record.key.is_of_identity else source


async def home_of(record: CaseRecord, source: Source, identity: Identity | None) -> CaseKey | None:
    """Returns the case to which the finding of this record belongs as a member; None where it has a case of its own.

    A finding that belongs to a case stays there, even if the finding or mappings.yaml changes. Raises what the source
    raises, except for NotFound: a look at the finding's own case decides what that means.
    """
    key = record.key
    if key.is_of_identity:
        return None
    if record.home:
        return key_of_ref(record.home)
    if identity is None:
        return None
    try:
        subject = await source.subject(key)
    except NotFound:
        return None
    return identity.case_of(key.district, subject.detail)
