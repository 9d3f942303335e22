"""The feed's texts → our values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.incidents import IncidentType
from remediation.sources.incident_feed.words import code_of, count_of, flag_of, type_of, version_of


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, False),
        *(
            (text, True)
            for text in ("", " ", "1", "2", "-1", "1.0", "0.5", "true", "True", "TRUE", "t", "yes", "Y", "on")
        ),
        *((text, False) for text in ("0", "00", "0.0", "-0", "false", "False", "f", "no", "N", "off", "null", "none")),
        *((text, True) for text in ("deleted", "Deleted", "2026-04-15", "04/15/2026 10:02 AM", "2026-04-15T10:02:11Z")),
        *((text, None) for text in ("maybe", "bounced", "truefalse", "1,000", "ZZPII", "é", "1" * 50)),
    ],
)
def test_a_flag_is_a_number_a_word_or_there(text: str | None, says: bool | None) -> None:  # noqa: FBT001 - a table's column
    assert flag_of(text, "deleted") is says


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("1000", 1000),
        (" 7\n", 7),
        ("007", 7),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1,000", None),
        ("many", None),
        ("٣", None),
        ("9" * 10, None),
    ],
)
def test_a_count_is_a_plain_number(text: str, count: int | None) -> None:
    assert count_of(text) == count


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("referral", IncidentType.REFERRAL),
        ("Minor", IncidentType.MINOR),
        (" PENDING ", IncidentType.PENDING),
        ("unknown", IncidentType.UNKNOWN),
        ("major", IncidentType.UNKNOWN),
        ("", IncidentType.UNKNOWN),
    ],
)
def test_a_type_is_one_of_three_words(text: str, kind: IncidentType) -> None:
    assert type_of(text) is kind


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("FIGHT", "FIGHT"),
        (" 0101\t", "0101"),
        ("a b", "a b"),
        ("é-1", "é-1"),
        ("", None),
        (" ", None),
        ("a\nb", None),
        ("a\u202eb", None),
        ("x" * 100, "x" * 100),
        ("x" * 101, None),
    ],
)
def test_a_code_is_kept_as_it_is_written(text: str, code: str | None) -> None:
    assert code_of(text) == code
    assert version_of(text) == code


@given(st.text())
def test_no_text_is_too_odd_to_be_looked_at(text: str) -> None:
    assert flag_of(text, "deleted") in {True, False, None}
    assert count_of(text) is None or 0 <= int(text.strip()) < 10**9
    assert isinstance(type_of(text), IncidentType)
    code = code_of(text)
    assert code is None or (code == text.strip() and code.isprintable())
