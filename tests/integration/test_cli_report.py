"""`remedy report` on a real Valkey: what it reads of cases, what it writes, and what it leaves alone."""

import csv
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remedy.main import main
from remedy.runtime.failures import ExitCode
from tests.integration.small_school import SmallSchool, small_school


@pytest.fixture(scope="module")
def school(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSchool]:
    with small_school(tmp_path_factory.mktemp("school"), redis_url) as school:
        yield school


def report(*words: str) -> Result:
    return CliRunner().invoke(main, ["report", *words])


def test_the_risks_that_are_accepted_are_listed_with_who_closed_what_and_until_when(school: SmallSchool) -> None:
    shown = report("accepted-risks", "--json")
    assert (shown.exit_code, shown.stderr) == (ExitCode.DONE, "")
    row, end = [json.loads(line) for line in shown.stdout.splitlines()]
    assert (row["case"], row["district"]) == (school.key(2).ref, "lakeside")
    assert (row["findings"], row["severity"], row["rule"]) == (school.findings[2], "medium", "everything-else")
    assert (row["tickets"], row["accepted_by"]) == ("SEC-2 in jira", "SEC-2 in jira")
    assert row["closing_reasons"] == "jira: accepted_risk"
    assert row["days_left"] in {364, 365}
    assert row["ends"] > row["accepted_since"]
    assert end["summary"] == {"accepted": 1, "by_severity": {"medium": 1}, "soon": 0, "endless": 0}


def test_service_levels_count_every_case_of_a_finding_or_an_incident(school: SmallSchool) -> None:
    *rows, end = [json.loads(line) for line in report("sla", "--json").stdout.splitlines()]
    counts = {row["severity"]: (row["cases"], row["with_ticket"], row["resolved"]) for row in rows}
    assert counts == {"critical": (2, 2, 0), "high": (1, 1, 0), "medium": (1, 1, 0), "low": (1, 1, 1)}
    assert end["summary"] == {"cases": 5, "beginning_not_known": 0}
    (nothing,) = report("sla", "--json", "--until", "1d").stdout.splitlines()
    assert json.loads(nothing)["summary"] == {"cases": 0, "beginning_not_known": 0}


@pytest.mark.parametrize("which", ["accepted-risks", "sla"])
def test_a_file_is_written_whole_for_its_owner_and_never_over_another(
    school: SmallSchool, which: str, tmp_path: Path
) -> None:
    del school
    for form in ("csv", "html", "json"):
        file = tmp_path / f"{which}.{form}"
        words = (which, "--format", form, "--output", str(file))
        assert report(*words).exit_code == ExitCode.DONE
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        before = file.read_text()
        again = report(*words)
        assert (again.exit_code, "is there already: --force replaces it" in again.stderr) == (2, True)
        assert file.read_text() == before
        assert report(*words, "--force").exit_code == ExitCode.DONE
    head, *rows = csv.reader((tmp_path / f"{which}.csv").read_text().splitlines())
    assert rows
    assert {len(row) for row in rows} == {len(head)}
    assert len(list(tmp_path.iterdir())) == 3


def test_each_report_leaves_a_line_in_the_audit(school: SmallSchool) -> None:
    del school
    report("accepted-risks", "--district", "lakeside", "--format", "csv", "--by", "anna")
    lines = CliRunner().invoke(main, ["audit", "list", "--act", "report", "--json"]).stdout.splitlines()
    newest = json.loads(lines[0])["line"]
    assert (newest["by"], newest["choice"]) == ("anna", "report accepted-risks --district lakeside --format csv")


def test_the_line_of_service_levels_says_of_which_span_they_were_asked(school: SmallSchool) -> None:
    del school
    report("sla", "--since", "2026-07-01", "--until", "2026-10-01T12:00Z", "--district", "lakeside")
    lines = CliRunner().invoke(main, ["audit", "list", "--act", "report", "--json"]).stdout.splitlines()
    span = "--since 2026-07-01T00:00:00+00:00 --until 2026-10-01T12:00:00+00:00"
    assert json.loads(lines[0])["line"]["choice"] == f"report sla --district lakeside {span} --format text"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sla", "--district", "nowhere"), "there is no district nowhere; there is lakeside"),
        (("sla", "--district", "lakesid"), "there is no district lakesid; there is lakeside; did you mean 'lakeside'?"),
        (("sla", "--since", "30d", "--until", "60d"), "--until is not after --since"),
        (("accepted-risks", "--output", "risks.txt"), "--output needs a form for a file"),
        (("accepted-risks", "--format", "csv", "--output", "/nowhere/risks.csv"), "there is no folder /nowhere"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is_read(
    school: SmallSchool, words: tuple[str, ...], says: str
) -> None:
    del school
    refused = report(*words)
    assert (refused.exit_code, says in refused.stderr) == (ExitCode.CONFIGURATION, True), refused.stderr


def test_what_happened_is_told_step_by_step_of_all_districts_or_of_one(school: SmallSchool) -> None:
    del school
    for since, steps in (("24h", 24), ("7d", 56), ("30d", 30)):
        *rows, end = [json.loads(line) for line in report("activity", "--since", since, "--json").stdout.splitlines()]
        assert len(rows) == steps
        assert end["summary"]["says"].endswith("refused.")
    assert report("activity").stdout.splitlines() == ["0 deliveries accepted, 0 refused."]
    words = ("activity", "--since", "7d", "--chart", "open", "--district", "lakeside", "--format", "csv")
    head, *rows = csv.reader(report(*words).stdout.splitlines())
    assert head == ["begin", "critical", "high", "medium", "low", "unknown"]
    assert len(rows) == 56


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--chart", "parked", "--district", "lakeside"), "--chart parked is of the whole service"),
        (("--chart", "open", "--severity", "high"), "--severity is for --chart responses"),
        (("--district", "nowhere"), "there is no district nowhere"),
    ],
)
def test_a_chart_that_there_is_not_is_refused(school: SmallSchool, words: tuple[str, ...], says: str) -> None:
    del school
    refused = report("activity", *words)
    assert (refused.exit_code, says in refused.stderr) == (ExitCode.CONFIGURATION, True), refused.stderr
