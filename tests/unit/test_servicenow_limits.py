"""What ServiceNow's answers say of its limits, and which rule counts for which request."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from remediation.outbound.metering import SaidLimit, SentRequest
from remediation.trackers.servicenow.limits import BUSY, WINDOW, RuleReader

NOW = 1_800_000_000.0
RULE = "0f1c2ab9c3a13110d1b2f0e4a5013d77"
READ = SentRequest("GET", "/api/now/v2/table/incident/abc")
WRITE = SentRequest("POST", "/api/now/v2/table/incident")


def headers(**more: str) -> CaseInsensitiveDict[str]:
    told = {"X-RateLimit-Limit": "100", "X-RateLimit-Reset": str(int(NOW) + 900), "X-RateLimit-Rule": RULE}
    return CaseInsensitiveDict(
        {**told, "Date": dated(NOW), **{name.replace("_", "-"): each for name, each in more.items()}}
    )


def dated(moment: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(moment), tz=UTC), usegmt=True)


def test_every_answer_tells_the_rule_its_limit_and_when_the_hour_ends() -> None:
    said = RuleReader().said(READ, 200, headers(), NOW + 40)
    assert said == (SaidLimit(f"rule-{RULE}", 100, WINDOW, 100, 900.0),)


def test_the_end_is_told_by_the_other_sides_clock_where_the_answer_has_its_time() -> None:
    (said,) = RuleReader().said(READ, 200, headers(Date=dated(NOW - 300)), NOW)
    assert said.ends_in == 1200.0


@pytest.mark.parametrize(
    ("retry_after", "closed"),
    [("90", 90.0), (dated(NOW + 60), 60.0), ("0", 0.0), ("soon", 900.0), (None, 900.0)],
)
def test_a_refusal_closes_for_as_long_as_it_says_or_until_the_hour_ends(retry_after: str | None, closed: float) -> None:
    given = headers(**({"Retry_After": retry_after} if retry_after else {}))
    (said,) = RuleReader().said(READ, 429, given, NOW)
    assert (said.scope, said.closed) == (f"rule-{RULE}", closed)


def test_a_refusal_without_a_rule_says_that_the_instance_is_busy() -> None:
    assert RuleReader().said(READ, 429, CaseInsensitiveDict(), NOW) == (SaidLimit(BUSY, closed=0.0),)
    given = CaseInsensitiveDict({"Retry-After": "7"})
    assert RuleReader().said(READ, 429, given, NOW) == (SaidLimit(BUSY, closed=7.0),)


def test_an_answer_that_tells_nothing_says_nothing() -> None:
    assert RuleReader().said(READ, 200, CaseInsensitiveDict(), NOW) == ()
    assert RuleReader().said(READ, 200, headers(X_RateLimit_Limit="0"), NOW) == ()


def test_a_request_counts_for_the_rule_that_its_kind_was_told_and_for_all_before_that() -> None:
    reader = RuleReader()
    known = {f"rule-{RULE}", "rule-2"}
    assert reader.scopes(READ, known) == tuple(sorted(known))
    reader.said(READ, 200, headers(), NOW)
    assert reader.scopes(READ, known) == (f"rule-{RULE}",)
    assert reader.scopes(READ, {*known, BUSY}) == (f"rule-{RULE}", BUSY)
    assert reader.scopes(WRITE, known) == tuple(sorted(known))


def test_of_what_is_no_sys_id_nothing_but_a_digest_is_kept() -> None:
    (said,) = RuleReader().said(READ, 200, headers(X_RateLimit_Rule="ZZPII-0b0c6f0e"), NOW)
    (other,) = RuleReader().said(READ, 200, headers(X_RateLimit_Rule=""), NOW)
    assert "ZZPII" not in said.scope
    assert said.scope != other.scope


def test_a_rule_that_nobody_remembers_any_more_holds_nothing_back() -> None:
    reader = RuleReader()
    reader.said(READ, 200, headers(), NOW)
    assert reader.scopes(READ, {"rule-2"}) == ()


@given(
    values=st.dictionaries(
        st.sampled_from(["X-RateLimit-Limit", "X-RateLimit-Reset", "X-RateLimit-Rule", "Retry-After", "Date"]),
        st.one_of(st.text(max_size=60), st.integers(-(10**15), 10**15).map(str), st.just(dated(NOW))),
    ),
    status=st.sampled_from([200, 201, 403, 404, 429, 503]),
)
def test_whatever_headers_say_it_is_within_bounds_and_plain(values: dict[str, str], status: int) -> None:
    for said in RuleReader().said(READ, status, CaseInsensitiveDict(values), NOW):
        assert 0 <= said.ends_in <= WINDOW
        assert said.limit is None or said.limit > 0
        assert said.closed is None or 0 <= said.closed <= 86_400
        assert (said.closed is not None) == (status == 429)
        assert said.scope.replace("-", "").replace("_", "").isalnum()
        assert said.scope.isascii()
