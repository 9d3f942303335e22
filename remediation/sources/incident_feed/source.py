"""One district's incidents as the subjects of cases.

The feed has no read by id and takes nothing back: a subject is what the polls have kept of it, and its status is what
we have decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import KeyMissing, Refused, TryLater, Waiting
from remediation.domain.incidents import Decided, DecidedPage, Incident
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject, subject_of_incident
from remediation.ports import SubjectPage
from remediation.sources.incident_feed.answers import system_of

_NOT_SWEPT = 60.0
"""Seconds after which an incident is looked for again that no feed has shown yet."""


class Records(Protocol):
    """What a source needs of the store; see store.incidents."""

    async def find(self, district: str, feeds: tuple[str, ...], uuid: str) -> tuple[str, Decided] | None:
        """The incident, and which of these feeds showed it. Raises KeyMissing or ValueError for what cannot be read."""
        ...

    async def page(self, district: str, feed: str, cursor: int) -> DecidedPage:
        """Some incidents of a feed; 0 begins its list."""
        ...

    async def decide(self, district: str, feeds: tuple[str, ...], incident: Incident, status: Status) -> None:
        """Write down what was decided about an incident, and what it was when the first of it was.

        Nothing is written where none of these feeds has the incident any more.
        """
        ...

    async def is_swept(self, feed: str) -> bool:
        """Whether the store has every incident of the feed's school year."""
        ...


@dataclass(frozen=True, slots=True)
class IncidentSource:
    """A district's feeds, each with its time zone, by the name `district/feed`. Fulfils remediation.ports.ListedSource.

    Raises TryLater for an incident that no feed has shown, for as long as one of them was not swept: it is not known
    then whether there is one. Afterwards nothing is known of it, so that nothing is concluded: a feed shows the present
    school year, and an incident of an earlier one is not gone.
    """

    district: str
    feeds: Mapping[str, tzinfo]
    records: Records

    async def subject(self, key: CaseKey) -> Subject:
        """The incident as its feed showed it last. Raises Refused where its row cannot be opened."""
        try:
            found = await self.records.find(self.district, tuple(self.feeds), key.id)
        except KeyMissing:
            words = "the incident's row is sealed with a key that is not in DATA_KEYS"
            raise Refused(system_of(self.district), words) from None
        except ValueError:
            words = "the incident's row is in a form that this version does not know"
            raise Refused(system_of(self.district), words) from None
        if found is not None:
            feed, decided = found
            return subject_of_incident(key, decided, self.feeds[feed])
        for feed in self.feeds:
            if not await self.records.is_swept(feed):
                words = "its school year was not read whole yet"
                raise TryLater(system_of(feed), words, after=_NOT_SWEPT, waiting=Waiting.OURS)
        return Subject(key, Status.UNKNOWN, Severity.UNKNOWN, Incident(key.id), keeps_status=False)

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:  # noqa: ARG002 - a feed takes no note
        """Write down what was decided. Raises what `subject` raises."""
        detail = (await self.subject(key)).detail
        if not isinstance(detail, Incident):
            raise TypeError("a feed has incidents alone")
        await self.records.decide(self.district, tuple(self.feeds), detail, status)

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        """Some of the incidents that are kept. There are no filters. An incident may come twice."""
        if filters:
            raise ValueError("incidents have no filters")
        names = tuple(self.feeds)
        at, _, within = (cursor or "0/0").partition("/")
        number = int(at)
        if number >= len(names):
            return SubjectPage((), None)
        feed = names[number]
        page = await self.records.page(self.district, feed, int(within))
        keys = (CaseKey(self.district, CaseKind.INCIDENT, each.incident.uuid) for each in page.incidents)
        subjects = tuple(
            subject_of_incident(key, each, self.feeds[feed]) for key, each in zip(keys, page.incidents, strict=True)
        )
        following = f"{number}/{page.cursor}" if page.cursor else f"{number + 1}/0" if number + 1 < len(names) else None
        return SubjectPage(subjects, following, page.left_out)
