"""The feed's refusals → our errors."""

import pytest

from remediation.domain.errors import OutsideError, Refused, TryLater, Waiting
from remediation.sources.incident_feed.answers import error_of

NOW = 1_776_261_731.0


@pytest.mark.parametrize(
    ("status", "kind", "waiting"),
    [
        (204, TryLater, Waiting.AWAY),
        (206, TryLater, Waiting.AWAY),
        (302, TryLater, Waiting.AWAY),
        (304, TryLater, Waiting.AWAY),
        (400, Refused, None),
        (401, TryLater, Waiting.SIGN_IN),
        (402, TryLater, Waiting.AWAY),
        (403, TryLater, Waiting.SIGN_IN),
        (404, TryLater, Waiting.AWAY),
        (405, Refused, None),
        (406, Refused, None),
        (407, TryLater, Waiting.SIGN_IN),
        (410, TryLater, Waiting.AWAY),
        (414, Refused, None),
        (422, Refused, None),
        (429, TryLater, Waiting.LIMIT),
        (500, TryLater, Waiting.AWAY),
        (503, TryLater, Waiting.AWAY),
        (511, TryLater, Waiting.SIGN_IN),
        (999, TryLater, Waiting.AWAY),
    ],
)
def test_a_status_says_what_to_do_next_and_what_must_end_first(
    status: int, kind: type[OutsideError], waiting: Waiting | None
) -> None:
    error = error_of("incidents:lakeside/handbook", status, {}, now=NOW)
    assert type(error) is kind
    assert (error.system, error.status, bool(error.words)) == ("incidents:lakeside/handbook", status, True)
    assert getattr(error, "waiting", None) is waiting


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "Wed, 15 Apr 2026 14:03:11 GMT", "Date": "Wed, 15 Apr 2026 14:02:11 GMT"}, 60),
        ({"Retry-After": "99999999"}, 3600),
        ({"Retry-After": "soon"}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_for_now_says_when_to_come_back(status: int, headers: dict[str, str], after: float | None) -> None:
    error = error_of("s", status, headers, now=NOW)
    assert isinstance(error, TryLater)
    assert error.after == after
