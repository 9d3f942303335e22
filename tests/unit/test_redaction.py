"""Text from outside: what hides, reorders, controls a terminal or signs somebody in does not get through."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.redaction import WORDS_LIMIT, plain, terminal, words_of

anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)


@pytest.mark.parametrize(
    ("text", "one_line", "several"),
    [
        ("plain words", "plain words", "plain words"),
        ("a\nb\r\nc\rd\u2028e\x85f", "a b c d e f", "a\nb\nc\nd\ne\nf"),
        ("tab\tbed", "tab bed", "tab bed"),
        ("nul\x00bell\x07esc\x1bdel\x7fc1\x9b", "nulbellescdelc1", "nulbellescdelc1"),
        ("a\u202eb\u2066c\u200fd\u061ce", "abcde", "abcde"),
        ("zero\u200bwidth\ufeffjoin\u2060er\xad", "zerowidthjoiner", "zerowidthjoiner"),
        ("tag\U000e0041\U000e007f", "tag", "tag"),
        ("lone\ud800surrogate\udfff", "lonesurrogate", "lonesurrogate"),
        ("नेपा\u200dल 👩\u200d🎓 é", "नेपा\u200dल 👩\u200d🎓 é", "नेपा\u200dल 👩\u200d🎓 é"),
    ],
)
def test_plain_text_keeps_only_what_can_be_seen(text: str, one_line: str, several: str) -> None:
    assert plain(text, 100) == one_line
    assert plain(text, 100, lines=True) == several


@pytest.mark.parametrize(("limit", "expected"), [(7, "sixteen"), (6, "sixte…"), (2, "s…"), (1, "…"), (0, "")])
def test_long_text_is_cut_with_an_ellipsis(limit: int, expected: str) -> None:
    assert plain("sixteen", limit) == expected


@given(text=anything, limit=st.integers(0, 100))
def test_plain_text_is_short_visible_and_stays_so(text: str, limit: int) -> None:
    once = plain(text, limit)
    assert len(once) <= limit
    assert "\n" not in once
    assert once.encode().decode() == once  # no surrogate is left
    assert plain(once, limit) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x9b31mred", "red"),
        ("\x1b]0;a title\x07after", "after"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;ZXZpbA==\x07after", "after"),
        ("\x1bPdevice\x1b\\after", "after"),
        ("\x1b(0box", "box"),
        ("\x1bcreset", "reset"),
        ("50%\rcheating", "50% cheating"),
        ("end\x1b", "end"),
        ("end\x1b[", "end"),
    ],
)
def test_a_terminal_gets_no_escape_sequences(text: str, expected: str) -> None:
    assert terminal(text) == expected


@given(text=anything)
def test_a_terminal_gets_no_control_characters(text: str) -> None:
    assert all(char.isprintable() or char in "\u200c\u200d\u3000\xa0" or char.isspace() for char in terminal(text))
    assert not set(terminal(text)) & {chr(code) for code in (*range(32), *range(127, 160))}
    assert set(terminal(text, lines=True)) & {chr(code) for code in range(32)} <= {"\n"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Field 'priority' cannot be set", "Field 'priority' cannot be set"),
        ("  two\n lines  ", "two lines"),
        ("Basic authentication with passwords is deprecated", "Basic authentication with passwords is deprecated"),
        ("the bearer token is not valid", "the bearer token is not valid"),
        ("sys_id 9d385017c611228701d22104cc95c371 is gone", "sys_id 9d385017c611228701d22104cc95c371 is gone"),
        ("Max retries exceeded with url: /rest/api/2/issue", "Max retries exceeded with url: /rest/api/2/issue"),
        ("what? this = that", "what? this = that"),
        ("Authorization: Bearer test-only-token", "Authorization: …"),
        ("{'Authorization': 'Basic dGVzdDpvbmx5', 'a': 1}", "{'Authorization': …, 'a': 1}"),
        ('{"access_token":"test-only","a":1}', '{"access_token":…,"a":1}'),
        ("X-Api-Key=test-only; next", "X-Api-Key=…; next"),
        ("password: test-only", "password: …"),
        ("x-schoolscan-signature: t=1,v1=2", "x-schoolscan-signature: …,v1=2"),
        ("sent Bearer test-only-token to it", "sent Bearer … to it"),
        ("key sk_live_testonly123 is unknown", "key … is unknown"),
        ("ATATT3xFfGF0testonly=1234 failed", "… failed"),
        ("eyJhbGciOi.eyJzdWIiOiJ.testonly failed", "… failed"),
        ("GET https://user:test-only@host/path", "GET https://…@host/path"),
        ("GET https://host/path?sig=test-only#here failed", "GET https://host/path?… failed"),
        ("url: /path?jql=summary%20~%20name (Caused", "url: /path?… (Caused"),
        ("user pupil.name@example.org, exists", "user …@…, exists"),
        ("a" * 64, "…"),
        ("Bea\u200brer test-only-token", "Bearer …"),
    ],
)
def test_words_of_a_refusal_hold_no_credentials_queries_or_addresses(words: str, expected: str) -> None:
    assert words_of(words) == expected


@given(text=anything)
def test_words_of_a_refusal_are_one_short_line(text: str) -> None:
    words = words_of(text * 20)
    assert len(words) <= WORDS_LIMIT
    assert words.encode().decode() == words  # no surrogate is left
    assert "\n" not in words


@pytest.mark.parametrize("piece", ["://", "a-", "?a", "token", "x@", "bearer ", "a.", "=", "://@", "\x1b]"])
def test_hostile_text_is_made_safe_in_no_time(piece: str) -> None:
    started = time.process_time()
    words_of(piece * 200_000)
    terminal(piece * 20_000)
    assert time.process_time() - started < 2
