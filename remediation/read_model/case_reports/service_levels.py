"""How fast cases got tickets and were resolved, and whether due dates were met: by district and severity."""

from array import array
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from remediation.domain.cases.records import CaseRecord
from remediation.domain.status import Severity
from remediation.read_model.case_reports.milestones import Milestones, milestones_of
from remediation.read_model.case_reports.reading import case_records
from remediation.read_model.case_reports.tables import ColumnKind, ReportColumn, ReportTable, Row
from remediation.read_model.wording import by_count, count_words
from remediation.store.cases.timeline import Timeline
from remediation.store.server.connection import Connection

_MEDIAN, _NINE_TENTHS = 50, 90
"""In percent."""

TABLE = ReportTable(
    "Service levels",
    "Cases that began in the span, by district and severity",
    (
        ReportColumn("district", "District"),
        ReportColumn("severity", "Severity"),
        ReportColumn("cases", "Cases", ColumnKind.COUNT),
        ReportColumn("with_ticket", "With a ticket", ColumnKind.COUNT),
        ReportColumn("first_ticket_median", "First ticket after, median", ColumnKind.SPAN),
        ReportColumn("first_ticket_p90", "First ticket after, 90 %", ColumnKind.SPAN),
        ReportColumn("resolved", "Resolved", ColumnKind.COUNT),
        ReportColumn("resolved_median", "Resolved after, median", ColumnKind.SPAN),
        ReportColumn("resolved_p90", "Resolved after, 90 %", ColumnKind.SPAN),
        ReportColumn("due_met", "Due date met", ColumnKind.COUNT),
        ReportColumn("due_missed", "Due date missed", ColumnKind.COUNT),
        ReportColumn("open_past_due", "Open and past due", ColumnKind.COUNT),
    ),
)

NOTES = (
    "Cases whose timeline does not have their beginning any more (retention.timelines, or more than 500 entries).",
    "Findings that were resolved or accepted already when they were first seen here: they are left out, too.",
    "Cases that were deleted after retention.cases, or before a loss of Redis.",
    "Due dates that people changed in a ticket: the one that we wrote counts, up to the end of its day in UTC.",
    "Of what was found again, the first resolution counts. An accepted risk meets a due date, and resolves nothing.",
    "Of a case whose severity has changed, the present one counts.",
)
"""What the report cannot tell, and how it counts."""


@dataclass(slots=True)
class _Level:
    """The figures of one district and severity; spans in seconds."""

    cases: int = 0
    ticketed: "array[float]" = field(default_factory=lambda: array("d"))
    resolved: "array[float]" = field(default_factory=lambda: array("d"))
    met: int = 0
    missed: int = 0
    past_due: int = 0

    def add(self, began: float, course: Milestones, now: float) -> None:
        """One more case, which began then."""
        self.cases += 1
        if course.ticketed is not None:
            self.ticketed.append(max(0.0, course.ticketed - began))
        if course.resolved is not None:
            self.resolved.append(max(0.0, course.resolved - began))
        if course.due is None:
            return
        if course.solved is not None:
            self.met += course.solved <= course.due
            self.missed += course.solved > course.due
        else:
            self.past_due += now > course.due


@dataclass(slots=True)
class ServiceLevels:
    """The figures of cases that began from `since` until `until` (Unix seconds; None: no limit)."""

    now: float
    since: float | None = None
    until: float | None = None
    unknown: int = 0
    _levels: dict[tuple[str, Severity], _Level] = field(default_factory=dict)

    def add(self, record: CaseRecord, course: Milestones) -> None:
        """Count a case, if it is one of the span."""
        if course.began is None:
            self.unknown += 1
            return
        if (self.since is not None and course.began < self.since) or (
            self.until is not None and course.began >= self.until
        ):
            return
        which = (record.key.district, record.memory.severity or Severity.UNKNOWN)
        self._levels.setdefault(which, _Level()).add(course.began, course, self.now)

    def rows(self) -> Iterator[Row]:
        """A row for each district and severity that has cases, the worst first."""
        order = {severity: place for place, severity in enumerate(Severity)}
        for (district, severity), level in sorted(
            self._levels.items(), key=lambda each: (each[0][0], order[each[0][1]])
        ):
            yield (
                district,
                severity.value,
                level.cases,
                len(level.ticketed),
                *_median_and_p90(level.ticketed),
                len(level.resolved),
                *_median_and_p90(level.resolved),
                level.met,
                level.missed,
                level.past_due,
            )

    def lines(self) -> list[str]:
        """The summary for people."""
        levels = self._levels.values()
        cases, past_due = sum(each.cases for each in levels), sum(each.past_due for each in levels)
        is_past = by_count(past_due, "is", "are")
        left_out = f"{count_words(self.unknown, 'case')} left out: the beginning is not known."
        told = f"{count_words(cases, 'case')} began in the span; {past_due:,} {is_past} open and past due."
        return [told, *([left_out] if self.unknown else [])]

    def json(self) -> dict[str, Any]:
        """The summary for programs."""
        return {"cases": sum(each.cases for each in self._levels.values()), "beginning_not_known": self.unknown}


async def service_levels(connection: Connection, district: str | None, levels: ServiceLevels) -> AsyncIterator[int]:
    """Count all cases into `levels`; yields how many were read after each page. Raises StoreUnavailable."""
    timeline = Timeline(connection)
    async for records in case_records(connection, district):
        told = await timeline.read_each([each.key.ref for each in records])
        for record, entries in zip(records, told, strict=True):
            levels.add(record, milestones_of(record, entries))
        yield len(records)


def _median_and_p90(spans: Sequence[float]) -> tuple[float | None, float | None]:
    """The median and the value that nine of ten do not exceed (nearest rank); None where there are none."""
    if not spans:
        return None, None
    ordered = sorted(spans)
    return ordered[_rank(len(ordered), _MEDIAN)], ordered[_rank(len(ordered), _NINE_TENTHS)]


def _rank(count: int, percent: int) -> int:
    return -(-count * percent // 100) - 1
