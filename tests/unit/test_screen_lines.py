import io

import pytest

from remediation.read_model.wording import by_count, count_words
from remedy.screen_lines import coloured, filled, for_reader
from tests.stand_ins import Terminal

LONG = (
    "mappings.yaml:137:11: templates.body: finding.url is there only where the rule says detail: restricted, and rule "
    "students-exposed does not; write {% if finding.url is defined %} around it, or detail: restricted there"
)


def test_a_long_line_is_broken_between_words_and_what_is_copied_stays_whole() -> None:
    assert list(filled(LONG, 80)) == [
        "mappings.yaml:137:11: templates.body: finding.url is there only where the rule",
        "    says detail: restricted, and rule students-exposed does not; write",
        "    {% if finding.url is defined %} around it, or detail: restricted there",
    ]


@pytest.mark.parametrize("line", ["", "  short", "word " * 3])
def test_a_line_that_fits_stays_as_it_is(line: str) -> None:
    assert list(filled(line, 80)) == [line]


def test_a_word_that_is_longer_than_a_line_has_one_of_its_own() -> None:
    name = "x" * 100
    assert list(filled(f"file: {name}: is missing", 80)) == ["file:", f"    {name}:", "    is missing"]


def test_only_a_terminal_has_its_lines_broken() -> None:
    assert for_reader(LONG, io.StringIO()) == LONG
    assert for_reader(LONG, Terminal()).count("\n") >= 1


def test_one_is_not_many() -> None:
    assert [count_words(count, "case") for count in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]
    assert [by_count(count, "has", "have") for count in (0, 1, 2)] == ["have", "has", "have"]


@pytest.mark.parametrize(
    "command",
    [
        "remedy parked show lakeside:finding:fnd_b12ab938fa/open:jira",
        "remedy case list --state parked --limit 50 --after 1795974884904/lakeside:finding:fnd_7410bf39ef",
        "remedy keys rotate --first ID",
        "remedy reports get --report rep_77 --output scan.pdf",
    ],
)
def test_a_command_is_never_broken(command: str) -> None:
    lines = list(
        filled(f"Nothing more is known of it, and nobody has decided: {command}; then go on with the rest", 60)
    )
    assert any(command in line for line in lines)


def test_a_second_column_hangs_below_itself_and_a_moment_stays_whole() -> None:
    assert list(filled("2026-11-29 17:35:40  planned: open a ticket until 2026-11-29 18:00 UTC, or later", 50)) == [
        "2026-11-29 17:35:40  planned: open a ticket until",
        "    2026-11-29 18:00 UTC, or later",
    ]
    assert list(filled("  status     reviewing; nothing can be written back", 40)) == [
        "  status     reviewing; nothing can be",
        "             written back",
    ]


def test_colours_are_left_out_where_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert coloured("FAIL", "red") != "FAIL"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("FAIL", "red") == "FAIL"
