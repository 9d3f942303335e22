"""The names of reports on tickets: which is which, and what a new one takes the place of."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.findings import ReportFormat
from remediation.domain.reports import Attached, ReportFile, is_attached, superseded

REPORT = ReportFile("scan_2", "rep_1", ReportFormat.PDF, b"ZZPII")
US = frozenset({"svc"})


def test_a_reports_name_tells_its_scan_and_its_format() -> None:
    assert REPORT.name.startswith("schoolscan-report-scan_2-")
    assert REPORT.name.endswith(".pdf")
    assert REPORT.media_type == "application/pdf"
    assert "ZZPII" not in repr(REPORT)


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from(ReportFormat), st.sampled_from(ReportFormat))
def test_a_report_replaces_every_other_one_of_its_scan(
    scan: str, other: str, form: ReportFormat, to: ReportFormat
) -> None:
    report = ReportFile(scan, "rep_1", form, b"")
    following = replace(report, report_id=other, form=to)
    assert following.replaces(report.name)
    assert set(report.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert (report.name == following.name) == (other == "rep_1" and form is to)


@pytest.mark.parametrize("end", ["2-0a0a0a0a.exe", "22-0a0a0a0a.pdf", "2.pdf", "2-0a0a0a0a.pdf.zip"])
def test_a_report_replaces_nothing_else(end: str) -> None:
    assert not REPORT.replaces(f"schoolscan-report-scan_{end}")


def test_only_what_our_account_attached_is_superseded_and_one_of_the_report_stays() -> None:
    old = replace(REPORT, report_id="rep_0").name
    files = [
        Attached("1", old, "svc"),
        Attached("2", old, "priya"),
        Attached("3", REPORT.name, "priya"),
        Attached("4", REPORT.name, "svc"),
        Attached("5", REPORT.name, "svc"),
        Attached("6", "notes.pdf", "svc"),
        Attached("7", old),
    ]
    assert [each.id for each in superseded(REPORT, files, US)] == ["1", "5"]
    assert superseded(REPORT, files, frozenset()) == []
    assert is_attached(REPORT, files)
    assert not is_attached(REPORT, files[:2])
