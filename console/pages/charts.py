"""*Charts*: what happened in the last day, week or month, each as a chart with its table below."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.context import context_of, person_of
from console.questions.asked import ListAddress
from console.rendering import moment, render
from remediation.domain.status import Severity
from remediation.read_model.activity.charts import CHART_NOTES, charts_of
from remediation.read_model.activity.history import MOST_TOGETHER, ActivitySpan, read_history
from remediation.read_model.activity.tables import ActivityChart, ChartName
from remediation.read_model.case_reports.tables import ColumnKind, ReportColumn, Row

TITLE = "Charts"

_NOTHING = "\N{EN DASH}"
"""Stands where nothing is known."""

_PERCENT = "percent"
_KINDS: Mapping[ChartName, str] = {ChartName.LIMITS: _PERCENT}
"""What the values of a chart are, where its columns do not say it."""


@dataclass(frozen=True, slots=True)
class _ChartChoice:
    """What the address asks for. `districts` are those whose sums are read; None for the whole service."""

    known: tuple[str, ...]
    span: ActivitySpan
    severity: Severity | None
    district: str
    districts: frozenset[str] | None

    @property
    def words(self) -> str:
        """What is shown, as the options of the command that tells the same."""
        return f"--since {self.span}" + (f" --district {self.district}" if self.district else "")


async def charts(request: Request) -> Response:
    """All charts that the person may see."""
    context, choice = context_of(request), _choice(request)
    history = await read_history(context.connection, choice.span, context.clock(), choice.districts)
    begins = {point.begin: moment(point.begin) for point in history.points}
    shown = [(each, _drawing(each), _tabled(each, begins)) for each in charts_of(history, choice.severity)]
    offered = ([*ActivitySpan], [*Severity])
    return render(request, "charts.html", choice=choice, charts=shown, notes=CHART_NOTES, offered=offered)


def _choice(request: Request) -> _ChartChoice:
    """What the address asks for, of what the person may see. Raises PageRefused for what it cannot be."""
    address, person = ListAddress(request), person_of(request)
    known = person.visible(context_of(request).loaded().mappings.districts)
    span = address.choice("since", [each.value for each in ActivitySpan]) or ActivitySpan.DAY
    severity, district = address.choice("severity", map(str, Severity)), address.choice("district", known)
    districts = frozenset({district}) if district else person.granted_districts()
    if districts is not None and len(districts) > MOST_TOGETHER:
        district = min(districts)
        districts = frozenset({district})
    return _ChartChoice(known, ActivitySpan(span), Severity(severity) if severity else None, district, districts)


def _drawing(chart: ActivityChart) -> str:
    """What the script draws: moments, and the values of each line. Where there are spans of time, these alone."""
    kinds = {column.kind for column in chart.lines}
    kind = ColumnKind.SPAN if ColumnKind.SPAN in kinds else ColumnKind.COUNT
    drawn = [place for place, column in enumerate(chart.lines) if column.kind is kind]
    lines = [{"label": chart.lines[place].heading, "values": chart.values(place)} for place in drawn]
    what: dict[str, Any] = {"kind": _KINDS.get(chart.name, kind.value), "times": [row[0] for row in chart.rows]}
    return json.dumps(what | {"lines": lines}, separators=(",", ":"))


def _tabled(chart: ActivityChart, begins: Mapping[Any, Markup]) -> list[tuple[Markup, list[str]]]:
    """The rows of the table, the newest first: when each step begins, and its values in words."""
    return [(begins[row[0]], _words(chart.lines, row)) for row in reversed(chart.rows)]


def _words(columns: tuple[ReportColumn, ...], row: Row) -> list[str]:
    return [column.words(value) or _NOTHING for column, value in zip(columns, row[1:], strict=True)]


ROUTES = [Route("/charts", charts, name="charts")]
