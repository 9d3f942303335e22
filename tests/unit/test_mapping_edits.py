"""A file that is there gets other values, and every other character of it stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.mapping.reading.document import read_document
from remediation.mapping.writing.edits import Edit, edited, edits_of
from remediation.mapping.writing.yaml_text import Block, Entry

TEXT = """\
# ours
defaults:
    due: {critical: 2d}   # as the board decided
    tickets:
        jira: {project: SEC, labels: [a]}   # Priya knows why
        servicenow:
            # the desk wants it so
            impact: 1
            fields:
                category: 'software' # quoted
        empty:
trackers: {}
"""


def entry(key: str, value: object) -> Entry:
    return Entry(key, value, needed=True)


def data(text: str) -> object:
    return read_document(text, "old").data


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        (("defaults", "tickets", "jira", "project"), "WEB", "{project: SEC,", "{project: WEB,"),
        (("defaults", "tickets", "jira", "labels"), ["b", "c"], "[a]}", "[b, c]}"),
        (("defaults", "tickets", "jira", "type"), "Bug", "{project", "{type: Bug, project"),
        (("defaults", "due"), {"high": "7d"}, "{critical: 2d}   #", "{high: 7d}   #"),
        (("defaults", "tickets", "servicenow", "fields", "category"), "no", "'software' #", '"no" #'),
        (("defaults", "tickets", "servicenow", "impact"), {"high": 2}, "impact: 1", "impact: {high: 2}"),
        (
            ("defaults", "tickets", "servicenow", "urgency"),
            2,
            "        servicenow:\n",
            "        servicenow:\n            urgency: 2\n",
        ),
        (("defaults", "tickets", "empty", "project"), "SEC", "empty:\n", "empty: {project: SEC}\n"),
        (("trackers", "jira"), {"kind": "jira"}, "trackers: {}", "trackers: {jira: {kind: jira}}"),
        (("rules",), ["a"], "trackers: {}\n", "trackers: {}\n\nrules: [a]\n"),
    ],
)
def test_one_word_changes_and_nothing_else_does(path: tuple[str, ...], value: object, before: str, after: str) -> None:
    assert TEXT.count(before) == 1
    result = edited(TEXT, [Edit(path, entry(path[-1], value))])
    assert (result.text, result.by_hand) == (TEXT.replace(before, after), ())


def test_a_map_of_several_lines_changes_value_by_value() -> None:
    text = "a:\n  # why\n  high: 1 # one\n  low: 2\n"
    result = edited(text, [Edit(("a",), entry("a", {"high": 3, "low": 2}))])
    assert result.text == "a:\n  # why\n  high: 3 # one\n  low: 2\n"


def test_lines_end_as_those_of_the_file_do() -> None:
    text = "a:\r\n  b: 1\r\n"
    result = edited(text, [Edit(("a", "c"), entry("c", 2)), Edit(("d",), entry("d", 3))])
    assert result.text == "a:\r\n  c: 2\r\n  b: 1\r\n\r\nd: 3\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {project: SEC}\nb: *x\n",
        "a:\n  project: |\n    SEC\n",
        "a:\n  project:\n    - SEC\n",
    ],
)
def test_what_cannot_be_changed_alone_is_left_to_a_person(text: str) -> None:
    edit = Edit(("a", "project"), entry("project", "NEW"))
    result = edited(text, [edit])
    assert (result.text, result.by_hand) == (text, (edit,))
    assert str(edit) == "a.project: NEW"


keys = st.text(min_size=1, max_size=8).filter(
    lambda text: text.strip() and not any("\ud800" <= c <= "\udfff" for c in text)
)


@given(keys, keys)
def test_an_edit_leads_to_the_values_that_were_meant_or_to_nothing(key: str, value: str) -> None:
    edit = Edit(("defaults", "tickets", "servicenow", "fields", key), entry(key, value))
    result = edited(TEXT, [edit])
    known = data(TEXT)
    assert isinstance(known, dict)
    known["defaults"]["tickets"]["servicenow"]["fields"][key] = value
    assert data(result.text) == known
    assert [line for line in TEXT.splitlines() if line not in result.text.splitlines() and key not in line] == []


def test_only_what_differs_or_is_needed_is_changed() -> None:
    proposed = Block(
        [
            entry("project", "SEC"),
            Entry("labels", ["schoolscan"]),
            entry("type", "Task"),
            Entry("priority", "High"),
            Entry("security_level", "x", is_off=True),
            entry("fields", Block([entry("a", 1), Entry("b", "2")])),
        ]
    )
    written = {"project": "SEC", "labels": ["own"], "fields": {"a": "1"}}
    assert [(each.path, each.entry.value) for each in edits_of(("t",), proposed, written)] == [
        (("t", "labels"), ["schoolscan"]),
        (("t", "type"), "Task"),
    ]
