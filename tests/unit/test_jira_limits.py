"""What Jira's answers say of its limits: which of Cloud's three was met, and what is in a bucket of Data Center's."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from remediation.outbound.metering import SaidLimit, SentRequest
from remediation.trackers.jira.limits import ALL, JiraLimitReader

NOW = 1_800_000_000.0
DATE = format_datetime(datetime.fromtimestamp(NOW, tz=UTC), usegmt=True)
READ = SentRequest("GET", "/rest/api/2/issue/10001")
COMMENT = SentRequest("POST", "/ex/jira/6e0e/rest/api/2/issue/10001/comment")
EDIT = SentRequest("PUT", "/rest/api/2/issue/SEC-7")
SEARCH = SentRequest("GET", "/rest/api/3/search/jql")
CREATE = SentRequest("POST", "/rest/api/2/issue")
READER = JiraLimitReader()


def said(request: SentRequest, status: int, **headers: str) -> tuple[SaidLimit, ...]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return READER.said(request, status, CaseInsensitiveDict({"Date": DATE, **given}), NOW)


@pytest.mark.parametrize(
    ("request_", "reason", "scope"),
    [
        (SEARCH, "jira-burst-based", "burst-GET-search.jql"),
        (READ, "jira-burst-based", "burst-GET-issue.id"),
        (EDIT, "jira-burst-based", "burst-PUT-issue.id"),
        (COMMENT, "jira-per-issue-on-write", "issue-10001"),
        (EDIT, "jira-per-issue-on-write", "issue-SEC-7"),
        (CREATE, "jira-per-issue-on-write", ALL),
        (READ, "jira-quota-tenant-based", ALL),
        (READ, "jira-quota-global-based", ALL),
        (READ, "something new", ALL),
    ],
)
def test_a_refusal_closes_what_its_reason_names(request_: SentRequest, reason: str, scope: str) -> None:
    assert said(request_, 429, RateLimit_Reason=reason, Retry_After="7") == (SaidLimit(scope, closed=7.0),)


@pytest.mark.parametrize(
    ("headers", "closed"),
    [
        ({"Retry_After": "30"}, 30.0),
        ({"Retry_After": format_datetime(datetime.fromtimestamp(NOW + 45, tz=UTC), usegmt=True)}, 45.0),
        ({"Retry_After": "0"}, 0.0),
        ({"X_RateLimit_Reset": "2027-01-15T08:03Z"}, 180.0),
        ({}, 0.0),
    ],
)
def test_a_refusal_closes_for_as_long_as_it_says(headers: dict[str, str], closed: float) -> None:
    assert said(READ, 429, **headers) == (SaidLimit(ALL, closed=closed),)


def test_only_limits_that_were_told_count_and_reads_do_not_count_for_an_issue() -> None:
    known = {ALL, "issue-10001", "burst-GET-search.jql", "burst-POST-issue.id.comment"}
    assert READER.scopes(COMMENT, known) == (ALL, "burst-POST-issue.id.comment", "issue-10001")
    assert READER.scopes(READ, known) == (ALL,)
    assert READER.scopes(SEARCH, known) == (ALL, "burst-GET-search.jql")
    assert READER.scopes(EDIT, known - {ALL}) == ()


def test_of_a_quota_each_answer_says_what_remains_until_an_end_that_is_told_by_the_minute() -> None:
    told = {"X_RateLimit_Limit": "500", "X_RateLimit_Remaining": "42", "X_RateLimit_Reset": "2027-01-15T08:30Z"}
    assert said(READ, 200, **told) == (SaidLimit(ALL, 500, 3600.0, 500, 1860.0, remaining=42),)


def test_what_remains_of_a_second_is_no_news_for_others() -> None:
    assert said(READ, 200, X_RateLimit_Limit="100", X_RateLimit_Remaining="3") == ()


def test_of_a_bucket_each_answer_says_how_much_is_in_it_and_how_it_fills() -> None:
    told = {"X_RateLimit_Limit": "15", "X_RateLimit_Remaining": "9", "Retry_After": "0"}
    told |= {"X_RateLimit_FillRate": "5", "X_RateLimit_Interval_Seconds": "60"}
    assert said(READ, 200, **told) == (SaidLimit(ALL, 15, 60.0, 5, 60.0, remaining=9),)


NAMES = ["Limit", "Remaining", "Reset", "FillRate", "Interval-Seconds"]
HEADERS = [*(f"X-RateLimit-{name}" for name in NAMES), "Retry-After", "RateLimit-Reason", "Date"]


@given(
    values=st.dictionaries(
        st.sampled_from(HEADERS),
        st.one_of(st.text(max_size=40), st.integers(-(10**12), 10**12).map(str), st.just("2027-01-15T08:03Z")),
    ),
    status=st.sampled_from([200, 204, 400, 429, 503]),
    path=st.one_of(st.text(max_size=60), st.sampled_from([READ.path, COMMENT.path, EDIT.path])),
)
def test_whatever_headers_and_paths_say_it_is_within_bounds_and_plain(
    values: dict[str, str], status: int, path: str
) -> None:
    for each in READER.said(SentRequest("PUT", path), status, CaseInsensitiveDict(values), NOW):
        assert each.scope.isascii()
        assert each.scope.isprintable()
        assert len(each.scope) <= 80
        assert (each.closed is not None) == (status == 429)
        if each.limit is not None:
            assert 0 < each.window <= 3600
            assert each.fill > 0
            assert each.remaining is not None
            assert 0 <= each.remaining <= each.limit
