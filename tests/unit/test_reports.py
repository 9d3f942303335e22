"""The names of reports on tickets: which is which, and what a new one takes the place of; and what they need."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.actions import AttachReport
from remediation.domain.errors import TryLater
from remediation.domain.findings import ReportFormat
from remediation.domain.reports import Attached, ReportFile, is_attached, superseded
from remediation.domain.tickets import Draft
from remediation.look import reporting
from remediation.mapping.reading.loading import loaded_of
from remediation.trackers.jira.inspection.demands import demands_of
from remediation.trackers.jira.inspection.verdicts import permissions_asked
from tests.stand_ins import MemoryTracker

REPORT = ReportFile("scan_2", "rep_1", ReportFormat.PDF, b"ZZPII")
US = frozenset({"svc"})
FILE = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    scan_summary: {detail: restricted, tickets: {jira: {project: SCAN, type: Task}}, report: {format: csv}}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {basic: {user: u, password: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""


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


class SlowTracker(MemoryTracker):
    async def keep_report(self, ticket_id: str, report: ReportFile) -> None:
        del ticket_id, report
        await asyncio.sleep(3_600)


class Files:
    async def file(self, report_id: str) -> ReportFile:
        return replace(REPORT, report_id=report_id)


async def test_attaching_that_takes_too_long_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_ATTACH_SECONDS", 0.01)
    tracker = SlowTracker("jira", lambda: 0.0)
    ticket = tracker.keep(Draft("remedy:lakeside:summary:scan_2", "SEC", "summary", "body"))
    with pytest.raises(TryLater) as caught:
        await reporting.attach_report(AttachReport("jira", "rep_1"), ticket, tracker, Files())
    assert caught.value.ambiguous


def test_a_summary_with_reports_needs_the_right_to_attach_and_to_delete_files() -> None:
    asked = permissions_asked(demands_of(loaded_of(FILE, "mappings.yaml").mappings, "jira"))
    assert {"CREATE_ATTACHMENTS", "DELETE_OWN_ATTACHMENTS"} <= set(asked)
    plain = FILE.replace(", report: {format: csv}", "")
    asked = permissions_asked(demands_of(loaded_of(plain, "mappings.yaml").mappings, "jira"))
    assert not any("ATTACHMENTS" in key for key in asked)
