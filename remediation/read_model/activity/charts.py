"""The charts that there are of what was counted: the same for pages and for the command line. Pure."""

from collections.abc import Callable, Mapping

from remediation.domain.status import Severity
from remediation.read_model.activity.counted import deliveries_chart, responses_chart, senders_chart, work_chart
from remediation.read_model.activity.history import ActivityHistory
from remediation.read_model.activity.sampled import ages_chart, limits_chart, open_chart, parked_chart
from remediation.read_model.activity.tables import ActivityChart, ChartName

OF_DISTRICTS = (ChartName.DELIVERIES, ChartName.RESPONSES, ChartName.WORK, ChartName.OPEN, ChartName.AGES)
"""The charts that there are of a district; the others are of the whole service."""

CHART_NOTES = (
    "What a process had counted within ten seconds before it was killed.",
    "Deliveries that were refused before their sender was known: remedy deliveries list --state refused has them.",
    "Cases that this version has not looked at yet are counted as open from their next look on.",
    "Times to a ticket and to a change of status are known to a step: 1, 2, 5, 10, 20, 30 s, and so on up to 3 days.",
)
"""What charts cannot tell."""

_CHARTS: Mapping[ChartName, Callable[[ActivityHistory], ActivityChart]] = {
    ChartName.DELIVERIES: deliveries_chart,
    ChartName.SENDERS: senders_chart,
    ChartName.WORK: work_chart,
    ChartName.OPEN: open_chart,
    ChartName.AGES: ages_chart,
    ChartName.PARKED: parked_chart,
    ChartName.LIMITS: limits_chart,
}


def charts_of(history: ActivityHistory, severity: Severity | None = None) -> list[ActivityChart]:
    """All charts that there are of this history. `severity` narrows how long deliveries took."""
    names = [*ChartName] if history.districts is None else OF_DISTRICTS
    return [chart_of(name, history, severity) for name in names]


def chart_of(name: ChartName, history: ActivityHistory, severity: Severity | None = None) -> ActivityChart:
    """One chart."""
    if name is ChartName.RESPONSES:
        return responses_chart(history, severity)
    return _CHARTS[name](history)
