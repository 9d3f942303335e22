"""The risks that are accepted now: which, since when, by which tickets, and until when."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from remediation.domain.cases.records import CaseKind, CaseRecord
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason
from remediation.read_model.case_reports.milestones import status_shown
from remediation.read_model.case_reports.reading import case_records
from remediation.read_model.case_reports.tables import ColumnKind, ReportColumn, ReportTable, Row
from remediation.read_model.wording import by_count, count_words
from remediation.store.cases.entries import Acted, Entry
from remediation.store.cases.standings import Standings
from remediation.store.cases.timeline import Timeline
from remediation.store.server.connection import Connection

_DAY = 86_400
_SOON = 30 * _DAY
"""An acceptance that ends within this time is counted in the summary."""

TABLE = ReportTable(
    "Accepted risks",
    "Findings and incidents whose risk is accepted, in no order",
    (
        ReportColumn("case", "Case"),
        ReportColumn("district", "District"),
        ReportColumn("findings", "Finding or incident"),
        ReportColumn("severity", "Severity"),
        ReportColumn("rule", "Rule"),
        ReportColumn("tickets", "Tickets"),
        ReportColumn("accepted_since", "Accepted since (UTC)", ColumnKind.TIME),
        ReportColumn("accepted_by", "Accepted by"),
        ReportColumn("closing_reasons", "Closed as"),
        ReportColumn("ends", "Ends (UTC)", ColumnKind.TIME),
        ReportColumn("days_left", "Days left", ColumnKind.COUNT),
    ),
)

NOTES = (
    "Who decided: the audit has that, sealed (remedy audit list --names).",
    "Why somebody accepted it, in words: that stands in the ticket, and nowhere here.",
    "Cases that ended before retention.cases: nothing is kept of them. A risk that is accepted is kept.",
    "Accepted since is empty where the case's timeline of then is not kept any more (retention.timelines).",
    "Accepted since is empty, too, where the risk was accepted before the finding was first seen here.",
    "Ends is empty where nothing sets an end: neither the ticket, nor accept.at_most of its rule.",
)
"""What the report cannot tell."""


@dataclass(slots=True)
class RiskSummary:
    """What the rows come to."""

    by_severity: Counter[str] = field(default_factory=Counter)
    endless: int = 0
    soon: int = 0

    def lines(self) -> list[str]:
        """For people."""
        count = self.by_severity.total()
        told = ", ".join(f"{self.by_severity[each]:,} {each}" for each in Severity if self.by_severity[each])
        is_accepted = by_count(count, "risk is accepted", "risks are accepted")
        return [
            f"{count:,} {is_accepted}{f': {told}' if told else ''}.",
            f"{count_words(self.soon, 'acceptance')} {by_count(self.soon, 'ends', 'end')} within 30 days.",
            f"{count_words(self.endless, 'acceptance')} without an end.",
        ]

    def json(self) -> dict[str, Any]:
        """For programs."""
        counts = dict(self.by_severity)
        return {"accepted": self.by_severity.total(), "by_severity": counts, "soon": self.soon, "endless": self.endless}


async def accepted_risks(
    connection: Connection, district: str | None, now: float, summary: RiskSummary
) -> AsyncIterator[tuple[list[Row], int]]:
    """The rows, some at a time, each time with how many cases were read for them. Raises StoreUnavailable."""
    timeline, standings = Timeline(connection), Standings(connection)
    async for records in case_records(connection, district):
        accepted = [each for each in records if each.memory.finding is Status.ACCEPTED_RISK]
        refs = [each.key.ref for each in accepted]
        told, ends = await timeline.read_each(refs), await standings.appointments(refs)
        rows = []
        for record, entries, appointment in zip(accepted, told, ends, strict=True):
            end = record.came_due if appointment is None else appointment
            _count(summary, record, end, now)
            rows.append(_row(record, entries, end, now))
        yield rows, len(records)


def _count(summary: RiskSummary, record: CaseRecord, end: float | None, now: float) -> None:
    summary.by_severity[record.memory.severity or Severity.UNKNOWN] += 1
    summary.endless += end is None
    summary.soon += end is not None and end - now <= _SOON


def _row(record: CaseRecord, entries: Sequence[Entry], end: float | None, now: float) -> Row:
    members = sorted(record.members) if record.key.has_members else [record.key.id]
    return (
        record.key.ref,
        record.key.district,
        " ".join(members) or record.key.id,
        record.memory.severity or Severity.UNKNOWN,
        record.memory.rule,
        "; ".join(f"{link.ticket_key} in {name}" for name, link in sorted(record.links.items())),
        accepted_since(entries),
        _accepted_by(record),
        "; ".join(f"{name}: {closing.reason}" for name, closing in sorted(record.memory.closings.items())),
        end,
        None if end is None else max(0, int((end - now) // _DAY)),
    )


def _accepted_by(record: CaseRecord) -> str:
    """The tickets in which somebody accepted the risk; where none did, it was accepted at the source."""
    by = [
        f"{record.links[name].ticket_key} in {name}"
        for name, closing in sorted(record.memory.closings.items())
        if closing.reason is Reason.ACCEPTED_RISK and closing.meant is None and name in record.links
    ]
    return "; ".join(by) or ("SchoolScan" if record.key.kind is CaseKind.FINDING else "")


def accepted_since(entries: Sequence[Entry]) -> float | None:
    """When (Unix seconds) the present acceptance began, by the timeline; None where that does not tell.

    It does not where it begins with an acceptance that was there already.
    """
    since: float | None = None
    before = ""
    for entry in entries:
        status = status_shown(entry)
        if status and status != before:
            since = entry.at if before or isinstance(entry, Acted) else None
            before = status
    return since if before == Status.ACCEPTED_RISK else None
