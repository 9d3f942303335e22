"""How the status is shown: folded on a terminal, never cut, and never folded where it is piped."""

import pytest

from remediation.read_model.status.levels import Level
from remediation.read_model.status.lines import StatusLine, StatusSection, status_words
from remediation.read_model.wording import age_words, count_words
from remedy.status import _line

NAME = "lakeside:finding:" + "0123456789" * 9
LONG = StatusLine("jira", f"{'words ' * 30}{NAME}", Level.FAILURE, "mend it " * 20)


def test_on_a_terminal_of_80_columns_lines_are_folded_and_no_name_is_cut() -> None:
    shown = list(_line(LONG, 80))
    assert [len(line) for line in shown if NAME not in line and len(line) > 80 + len("\x1b[31m\x1b[0m")] == []
    assert any(line.strip() == NAME for line in shown)


def test_what_is_piped_is_one_line_and_its_advice_another() -> None:
    assert len(list(_line(LONG, None))) == 2


def test_control_characters_are_not_shown() -> None:
    assert "\x1b[2J" not in "".join(_line(StatusLine("a\x1b[2J", "b\x1b[2J"), 80))


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ([], "working"),
        ([Level.OK], "working"),
        ([Level.WARNING], "working; 1 warning"),
        ([Level.FAILURE, Level.WARNING, Level.WARNING], "NOT WELL: 0; 2 warnings"),
    ],
)
def test_the_answer_is_in_the_first_line(levels: list[Level], words: str) -> None:
    lines = tuple(StatusLine(str(number), "", level) for number, level in enumerate(levels))
    assert status_words([StatusSection("all", lines)]) == words


def test_one_is_one_and_ages_are_short() -> None:
    assert [count_words(count, "process", "processes") for count in (1, 2_000)] == ["1 process", "2,000 processes"]
    assert [age_words(seconds) for seconds in (-1, 8, 720, 11_100)] == ["0 s", "8 s", "12 min", "3 h 5 min"]
