import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.trackers.servicenow.texts import body, journal, line

APART = "\u200b"
TAG = re.compile(r"\[\s*/?\s*code\s*\]", re.IGNORECASE)
PARTS = ["[", "]", "/", "lt;", "#60;", "code", "CODE", " ", "<", ">", "&", "\x00", "\ud800", "a"]
HOSTILE = st.lists(st.sampled_from(PARTS)).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("[code]<b>x</b>[/code]", f"[{APART}code]<{APART}b>x<{APART}/b>[{APART}/code]"),
        ("[ Code ]x[/ CODE ]", f"[{APART} Code ]x[{APART}/ CODE ]"),
        ("[co[code]de]", f"[co[{APART}code]de]"),
        ("a < b, c > d; R&D <3", "a < b, c > d; R&D <3"),
        ("&lt;b&gt; &#60;", f"&{APART}lt;b&{APART}gt; &{APART}#60;"),
        ("<!-- <?x", f"<{APART}!-- <{APART}?x"),
        ("a & b\r\nc", "a & b\nc"),
        ("a\x00\x1b\u202eb\ud800", "ab"),
        ("[codes]", "[codes]"),
    ],
)
def test_a_journal_entry_is_shown_as_text(text: str, expected: str) -> None:
    assert journal(text) == expected


@given(HOSTILE | st.text())
def test_no_journal_entry_holds_markup(text: str) -> None:
    written = journal(text)
    assert not TAG.search(written)
    assert not re.search(r"<[A-Za-z/!?]|&#?[A-Za-z0-9]+;", written)
    assert not {"\x00", "\ud800"} & set(written)


@given(HOSTILE | st.text())
def test_a_journal_entry_says_what_the_text_says(text: str) -> None:
    assert journal(text).replace(APART, "") == body(text)


@given(st.text(min_size=1, max_size=5), st.integers(1, 2_000))
def test_texts_are_cut_to_what_servicenow_keeps(part: str, times: int) -> None:
    text = part * times
    assert len(journal(text)) <= 4_000
    assert len(body(text)) <= 4_000
    assert len(line(text)) <= 160


def test_what_was_cut_says_so() -> None:
    assert body("x" * 4_001) == "x" * 3_999 + "…"
    assert line("x" * 161) == "x" * 159 + "…"
    assert journal("<b" * 2_000)[-1] == "…"
    assert len(journal("<b" * 2_000)) == 4_000


@given(st.text())
def test_a_short_description_is_one_line(text: str) -> None:
    assert len(line(text).splitlines()) <= 1
    assert line(text) == line(text).strip()


def test_a_body_keeps_its_lines() -> None:
    assert body("one\r\ntwo\n\n<three>") == "one\ntwo\n\n<three>"
