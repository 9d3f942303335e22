"""Charts of what was counted: each a table with a row for each step, of the whole service or of some districts."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.status import Severity
from remediation.read_model.activity.charts import OF_DISTRICTS, chart_of, charts_of
from remediation.read_model.activity.history import ActivityHistory, ActivityPoint, ActivitySpan, steps_of
from remediation.read_model.activity.tables import ChartName
from remediation.store.activity.samples import ActivitySample, LimitUse, ParkedCount

NOW = 1_800_000_000.0
SAMPLE = ActivitySample(
    int(NOW),
    {Severity.CRITICAL: (1, 0, 2, 0, 0), Severity.LOW: (0, 0, 0, 0, 4)},
    9,
    (ParkedCount("action", "Refused", "jira", 403, 5), ParkedCount(count=2)),
    (LimitUse("schoolscan:lakeside", "write", 60, 60), LimitUse("jira", "", 10, 100)),
)


def history(*points: tuple[Mapping[str, int], ActivitySample | None], district: str = "") -> ActivityHistory:
    made = tuple(ActivityPoint(3_600 * place, *each) for place, each in enumerate(points))
    samples = [sample for _, sample in points if sample is not None]
    present = samples[-1] if samples else ActivitySample(int(NOW))
    return ActivityHistory(ActivitySpan.DAY, made, present, (district,) if district else None)


def shown(name: ChartName, *points: tuple[Mapping[str, int], ActivitySample | None]) -> list[dict[str, object]]:
    chart = chart_of(name, history(*points))
    return [chart.table.json_row(row) for row in chart.rows]


@pytest.mark.parametrize(("span", "count"), [("24h", 24), ("7d", 56), ("30d", 30)])
def test_a_span_has_its_steps_up_to_the_present_one(span: str, count: int) -> None:
    steps = steps_of(ActivitySpan(span), NOW)
    assert len(steps) == count
    numbers = [number for step in steps for number in step]
    assert numbers == [*range(numbers[0], numbers[-1] + 1)]
    size = ActivitySpan(span).step_seconds / max(len(step) for step in steps)
    assert numbers[-1] == NOW // size


@given(st.floats(0, 4e9), st.sampled_from(ActivitySpan))
def test_steps_begin_at_whole_multiples_of_their_length(now: float, span: ActivitySpan) -> None:
    together = max(len(step) for step in steps_of(span, now))
    assert all(step[0] % together == 0 and len(step) == together for step in steps_of(span, now)[:-1])


def test_deliveries_are_told_by_their_answers() -> None:
    (row,) = shown(
        ChartName.DELIVERIES,
        ({"delivery:schoolscan:stored": 4, "delivery:jira:stored": 1, "delivery:unknown:refused": 2}, None),
    )
    assert (row["stored"], row["refused"], row["later"]) == (5, 2, 0)
    (row,) = shown(ChartName.SENDERS, ({"delivery:schoolscan:stored": 4, "delivery:schoolscan:later": 3}, None))
    assert (row["schoolscan_accepted"], row["schoolscan_refused"], row["jira_accepted"]) == (4, 3, 0)


def test_times_are_told_where_there_are_any_and_by_severity_where_that_is_asked() -> None:
    counts = {"ticket:critical:2": 3, "ticket:low:9": 1}
    both, nothing = shown(ChartName.RESPONSES, (counts, None), ({}, None))
    assert (both["ticket_count"], both["status_count"]) == (4, 0)
    assert both["ticket_p50"] == 4
    assert (nothing["ticket_p50"], nothing["ticket_p95"]) == (None, None)
    narrow = chart_of(ChartName.RESPONSES, history((counts, None)), Severity.LOW)
    assert narrow.table.json_row(narrow.rows[0])["ticket_count"] == 1
    assert "of severity low" in narrow.table.caption


def test_open_cases_are_told_by_severity_and_by_age_and_left_out_where_nobody_looked() -> None:
    known, unknown = shown(ChartName.OPEN, ({}, SAMPLE), ({}, None))
    assert (known["critical"], known["low"], known["high"]) == (3, 4, 0)
    assert unknown["critical"] is None
    known, unknown = shown(ChartName.AGES, ({}, SAMPLE), ({}, None))
    assert [known[f"age_{place}"] for place in range(5)] == [1, 0, 2, 0, 4]
    assert unknown["age_0"] is None


def test_parked_work_is_told_by_cause_and_limits_by_the_share_that_was_used() -> None:
    parked = chart_of(ChartName.PARKED, history(({}, SAMPLE)))
    assert [each.heading for each in parked.lines][2:] == ["action Refused 403 jira", "other causes"]
    assert parked.rows[0][1:] == (9, 7, 5, 2)
    limits = chart_of(ChartName.LIMITS, history(({}, SAMPLE)))
    assert [each.heading for each in limits.lines] == ["schoolscan:lakeside (write), %", "jira, %"]
    assert limits.rows[0][1:] == (100, 10)
    assert limits.says == "Used up at some time: schoolscan:lakeside (write)."


def test_of_a_district_there_is_nothing_that_is_of_the_whole_service() -> None:
    assert [each.name for each in charts_of(history(({}, None), district="lakeside"))] == [*OF_DISTRICTS]
    assert [each.name for each in charts_of(history(({}, None)))] == [*ChartName]


def test_how_much_there_is_now_is_told_in_words() -> None:
    told = {each.name: each.says for each in charts_of(history(({}, None), ({}, SAMPLE)))}
    assert told[ChartName.OPEN] == told[ChartName.AGES] == "Open now: 3 critical, 4 low."
    assert told[ChartName.PARKED] == "Parked now: 7 pieces."
    nothing = {each.name: each.says for each in charts_of(history(({}, None)))}
    assert nothing[ChartName.OPEN] == "No case is open."
    assert nothing[ChartName.LIMITS] == "No system has told of a limit yet."


def test_every_chart_says_in_words_what_it_comes_to_and_each_row_has_a_value_for_each_column() -> None:
    for chart in [*charts_of(history(({}, None))), *charts_of(history(({"opened": 2}, SAMPLE), ({}, None)))]:
        assert chart.says.endswith(".")
        assert {len(row) for row in chart.rows} == {len(chart.table.columns)}
        assert [len(chart.values(place)) for place in range(len(chart.lines))] == [len(chart.rows)] * len(chart.lines)
