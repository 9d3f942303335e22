"""SchoolScan's refusals → our errors."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.sources.schoolscan.answers import error_of, words_of

NOW = 1_776_261_731.0


SAID = b'{"error": {"code": "no", "message": "No."}}'


def error_for(status: int, *, writing: bool = False, body: bytes = SAID) -> OutsideError:
    return error_of("schoolscan:lakeside", status, {}, body, now=NOW, writing=writing)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, TryLater),
        (400, Refused),
        (401, TryLater),
        (403, Refused),
        (404, NotFound),
        (405, Refused),
        (407, TryLater),
        (408, TryLater),
        (409, Refused),
        (410, NotFound),
        (422, Refused),
        (425, TryLater),
        (429, TryLater),
        (500, TryLater),
        (502, TryLater),
        (503, TryLater),
        (599, TryLater),
        (999, TryLater),
    ],
)
def test_a_status_says_what_to_do_next(status: int, kind: type[OutsideError]) -> None:
    error = error_for(status)
    assert type(error) is kind
    assert (error.system, error.status) == ("schoolscan:lakeside", status)


@pytest.mark.parametrize(
    ("status", "writing", "ambiguous"),
    [(500, True, True), (503, True, True), (500, False, False), (429, True, False), (401, True, False)],
)
def test_only_a_write_that_failed_inside_may_have_been_carried_out(
    status: int, *, writing: bool, ambiguous: bool
) -> None:
    error = error_for(status, writing=writing)
    assert isinstance(error, TryLater)
    assert error.ambiguous is ambiguous


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error": {"code": "not_found"}}', NotFound),
        (b'{"code": "not_found", "message": "No such finding."}', NotFound),
        (b"", TryLater),
        (b'{"message": "no Route matched with those values"}', TryLater),
        (b'{"status": 404, "error": "Not Found", "path": "/v1/findings/x"}', TryLater),
        (b"<html>404</html>", TryLater),
        (b"default backend - 404", TryLater),
    ],
)
def test_a_404_that_is_not_the_vendors_makes_nothing_gone(status: int, body: bytes, kind: type[OutsideError]) -> None:
    assert type(error_for(status, body=body)) is kind


@pytest.mark.parametrize(
    "body", [b"", b"<html>Forbidden</html>", b'{"message": "Forbidden"}', b'{"error": "Forbidden", "status": 403}']
)
def test_a_403_that_is_not_the_vendors_refuses_no_action(body: bytes) -> None:
    error = error_for(403, writing=True, body=body)
    assert isinstance(error, TryLater)
    assert (error.waiting, error.ambiguous) == (Waiting.SIGN_IN, False)


def test_a_429_says_when_to_come_back() -> None:
    error = error_of("s", 429, {"X-RateLimit-Reset": str(int(NOW) + 42)}, b"", now=NOW, writing=False)
    assert isinstance(error, TryLater)
    assert error.after == 42


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"code": "note_required", "message": "A note is required."}}, "note_required: A note is required."),
        ({"error": {"message": "No."}}, "No."),
        ({"error": {"code": "x", "message": 5, "evidence": "ZZPII"}}, "x"),
        ({"error": "Too bad"}, "Too bad"),
        ({"code": "c", "message": "m"}, "c: m"),
        ({"error": {"code": "a\r\nb", "message": "\x1b[31mred\u2028"}}, "a b: [31mred"),
        ({"error": {"code": "long", "message": "x " * 450}}, "long: " + "x " * 246 + "x…"),
        (
            {"error": {"code": "bad_page", "message": "https://u:p@l.example/maya?sig=1#a of maya@l.example"}},
            "bad_page: https:…@…/maya?… of …@…",
        ),
        ({"error": {"message": "token=ZZPII and Authorization: Bearer ZZPII"}}, "token=… and Authorization: …"),
        ({"error": {}}, None),
        ({"error": []}, None),
        ([], None),
        (None, None),
        ("text", None),
    ],
)
def test_only_code_and_message_of_an_error_are_shown(body: object, words: str | None) -> None:
    assert words_of(json.dumps(body).encode()) == words


def test_an_error_that_is_no_json_is_not_quoted() -> None:
    error = error_for(503, body=b"<html>ZZPII-leak</html>")
    assert "ZZPII" not in str(error)
    assert error.words == "Service Unavailable, without an explanation"


def test_a_request_id_is_kept_only_where_it_looks_like_one() -> None:
    for given_id, kept in (("req_1.2-x", "req_1.2-x"), ("a b", None), ("x" * 200, None), ("", None)):
        error = error_of("s", 500, {"X-Request-Id": given_id}, b"", now=NOW, writing=False)
        assert error.request_id == kept


@given(st.binary(max_size=300))
def test_any_body_gives_words_of_one_bounded_line_or_none(body: bytes) -> None:
    words = words_of(body)
    assert words is None or (len(words) <= 500 and "\n" not in words)
