"""The figures of a week: what a channel is told of each district."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from remediation.domain.actions import Verb, Why
from remediation.domain.cases.records import CaseKind, CaseRecord
from remediation.domain.drills import is_drill, is_of_drill
from remediation.domain.status import Severity, Status
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

_AT_ONCE = 200
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


async def weeks_of(connection: Connection, districts: Sequence[str], now: float) -> list[DistrictWeek]:
    """The figures of these districts at `now` (Unix seconds), and of the week before. Raises StoreUnavailable."""
    happened = await _happened(connection, now - WEEK)
    left = await _left(connection, now)
    risks = Counter(each.district for each in (await ending_risks(connection, now, RISK_SECONDS, _MOST_LINES)).first)
    parked = (await read_figures(connection, now)).parked_accounts
    return [
        DistrictWeek(
            name,
            None if happened is None else happened.get(name, Counter()),
            None if left is None else left.get(name, _Left()).open,
            {} if left is None else left.get(name, _Left()).older,
            parked.get(name, 0),
            risks[name],
        )
        for name in districts
    ]


def weekly_message(weeks: Iterable[DistrictWeek], now: float) -> Notification:
    """The figures as a message: a few lines for each district."""
    title = f"remedy: the week until {day_words(now)}"
    return Notification(title, "\n\n".join("\n".join(_district_lines(each)) for each in weeks))


def happened_to(entries: Iterable[AuditEntry]) -> dict[str, Counter[str]]:
    """How many cases of each district something happened to, by what: each case once, however often it did."""
    seen: dict[str, set[str]] = {name: set() for name in _HAPPENED}
    for entry in entries:
        for name, did in _HAPPENED.items():
            if entry.case and any(map(did, entry.did)):
                seen[name].add(entry.case)
    found: dict[str, Counter[str]] = {}
    for name, cases in seen.items():
        for district in (case.partition(":")[0] for case in cases):
            found.setdefault(district, Counter())[name] += 1
    return found


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


async def _happened(connection: Connection, since: float) -> dict[str, Counter[str]] | None:
    entries: list[AuditEntry] = []
    async for line in lines_since(connection, since):
        if line.entry.did and not is_of_drill(line.entry.case):
            entries.append(line.entry)
        if len(entries) > _MOST_LINES:
            return None
    return happened_to(entries)


async def _left(connection: Connection, now: float) -> dict[str, _Left] | None:
    lists, everything = CaseLists(connection), CaseFilter()
    if await lists.count(everything) > _MOST_CASES:
        return None
    found: dict[str, _Left] = {}
    page = await lists.page(everything, _AT_ONCE)
    while True:
        for record in (await lists.records([each.ref for each in page.cases])).values():
            if _is_open(record):
                found.setdefault(record.key.district, _Left()).add(record, now)
        if page.cursor is None:
            return found
        page = await lists.page(everything, _AT_ONCE, page.cursor)


def _is_open(record: CaseRecord) -> bool:
    """Whether somebody must still act. A summary is about findings that have cases of their own; a test is nobody's."""
    status, key = record.memory.finding, record.key
    is_counted = key.kind is not CaseKind.SUMMARY and not record.home and not is_drill(key.id)
    return status is not None and status.is_unsolved and is_counted


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
