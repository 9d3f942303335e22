"""The state of a feed, without HTTP: accounts with their tokens and calendars, and the incidents of all of them."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from sandbox.incident_feed.changes import changed
from sandbox.incident_feed.fakes import ZONE, drawn_incident
from sandbox.incident_feed.school_year import Calendar, Window, school_days
from sandbox.incident_feed.values import Changes, Clock, IncidentType, KeptIncident

FilteredBy = Literal["date", "written", "modified"]
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class FeedAccount:
    """A customer of the vendor: any of its tokens shows all of its incidents, and nobody else's."""

    district: str
    tokens: tuple[str, ...] = field(repr=False)
    calendar: Calendar = field(default_factory=Calendar)


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which of an account's incidents are asked for: those of a window and, where it is named, of a type."""

    window: Window
    type: IncidentType | None = None
    deleted: bool = False
    filtered_by: FilteredBy = "date"

    def takes(self, incident: KeptIncident) -> bool:
        """Whether an incident is among them."""
        wanted = self.type in {None, incident.type} and (self.deleted or not incident.is_deleted)
        return wanted and not incident.is_withheld and _day_of(incident, self.filtered_by) in self.window


class IncidentWorld:
    """Incidents by uuid, which is unique across all accounts. Every change of one gives it a later last-modified.

    Methods that name an incident raise KeyError for one that was never there.
    """

    def __init__(self, accounts: Iterable[FeedAccount], clock: Clock = time.time) -> None:
        self.clock = clock
        self.accounts = {account.district: account for account in accounts}
        self.touched_at = dict.fromkeys(self.accounts, self.now())
        self._incidents: dict[str, KeptIncident] = {}
        self._numbers = dict.fromkeys(self.accounts, 0)

    def now(self) -> datetime:
        """The time in whole seconds, where the districts are."""
        return datetime.fromtimestamp(int(self.clock()), ZONE)

    def account_of(self, token: str) -> FeedAccount | None:
        """Whose token it is."""
        return next((account for account in self.accounts.values() if token in account.tokens), None)

    def incident(self, uuid: str) -> KeptIncident:
        """An incident as it is now."""
        return self._incidents[uuid]

    def incidents(self, district: str) -> list[KeptIncident]:
        """All that a district ever had, deleted and withheld ones too, in the order in which they were added."""
        return [each for each in list(self._incidents.values()) if each.district == district]

    def selected(self, district: str, selection: IncidentFilter) -> list[KeptIncident]:
        """The incidents that are asked for, the earliest first."""
        found = [each for each in self.incidents(district) if selection.takes(each)]
        return sorted(found, key=lambda each: _day_of(each, selection.filtered_by))

    def add(self, district: str, incidents: int | Sequence[Changes] = 1) -> list[str]:
        """Let so many incidents, or these, be written down today. Returns their uuids. Raises as `change` does."""
        orders = [{}] * incidents if isinstance(incidents, int) else list(incidents)
        return [self._drawn(district, self.now().date(), order) for order in orders]

    def fill(self, district: str, incidents: int, window: Window | None = None) -> list[str]:
        """Spread so many incidents over a window: over the school year down to today, where none is given.

        Returns their uuids, the earliest first. Raises ValueError for a window that ends before it begins.
        """
        today = self.now().date()
        days = school_days(window or Window(self.accounts[district].calendar.year_of(today).first, today))
        return [self._drawn(district, days[place * len(days) // incidents], {}) for place in range(incidents)]

    def change(self, uuid: str, changes: Changes) -> KeptIncident:
        """Change an incident as a person. Raises ValueError or TypeError for what cannot be."""
        return self._write(changed(self.incident(uuid), changes))

    def refer(self, uuid: str) -> KeptIncident:
        """Let a pending incident become a referral. Raises ValueError for one that is not pending."""
        if self.incident(uuid).type != "pending":
            raise ValueError("only a pending incident becomes a referral")
        return self.change(uuid, {"type": "referral"})

    def bounce(self, uuid: str) -> KeptIncident:
        """Send an incident back to who wrote it."""
        return self.change(uuid, {"bounced": True})

    def delete(self, uuid: str) -> KeptIncident:
        """Delete an incident: it is listed no more, unless deleted ones are asked for."""
        return self._write(replace(self.incident(uuid), is_deleted=True))

    def undelete(self, uuid: str) -> KeptIncident:
        """Take a deletion back."""
        return self._write(replace(self.incident(uuid), is_deleted=False))

    def withhold(self, uuid: str) -> KeptIncident:
        """List an incident no more, without a word of why; nothing about it changes."""
        return self._keep(replace(self.incident(uuid), is_withheld=True))

    def restore(self, uuid: str) -> KeptIncident:
        """List a withheld incident again, as it was."""
        return self._keep(replace(self.incident(uuid), is_withheld=False))

    def _drawn(self, district: str, day: date, changes: Changes) -> str:
        number = self._numbers[district]
        self._numbers[district] = number + 1
        drawn = drawn_incident(district, number, day)
        at = min(drawn.written_at, self.now())
        if at < drawn.written_at:
            drawn = replace(drawn, written_at=at, modified_at=at)
        return self._keep(changed(drawn, changes) if changes else drawn).uuid

    def _write(self, incident: KeptIncident) -> KeptIncident:
        return self._keep(replace(incident, modified_at=max(self.now(), incident.modified_at + _SECOND)))

    def _keep(self, incident: KeptIncident) -> KeptIncident:
        self._incidents[incident.uuid] = incident
        self.touched_at[incident.district] = self.now()
        return incident


def _day_of(incident: KeptIncident, filtered_by: FilteredBy) -> date:
    match filtered_by:
        case "date":
            return incident.happened_on
        case "written":
            return incident.written_at.date()
        case "modified":
            return incident.modified_at.date()
