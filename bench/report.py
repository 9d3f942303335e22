"""What a topic found out: figures, and what they mean for its goals. Pure."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

_DOUBT = 0.05
"""In so many runs of one may an interval miss what it is for."""

_HEADINGS = ("goal", "what", "measured", "wanted", "verdict")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. `met` is None where there is no goal to meet: the row says what the others are held to."""

    goal: str
    what: str
    measured: str
    wanted: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """The row's last word."""
        return {True: "met", False: "NOT met", None: ""}[self.met]


@dataclass(frozen=True, slots=True)
class Report:
    """What one topic measured. `figures` are the raw values of every round; `bars` (of `unit`) make its picture."""

    topic: str
    lines: tuple[Line, ...]
    figures: Mapping[str, Any]
    unit: str
    bars: Mapping[str, float] = field(default_factory=dict)


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the values does not exceed."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[min(max(rank, 1), len(ordered)) - 1]


def median_ratio(values: Sequence[float], anchors: Sequence[float]) -> float:
    """The median of the rounds' own ratios: what slowed a whole round down slowed its anchor down too."""
    return median(value / anchor for value, anchor in zip(values, anchors, strict=True))


def median_interval(values: Iterable[float]) -> tuple[float, float]:
    """Between these two values lies the true median in at least 95 of 100 runs; from six values on.

    Of fewer it is the least and the greatest, which is less sure. Counted as in a sign test: nothing is said about how
    the values are distributed.
    """
    ordered = sorted(values)
    below, outside = 0, 2 / 2 ** len(ordered)
    while outside + 2 * math.comb(len(ordered), below + 1) / 2 ** len(ordered) <= _DOUBT:
        below += 1
        outside += 2 * math.comb(len(ordered), below) / 2 ** len(ordered)
    return ordered[below], ordered[-1 - below]


def table(reports: Iterable[Report]) -> str:
    """Every row of every report, as an aligned Markdown table."""
    rows = [_HEADINGS, *((e.goal, e.what, e.measured, e.wanted, e.verdict) for r in reports for e in r.lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_row(row, widths) for row in (rows[0], rule, *rows[1:]))


def _row(cells: Iterable[str], widths: Iterable[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"


def as_json(report: Report, conditions: Mapping[str, Any]) -> str:
    """The report with the conditions that it was made under."""
    lines = [asdict(line) | {"verdict": line.verdict} for line in report.lines]
    figures = {"unit": report.unit, "bars": dict(report.bars), "figures": dict(report.figures)}
    return json.dumps({"topic": report.topic, "conditions": dict(conditions), "lines": lines, **figures}, indent=2)
