"""What a measurement makes of its figures: percentiles, ratios, verdicts, and how they are shown."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.picture import svg
from bench.report import Line, Report, as_json, median_interval, median_ratio, percentile, table
from bench.senders.deliveries import BODY_BYTES, PATH, SECRET, Deliveries
from bench.topics.comparing import wait_until_all_listen
from bench.topics.deciding import RULES, rules, situations, subjects
from bench.topics.looking import counted
from bench.watching import Command
from remediation.deliveries.events import FindingNoticed, read_schoolscan
from remediation.deliveries.signatures import SignatureFormat, by_name, verify
from remediation.domain.policy import Policy
from remediation.mapping.rules.matching import Matcher
from remediation.planning import plan
from sandbox.stage.processes import Program

REPORT = Report(
    topic="sample",
    lines=(Line("B1", "a ratio", "0.70", "≥ 0.60", met=True), Line("B1", "the anchor", "100/s")),
    figures={"rounds": [1.0, 2.0]},
    unit="things/s",
    bars={"ours & <theirs>": 50.0, "anchor": 100.0},
)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1.0), (0.5, 2.0), (0.51, 3.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)],
)
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(share: float, expected: float) -> None:
    assert percentile([4.0, 2.0, 3.0, 1.0], share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_always_one_of_the_values(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9 * len(values)


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


@pytest.mark.parametrize(("count", "ranks"), [(1, (1, 1)), (6, (1, 6)), (8, (1, 8)), (9, (2, 8)), (22, (6, 17))])
def test_a_median_lies_between_values_of_the_ranks_that_tables_of_the_sign_test_give(
    count: int, ranks: tuple[int, int]
) -> None:
    assert median_interval(float(rank) for rank in range(count, 0, -1)) == ranks


def test_a_ratio_is_taken_within_each_round_and_not_between_rounds() -> None:
    assert median_ratio([1.0, 10.0, 100.0], [2.0, 20.0, 200.0]) == 0.5


@pytest.mark.parametrize(("met", "verdict"), [(True, "met"), (False, "NOT met"), (None, "")])
def test_a_verdict_says_plainly_whether_the_goal_was_met(*, met: bool | None, verdict: str) -> None:
    assert Line("B1", "what", "1", met=met).verdict == verdict


def test_the_table_has_one_aligned_row_per_line() -> None:
    rows = table([REPORT, REPORT]).splitlines()
    assert len(rows) == 2 + 4
    assert len({len(row) for row in rows}) == 1
    assert rows[2].split("|")[1:-1] == [" B1   ", " a ratio    ", " 0.70     ", " ≥ 0.60 ", " met     "]


def test_the_raw_figures_are_kept_with_their_conditions() -> None:
    kept = json.loads(as_json(REPORT, {"cores": 2}))
    assert kept["conditions"] == {"cores": 2}
    assert kept["figures"] == {"rounds": [1.0, 2.0]}
    assert [line["verdict"] for line in kept["lines"]] == ["met", ""]


def test_a_picture_has_one_bar_per_value_in_proportion() -> None:
    picture = ET.fromstring(svg(REPORT))  # noqa: S314 - our own picture
    ground, *bars = picture.findall("{*}rect")
    assert ground.get("fill") == "#ffffff"
    assert float(bars[0].attrib["width"]) * 2 == float(bars[1].attrib["width"])


def test_a_picture_of_nothing_is_still_a_picture() -> None:
    empty = Report("sample", (), {}, "things", {"none": 0.0})
    assert ET.fromstring(svg(empty)).tag.endswith("svg")  # noqa: S314 - our own picture


def test_each_delivery_is_signed_readable_and_like_no_other() -> None:
    deliveries, now = Deliveries("http://127.0.0.1:8080", "run"), time.time()
    events = []
    for request in (deliveries.request(now), deliveries.request(now)):
        head, _, body = request.partition(b"\r\n\r\n")
        line, *pairs = head.split(b"\r\n")
        headers = [(name.lower(), value.strip()) for name, _, value in (pair.partition(b":") for pair in pairs)]
        assert line == f"POST {PATH} HTTP/1.1".encode()
        assert dict(headers)[b"content-length"] == str(len(body)).encode()
        assert abs(len(body) - BODY_BYTES) < 30
        verify(by_name(headers), body, [SECRET], SignatureFormat.TIMESTAMPED, now)
        event = read_schoolscan(body)
        assert isinstance(event, FindingNoticed)
        events.append(event)
    assert all(event.is_urgent for event in events)
    assert events[0].event_id != events[1].event_id


def test_what_only_reads_is_told_from_what_writes() -> None:
    asked = {"schoolscan": ["GET", "PATCH"], "servicenow": ["GET", "GET"], "jira": ["POST"]}
    expected = {"schoolscan_reads": 1, "servicenow_reads": 2, "jira_reads": 0, "writes": 2}
    assert counted(asked) == expected


def test_a_command_is_known_by_its_name_and_key_and_not_by_its_values() -> None:
    command = Command(0.0, in_script=False, words=("zadd", "queue", "1", "other"))
    assert command.is_for("ZADD", "queue")
    assert not command.is_for("ZADD", "other")
    assert not command.is_for("ZREM", "queue")


def test_the_situations_that_are_planned_are_of_every_sort() -> None:
    policy, now = Policy(trackers=("servicenow", "jira")), datetime(2026, 4, 15, tzinfo=UTC)
    plans = [tuple(action.name for action in plan(seen, policy, record, now)) for seen, record in situations()]
    assert () in plans
    assert len(set(plans)) == len(plans)


def test_the_rules_that_are_matched_take_some_findings_and_leave_others() -> None:
    ruled = rules()
    assert len(ruled) == RULES
    matcher = Matcher(ruled)
    found = [matcher.rule_for(subject, datetime(2026, 4, 15, tzinfo=UTC)) for subject in subjects()]
    assert any(rule is None for rule in found)
    assert len({rule.name for rule in found if rule}) > 5


def test_fewer_receivers_than_asked_for_are_not_measured(tmp_path: Path) -> None:
    process: Any = None  # only its log is read
    program = Program("receiver", tmp_path / "receiver.log", process)
    program.log.write_text('{"event": "receiver_listens"}\n')
    wait_until_all_listen(program, 1, 0.0)
    with pytest.raises(TimeoutError, match="1 of 2 receivers listen"):
        wait_until_all_listen(program, 2, 0.0)
