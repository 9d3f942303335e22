"""Incidents as their feeds showed them last, what was decided about each, and how far each feed was read.

Of an incident there are codes, counts and a day; names and texts are never kept, so none are shown.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.incidents import Decided, Incident, Kept
from remediation.domain.status import Status
from remediation.domain.walks import Timetable
from remediation.mapping.config.schema import Mappings
from remediation.read_model.cases.views import ENDS_HERE, Fact
from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import count_words
from remediation.store.cases.entries import moment
from remediation.store.cases.lists import CaseLists
from remediation.store.incidents.feeds import FeedState
from remediation.store.incidents.records import IncidentRecords
from remediation.store.server.connection import Connection

LEFT_OUT = "left out, which cannot be read: the data key is not in DATA_KEYS, or another version wrote it"
"""What is said of incidents whose rows cannot be read."""

MOST_INCIDENTS = 500
"""Incidents of one page: some hundredths of a second of Redis."""

MOST_STEPS = 40
"""Steps through the rows for one page: where few incidents fit, a page may be empty although others follow."""

_DIGITS = 20
"""The most digits of a cursor of HSCAN, which is a number of 64 bits."""

STATUSES = (Status.OPEN, Status.REVIEWING, Status.RESOLVED, Status.ACCEPTED_RISK, Status.GONE)
"""The statuses that an incident may have; one that its feed says is deleted is gone."""


@dataclass(frozen=True, slots=True)
class IncidentCursor:
    """Where a page begins: the feed, and the place in its rows (a cursor of HSCAN)."""

    feed: str
    place: int

    @classmethod
    def parse(cls, text: str) -> "IncidentCursor":
        """The cursor that was written. Raises ValueError."""
        feed, _, place = text.rpartition("/")
        if not feed or not (place.isascii() and place.isdecimal()) or len(place) > _DIGITS or int(place) >= 2**64:
            raise ValueError("no cursor")
        return cls(feed, int(place))

    def __str__(self) -> str:
        return f"{self.feed}/{self.place}"


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents are meant; None for any."""

    status: Status | None = None

    def fits(self, shown: "ShownIncident") -> bool:
        """Whether this one is."""
        return self.status in {None, shown.status}


@dataclass(frozen=True, slots=True)
class ShownIncident:
    """An incident of a feed. `record` is its case; None where it has none."""

    feed: str
    decided: Decided
    record: CaseRecord | None

    @property
    def incident(self) -> Incident:
        """As the feed showed it last."""
        return self.decided.incident

    @property
    def key(self) -> CaseKey:
        """The key of the case that it has, or would have."""
        return CaseKey(self.feed.partition("/")[0], CaseKind.INCIDENT, self.incident.uuid)

    @property
    def status(self) -> Status:
        """As a look at its case sees it."""
        return Status.GONE if self.incident.is_deleted else self.decided.status or Status.OPEN

    @property
    def tickets(self) -> Iterator[tuple[str, str, str]]:
        """Each ticket: its tracker, its key, and its state at the last look, empty before one."""
        if self.record is not None:
            states = self.record.memory.tickets
            for name, link in sorted(self.record.links.items()):
                yield name, link.ticket_key, states.get(name, "")


@dataclass(frozen=True, slots=True)
class IncidentListPage:
    """Some incidents, in no order. `cursor` is where the next page begins; None after the last one.

    `left_out` is how many there are besides whose rows cannot be read.
    """

    incidents: tuple[ShownIncident, ...]
    cursor: IncidentCursor | None
    left_out: int = 0


def timetables_of(mappings: Mappings) -> dict[str, Timetable]:
    """When each feed of the file is read, by `district/feed`, in order."""
    found = {
        f"{district}/{name}": feed.timetable
        for district, account in mappings.districts.items()
        for name, feed in account.incidents.items()
    }
    return dict(sorted(found.items()))


async def incident_page(
    connection: Connection,
    records: IncidentRecords,
    feeds: tuple[str, ...],
    wanted: IncidentFilter,
    limit: int,
    after: IncidentCursor | None = None,
    steps: int = MOST_STEPS,
) -> IncidentListPage:
    """A page of about `limit` incidents of these feeds, a few more where they lie together. Raises StoreUnavailable.

    It takes so many `steps` through the rows at the most, each of which looks at about `limit` of them.
    An incident may come twice; one whose row cannot be read is counted, and left out.
    """
    at = after or (IncidentCursor(feeds[0], 0) if feeds else None)
    found: list[ShownIncident] = []
    left_out = 0
    for _ in range(steps):
        if at is None or len(found) >= limit:
            break
        page = await records.page(at.feed.partition("/")[0], at.feed, at.place, count=limit)
        shown = await _with_cases(connection, at.feed, page.incidents)
        left_out += page.left_out
        found += [each for each in shown if wanted.fits(each)]
        at = _next(at, page.cursor, feeds)
    return IncidentListPage(tuple(found), at, left_out)


def _next(at: IncidentCursor, follows: int, feeds: tuple[str, ...]) -> IncidentCursor | None:
    if follows:
        return IncidentCursor(at.feed, follows)
    following = [feed for feed in feeds if feed > at.feed]
    return IncidentCursor(min(following), 0) if following else None


async def _with_cases(connection: Connection, feed: str, decided: Iterable[Decided]) -> list[ShownIncident]:
    shown = [ShownIncident(feed, each, None) for each in decided]
    records = await CaseLists(connection).records([each.key.ref for each in shown])
    return [ShownIncident(feed, each.decided, records.get(each.key.ref)) for each in shown]


async def incidents_called(
    connection: Connection, records: IncidentRecords, feeds: tuple[str, ...], uuid: str
) -> list[ShownIncident]:
    """Every incident of these feeds with this uuid: usually one, as a uuid is unique across accounts.

    Raises StoreUnavailable; KeyMissing and ValueError where its row cannot be read.
    """
    found = []
    for feed in feeds:
        if (there := await records.find(feed.partition("/")[0], [feed], uuid)) is not None:
            found += await _with_cases(connection, feed, [there[1]])
    return found


def incident_facts(shown: ShownIncident, timetable: Timetable, retention: timedelta) -> Iterator[Fact]:
    """What is known of an incident."""
    incident, decided = shown.incident, shown.decided
    yield Fact("feed", shown.feed)
    yield Fact("type", _type_words(incident))
    yield Fact("status", f"{_words(shown.status)}{_since_words(decided)}; {ENDS_HERE}")
    for name, codes in _codes(incident).items():
        yield Fact(name, ", ".join(codes) or "none")
    yield Fact("people", f"{count_words(incident.offenders, 'offender')}, {count_words(incident.victims, 'victim')}")
    if decided.changed_at is not None:
        yield Fact("changed", f"{time_words(decided.changed_at)} UTC, as far as the feed has shown")
    yield Fact("case", shown.key.ref if shown.record is not None else f"none; it would be {shown.key.ref}")
    for tracker, key, state in shown.tickets:
        yield Fact("ticket", f"{key} in {tracker}{f', {_words(state)}' if state else ''}")
    if (ends := _ends(decided, timetable, retention)) is not None:
        yield Fact("kept", f"until {ends:%Y-%m-%d}, if nothing changes")


def incident_json(shown: ShownIncident) -> dict[str, Any]:
    """An incident for programs. Times are ISO 8601."""
    incident, decided = shown.incident, shown.decided
    return {
        "feed": shown.feed,
        "uuid": incident.uuid,
        "type": incident.type.value,
        "status": shown.status.value,
        "deleted": incident.is_deleted,
        "bounced": incident.is_bounced,
        "day": incident.day.isoformat() if incident.day else None,
        "school": incident.school,
        "offenses": list(incident.offenses),
        "weapons": list(incident.weapons),
        "injuries": list(incident.injuries),
        "actions": list(incident.actions),
        "offenders": incident.offenders,
        "victims": incident.victims,
        "changed_at": _iso(decided.changed_at),
        "deleted_at": _iso(decided.deleted_at),
        "case": shown.key.ref,
        "has_case": shown.record is not None,
        "tickets": {tracker: {"key": key, "state": state or None} for tracker, key, state in shown.tickets},
    }


PUBLIC_COLUMNS = ("feed", "incident", "type", "status", "case", "tickets")
"""The columns of `incident_row`: neither codes of what happened, nor its day or school."""


def incident_row(shown: ShownIncident) -> dict[str, Any]:
    """An incident in the few words that need no reason, with PUBLIC_COLUMNS. `case` is empty where it has none."""
    return {
        "feed": shown.feed,
        "incident": shown.incident.uuid,
        "type": shown.incident.type.value,
        "status": status_words(shown),
        "case": shown.key.ref if shown.record is not None else "",
        "tickets": ticket_words(shown),
    }


def status_words(shown: ShownIncident) -> str:
    """Its status in a word or two."""
    return "deleted" if shown.status is Status.GONE else _words(shown.status)


def ticket_words(shown: ShownIncident) -> str:
    """Its tickets in a few words."""
    return "; ".join(
        f"{key} in {tracker}{f', {_words(state)}' if state else ''}" for tracker, key, state in shown.tickets
    )


def walk_words(state: FeedState) -> str:
    """What is read of a feed now, and why it waits where it does."""
    torn = f"; not whole: {state.torn}" if state.torn else ""
    if state.walk is None:
        return f"nothing is being read{torn}"
    pages = f" of {state.walk.pages}" if state.walk.pages else ""
    trouble = f"; {state.trouble}, asked again after {time_words(state.wait_until)} UTC" if state.attempts else ""
    return f"a {state.walk.kind} is at page {state.walk.page}{pages}{trouble}{torn}"


def _ends(decided: Decided, timetable: Timetable, retention: timedelta) -> datetime | None:
    return timetable.ends(Kept(decided.incident, decided.changed_at, decided.deleted_at), retention)


def _type_words(incident: Incident) -> str:
    return incident.type.value + (", bounced back to its author" if incident.is_bounced else "")


def _since_words(decided: Decided) -> str:
    if not decided.incident.is_deleted:
        return ""
    since = f" since {time_words(decided.deleted_at)} UTC at the latest" if decided.deleted_at is not None else ""
    return f": deleted in the feed{since}"


def _codes(incident: Incident) -> dict[str, tuple[str, ...]]:
    return {
        "day": (incident.day.isoformat(),) if incident.day else (),
        "school": (incident.school,) if incident.school else (),
        "offenses": incident.offenses,
        "weapons": incident.weapons,
        "injuries": incident.injuries,
        "actions": incident.actions,
    }


def _words(word: str) -> str:
    return word.replace("_", " ")


def _iso(at: int | None) -> str | None:
    return None if at is None else moment(at).isoformat()
