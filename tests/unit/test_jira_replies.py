import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.trackers.jira.replies import error_of, words_in
from remediation.trackers.replies import Reply, wait_of

PAGE = b"<!doctype html><html><body>Log in</body></html>"
SAID = json.dumps({"errorMessages": ["No."], "errors": {}}).encode()


def reply(status: int, body: bytes = SAID, *, wrote: bool = True, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, CaseInsensitiveDict(headers or {}), body, wrote)


@pytest.mark.parametrize(
    ("status", "body", "expected", "ambiguous"),
    [
        (200, b"{}", None, False),
        (200, b"[]", None, False),
        (201, b'{"id":"1"}', None, False),
        (201, b"", None, False),
        (204, b"", None, False),
        (200, b"", TryLater, True),
        (200, PAGE, TryLater, True),
        (201, b'{"id":', TryLater, True),
        (200, b"[" * 100_000, TryLater, True),
        (302, PAGE, TryLater, False),
        (304, b"", TryLater, False),
        (400, SAID, Refused, False),
        (401, SAID, TryLater, False),
        (401, PAGE, TryLater, False),
        (403, SAID, Refused, False),
        (403, PAGE, TryLater, False),
        (403, b"", TryLater, False),
        (403, b'{"message":"Forbidden"}', TryLater, False),
        (407, PAGE, TryLater, False),
        (404, SAID, NotFound, False),
        (404, PAGE, TryLater, False),
        (404, b'{"message":"null for uri","status-code":404}', TryLater, False),
        (408, PAGE, TryLater, True),
        (409, SAID, TryLater, True),
        (410, SAID, Refused, False),
        (413, SAID, Refused, False),
        (423, SAID, TryLater, True),
        (429, b"", TryLater, False),
        (500, SAID, TryLater, True),
        (503, PAGE, TryLater, True),
        (599, b"", TryLater, True),
    ],
)
def test_an_answer_says_what_to_do_next(
    status: int, body: bytes, expected: type[OutsideError] | None, *, ambiguous: bool
) -> None:
    error = error_of("jira", reply(status, body))
    assert type(error) is (expected or type(None))
    if error:
        assert (error.system, error.status) == ("jira", status)
        assert error.words
    assert getattr(error, "ambiguous", False) is ambiguous


FAILED = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
DENIED = {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}


@pytest.mark.parametrize(
    ("status", "body", "headers", "ambiguous"),
    [
        (200, b'{"issues":[],"isLast":true}', FAILED, True),
        (200, b'{"issues":[],"isLast":true}', {"x-seraph-loginreason": "out, authenticated_failed"}, True),
        (200, b"{}", {"X-AUSERNAME": "anonymous"}, True),
        (201, b'{"id":"1"}', FAILED, True),
        (400, SAID, FAILED, False),
        (403, b"", DENIED, False),
        (404, SAID, FAILED, False),
        (404, SAID, {"X-AUSERNAME": "anonymous"}, False),
    ],
)
def test_an_answer_that_was_given_to_nobody_waits_for_our_sign_in(
    status: int, body: bytes, headers: dict[str, str], *, ambiguous: bool
) -> None:
    error = error_of("jira", reply(status, body, headers=headers))
    assert isinstance(error, TryLater)
    assert (error.waiting, error.status, error.ambiguous) == (Waiting.SIGN_IN, status, ambiguous)


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Seraph-LoginReason": "OK"}, {"X-AAccountId": "5b1", **FAILED}, {"X-AUSERNAME": "remedy"}],
)
def test_an_answer_that_names_us_or_nobody_is_what_it_says(headers: dict[str, str]) -> None:
    assert error_of("jira", reply(200, b"{}", headers=headers)) is None
    assert isinstance(error_of("jira", reply(404, headers=headers)), NotFound)


@pytest.mark.parametrize(("status", "waiting"), [(429, Waiting.LIMIT), (503, Waiting.AWAY)])
def test_a_limit_and_an_outage_are_no_failed_sign_in(status: int, waiting: Waiting) -> None:
    error = error_of("jira", reply(status, PAGE, headers={"X-AUSERNAME": "anonymous"}))
    assert isinstance(error, TryLater)
    assert error.waiting is waiting


@pytest.mark.parametrize("status", [200, 500, 503, 408])
def test_a_read_is_never_ambiguous(status: int) -> None:
    error = error_of("jira", reply(status, PAGE, wrote=False))
    assert isinstance(error, TryLater)
    assert not error.ambiguous


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errorMessages": ["One.", "Two."], "errors": {}}, "One.; Two."),
        ({"errorMessages": [], "errors": {"customfield_10010": "is required"}}, "customfield_10010: is required"),
        ({"errorMessages": ["Bad."], "errors": {"a": "x", "b": "y"}}, "Bad.; a: x; b: y"),
        ({"errorMessages": "odd", "errors": ["odd"]}, ""),
        ({"errorMessages": [1, None], "errors": {"a": {"deep": 1}}}, ""),
        ({"message": "null for uri"}, ""),
        (["list"], ""),
        ({"errorMessages": ["two\nlines\x1b[31m and Bearer abcdef123456"]}, "two lines[31m and Bearer …"),
    ],
)
def test_words_keep_the_names_of_fields(body: object, words: str) -> None:
    assert words_in(json.dumps(body).encode()) == words


def test_words_are_cut() -> None:
    assert len(words_in(json.dumps({"errorMessages": ["x y " * 1000]}).encode())) == 500


@given(st.binary(max_size=200))
def test_no_body_whatever_breaks_the_reading(body: bytes) -> None:
    words_in(body)
    error_of("jira", reply(400, body))
    error_of("jira", reply(200, body))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"retry-after": " 30 "}, 30),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "9" * 400}, 86_400),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2126 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 86_400),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_is_seconds_or_a_date_by_the_servers_own_clock(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    assert wait_of(status, CaseInsensitiveDict(headers)) == seconds


DATE = "Wed, 21 Oct 2026 07:28:30 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-RateLimit-Reset": "2026-10-21T07:30Z", "Date": DATE}, 90),
        ({"X-RateLimit-Reset": "2026-10-21T09:30+02:00", "Date": DATE}, 90),
        ({"X-RateLimit-Reset": "2026-10-21T07:28Z", "Date": DATE}, None),
        ({"X-RateLimit-Reset": "1792567810", "Date": DATE}, 100),
        ({"X-RateLimit-Reset": "1792567810", "Retry-After": "7", "Date": DATE}, 7),
        ({"X-RateLimit-Reset": "1792567810"}, None),
        ({"X-RateLimit-Reset": "9" * 400, "Date": DATE}, None),
        ({"X-RateLimit-Reset": "2026-10-21T07:30", "Date": DATE}, None),
        ({"X-RateLimit-Reset": "soon", "Date": DATE}, None),
    ],
)
def test_without_another_word_a_limit_ends_when_its_window_does(headers: dict[str, str], seconds: float | None) -> None:
    """Jira Cloud writes the moment in ISO 8601 to the minute, ServiceNow in Unix seconds."""
    assert wait_of(429, CaseInsensitiveDict(headers)) == seconds


def test_the_end_of_a_window_is_no_word_about_an_answer_that_is_no_limit() -> None:
    assert wait_of(503, CaseInsensitiveDict({"X-RateLimit-Reset": "2026-10-21T07:30Z", "Date": DATE})) is None


@pytest.mark.parametrize(
    ("status", "body", "headers", "waiting"),
    [
        (401, SAID, {}, Waiting.SIGN_IN),
        (403, b"", {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}, Waiting.SIGN_IN),
        (403, SAID, {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}, Waiting.SIGN_IN),
        (403, PAGE, {}, Waiting.SIGN_IN),
        (407, PAGE, {}, Waiting.SIGN_IN),
        (511, PAGE, {}, Waiting.SIGN_IN),
        (409, SAID, {}, Waiting.CHANGED),
        (423, SAID, {}, Waiting.CHANGED),
        (429, b"", {}, Waiting.LIMIT),
        (429, b"", {"RateLimit-Reason": "jira-burst-based"}, Waiting.OURS),
        (429, b"", {"RateLimit-Reason": "jira-quota-tenant-based"}, Waiting.LIMIT),
        (429, b"", {"RateLimit-Reason": "jira-per-issue-on-write"}, Waiting.OURS),
        (503, PAGE, {}, Waiting.AWAY),
        (404, PAGE, {}, Waiting.AWAY),
        (302, PAGE, {}, Waiting.AWAY),
    ],
)
def test_an_answer_says_what_must_end_first(
    status: int, body: bytes, headers: dict[str, str], waiting: Waiting
) -> None:
    error = error_of("jira", reply(status, body, headers=headers))
    assert isinstance(error, TryLater)
    assert error.waiting is waiting


def test_a_locked_account_is_told_what_to_do() -> None:
    error = error_of("jira", reply(403, b"", headers={"x-seraph-loginreason": "AUTHENTICATION_DENIED"}))
    assert error is not None
    assert "CAPTCHA" in error.words


def test_jiras_own_id_of_the_request_is_kept() -> None:
    error = error_of("jira", reply(500, headers={"atl-traceid": "abc"}))
    assert error is not None
    assert error.request_id == "abc"
