"""Charts of how much there was at the end of each step: open cases, parked work, and the use of limits. Pure."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from remediation.domain.status import Severity
from remediation.read_model.activity.history import ActivityHistory, ActivityPoint
from remediation.read_model.activity.tables import ActivityChart, ChartName, made_chart
from remediation.read_model.case_reports.tables import ColumnKind, ReportColumn, Value
from remediation.read_model.wording import count_words
from remediation.store.activity.samples import AGE_BOUNDS, ActivitySample, LimitUse, ParkedCount

MOST_LINES = 6
"""Lines of a chart whose lines follow what there is: causes of parked work, and limits."""

AGE_WORDS: tuple[str, ...] = (
    f"Up to {AGE_BOUNDS[0]} day",
    *(f"{low} to {high} days" for low, high in pairwise(AGE_BOUNDS)),
    f"Over {AGE_BOUNDS[-1]} days",
)
"""The bands of age, the youngest first."""

_NONE_TOLD = "No system has told of a limit yet."
_FULL = 100
"""Percent of a limit that is used up."""


def open_chart(history: ActivityHistory) -> ActivityChart:
    """The open cases by severity."""

    def values(point: ActivityPoint) -> list[Value]:
        return [sum(point.sample.open.get(each, ())) if point.sample else None for each in Severity]

    columns = [ReportColumn(each.value, each.value.capitalize(), ColumnKind.COUNT) for each in Severity]
    titles = ("Open cases by severity", "Cases that nobody has solved, at the end of each step")
    return made_chart(ChartName.OPEN, titles, columns, history, values, _open_words(history))


def ages_chart(history: ActivityHistory) -> ActivityChart:
    """The open cases by age."""

    def values(point: ActivityPoint) -> list[Value]:
        if point.sample is None:
            return [None] * len(AGE_WORDS)
        return [sum(bands[place] for bands in point.sample.open.values()) for place in range(len(AGE_WORDS))]

    columns = [ReportColumn(f"age_{place}", words, ColumnKind.COUNT) for place, words in enumerate(AGE_WORDS)]
    titles = ("Open cases by age", "The same by how long they are known to be open, at the end of each step")
    return made_chart(ChartName.AGES, titles, columns, history, values, _open_words(history))


def parked_chart(history: ActivityHistory) -> ActivityChart:
    """What waits for a look, and what is parked, by the causes that had the most pieces."""
    most: Counter[str] = Counter()
    for sample in _samples(history):
        for cause in sample.parked:
            most[cause_words(cause)] = max(most[cause_words(cause)], cause.count)
    causes = [cause for cause, _ in most.most_common(MOST_LINES)]

    def values(point: ActivityPoint) -> list[Value]:
        if point.sample is None:
            return [None] * (len(causes) + 2)
        counts = {cause_words(each): each.count for each in point.sample.parked}
        return [point.sample.waiting, sum(counts.values()), *(counts.get(cause, 0) for cause in causes)]

    columns = [
        ReportColumn("waiting", "Cases that wait for a look", ColumnKind.COUNT),
        ReportColumn("parked", "Parked in all", ColumnKind.COUNT),
        *(ReportColumn(f"cause_{place}", cause, ColumnKind.COUNT) for place, cause in enumerate(causes)),
    ]
    titles = ("Parked by cause", "What waits, and what is parked, at the end of each step")
    says = f"Parked now: {count_words(sum(each.count for each in history.present.parked), 'piece')}."
    return made_chart(ChartName.PARKED, titles, columns, history, values, says)


def limits_chart(history: ActivityHistory) -> ActivityChart:
    """How far limits were used, of those of which most was used."""
    most: dict[str, float] = {}
    for use in (use for sample in _samples(history) for use in sample.limits):
        most[limit_words(use)] = max(most.get(limit_words(use), 0.0), use.share)
    systems = sorted(most, key=lambda each: (-most[each], each))[:MOST_LINES]

    def values(point: ActivityPoint) -> list[Value]:
        used = {limit_words(each): _percent(each.share) for each in point.sample.limits} if point.sample else {}
        return [used.get(system) for system in systems]

    columns = [ReportColumn(f"limit_{n}", f"{system}, %", ColumnKind.COUNT) for n, system in enumerate(systems)]
    titles = ("Use of limits", "The most of each limit that was used in a step, in percent")
    full = ", ".join(system for system in systems if _percent(most[system]) >= _FULL)
    says = f"Used up at some time: {full}." if full else "No limit was used up." if systems else _NONE_TOLD
    return made_chart(ChartName.LIMITS, titles, columns, history, values, says)


def cause_words(cause: ParkedCount) -> str:
    """A cause in codes: what was set aside, the error, its status, and whose."""
    parts = (cause.kind, cause.error, str(cause.status or ""), cause.system)
    return " ".join(filter(None, parts)) or "other causes"


def limit_words(use: LimitUse) -> str:
    """A limit by its system, and what of it is limited."""
    return f"{use.system} ({use.access})" if use.access else use.system


def _percent(share: float) -> int:
    return round(100 * share)


def _samples(history: ActivityHistory) -> Sequence[ActivitySample]:
    return [point.sample for point in history.points if point.sample is not None]


def _open_words(history: ActivityHistory) -> str:
    present = history.present.open
    told = [f"{sum(present[each]):,} {each}" for each in Severity if sum(present.get(each, ()))]
    return f"Open now: {', '.join(told)}." if told else "No case is open."
