import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.trackers.replies import Reply
from remediation.trackers.servicenow.replies import error_of, has_more

DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


def reply(status: int, body: object = None, *, wrote: bool = False, headers: dict[str, str] | None = None) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, CaseInsensitiveDict(headers or {}), raw, wrote)


def failure(message: str, detail: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "detail": detail}, "status": "failure"}


def error(answer: Reply) -> OutsideError:
    found = error_of("helpdesk", answer)
    assert found is not None
    return found


@pytest.mark.parametrize("result", [{}, [], {"sys_id": "a"}, [{"sys_id": "a"}]])
@pytest.mark.parametrize("status", [200, 201, 206])
def test_a_result_is_no_error(status: int, result: object) -> None:
    assert error_of("helpdesk", reply(status, {"result": result})) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>Sign in</html>", "the answer is not JSON"),
        (b"", "the answer is not JSON"),
        (b"\xff", "the answer is not JSON"),
        (b"[" * 100_000, "the answer is not JSON"),
        ([], "the answer is not JSON"),
        ({}, "the answer has no result"),
        ({"result": None}, "the answer has no result"),
        ({"result": "x"}, "the answer has no result"),
        ({"result": ["x"]}, "the answer has no result"),
        ({"result": [], **failure("Transaction cancelled", "too long")}, "Transaction cancelled: too long"),
        ({"result": [], "error": {}}, "an error came with the result"),
        ({"result": [], "error": "oh"}, "oh"),
    ],
)
@pytest.mark.parametrize("wrote", [True, False])
def test_a_success_that_makes_no_sense_is_for_later(body: object, words: str, wrote: bool) -> None:  # noqa: FBT001 - a column of the table
    found = error(reply(200, body, wrote=wrote))
    assert isinstance(found, TryLater)
    assert (found.words, found.ambiguous) == (words, wrote)


@pytest.mark.parametrize(
    ("status", "expected", "ambiguous"),
    [
        (302, TryLater, False),
        (400, Refused, False),
        (401, TryLater, False),
        (403, Refused, False),
        (407, TryLater, False),
        (404, TryLater, False),
        (405, Refused, False),
        (408, TryLater, True),
        (409, Refused, False),
        (429, TryLater, False),
        (500, TryLater, True),
        (502, TryLater, True),
        (503, TryLater, True),
    ],
)
def test_a_status_decides_what_to_do_next(status: int, expected: type[OutsideError], ambiguous: bool) -> None:  # noqa: FBT001 - a column of the table
    found = error(reply(status, failure("No", "because"), wrote=True))
    assert type(found) is expected
    assert (found.words, found.status, found.system) == ("No: because", status, "helpdesk")
    assert getattr(found, "ambiguous", False) is ambiguous
    assert not getattr(error(reply(status, failure("No"))), "ambiguous", False), "a read is never ambiguous"


NO_RECORD = "Record doesn't exist or ACL restricts the record retrieval"


@pytest.mark.parametrize(
    "body",
    [
        failure("No Record found", NO_RECORD),
        failure("No Record found"),
        failure("Operation Failed", NO_RECORD),
    ],
)
def test_a_404_in_servicenows_own_words_about_a_record_says_that_it_is_not_there(body: object) -> None:
    assert type(error(reply(404, body))) is NotFound


@pytest.mark.parametrize(
    "body",
    [
        b"<html>404</html>",
        b"",
        {},
        failure(""),
        failure("Requested URI does not represent any resource: /api/now/v2/tabel"),
        {"error": "Not Found"},
        {"error": {"message": "No Record found", "detail": NO_RECORD}},
        {"error": {"message": "no Route matched with those values"}, "status": "failure"},
        {"status": 404, "error": "No Record found", "path": "/api/now/v2/table/incident/x"},
        {"status": "failure", "error": "No Record found"},
    ],
)
def test_any_other_404_is_for_later(body: object) -> None:
    """A gateway, or an address that leads elsewhere, must not make tickets gone."""
    found = error(reply(404, body))
    assert isinstance(found, TryLater)
    assert found.waiting is Waiting.AWAY


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Forbidden</html>",
        b"",
        {"message": "Forbidden"},
        {"error": "access_denied"},
        failure("User Not Authorized", "Access to unscoped api is not allowed"),
    ],
)
def test_a_403_about_our_account_or_the_way_is_no_refusal_of_an_action(body: object) -> None:
    found = error(reply(403, body, wrote=True))
    assert isinstance(found, TryLater)
    assert (found.waiting, found.ambiguous) == (Waiting.SIGN_IN, False)


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "999999999999"}, 86_400),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "\N{ARABIC-INDIC DIGIT SEVEN}"}, None),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT", "Date": DATE}, 30),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT", "Date": DATE}, None),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, None),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30", "Date": DATE}, None),
        ({"Retry-After": "Fri, 01 Mar 2030 12:00:30 GMT", "Date": DATE}, 86_400),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_is_what_the_server_asks_for(status: int, headers: dict[str, str], after: float | None) -> None:
    found = error(reply(status, headers=headers))
    assert isinstance(found, TryLater)
    assert found.after == after


@pytest.mark.parametrize("name", ["X-Transaction-ID", "X-Request-ID", "x-transaction-id"])
def test_the_servers_own_id_of_the_request_is_kept(name: str) -> None:
    assert error(reply(500, headers={name: "abc"})).request_id == "abc"
    assert error(reply(403, headers={name: "abc"})).request_id == "abc"


def test_words_are_one_short_line() -> None:
    found = error(reply(403, failure("a\x00\nb\x1b[2J", "x" * 1_000)))
    assert found.words.startswith("a b")
    assert len(found.words) <= 500
    assert found.words.isprintable()


@given(st.integers(100, 599), st.binary(max_size=200) | st.just(b'{"error":[1]}') | st.just(b'{"error":{"message":1}}'))
def test_any_answer_is_a_result_or_an_error_of_ours(status: int, body: bytes) -> None:
    found = error_of("helpdesk", reply(status, body))
    assert found is None or found.system == "helpdesk"


@pytest.mark.parametrize(
    ("headers", "rows", "more"),
    [
        ({}, 99, False),
        ({}, 100, True),
        ({"X-Total-Count": "100"}, 100, False),
        ({"X-Total-Count": "101"}, 3, True),
        ({"X-Total-Count": "many"}, 3, False),
        ({"X-Total-Count": "many"}, 100, True),
        ({"Link": '<https://x>;rel="next",<https://x>;rel="last"', "X-Total-Count": "1"}, 3, True),
        ({"Link": '<https://x>;rel="first"'}, 100, False),
    ],
)
def test_a_list_goes_on_where_the_headers_say_so_or_else_behind_a_full_page(
    headers: dict[str, str],
    rows: int,
    more: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert has_more(headers, 0, 100, rows) is more


def test_a_total_counts_from_the_pages_own_offset() -> None:
    assert not has_more({"X-Total-Count": "150"}, 100, 100, 50)
