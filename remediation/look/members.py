"""A Source for one case with several findings as members: it shows them as one subject."""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime

from remediation.domain.cases.identities import as_known, known_of, shown_by, yet_to_be
from remediation.domain.cases.members import SET_SINCE, KnownMember, ListedMember
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, key_of_ref
from remediation.domain.drills import is_drill
from remediation.domain.errors import NotFound, Refused, TryLater, Waiting
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.failpoints import failpoint
from remediation.look.summaries import DecidedByTickets
from remediation.ports import Rulebook, Source

MOST_READS = 50
"""Members that one look reads besides the one that it shows: a job must end in time, and other cases wait."""

MOST_WRITES = 25
"""Members whose status one look sets."""

_AT_ONCE = 10
"""Members that are read before what is known of them is noted."""

Note = Callable[[Mapping[str, str]], Awaitable[None]]
"""Stores fields of the case's row under its lease. Raises LeaseLost."""

News = Callable[[AbstractSet[str]], Awaitable[None]]
"""Is told of the scans, by id, of findings whose status is another one than was known."""


@dataclass(frozen=True, slots=True)
class Members:
    """Reads the members of the case of `record` that must be read, and writes to those that need it, for one look.

    What is known of the others is remembered. `note` remembers it; a look without it only shows what would be done, so
    it reads all that must be read. `news` is told of what has changed before that is remembered. `left` has the reason
    why members are left that must be read: then the look goes by what is known, and another one has to follow.
    `written` are those whose status this look has set.
    """

    source: Source
    record: CaseRecord
    note: Note | None = None
    news: News | None = None
    left: list[TryLater] = field(default_factory=list, init=False)
    written: set[str] = field(default_factory=set, init=False)
    _known: dict[str, KnownMember] = field(default_factory=dict, init=False)
    _read: dict[str, Subject] = field(default_factory=dict, init=False)
    _unnoted: dict[str, str] = field(default_factory=dict, init=False)
    _changed: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        """Begin with what is remembered of findings that are still members."""
        self._known.update({name: each for name, each in self.record.known.items() if name in self.record.members})

    async def subject(self, key: CaseKey) -> Subject:
        """Returns the subject that represents all members. Its own member was read just now.

        Raises NotFound where every member is gone, and what the source raises.
        """
        self._read.clear()
        self.left.clear()
        try:
            if self._there:
                await self._shown()  # it must be read in any case, so it comes first
            await self._read_named()
            shown = await self._shown()
        finally:
            await self._flush()
        if self.left and not shown.status.is_unsolved:
            raise self.left[0]
        return replace(shown, key=key, members=self._listed)

    @property
    def known(self) -> Mapping[str, KnownMember]:
        """The members that were read, by this look or an earlier one."""
        return self._known

    @property
    def _listed(self) -> tuple[ListedMember, ...]:
        """What tickets list; nothing of a case with one finding, unless tickets list the others that it had."""
        if len(self.record.members) == 1 and not self.record.memory.listed:
            return ()
        return tuple(ListedMember(name, each.severity, each.status) for name, each in sorted(self._known.items()))

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the status of every member that needs it, each remembered once it is done.

        A member that this look has not read is read before: its status may have been changed by a person, and that
        stays. A member that is gone or refused does not prevent the writes to the others. Raises the source's errors,
        at once for TryLater, also where more members are left than one look writes to: the next look goes on with them.
        """
        refused: list[Refused] = []
        members, written = yet_to_be(list(self._there.values()), status), 0
        for member in members:
            if written == MOST_WRITES and self.note is not None:
                raise _more_to_do(key)
            try:
                if not await self._needs(member, status):
                    continue
                await self.source.set_status(member.key, status, note)
            except Refused as error:
                refused.append(error)
                continue
            written += 1
            self.written.add(member.key.id)
            failpoint("finding_patched")
            self._keep(member.key.id, member.with_status(status))
            if self.record.key.is_of_group:
                self._unnoted[f"joined:{member.key.id}"] = SET_SINCE
            await self._flush()
        weighty = [error for error in refused if not isinstance(error, NotFound)]
        if weighty or len(refused) == len(members):
            raise (weighty or refused)[0]

    @property
    def _there(self) -> dict[str, Subject]:
        """The members that are not gone, as they were read by this look or are remembered."""
        there = {name: each for name, each in self._known.items() if each.status is not Status.GONE}
        return {name: self._read.get(name) or as_known(self._key_of(name), each) for name, each in there.items()}

    async def _shown(self) -> Subject:
        """Returns the subject that represents all members, once its own member was read."""
        while there := self._there:
            shown = shown_by(list(there.values()))
            if shown.key.id in self._read:
                return shown
            await self._look_at(shown.key.id)
        for name in sorted(self._known.keys() - self._read.keys(), key=self._age, reverse=True):
            if (found := await self._look_at(name)) is not None:  # it was gone, and is there again
                return found
        raise NotFound(self.record.key.district, "none of the case's findings is there (any more)", status=404)

    async def _read_named(self) -> None:
        """Read the members that were never read or have been named since, as far as there is room for it."""
        named = sorted(name for name in self.record.members if self._is_stale(name))
        for number, name in enumerate(named):
            try:
                if number == MOST_READS and self.note is not None:
                    raise _more_to_do(self.record.key)
                await self._look_at(name)
            except TryLater as error:
                if self.note is None or not self._there:
                    raise
                self.left.append(error)
                return

    def _is_stale(self, name: str) -> bool:
        known = self._known.get(name)
        return known is None or known.times != self.record.members[name]

    async def _needs(self, member: Subject, status: Status) -> bool:
        """Whether the status must be set: not where a person has set it since, or solved the member in another way."""
        if member.key.id in self._read:
            return True
        now = await self._look_at(member.key.id)
        if now is None:
            raise NotFound(self.record.key.district, "the finding is gone", status=404)
        await self._flush()
        return now.status.is_unsolved and now.status is not status

    async def _look_at(self, name: str) -> Subject | None:
        """Read a member; None where it is gone."""
        try:
            subject = await self.source.subject(self._key_of(name))
        except NotFound:
            self._keep(name, None)
            return None
        self._keep(name, subject)
        if len(self._unnoted) >= _AT_ONCE:
            await self._flush()
        return subject

    def _keep(self, name: str, subject: Subject | None) -> None:
        times = self.record.members[name]
        known = KnownMember(times, Status.GONE, Severity.UNKNOWN) if subject is None else known_of(subject, times)
        before = self._known.get(name)
        if before is None or before.status is not known.status:
            self._changed.update(_scans_of(subject, self._read.get(name)))
        if subject is None:
            self._read.pop(name, None)
        else:
            self._read[name] = subject
        if known != self.record.known.get(name) or known != self._known.get(name):
            self._unnoted[f"seen:{name}"] = str(known)
        self._known[name] = known

    async def _flush(self) -> None:
        """Remember what was read and written: a look that ends early, or dies, is gone on with."""
        if self._unnoted and self.note is not None:
            if self._changed and self.news is not None:
                await self.news(frozenset(self._changed))
                self._changed.clear()
            fields = dict(self._unnoted)
            self._unnoted.clear()
            await self.note(fields)

    def _key_of(self, name: str) -> CaseKey:
        return replace(self.record.key, id=name)

    def _age(self, name: str) -> tuple[float, str]:
        detected = self._known[name].detected_at
        return detected.timestamp() if detected else 0.0, name


def _scans_of(*subjects: Subject | None) -> set[str]:
    """The scans that have these findings, by id; of a finding that was not read just now it is not known."""
    details = [each.detail for each in subjects if each is not None]
    return {each.scan_id for each in details if isinstance(each, Finding) and each.scan_id}


def _more_to_do(key: CaseKey) -> TryLater:
    return TryLater(key.district, "more findings are left than one look takes", after=0.0, waiting=Waiting.TURN)


def reading_of(record: CaseRecord, source: Source, note: Note | None = None, news: News | None = None) -> Source:
    """Returns the source for a look at this case: `source` itself, or one that shows the members as one subject.

    Of a summary it is one that knows what people decided.
    """
    if record.key.kind is CaseKind.SUMMARY:
        return DecidedByTickets(source, record)
    return Members(source, record, note, news) if record.key.has_members else source


@dataclass(frozen=True, slots=True)
class AlreadyRead:
    """A source of which one subject was read just now: the first who asks for it gets that."""

    source: Source
    read: list[Subject]

    async def subject(self, key: CaseKey) -> Subject:
        """Returns the subject of this case. Raises what the source raises."""
        return self.read.pop() if self.read and self.read[0].key == key else await self.source.subject(key)

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        """Set the status at the source."""
        await self.source.set_status(key, status, note)


async def home_of(
    record: CaseRecord, source: Source, rulebook: Rulebook, at: datetime
) -> tuple[CaseKey | None, Source]:
    """Returns the case to which the finding of this record belongs as a member; None where it has a case of its own.

    Of a group, it is the first case. The source is the given one, or one that has the finding if it was read for this.

    A drill never does. A finding that belongs to a case stays there, even if the finding or mappings.yaml changes. One
    that has tickets of its own, or may have some of which the store does not know (any more), joins no group before a
    look has seen that it has none (see group_beside). Raises what the source raises, except for NotFound: a look at the
    finding's own case decides what that means.
    """
    key = record.key
    if key.has_members or key.kind is not CaseKind.FINDING or is_drill(key.id):
        return None, source
    if record.home:
        return key_of_ref(record.home), source
    identity = rulebook.identity(key.district)
    is_grouped = rulebook.groups(key.district) and not record.has_own_work
    if identity is None and not is_grouped:
        return None, source
    try:
        subject = await source.subject(key)
    except NotFound:
        return None, source
    home = identity.case_of(key.district, subject.detail) if identity else None
    if home is None and is_grouped and not record.may_have_lost_work_on(subject.detected_at):
        home = rulebook.group_of(subject, at) if subject.status.is_unsolved else None
    return home, AlreadyRead(source, [subject])
