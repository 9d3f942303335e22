from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.errors import Refused, TryLater
from remediation.domain.tickets import Draft, Reason, Risk, Ticket, TicketState
from remediation.mapping.config.trackers.jira import JIRA_RESOLUTIONS
from remediation.trackers.jira.answers import Comment, Found, Issue, Property, Transition, understood
from remediation.trackers.jira.issues import (
    IssueClosing,
    IssueReader,
    carrying,
    checked_id,
    checked_mark,
    comments_of_closing,
    edit_of,
    issue_link_of,
    link_of,
    mark_of,
    payload_of,
    transition_of,
)
from remediation.trackers.jira.workflow import ResolutionChoice, WorkflowStatus, WorkflowStep

MARK = "remedy:lakeside:finding:fnd_1"
READING = IssueReader("jira", "https://jira.example", JIRA_RESOLUTIONS)
DONE = {"id": "4", "name": "Done", "statusCategory": {"key": "done"}}
ARCHIVED = {"id": "5", "name": "Archived", "statusCategory": {"key": "done"}}
END_OF_JANUARY = datetime(2030, 1, 31, 23, 59, 59, tzinfo=UTC)
TO_DO = {"id": "1", "name": "To Do", "statusCategory": {"key": "new"}}


def issue(status: object, *histories: dict[str, object], **fields: object) -> Issue:
    shown = {"status": status, "labels": [MARK], "created": "2026-11-21T18:03:00.123+0000", **fields}
    return Issue.model_validate(
        {
            "id": "10001",
            "key": "SEC-1",
            "fields": shown,
            "changelog": {"histories": histories},
        }
    )


def entry(hour: int, account: dict[str, str] | str, **given_: str | None) -> dict[str, Any]:
    author = {"accountId": account} if isinstance(account, str) else account
    items = [{"field": name, "to": value, "toString": "ignored"} for name, value in given_.items()]
    return {"author": author, "created": f"2026-11-21T{hour:02}:00:00.000+0100", "items": items}


def test_an_open_issue_has_no_reason() -> None:
    ticket = READING.ticket(issue(TO_DO, resolution=None))
    assert (ticket.state, ticket.reason, ticket.closed_by, ticket.closed_at) == (TicketState.OPEN, None, None, None)
    assert (ticket.id, ticket.key, ticket.url) == ("10001", "SEC-1", "https://jira.example/browse/SEC-1")
    assert ticket.created_at == datetime(2026, 11, 21, 18, 3, 0, 123_000, UTC)


@pytest.mark.parametrize(
    ("resolution", "reason"),
    [
        (None, Reason.NONE),
        ({"name": ""}, Reason.NONE),
        ({"name": "Done"}, Reason.FIXED),
        ({"name": "WON'T DO"}, Reason.ACCEPTED_RISK),
        ({"name": "Duplicate"}, Reason.DUPLICATE),
        ({"name": "Cannot Reproduce"}, Reason.FALSE_POSITIVE),
        ({"name": "Known Error"}, Reason.NOT_SOLVED),
        ({"name": "Our own word"}, Reason.UNKNOWN),
    ],
)
def test_the_resolution_gives_the_reason(resolution: object, reason: Reason) -> None:
    assert READING.ticket(issue(DONE, resolution=resolution)).reason is reason


@pytest.mark.parametrize("status", [DONE, TO_DO])
def test_the_resolutions_own_name_is_kept_also_where_an_issue_that_was_reopened_still_has_it(status: object) -> None:
    assert READING.ticket(issue(status, resolution={"name": "Our own\nword"})).word == "Our own word"
    assert READING.ticket(issue(status, resolution=None)).word == ""
    assert len(READING.ticket(issue(status, resolution={"name": "word " * 40})).word) <= 60


@pytest.mark.parametrize(
    ("histories", "closed_by", "hour"),
    [
        ([entry(9, "kim", status="4", resolution="1")], "kim", 8),
        ([entry(9, "kim", status="4")], "kim", 8),
        ([entry(9, "kim", status="3"), entry(10, "lee", status="4", resolution="1")], "lee", 9),
        ([entry(10, "lee", status="4", resolution="1"), entry(9, "kim", status="4", resolution="1")], "lee", 9),
        ([entry(9, {"name": "kim", "key": "JIRAUSER1"}, status="4", resolution="1")], "JIRAUSER1", 8),
        ([entry(9, {"name": "kim"}, status="4", resolution="1")], "kim", 8),
        ([entry(9, {"displayName": "Kim Poe"}, status="4", resolution="1")], None, 8),
    ],
)
def test_who_closed_it_is_the_account_of_the_last_way_to_done(
    histories: list[dict[str, object]], closed_by: str | None, hour: int
) -> None:
    ticket = READING.ticket(issue(DONE, *histories, resolution={"id": "1", "name": "Done"}))
    assert (ticket.closed_by, ticket.closed_at) == (closed_by, datetime(2026, 11, 21, hour, tzinfo=UTC))


def test_moving_a_done_issue_to_an_archive_does_not_change_who_closed_it() -> None:
    histories = (entry(9, "kim", status="4", resolution="1"), entry(12, "robot", status="5"))
    assert READING.ticket(issue(ARCHIVED, *histories, resolution={"name": "Done"})).closed_by == "kim"
    assert READING.ticket(issue(ARCHIVED, *histories, resolution=None)).closed_by == "robot"


def test_without_a_changelog_the_date_of_the_resolution_is_when_it_was_closed() -> None:
    ticket = READING.ticket(issue(DONE, resolution={"name": "Done"}, resolutiondate="2026-11-21T09:00:00.000+0000"))
    assert (ticket.closed_by, ticket.closed_at) == (None, datetime(2026, 11, 21, 9, tzinfo=UTC))


def test_a_custom_fields_odd_change_does_not_hide_who_closed_it() -> None:
    odd = entry(9, "kim", status="4", resolution="1")
    odd["items"] = [{"field": "customfield_1", "to": ["a"]}, {"to": 7}, *odd["items"]]
    assert READING.ticket(issue(DONE, odd, resolution={"name": "Done"})).closed_by == "kim"


def found(number: int, *labels: str, **properties: object) -> Found:
    shown = {"remedy.case": properties["mark"]} if properties else {}
    return Found.model_validate({"id": str(number), "fields": {"labels": list(labels)}, "properties": shown})


@pytest.mark.parametrize(
    ("issue_", "mark"),
    [
        (found(1, "x", MARK), MARK),
        (found(1, "x", mark=MARK), MARK),
        (found(1, "remedy:other:finding:1", mark=MARK), MARK),
        (found(1, "x", "remedy"), None),
        (found(1, "Remedy:lakeside:finding:fnd_1"), None),
        (found(1, 'remedy:"', mark={"deep": MARK}), None),
    ],
)
def test_the_mark_is_in_the_property_or_else_in_a_label(issue_: Found, mark: str | None) -> None:
    assert mark_of(issue_) == mark


def test_only_the_exact_mark_counts_and_copies_only_without_the_original() -> None:
    original, copy = found(2, MARK, mark=MARK), found(1, MARK)
    assert carrying(MARK, [copy, original]) == ("2",)
    assert carrying(MARK, [copy]) == ("1",)
    assert carrying(MARK, [found(3, MARK.upper()), found(4, MARK + "2"), found(5)]) == ()
    assert carrying(MARK, [found(6, MARK, mark="remedy:other:finding:1")]) == ()


def test_a_draft_becomes_one_request_with_fields_and_property() -> None:
    draft = Draft(
        MARK,
        "SEC",
        "Two\nlines",
        "{x}",
        type="Bug",
        labels=("web", "remedy"),
        fields={"labels": ["legal"], "project": {"key": "EVIL"}, "priority": {"name": "High"}},
    )
    assert payload_of(draft, "jira-north") == {
        "fields": {
            "project": {"key": "SEC"},
            "issuetype": {"name": "Bug"},
            "summary": "Two lines",
            "description": "\\{x\\}",
            "labels": [MARK, "remedy", "web", "legal"],
            "priority": {"name": "High"},
        },
        "properties": [{"key": "remedy.case", "value": MARK}, {"key": "remedy.tracker", "value": "jira-north"}],
    }


def test_a_link_is_named_by_the_mark_and_absent_without_an_address() -> None:
    draft = Draft(MARK, "SEC", "s", "b", link="https://schoolscan.example/1")
    link: Any = link_of(draft)
    assert (link["globalId"], link["object"]["url"]) == (MARK, draft.link)
    assert link_of(Draft(MARK, "SEC", "s", "b")) is None


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        ("remedy:lakeside:finding:fnd_1", "SchoolScan"),
        ("remedy:lakeside:incident:8f14e45f", "Incident system"),
        (f"remedy:lakeside:incident:sha256-{'0' * 40}", "Incident system"),
    ],
)
def test_a_link_names_the_system_that_has_the_page(mark: str, name: str) -> None:
    link: Any = link_of(Draft(mark, "SEC", "s", "b", link="https://pages.example/1"))
    assert link["application"]["name"] == name


def test_a_transition_has_a_text_id_and_only_what_its_screen_takes() -> None:
    place = WorkflowStatus("4", "Done", "done")
    bare, screened = (
        WorkflowStep("31", place),
        WorkflowStep("31", place, has_screen=True, resolutions=(ResolutionChoice("1", "Done"),)),
    )
    closing = IssueClosing(Reason.FIXED, JIRA_RESOLUTIONS, {"customfield_1": "a", "customfield_2": "b"})
    assert transition_of(bare, closing, None) == {"transition": {"id": "31"}}
    assert transition_of(screened, closing, "x") == {
        "transition": {"id": "31"},
        "fields": {"resolution": {"id": "1"}},
        "update": {"comment": [{"add": {"body": "x"}}]},
    }
    assert transition_of(screened, None, None) == {"transition": {"id": "31"}}
    asking = replace(screened, screen=frozenset({"customfield_2", "duedate"}))
    assert closing.fields_for(asking) == {"customfield_2": "b", "resolution": {"id": "1"}}


def test_a_step_on_the_way_to_done_gets_a_resolution_only_where_it_must_have_one() -> None:
    closing = IssueClosing(Reason.FIXED, JIRA_RESOLUTIONS)
    review = WorkflowStep(
        "9", WorkflowStatus("3", "In Review", "indeterminate"), resolutions=(ResolutionChoice("1", "Done"),)
    )
    assert closing.fields_for(review) == {}
    assert closing.fields_for(replace(review, resolution_required=True)) == {"resolution": {"id": "1"}}


def test_an_edit_writes_fields_as_jira_takes_them() -> None:
    assert edit_of({"priority": "Highest", "duedate": "2030-01-31"}) == {
        "fields": {"priority": {"name": "Highest"}, "duedate": "2030-01-31"}
    }


@pytest.mark.parametrize("follows", [None, "", "../1", "a b"])
def test_only_an_issues_id_is_tied_to(follows: str | None) -> None:
    assert issue_link_of(Draft(MARK, "SEC", "s", "b", follows=follows), "2") is None
    tie = issue_link_of(Draft(MARK, "SEC", "s", "b", follows="1"), "2")
    assert tie == {"type": {"name": "Relates"}, "inwardIssue": {"id": "1"}, "outwardIssue": {"id": "2"}}


@pytest.mark.parametrize(
    ("fields", "urgency"),
    [
        ({}, {}),
        ({"priority": None, "duedate": None}, {}),
        (
            {"priority": {"id": "2", "name": "High"}, "duedate": "2030-01-31"},
            {"priority": "High", "duedate": "2030-01-31"},
        ),
        ({"priority": "High", "duedate": 7}, {}),
        ({"priority": {"name": ""}}, {}),
    ],
)
def test_how_urgent_an_issue_is_comes_from_two_fields(fields: dict[str, object], urgency: dict[str, str]) -> None:
    assert READING.ticket(issue(TO_DO, **fields)).urgency == urgency


RISKS = IssueReader("jira", "https://jira.example", JIRA_RESOLUTIONS, "customfield_1", "customfield_2")
EXPLAINED = {"customfield_1": {"value": "Public by law"}, "customfield_2": "2030-01-31"}


@pytest.mark.parametrize(
    ("reading", "shown", "risk"),
    [
        (RISKS, {"resolution": {"name": "Won't Do"}, **EXPLAINED}, Risk("Public by law", END_OF_JANUARY)),
        (RISKS, {"resolution": {"name": "Won't Do"}}, Risk(is_untold=True)),
        (RISKS, {"resolution": {"name": "Won't Do"}, "customfield_2": None}, Risk()),
        (RISKS, {"resolution": {"name": "Won't Do"}, "customfield_2": "14/Mar/27"}, Risk(is_unread=True)),
        (READING, {"resolution": {"name": "Won't Do"}, **EXPLAINED}, Risk(is_untold=True)),
        (RISKS, {"resolution": {"name": "Done"}, **EXPLAINED}, None),
        (RISKS, {"resolution": None, **EXPLAINED}, None),
    ],
)
def test_only_an_accepted_risk_is_explained_by_its_fields(
    reading: IssueReader, shown: dict[str, object], risk: Risk | None
) -> None:
    read = issue(DONE, **shown)
    assert reading.ticket(read).risk == risk
    assert "Public by law" not in repr(read)


def test_only_configured_fields_are_asked_for_besides_the_usual_ones() -> None:
    assert RISKS.fields == f"{READING.fields},customfield_1,customfield_2"


def comment(minute: int, account: str | None, text: str) -> Comment:
    author = {"accountId": account} if account else None
    created = f"2026-11-21T09:{minute:02}:00.000+0000"
    return Comment.model_validate({"author": author, "created": created, "body": text})


CLOSED_AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("closed_by", "closed_at", "comments", "words"),
    [
        ("kim", CLOSED_AT, [comment(29, "kim", " Taken offline ")], "Taken offline"),
        ("kim", CLOSED_AT, [comment(45, "kim", "After"), comment(29, "kim", "Before")], "After"),
        ("kim", CLOSED_AT, [comment(20, "kim", "Just before")], "Just before"),
        ("kim", CLOSED_AT, [comment(19, "kim", "Long before")], None),
        ("kim", CLOSED_AT, [comment(31, "lee", "Why?"), comment(29, "kim", "Offline")], "Offline"),
        ("kim", CLOSED_AT, [comment(31, "us", "Ours"), comment(29, "kim", "Offline")], "Offline"),
        ("kim", CLOSED_AT, [comment(31, "lee", "Why?")], None),
        ("kim", CLOSED_AT, [comment(31, "kim", " ")], None),
        ("kim", None, [comment(1, "kim", "Some day")], "Some day"),
        ("us", CLOSED_AT, [comment(31, "us", "Ours")], None),
        (None, CLOSED_AT, [comment(31, "us", "Ours"), comment(30, None, "?"), comment(29, "lee", "L")], "L"),
        (None, CLOSED_AT, [], None),
    ],
)
def test_closing_words_are_the_newest_of_whoever_closed_it(
    closed_by: str | None, closed_at: datetime | None, comments: list[Comment], words: str | None
) -> None:
    ticket = Ticket("jira", "1", "SEC-1", "x", TicketState.DONE, closed_by=closed_by, closed_at=closed_at)
    assert closing_words(comments, ticket) == words
    assert "Offline" not in repr(comments)


def closing_words(comments: list[Comment], ticket: Ticket) -> str | None:
    """What is copied of these comments."""
    found = comments_of_closing(comments, ticket, "us")
    return (found[0].body.strip() or None) if found else None


NOT_FOR_ALL = {
    "a group's": {"visibility": {"type": "group", "value": "privacy-team"}},
    "a role's": {"visibility": {"type": "role", "value": "Administrators"}},
    "a service project's internal one": {"jsdPublic": False},
    "an app's": {"author": {"accountId": "kim", "accountType": "app"}},
}


@pytest.mark.parametrize("shown", NOT_FOR_ALL.values(), ids=NOT_FOR_ALL)
def test_what_is_not_for_every_reader_or_not_a_persons_is_not_copied(shown: dict[str, object]) -> None:
    ticket = Ticket("jira", "1", "SEC-1", "x", TicketState.DONE, closed_by="kim", closed_at=CLOSED_AT)
    written = {"author": {"accountId": "kim"}, "created": "2026-11-21T09:31:00.000+0000", "body": "For the team"}
    restricted, public = Comment.model_validate(written | shown), comment(30, "kim", "Offline")
    assert closing_words([restricted, public], ticket) == "Offline"
    assert closing_words([restricted], ticket) is None


@pytest.mark.parametrize(
    ("value", "public"),
    [({"internal": True}, False), ({"internal": False}, True), ({}, False), (None, False), ("", False)],
)
def test_a_property_that_is_not_understood_makes_no_comment_public(value: object, *, public: bool) -> None:
    assert Property.model_validate({"key": "sd.public.comment", "value": value}).is_public is public


CUSTOM = frozenset({"customfield_1"})


def shown_step(**fields: object) -> WorkflowStep:
    return Transition.model_validate({"id": "31", "to": DONE, **fields}).step


@pytest.mark.parametrize(
    ("shown", "step"),
    [
        ({}, WorkflowStep("31", WorkflowStatus("4", "Done", "done"))),
        ({"hasScreen": True}, WorkflowStep("31", WorkflowStatus("4", "Done", "done"), has_screen=True)),
        (
            {"fields": {"resolution": {"required": True, "allowedValues": [{"id": "1", "name": "Done"}]}}},
            WorkflowStep("31", WorkflowStatus("4", "Done", "done"), True, (ResolutionChoice("1", "Done"),), True),
        ),
        (
            {"fields": {"resolution": {"required": True, "hasDefaultValue": True}, "x": {"required": False}}},
            WorkflowStep("31", WorkflowStatus("4", "Done", "done"), True, (), screen=frozenset({"x"})),
        ),
        (
            {"hasScreen": False, "fields": {"customfield_1": {"required": True, "name": "Approver"}}},
            WorkflowStep(
                "31", WorkflowStatus("4", "Done", "done"), missing=(("customfield_1", "Approver"),), screen=CUSTOM
            ),
        ),
        (
            {"fields": {"customfield_1": {"required": False, "allowedValues": ["red", {"id": 1, "value": "blue"}]}}},
            WorkflowStep("31", WorkflowStatus("4", "Done", "done"), has_screen=True, screen=CUSTOM),
        ),
        (
            {"fields": {"customfield_1": {"required": True, "hasDefaultValue": True}}},
            WorkflowStep("31", WorkflowStatus("4", "Done", "done"), has_screen=True, screen=CUSTOM),
        ),
    ],
)
def test_a_transition_is_read_with_what_its_screen_wants(shown: dict[str, object], step: WorkflowStep) -> None:
    assert shown_step(**shown) == step


@pytest.mark.parametrize("mark", ["", "x", "remedy:", 'remedy:a"b', "remedy:a b", "remedy:a\n", "remedy:" + "a" * 201])
def test_what_is_no_mark_never_gets_into_a_query(mark: str) -> None:
    with pytest.raises(Refused):
        checked_mark("jira", mark)
    assert checked_mark("jira", MARK) == MARK


@pytest.mark.parametrize("ticket_id", ["", "..", "../user", "1?x", "1/2", "1 2", "1\n"])
def test_what_is_no_id_never_gets_into_an_address(ticket_id: str) -> None:
    with pytest.raises(Refused):
        checked_id("jira", ticket_id)
    assert checked_id("jira", "SEC-1") == "SEC-1"


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59.000-0500", "0001-01-01T00:00:00.000+1400"])
def test_an_issue_with_a_moment_that_no_clock_of_utc_shows_is_an_answer_of_another_form(moment: str) -> None:
    fields = {"status": {"id": "1", "statusCategory": {"key": "new"}}}
    for name in ("created", "updated", "resolutiondate"):
        with pytest.raises(TryLater, match="has not the form"):
            understood("jira", Issue, {"id": "1", "key": "SEC-1", "fields": fields | {name: moment}})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)


@given(values)
def test_an_answer_of_another_form_is_for_later_and_is_not_quoted(value: object) -> None:
    with pytest.raises(TryLater) as caught:
        understood("jira", Issue, value, wrote=True)
    assert caught.value.ambiguous
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("sent", "opened_by"),
    [
        ({"creator": {"accountId": "svc"}}, "svc"),
        pytest.param({"creator": None}, "", id="nobody was signed in"),
        pytest.param({}, None, id="not told"),
    ],
)
def test_who_opened_an_issue_is_somebody_nobody_or_not_told(sent: dict[str, Any], opened_by: str | None) -> None:
    assert READING.ticket(issue(TO_DO, **sent)).opened_by == opened_by
