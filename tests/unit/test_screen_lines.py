import io

import pytest

from remedy.screen_lines import filled, for_reader, plural

LONG = (
    "mappings.yaml:137:11: templates.body: finding.url is there only where the rule says detail: restricted, and rule "
    "students-exposed does not; write {% if finding.url is defined %} around it, or detail: restricted there"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


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
    assert [plural(count, "case") for count in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]
