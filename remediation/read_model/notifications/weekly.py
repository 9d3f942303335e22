"""The figures of a week: what a channel is told of each district."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from remediation.domain.actions import Verb, Why
from remediation.domain.cases.records import CaseRecord
from remediation.domain.drills import is_of_drill
from remediation.domain.status import Severity, Status
from remediation.read_model.case_reports.reading import case_records
from remediation.read_model.notifications.wording import Notification
from remediation.read_model.status.levels import RISK_SECONDS
from remediation.read_model.wording import day_words
from remediation.store.audit.entries import AuditedAction, AuditEntry
from remediation.store.audit.search import lines_since
from remediation.store.cases.appointments import ending_risks
from remediation.store.cases.lists import CaseFilter, CaseLists
from remediation.store.figures import read_figures
from remediation.store.server.connection import Connection

WEEK = 7 * 86_400.0

_MOST_LINES = 100_000
"""Lines of the audit that are read: a week of some ten thousand cases. Beyond, what happened is left out."""

_MOST_CASES = 20_000
"""Cases that are read, in about two seconds. Where there are more, what is still open is left out."""

_MOST_RISKS = 100_000
"""Accepted risks that are counted by district, those that end first."""

_DAY = 86_400.0
_AGES = (7, 30, 90)
"""Days: how many of the tickets that are worked on are older is told."""

_HAPPENED: Mapping[str, Callable[[AuditedAction], bool]] = {
    "opened": lambda did: did.action.startswith(f"{Verb.OPEN}:"),
    "found again": lambda did: did.why == Why.FOUND_AGAIN,
    "resolved": lambda did: did.action == f"{Verb.PATCH}:{Status.RESOLVED}",
    "accepted": lambda did: did.action == f"{Verb.PATCH}:{Status.ACCEPTED_RISK}",
}
"""What is counted of the audit, and which of a look's actions say that it happened to the case."""


@dataclass(frozen=True, slots=True)
class DistrictWeek:
    """The figures of one district. What could not be counted is None.

    `happened` counts cases by what happened to them; `open` those that are not solved by severity, and `older` those of
    them whose first ticket is older than so many days.
    """

    district: str
    happened: Mapping[str, int] | None = None
    open: Mapping[Severity, int] | None = None
    older: Mapping[int, int] = field(default_factory=dict)
    parked: int = 0
    risks: int = 0


@dataclass(slots=True)
class _Left:
    """What is left to do in one district."""

    open: Counter[Severity] = field(default_factory=Counter)
    older: Counter[int] = field(default_factory=Counter)

    def add(self, record: CaseRecord, now: float) -> None:
        """Count a case that is not solved."""
        self.open[record.memory.severity or Severity.UNKNOWN] += 1
        since = min((each.created for each in record.links.values() if each.created is not None), default=now)
        self.older.update(days for days in _AGES if now - since > days * _DAY)


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """The figures of all districts, by their names; None for what could not be counted."""

    happened: Mapping[str, Mapping[str, int]] | None
    left: Mapping[str, _Left] | None
    parked: Mapping[str, int]
    risks: Mapping[str, int]

    def of(self, district: str) -> DistrictWeek:
        """Those of one district."""
        happened = None if self.happened is None else self.happened.get(district, {})
        parked, risks = self.parked.get(district, 0), self.risks.get(district, 0)
        if self.left is None:
            return DistrictWeek(district, happened, parked=parked, risks=risks)
        left = self.left.get(district, _Left())
        return DistrictWeek(district, happened, left.open, left.older, parked, risks)


async def read_week(connection: Connection, now: float) -> WeekFigures:
    """The figures of all districts at `now` (Unix seconds), and of the week before. Raises StoreUnavailable."""
    happened, left = await _happened(connection, now - WEEK), await _left(connection, now)
    risks = await ending_risks(connection, now, RISK_SECONDS, _MOST_RISKS)
    parked = (await read_figures(connection, now)).parked_accounts
    return WeekFigures(happened, left, parked, Counter(each.district for each in risks.first))


def weekly_message(weeks: Iterable[DistrictWeek], now: float) -> Notification:
    """The figures as a message: a few lines for each district."""
    title = f"remedy: the week until {day_words(now)}"
    return Notification(title, "\n\n".join("\n".join(_district_lines(each)) for each in weeks))


class HappenedCases:
    """The cases to which something happened, by what: each case once, however often it did."""

    def __init__(self) -> None:
        self._cases: dict[str, set[str]] = {name: set() for name in _HAPPENED}

    def add(self, entry: AuditEntry) -> None:
        """Note what a line of the audit says."""
        for name, did in _HAPPENED.items():
            if entry.case and any(map(did, entry.did)):
                self._cases[name].add(entry.case)

    def by_district(self) -> dict[str, Counter[str]]:
        """How many cases of each district, by what happened."""
        found: dict[str, Counter[str]] = {}
        for name, cases in self._cases.items():
            for district in (case.partition(":")[0] for case in cases):
                found.setdefault(district, Counter())[name] += 1
        return found


async def _happened(connection: Connection, since: float) -> dict[str, Counter[str]] | None:
    found, read = HappenedCases(), 0
    async for line in lines_since(connection, since):
        read += 1
        if read > _MOST_LINES:
            return None
        if not is_of_drill(line.entry.case):
            found.add(line.entry)
    return found.by_district()


async def _left(connection: Connection, now: float) -> dict[str, _Left] | None:
    """What is left in each district. Cases of no finding or incident of their own, and tests, do not count."""
    if await CaseLists(connection).count(CaseFilter()) > _MOST_CASES:
        return None
    found: dict[str, _Left] = {}
    async for records in case_records(connection, None):
        for record in records:
            if record.memory.finding is not None and record.memory.finding.is_unsolved:
                found.setdefault(record.key.district, _Left()).add(record, now)
    return found


def _district_lines(week: DistrictWeek) -> Iterator[str]:
    yield week.district
    if week.happened is None:
        yield f"  past week: not counted, as the audit has more than {_MOST_LINES:,} lines of it"
    else:
        yield f"  past week: {', '.join(f'{week.happened.get(name, 0):,} {name}' for name in _HAPPENED)}"
    yield f"  still open: {_open_words(week)}"
    days = RISK_SECONDS // 86_400
    yield f"  parked: {week.parked:,}; accepted risks that end within {days} days: {week.risks:,}"


def _open_words(week: DistrictWeek) -> str:
    if week.open is None:
        return f"not counted, as there are more than {_MOST_CASES:,} cases"
    by_severity = [f"{week.open[each]:,} {each}" for each in Severity if week.open.get(each)]
    ages = [f"{week.older[days]:,} for over {days} days" for days in _AGES if week.older.get(days)]
    if not by_severity:
        return "nothing"
    older = f" ({', '.join(ages)})" if ages else ""
    return f"{', '.join(by_severity)}{older}"
