"""SchoolScan's JSON → our values."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.deliveries.events import FindingNoticed, read_schoolscan
from remediation.domain.errors import Unreadable
from remediation.domain.findings import DomainType, Finding, ReportStatus, ScanStatus
from remediation.domain.status import Severity, Status
from remediation.sources.schoolscan.words import (
    download_of,
    finding_of,
    json_of,
    line_of,
    moment_of,
    report_of,
    scan_id_of,
    scan_of,
    site_of,
    text_of,
)

WHOLE = {
    "id": "fnd_9d2",
    "scan_id": "scan_2k9x4f",
    "severity": "critical",
    "status": "open",
    "domain_type": "direct_pii",
    "title": "Roster is public",
    "description": "ZZPII-description",
    "evidence": [{"snippet": "ZZPII-evidence"}],
    "url": "https://WWW.Lakeside.example:8443/board/a.html?student=7",
    "detected_at": "2026-04-15T14:02:11Z",
    "updated_at": "2026-04-15T16:02:11+02:00",
    "something_new": {"nested": [1, 2, 3]},
}

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ANY_FIELDS = st.dictionaries(
    st.sampled_from([*WHOLE, "data", "domain", "domain_scores", "findings_count", "overall_grade", "expires_at"]),
    ANY_JSON | st.sampled_from(["open", "gone", "critical", "https://[", "2026-04-15T14:02:11Z", 10**30]),
)


def test_a_whole_finding_is_read() -> None:
    assert finding_of(WHOLE) == Finding(
        id="fnd_9d2",
        status=Status.OPEN,
        severity=Severity.CRITICAL,
        domain_type=DomainType.DIRECT_PII,
        scan_id="scan_2k9x4f",
        title="Roster is public",
        url="https://WWW.Lakeside.example:8443/board/a.html?student=7",
        site="www.lakeside.example",
        detected_at=datetime(2026, 4, 15, 14, 2, 11, tzinfo=UTC),
        updated_at=datetime(2026, 4, 15, 14, 2, 11, tzinfo=UTC),
    )


def test_only_an_id_is_required() -> None:
    assert finding_of({"id": "fnd_1"}) == Finding(id="fnd_1")


def test_descriptions_and_evidence_are_never_built_into_the_value() -> None:
    finding = finding_of(WHOLE)
    assert "ZZPII" not in "".join(str(getattr(finding, name)) for name in Finding.__slots__)


@pytest.mark.parametrize("value", [None, [], "fnd_1", 7, {}, {"id": None}, {"id": ""}, {"id": True}, {"id": "x" * 300}])
def test_a_value_without_an_id_is_unreadable(value: object) -> None:
    for parse in (finding_of, scan_of, scan_id_of, report_of):
        with pytest.raises(Unreadable):
            parse(value)


def test_an_id_that_is_a_number_is_read_as_text() -> None:
    assert finding_of({"id": 17}).id == "17"


@pytest.mark.parametrize(
    ("field", "word", "member"),
    [
        ("severity", "low", Severity.LOW),
        ("severity", "Critical", Severity.CRITICAL),
        ("status", " reviewing ", Status.REVIEWING),
        ("status", "accepted_risk", Status.ACCEPTED_RISK),
        ("domain_type", "vendor_exposure", DomainType.VENDOR_EXPOSURE),
    ],
)
def test_a_known_word_becomes_its_member(field: str, word: str, member: object) -> None:
    finding = finding_of({"id": "fnd_1", field: word})
    assert getattr(finding, field) is member
    assert finding.words == {}


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("severity", "apocalyptic"),
        ("severity", "unknown"),
        ("status", "gone"),
        ("status", "snoozed"),
        ("domain_type", "biometrics"),
    ],
)
def test_an_unknown_word_is_kept_beside_unknown(field: str, word: str) -> None:
    finding = finding_of({"id": "fnd_1", field: word})
    assert getattr(finding, field) == "unknown"
    assert finding.words == {field: word}


def test_a_kept_word_is_one_short_word() -> None:
    assert finding_of({"id": "f", "status": "a\r\nb\x1b[31m" + "c" * 1000}).words["status"] == "(no word)"


@pytest.mark.parametrize("wrong", [None, 5, 1.5, True, [], {}, ""])
@pytest.mark.parametrize("field", [name for name in WHOLE if name not in {"id", "data"}])
def test_a_field_of_the_wrong_type_counts_as_missing(field: str, wrong: object) -> None:
    without = {name: value for name, value in WHOLE.items() if name != field}
    assert finding_of({**WHOLE, field: wrong}) == finding_of(without)


def test_an_object_wrapped_in_data_is_unwrapped() -> None:
    assert finding_of({"data": WHOLE, "request_id": "r"}) == finding_of(WHOLE)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-04-15T14:02:11Z", datetime(2026, 4, 15, 14, 2, 11, tzinfo=UTC)),
        ("2026-04-15t14:02:11z", datetime(2026, 4, 15, 14, 2, 11, tzinfo=UTC)),
        ("2026-04-15T14:02:11.250+02:00", datetime(2026, 4, 15, 12, 2, 11, 250_000, tzinfo=UTC)),
        ("2026-04-15T14:02:11.1234567Z", datetime(2026, 4, 15, 14, 2, 11, 123_456, tzinfo=UTC)),
        ("2026-04-15 14:02:11", datetime(2026, 4, 15, 14, 2, 11, tzinfo=UTC)),
        ("2026-04-15", datetime(2026, 4, 15, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("2026-13-45T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("\uff12\uff10\uff12\uff16-04-15T14:02:11Z", None),
        (1_776_000_000, None),
        (None, None),
    ],
)
def test_a_moment_is_read_as_utc_or_not_at_all(text: object, moment: datetime | None) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://WWW.Lakeside.EXAMPLE/a", "www.lakeside.example"),
        ("http://lakeside.example.:8080/?q=1", "lakeside.example"),
        ("https://user:word@lakeside.example/", "lakeside.example"),
        ("https://[::1]/", "::1"),
        ("https://[broken", None),
        ("https:///no-host", None),
        ("https://two words/", None),
        ("mailto:someone@lakeside.example", None),
        ("", None),
        (None, None),
    ],
)
def test_the_site_is_the_host_of_the_address(url: str | None, site: str | None) -> None:
    assert site_of(url) == site


def test_a_whole_scan_is_read() -> None:
    scan = scan_of(
        {
            "id": "scan_2k9x4f",
            "status": "completed",
            "domain": "example-district.edu",
            "started_at": "2026-04-15T14:02:11Z",
            "completed_at": "2026-04-15T16:47:03Z",
            "pages_scanned": 247,
            "findings_count": 12,
            "overall_grade": "B",
            "domain_scores": {"direct_pii": 92, "reidentification": 78, "odd": "x", "truth": True},
            "crawler": {},
        }
    )
    assert (scan.id, scan.status, scan.domain, scan.overall_grade) == (
        "scan_2k9x4f",
        ScanStatus.COMPLETED,
        "example-district.edu",
        "B",
    )
    assert (scan.pages_scanned, scan.findings_count) == (247, 12)
    assert scan.domain_scores == {"direct_pii": 92, "reidentification": 78}
    assert scan.completed_at == datetime(2026, 4, 15, 16, 47, 3, tzinfo=UTC)


@pytest.mark.parametrize("grade", ["B", "A-", "B+", "87%", "4/5", "Pass"])
def test_a_grade_is_one_short_word(grade: str) -> None:
    assert scan_of({"id": "s", "overall_grade": grade}).overall_grade == grade


@pytest.mark.parametrize("words", ["Avery Testchild", "Avery\nTestchild", "A" * 300, "born 2014-03-01", {"A": 1}, ""])
def test_a_sentence_is_no_grade_no_site_and_no_name_of_a_score(words: object) -> None:
    scan = scan_of({"id": "s", "overall_grade": words, "domain": words, "domain_scores": {str(words): 7}})
    assert (scan.overall_grade, scan.domain, scan.domain_scores) == (None, None, {})


@pytest.mark.parametrize("count", [-1, 2**60, True, "12", 1.0, None])
def test_a_count_that_is_none_counts_as_missing(count: object) -> None:
    assert scan_of({"id": "s", "findings_count": count}).findings_count is None


def test_a_started_scan_is_known_by_scan_id_before_id() -> None:
    assert scan_id_of({"id": "job_1", "scan_id": "scan_1"}) == "scan_1"
    assert scan_id_of({"id": "scan_1"}) == "scan_1"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Processing", ReportStatus.PENDING),
        ("completed", ReportStatus.READY),
        ("ready", ReportStatus.READY),
        ("failed", ReportStatus.FAILED),
        ("brewing", ReportStatus.UNKNOWN),
    ],
)
def test_a_report_says_in_one_of_many_words_how_far_it_is(word: str, status: ReportStatus) -> None:
    assert report_of({"id": "rep_1", "status": word}).status is status


def test_a_report_keeps_a_word_that_we_do_not_know() -> None:
    assert report_of({"report_id": "rep_1", "status": "brewing"}).words == {"status": "brewing"}
    assert report_of({"report_id": "rep_1"}).status is ReportStatus.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "has_ended"),
    [
        ({"status": "completed"}, True),
        ({"status": "failed"}, True),
        ({"status": "cancelled"}, True),
        ({"status": "running", "completed_at": "2026-04-15T16:47:03Z"}, False),
        ({"status": "aborted"}, False),
        ({"status": "aborted", "completed_at": "2026-04-15T16:47:03Z"}, True),
    ],
)
def test_a_scan_has_ended_by_its_word_or_by_its_time(fields: dict[str, str], *, has_ended: bool) -> None:
    assert scan_of({"id": "scan_1", **fields}).has_ended is has_ended


def test_a_download_hides_its_address_from_its_repr() -> None:
    download = download_of({"url": "https://files.example/r?signature=test-only", "expires_at": "2026-04-15T14:17:11Z"})
    assert download.url.endswith("signature=test-only")
    assert "signature" not in repr(download)
    assert download.expires_at == datetime(2026, 4, 15, 14, 17, 11, tzinfo=UTC)


@pytest.mark.parametrize("value", [{}, {"url": 5}, {"url": "file:///etc/passwd"}, [], None])
def test_a_download_without_a_web_address_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        download_of(value)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 200_000, b"1" * 10_000])
def test_bytes_that_are_no_json_are_unreadable(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        json_of(raw)


def test_json_with_a_byte_order_mark_or_a_broken_character_is_read() -> None:
    assert json_of(b'\xef\xbb\xbf{"id": "a\xff"}') == {"id": "a\ufffd"}


def test_a_lone_surrogate_is_replaced() -> None:
    assert text_of(json.loads('"a\\ud800b"')) == "a?b"


@given(ANY_JSON | ANY_FIELDS)
def test_any_json_value_is_a_value_of_ours_or_unreadable(value: Any) -> None:
    for parse in (finding_of, scan_of, scan_id_of, report_of, download_of):
        try:
            parsed = parse(value)
        except Unreadable:
            continue
        assert parsed is not None


@given(ANY_FIELDS)
def test_every_text_of_a_finding_can_be_encoded(fields: dict[str, Any]) -> None:
    finding = finding_of({"id": "fnd_1", **{name: value for name, value in fields.items() if name != "id"}})
    for name in ("id", "scan_id", "title", "url", "site"):
        (getattr(finding, name) or "").encode()
    assert all(len(word) <= 64 for word in finding.words.values())


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_unreadable(raw: bytes) -> None:
    try:
        json_of(raw)
    except Unreadable:
        return


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 500))
def test_a_line_is_never_longer_than_asked_and_has_no_control_characters(text: str, longest: int) -> None:
    line = line_of(text, longest)
    assert line is None or (len(line) <= longest and not set(line) & set(map(chr, range(32))))


@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300))
def test_a_list_takes_the_ids_that_a_webhook_takes(value: object) -> None:
    body = json.dumps({"type": "finding.critical", "data": {"finding_id": value}}).encode()
    try:
        event = read_schoolscan(body)
    except Unreadable:
        with pytest.raises(Unreadable):
            finding_of({"id": value})
    else:
        assert isinstance(event, FindingNoticed)
        assert finding_of({"id": value}).id == event.finding_id
