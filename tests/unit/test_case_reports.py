"""Reports about cases: what timelines tell of their course, how it is counted, and how rows are written."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Memory
from remediation.domain.status import Severity, Status
from remediation.read_model.case_reports.accepted_risks import accepted_since
from remediation.read_model.case_reports.milestones import Milestones, due_of, milestones_of
from remediation.read_model.case_reports.service_levels import ServiceLevels
from remediation.read_model.case_reports.tables import ColumnKind, ReportColumn, ReportTable
from remediation.read_model.wording import long_span_words
from remediation.store.cases.entries import Acted, Entry, Seen, TicketSeen, Triggered
from remediation.store.cases.timeline import MOST_ENTRIES

NOW = 1_800_000_000.0
HOUR, DAY = 3_600.0, 86_400.0
CASE = CaseRecord(CaseKey("lakeside", CaseKind.FINDING, "fnd_1"), memory=Memory(severity=Severity.HIGH))
COURSE: Sequence[Entry] = (
    Triggered(NOW + 2, "webhook:schoolscan", NOW),
    Seen(NOW + 2, "open", "high"),
    Acted(NOW + 3, "open:jira", "later"),
    Acted(NOW + 60, "open:jira", "done", "SEC-1"),
    Acted(NOW + 61, "patch:reviewing", "done"),
    Acted(NOW + DAY, "patch:accepted_risk", "done"),
    Seen(NOW + 2 * DAY, "reviewing", "high", (TicketSeen("jira", "SEC-1", "open"),)),
    Acted(NOW + 3 * DAY, "patch:resolved", "done"),
)


def with_due(*written: str) -> CaseRecord:
    wrote = {f"tracker-{number}": {"duedate": value, "priority": "High"} for number, value in enumerate(written)}
    return replace(CASE, memory=replace(CASE.memory, wrote=wrote))


def test_a_timeline_tells_when_a_case_began_had_its_ticket_and_was_solved() -> None:
    assert milestones_of(CASE, COURSE) == Milestones(NOW, NOW + 60, NOW + DAY, NOW + 3 * DAY, None)


def test_a_ticket_whose_opening_was_not_answered_counts_from_the_look_that_found_it() -> None:
    found = Seen(NOW + 90, "open", "high", (TicketSeen("jira", "SEC-1", "open"),))
    assert milestones_of(CASE, (*COURSE[:3], found, *COURSE[4:])).ticketed == NOW + 90


@pytest.mark.parametrize(
    "entries",
    [
        (),
        COURSE[1:],
        (COURSE[0], Seen(NOW + 2, "open", "high", (TicketSeen("jira", "SEC-1", "open"),))),
        (*COURSE, *([COURSE[3]] * MOST_ENTRIES)),
        (COURSE[0], Seen(NOW + 2, "resolved", "high")),
        (COURSE[0], Seen(NOW + 2, "accepted_risk", "high")),
    ],
    ids=["nothing is kept", "its first entry is gone", "an older case", "it is full", "resolved", "accepted"],
)
def test_a_timeline_without_its_beginning_tells_none(entries: Sequence[Entry]) -> None:
    assert milestones_of(CASE, entries).began is None


@pytest.mark.parametrize(
    ("written", "end"),
    [
        ((), None),
        (("2027-01-16",), 1_800_144_000.0),
        (("2027-01-20", "2027-01-16 10:00:00"), 1_800_093_600.0),
        (("2027-99-99", "soon"), None),
    ],
)
def test_the_earliest_due_date_that_was_written_counts_up_to_its_end(
    written: tuple[str, ...], end: float | None
) -> None:
    assert due_of(with_due(*written)) == end


def test_an_acceptance_that_was_taken_back_begins_anew_with_the_next() -> None:
    accepted, seen = Acted(NOW, "patch:accepted_risk", "done"), Seen(NOW + 5, "accepted_risk", "high")
    assert accepted_since((accepted, seen)) == NOW
    assert accepted_since((accepted, Seen(NOW + 5, "reviewing", "high"))) is None
    assert accepted_since((accepted, Seen(NOW + 5, "open", "high"), Seen(NOW + 9, "accepted_risk", "high"))) == NOW + 9
    again = (Acted(NOW + 6, "patch:reviewing", "done"), Seen(NOW + 9, "accepted_risk", "high"))
    assert accepted_since((accepted, seen, *again)) == NOW + 9
    assert accepted_since((Acted(NOW, "patch:accepted_risk", "later"),)) is None


def test_when_an_acceptance_began_that_was_there_at_first_sight_is_not_told() -> None:
    seen = Seen(NOW, "accepted_risk", "high", (TicketSeen("jira", "SEC-1", "done", "accepted_risk"),))
    assert accepted_since((Triggered(NOW, "sweep", NOW), seen, replace(seen, at=NOW + DAY))) is None
    assert accepted_since((seen, Seen(NOW + 5, "reviewing", "high"), replace(seen, at=NOW + DAY))) == NOW + DAY


def test_levels_count_the_cases_of_the_span_by_district_and_severity() -> None:
    levels = ServiceLevels(NOW + 9 * DAY, since=NOW, until=NOW + DAY)
    due = NOW + 2 * DAY
    for hours in range(1, 11):
        levels.add(CASE, Milestones(NOW + 60, NOW + 60 + hours * HOUR, due, due, due))
    levels.add(CASE, Milestones(NOW, None, None, None, due))
    levels.add(CASE, Milestones(NOW, None, due + 1, None, due))
    levels.add(CASE, Milestones(NOW - 1, NOW, NOW, NOW, due))
    levels.add(CASE, Milestones(NOW + DAY, NOW, NOW, NOW, due))
    levels.add(CASE, Milestones(None, NOW, NOW, NOW, due))
    worse = replace(CASE, memory=replace(CASE.memory, severity=Severity.CRITICAL))
    levels.add(worse, Milestones(NOW, None, None, None, None))
    critical, high = levels.rows()
    assert critical == ("lakeside", "critical", 1, 0, None, None, 0, None, None, 0, 0, 0)
    resolved = due - NOW - 60
    assert high == ("lakeside", "high", 12, 10, 5 * HOUR, 9 * HOUR, 10, resolved, resolved, 10, 1, 1)
    assert levels.lines() == [
        "13 cases began in the span; 1 is open and past due.",
        "1 case left out: the beginning is not known.",
    ]


TABLE = ReportTable(
    "Risks & <more>",
    "All of them",
    (
        ReportColumn("case", "Case"),
        ReportColumn("count", "Count", ColumnKind.COUNT),
        ReportColumn("since", "Since", ColumnKind.TIME),
        ReportColumn("span", "After", ColumnKind.SPAN),
    ),
)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r="])
def test_no_cell_of_a_csv_file_is_calculated(begin: str) -> None:
    line = TABLE.csv_line((f"{begin}cmd()", 1, NOW, 61.4))
    (cells,) = csv.reader(io.StringIO(line))
    assert cells[0].lstrip(" ")[0] in "'="
    assert not cells[0].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cells[1:] == ["1", "2027-01-15T08:00:00+00:00", "61"]
    assert line.endswith("\r\n")


def test_programs_get_values_and_people_words() -> None:
    row = ("lakeside:finding:fnd_1", 1_200, NOW, 2 * DAY + 4 * HOUR)
    assert TABLE.json_row(row) == {
        "case": "lakeside:finding:fnd_1",
        "count": 1_200,
        "since": "2027-01-15T08:00:00+00:00",
        "span": 187_200,
    }
    assert TABLE.words(row) == ["lakeside:finding:fnd_1", "1,200", "2027-01-15 08:00:00", "2 d 4 h"]
    assert TABLE.words(("x", None, None, None)) == ["x", "", "", ""]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (121, "2 min"), (3_600, "1 h 0 min"), (86_399, "23 h 59 min"), (90_000, "1 d 1 h")],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert long_span_words(seconds) == words


class Page(HTMLParser):
    """What a page asks for from elsewhere, and its tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page() -> str:
    rows = TABLE.html_row(("<script>x</script>", 1, NOW, None))
    return TABLE.html_head({"District": "a & b"}) + rows + TABLE.html_foot(["1 <risk>."], ["names"])


def test_a_page_is_well_formed_and_shows_markup_as_text() -> None:
    text = re.sub(r"<!doctype html>|<meta [^>]*>", "", page())
    tree = ET.fromstring(text)  # noqa: S314 - our own page
    assert tree.find(".//tbody/tr/th").text == "<script>x</script>"  # type: ignore[union-attr]
    assert "1 <risk>." in "".join(tree.itertext())


def test_a_page_needs_nothing_from_elsewhere_and_is_made_for_screen_readers() -> None:
    tags = Page(page()).tags
    assert {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "form", "a"} == set()
    assert "url(" not in page()
    assert dict(tags[0][1]) == {"lang": "en"}
    assert [tag for tag, _ in tags if tag in {"h1", "h2", "caption", "main", "title"}] == [
        *("title", "main", "h1", "caption", "h2", "h2")
    ]
    scopes = [attributes.get("scope") for tag, attributes in tags if tag == "th"]
    assert scopes == ["col"] * 4 + ["row"]


def test_statuses_of_timelines_are_the_words_that_are_looked_for() -> None:
    assert (Status.ACCEPTED_RISK, Status.RESOLVED) == ("accepted_risk", "resolved")
