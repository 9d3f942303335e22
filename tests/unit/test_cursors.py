"""Where a list goes on, as it is stored."""

from datetime import UTC, datetime

import pytest

from remediation.sealing import Keyring, generate_key
from remediation.store.cursors import LONGEST, Reached, SealedCursors

KEYRING = Keyring.parse(generate_key())
CURSORS = SealedCursors(KEYRING)
SINCE = datetime(2026, 11, 2, 8, tzinfo=UTC)
WORDS = 'l:cursor=ZZPII"é'


@pytest.mark.parametrize("since", [None, SINCE])
def test_a_cursor_opens_in_its_row_and_does_not_show_itself(since: datetime | None) -> None:
    stored = CURSORS.sealed("scan:1", WORDS, since)
    assert "ZZPII" not in stored
    assert CURSORS.opened("scan:1", stored) == Reached(WORDS, since)


def test_in_another_row_or_without_its_key_only_the_time_is_known() -> None:
    stored = CURSORS.sealed("scan:1", WORDS, SINCE)
    assert CURSORS.opened("scan:2", stored) == Reached(None, SINCE)
    assert SealedCursors(Keyring.parse(generate_key())).opened("scan:1", stored) == Reached(None, SINCE)


@pytest.mark.parametrize(
    "stored", ["", "sealed", "sealed - ", "sealed - !", "sealed x AAAA", "a\nb", "x" * (LONGEST + 1)]
)
def test_what_nobody_sealed_is_no_cursor(stored: str) -> None:
    assert CURSORS.opened("scan:1", stored) == Reached()


def test_a_cursor_that_an_earlier_version_stored_is_read() -> None:
    assert CURSORS.opened("scan:1", "c:abc").cursor == "c:abc"
