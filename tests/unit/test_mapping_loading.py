import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.errors import ConfigurationError
from remediation.domain.status import Severity
from remediation.domain.tickets import TicketState
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.jira import JiraTicket
from remediation.mapping.config.trackers.servicenow import ServiceNowTicket, ServiceNowTracker
from remediation.mapping.reading.document import LARGEST_FILE
from remediation.mapping.reading.loading import load_mappings, loaded_of

ROOT = Path(__file__).parents[2]
BROKEN = sorted((ROOT / "tests/payloads/mappings").glob("*.yaml"))

SMALL = """\
version: 1
districts:
  lakeside:
    schoolscan:
      token: {env: SCHOOLSCAN_TOKEN}
      webhook: {secrets: [{file: /run/secrets/webhook}]}
trackers:
  now:
    kind: servicenow
    url: https://now.example
    auth: {bearer: {env: NOW_TOKEN}}
    read_timeout: 5s
  jira:
    kind: jira
    url: https://jira.example/base
    auth: {basic: {user: remedy, password: {env: JIRA_TOKEN}}}
templates:
  body: "{{ finding.id }}"
rules:
  - name: all
    match: {severity: critical, domain_type: [metadata, direct_pii]}
    tickets:
      jira: {project: SEC, priority: High}
      now: {impact: 1, urgency: {critical: 1, high: 2}}
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded_of(text, "m.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_says_everything_that_is_wrong_with_it(path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_mappings(path)
    assert {problem.where for problem in caught.value.problems} == {str(path)}
    said = [f"{problem.line}:{problem.column}: {problem.message}" for problem in caught.value.problems]
    assert said == path.with_suffix(".txt").read_text().splitlines()


def test_no_message_quotes_a_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_mappings(ROOT / "tests/payloads/mappings/inline_secrets.yaml")
    assert "test-only" not in str(caught.value)


def test_the_mappings_that_we_ship_are_right() -> None:
    assert load_mappings(ROOT / "mappings.yaml").mappings.rules


def test_what_is_written_is_what_is_loaded() -> None:
    mappings = loaded_of(SMALL, "m.yaml").mappings
    rule = mappings.rules[0]
    jira, now = rule.tickets["jira"], rule.tickets["now"]
    assert isinstance(jira, JiraTicket)
    assert isinstance(now, ServiceNowTicket)
    assert rule.match.severity == [Severity.CRITICAL]
    assert jira.priority == dict.fromkeys(Severity, "High")
    assert now.impact == dict.fromkeys(Severity, "1")
    assert now.urgency == {Severity.CRITICAL: "1", Severity.HIGH: "2"}
    assert mappings.trackers["now"].read_timeout.total_seconds() == 5
    assert str(mappings.trackers["jira"].url) == "https://jira.example/base"


def test_every_word_has_its_place() -> None:
    loaded = loaded_of(SMALL, "m.yaml")
    problem = loaded.problem(("districts", "lakeside", "schoolscan", "token"), "is odd")
    assert str(problem) == "m.yaml:5:14: districts.lakeside.schoolscan.token: is odd"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("10", {"10": TicketState.DONE}),
        ("0xA", {"0xA": TicketState.DONE}),
        ("'x'", {"x": TicketState.DONE}),
        ("yes", {"yes": TicketState.DONE}),
        ("007", {"007": TicketState.DONE}),
    ],
)
def test_keys_are_text_as_they_were_written(written: str, read: dict[str, TicketState]) -> None:
    states = f"    states: {{{written}: done, 2: open}}\n    resolve_state: {written}\n"
    text = SMALL.replace("    read_timeout: 5s\n", states)
    tracker = loaded_of(text, "m.yaml").mappings.trackers["now"]
    assert isinstance(tracker, ServiceNowTracker)
    assert tracker.states == read | {"2": TicketState.OPEN}


@pytest.mark.parametrize("value", ["1.5", "1.0", ".inf", "1e999", "0123", "2026-01-01", "~", "true", "12", '"12"'])
def test_values_of_own_fields_pass_as_json_would_have_them(value: str) -> None:
    text = SMALL.replace("priority: High", f"fields: {{customfield_1: {value}}}")
    ticket = loaded_of(text, "m.yaml").mappings.rules[0].tickets["jira"]
    expected: dict[str, Any] = {"1.5": 1.5, "1.0": 1.0, "~": None, "true": True, "12": 12, '"12"': "12"}
    assert ticket.more_fields == {"customfield_1": expected.get(value, value)}


def test_an_alias_is_read_where_it_stands() -> None:
    text = SMALL.replace("{critical: 1, high: 2}", "&levels {critical: 1}").replace("impact: 1", "impact: 2")
    text += "  - name: more\n    tickets:\n      now: {impact: *levels}\n"
    ticket = loaded_of(text, "m.yaml").mappings.rules[1].tickets["now"]
    assert isinstance(ticket, ServiceNowTicket)
    assert ticket.impact == {Severity.CRITICAL: "1"}


def test_a_byte_order_mark_and_windows_lines_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_mappings(path).mappings == loaded_of(SMALL, "m.yaml").mappings


@pytest.mark.parametrize("name", ["no-such-file.yaml", ".", "no-such-folder/m.yaml", "nul\0.yaml"])
def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        load_mappings(tmp_path / name)
    assert len(caught.value.problems) == 1


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(ConfigurationError, match="is larger than 1,000,000 bytes"):
        load_mappings(path)


@pytest.mark.parametrize(
    "text", ["[" * 900, "- " * 5000, "{a: " * 5000, "&a [*a]", "*a", "\\", "a: \x00", "%YAML 9.9\n---\n"]
)
def test_hostile_yaml_is_refused(text: str) -> None:
    assert problems_of(text)


def test_half_a_character_is_refused() -> None:
    assert any("unpaired surrogate" in problem for problem in problems_of(SMALL.replace("High", '"\\ud800"')))


def test_keys_with_control_characters_are_shown_without_them() -> None:
    said = problems_of(SMALL + '"\\e[2Jtoken": 1\n')
    assert [problem.partition(": ")[2].partition(":")[0] for problem in said] == ["'[2Jtoken'"]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
WORDS = st.sampled_from(
    [
        "version",
        "districts",
        "trackers",
        "templates",
        "rules",
        "match",
        "tickets",
        "name",
        "kind",
        "jira",
        "env",
        "auth",
    ]
)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_no_text_raises_anything_but_a_configuration_error(text: str) -> None:
    assert problems_of(text)


@given(st.text(alphabet="ab:-?|>&*!%@`'\"#{}[], \n\t~<=", max_size=60))
def test_no_yaml_like_text_raises_anything_but_a_configuration_error(text: str) -> None:
    assert problems_of(text)


@given(TREES)
def test_no_structure_raises_anything_but_a_configuration_error(tree: object) -> None:
    assert problems_of(as_yaml(tree))


@given(st.data())
def test_one_line_exchanged_raises_nothing_but_a_configuration_error(data: st.DataObject) -> None:
    lines = SMALL.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = data.draw(
        st.sampled_from([*lines, "", "  x: 1", "- 1", "      jira: {}", "    match: []", "rules: ~"])
    )
    with contextlib.suppress(ConfigurationError):
        assert isinstance(loaded_of("\n".join(lines), "m.yaml").mappings, Mappings)


def as_yaml(tree: object) -> str:
    """The tree in YAML's flow style, with every text quoted."""
    match tree:
        case dict():
            return "{" + ", ".join(f"{as_yaml(key)}: {as_yaml(value)}" for key, value in tree.items()) + "}"
        case list():
            return "[" + ", ".join(as_yaml(value) for value in tree) + "]"
        case str():
            return '"' + "".join(f"\\U{ord(char):08x}" for char in tree) + '"'
        case None:
            return "~"
        case bool():
            return str(tree).lower()
        case _:
            return str(tree)


def beside_now(table: str, more: str = "") -> str:
    """SMALL with another tracker on the same ServiceNow in its rule; `more` goes into the first one's words."""
    other = f'{{kind: servicenow, url: "https://NOW.example/", auth: {{bearer: {{env: N}}}}, table: {table}}}'
    text = SMALL.replace("trackers:\n", f"trackers:\n  again: {other}\n").replace("    read_timeout: 5s\n", more)
    return text + "      again: {}\n"


@pytest.mark.parametrize(
    ("table", "more"), [("incident", ""), ("sn_si_incident", "    former_tables: {sn_si_incident: {}}\n")]
)
def test_two_trackers_of_one_rule_for_one_table_of_one_servicenow_are_refused(table: str, more: str) -> None:
    (problem,) = problems_of(beside_now(table, more))
    assert f"rules[0].tickets.again: is the table {table} of the same ServiceNow as now" in problem


def test_two_tables_of_one_servicenow_may_be_trackers_of_one_rule() -> None:
    assert loaded_of(beside_now("sn_si_incident"), "m.yaml").mappings.rules[0].tickets.keys() == {
        "jira",
        "now",
        "again",
    }


TOO_LARGE = "holds too many values, or values nested too deeply (aliases count each time)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 16_000, f"m.yaml:1:42: {TOO_LARGE}"),
        ("[\n" * 16_000 + "]" * 16_000, f"m.yaml:42:1: {TOO_LARGE}"),
        ("rules: " + "{a: " * 16_000, f"m.yaml:1:168: {TOO_LARGE}"),
        ("- " * 16_000, f"m.yaml:1:83: {TOO_LARGE}"),
        ("a: b\n" * 160_000 + "[", f"m.yaml:150004:4: {TOO_LARGE}"),
        ("a: b\n" * 60_000 + "[", "m.yaml:60001:1: the [ that stands here is never closed"),
    ],
    ids=["brackets", "lines", "braces", "dashes", "many", "long"],
)
def test_a_text_that_is_too_deep_or_too_large_is_refused_where_it_becomes_so(text: str, said: str) -> None:
    began = time.process_time()
    (problem,) = problems_of(text)
    assert problem.startswith(said)
    assert time.process_time() - began < 10  # seconds; one more thousand brackets took that long
