"""Scans as they are listed and shown."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.findings import Scan, ScanStatus
from remediation.read_model.scans import ScanPlace, scan_facts, scan_page, status_words

BEGAN = datetime(2026, 4, 15, 14, 2, 11, tzinfo=UTC)

IDS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=9)
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
SCANS = st.lists(st.builds(Scan, IDS, started_at=MOMENTS), max_size=12, unique_by=lambda scan: scan.id)


def scan(number: int, **fields: object) -> Scan:
    return Scan(f"scan_{number}", started_at=BEGAN + timedelta(hours=number), **fields)  # type: ignore[arg-type]


@given(SCANS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_pages_show_each_scan_once_and_the_newest_first_in_whatever_order_they_come(
    scans: list[Scan], limit: int, order: random.Random
) -> None:
    shown: list[Scan] = []
    after = None
    while True:
        came = [*scans, *scans[:2]]  # a list that changes while it is read repeats some
        order.shuffle(came)
        page = scan_page(came, limit, after)
        shown += page.scans
        if page.after is None:
            break
        after = ScanPlace.parse(str(page.after))
    assert sorted(each.id for each in shown) == sorted(each.id for each in scans)
    assert [ScanPlace.of(each) for each in shown] == sorted((ScanPlace.of(each) for each in scans), reverse=True)


def test_a_scan_that_has_not_begun_is_the_newest() -> None:
    page = scan_page([scan(1), Scan("scan_q"), scan(2)], 2, None)
    assert [each.id for each in page.scans] == ["scan_q", "scan_2"]
    assert str(ScanPlace.of(Scan("scan_q"))) == "queued~scan_q"


@pytest.mark.parametrize("text", ["", "scan_1", "queued", "queued~", "2026-04-15~scan_1", "soon~scan_1", "~scan_1"])
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no place|isoformat"):
        ScanPlace.parse(text)


def test_what_is_not_stated_is_not_shown() -> None:
    assert scan_facts(Scan("scan_1")) == [("status", "unknown")]
    known = scan(0, status=ScanStatus.COMPLETED, findings_count=1200, domain_scores={"metadata": 78, "direct_pii": 92})
    assert dict(scan_facts(known)) == {
        "status": "completed",
        "started": "2026-04-15 14:02:11 UTC",
        "findings": "1,200",
        "scores": "direct_pii 92, metadata 78",
    }


def test_a_status_that_we_do_not_know_is_shown_in_the_vendors_word() -> None:
    assert status_words(Scan("scan_1", words={"status": "paused"})) == "paused"
    assert status_words(Scan("scan_1", ScanStatus.RUNNING)) == "running"
