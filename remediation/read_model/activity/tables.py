"""What a chart is: a table with a row for each step and a column for each line. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remediation.read_model.activity.history import ActivityHistory, ActivityPoint
from remediation.read_model.case_reports.tables import ColumnKind, ReportColumn, ReportTable, Row, Value


class ChartName(StrEnum):
    """What a chart is about."""

    DELIVERIES = "deliveries"
    SENDERS = "senders"
    RESPONSES = "responses"
    WORK = "work"
    OPEN = "open"
    AGES = "ages"
    PARKED = "parked"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class ActivityChart:
    """A chart: its table, whose first column is when a step begins, the rows, and what they come to in a sentence."""

    name: ChartName
    table: ReportTable
    rows: tuple[Row, ...]
    says: str

    @property
    def lines(self) -> tuple[ReportColumn, ...]:
        """The columns that are drawn."""
        return self.table.columns[1:]

    def values(self, line: int) -> list[Value]:
        """The values of one of them, step by step; None where nothing is known."""
        return [row[line + 1] for row in self.rows]


def made_chart(
    name: ChartName,
    titles: tuple[str, str],
    columns: Sequence[ReportColumn],
    history: ActivityHistory,
    values: Callable[[ActivityPoint], Sequence[Value]],
    says: str,
) -> ActivityChart:
    """A chart with the values of each step; `titles` are its title and the caption of its table."""
    begin = ReportColumn("begin", "From (UTC)", ColumnKind.TIME)
    table = ReportTable(titles[0], titles[1], (begin, *columns))
    return ActivityChart(name, table, tuple((each.begin, *values(each)) for each in history.points), says)
