"""Words of other systems that are taken for ids or codes, and what becomes of others."""

from typing import Any

import pytest

from remediation import redaction
from remediation.domain.outside_words import (
    CODE,
    INCIDENT_CODE,
    ISSUE_ID,
    ISSUE_KEY,
    RECORD_ID,
    RECORD_NUMBER,
    RECORD_VERSION,
    REQUEST_ID,
    SITE_ID,
    TABLE,
    ReviewOutcome,
    Shape,
)
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.outbound.answers import note_request, noting_requests
from remediation.sources.schoolscan.words import finding_of
from remediation.trackers.jira.answers import Created, Issue
from remediation.trackers.jira.text import one_line
from remediation.trackers.replies import Reply
from remediation.trackers.servicenow.records import ticket_of
from remediation.trackers.servicenow.texts import line

PROSE = "Priya of 7b, see https://lakeside.example/?ssn=1"
SYS = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        (ISSUE_ID, "10012"),
        (ISSUE_KEY, "SEC-12"),
        (ISSUE_KEY, "Web_2-7"),
        (RECORD_ID, SYS),
        (TABLE, "sn_si_incident"),
        (RECORD_NUMBER, "INC0010001"),
        (RECORD_VERSION, "2026-04-15 14:02:11/3"),
        (SITE_ID, "https://jira.example:8443/jira"),
        (SITE_ID, SYS),
        (REQUEST_ID, "a1b2-c3:d4"),
        (CODE, "direct_pii"),
        (INCIDENT_CODE, "0101"),
        (INCIDENT_CODE, "48.915(c)/K-2"),
    ],
)
def test_a_word_of_its_shape_passes_and_no_other(shape: Shape, word: str) -> None:
    assert shape.of(word) == word
    for other in (PROSE, f"{word}\n", f"{word}é", f"{word} ", word * 300, "", None, 7, [word]):
        assert shape.of(other) == ""


def issue_of(key: str) -> Issue:
    return Issue.model_validate({"id": "10012", "key": key, "fields": {"status": {"id": "1"}}})


@pytest.mark.parametrize(("key", "name"), [("SEC-12", "SEC-12"), (PROSE, "10012"), ("", "10012")])
def test_an_issue_without_a_key_is_called_by_its_id(key: str, name: str) -> None:
    assert issue_of(key).name == name
    assert Created(id="10012", key=key).name == name


def record(**columns: str) -> dict[str, Any]:
    return {"sys_id": SYS, "number": "INC0010001", "state": "1", "sys_updated_on": "2026-04-15 14:02:11"} | columns


def ticket(**columns: str) -> Any:
    written = {"kind": "servicenow", "url": "https://now.example", "auth": {"bearer": {"env": "N"}}}
    return ticket_of("now", ServiceNowTracker.model_validate(written), "incident", record(**columns))


def test_a_record_without_a_number_is_called_by_its_id_and_one_without_times_has_no_version() -> None:
    assert (ticket(sys_mod_count="3").key, ticket(sys_mod_count="3").version) == (
        "INC0010001",
        "2026-04-15 14:02:11/3",
    )
    assert ticket(number=PROSE).key == SYS
    for columns in ({"sys_updated_on": PROSE}, {"sys_mod_count": PROSE}):
        assert ticket(**columns).version == ""


def test_an_id_of_a_request_that_is_none_is_left_out() -> None:
    headers = {"X-Request-ID": PROSE, "X-Transaction-ID": "abc"}
    assert Reply(200, headers, b"", wrote=True).request_id == "abc"
    assert Reply(200, {"X-Request-ID": PROSE}, b"", wrote=True).request_id is None
    with noting_requests() as ids:
        note_request(PROSE)
    assert ids == []


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("confirmed", ReviewOutcome.CONFIRMED),
        (" False_Positive ", ReviewOutcome.FALSE_POSITIVE),
        ("priya", ReviewOutcome.UNKNOWN),
        (PROSE, ReviewOutcome.UNKNOWN),
        ("", None),
        (7, None),
    ],
)
def test_an_outcome_that_is_not_on_the_list_is_unknown(word: object, outcome: ReviewOutcome | None) -> None:
    assert finding_of({"id": "fnd_1", "expert_review": {"outcome": word}}).review is outcome


def test_a_scan_s_id_and_an_unknown_word_that_are_prose_are_not_kept() -> None:
    finding = finding_of({"id": "fnd_1", "scan_id": f"{PROSE}\n", "severity": PROSE, "status": "on_hold"})
    assert finding.scan_id is None
    assert finding.words == {"severity": "(no word)", "status": "on_hold"}


def test_a_text_of_megabytes_is_cut_before_it_is_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each character of a text with an invisible one in it is looked at: 12 MB would stop all else for seconds."""
    cleaned: list[int] = []
    visible = redaction._visible

    def noting(text: str, *, lines: bool) -> str:
        cleaned.append(len(text))
        return visible(text, lines=lines)

    monkeypatch.setattr(redaction, "_visible", noting)
    title = "roster \u202e" * 1_500_000
    finding = finding_of({"id": "fnd_1", "title": title, "url": f"https://lakeside.example/{title}"})
    assert len(finding.title or "") <= 2_000
    assert len(finding.url or "") <= 8_000
    assert redaction.plain(title, 100).endswith("…")
    for shorten in (one_line, line, redaction.words_of):
        assert shorten(title)
    assert redaction.scrubbed(title, 500)
    assert cleaned
    assert max(cleaned) <= 5_000


def test_a_text_that_is_cut_before_it_is_cleaned_says_so() -> None:
    assert redaction.plain("\u202e" * 10_000 + "end", 10) == "…"
    assert redaction.plain("a" * 10, 10) == "a" * 10
