"""Jira's adapter, held to the tracker suite on Cloud and on Data Center, and to what is peculiar to Jira."""

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, get_args
from urllib.parse import parse_qs

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.domain.ownership import Site
from remediation.domain.tickets import Reason, TicketState
from remediation.trackers.jira.tracker import Jira
from sandbox.jira.stand_in import PERSON, SERVICE, jira_app
from sandbox.wire.server import serve
from tests.contract.jira_world import Deployment, JiraWorld, jira_world
from tests.contract.tracker_suite import TrackerContract, mark_of, nobody_listens
from tests.stand_ins import ManualClock

MARK = mark_of("fnd_1")


@pytest.fixture(params=get_args(Deployment))
def world(request: pytest.FixtureRequest) -> Iterator[JiraWorld]:
    with jira_world(request.param) as world:
        yield world


@pytest.fixture
async def tracker(world: JiraWorld) -> AsyncIterator[Jira]:
    jira = world.connect()
    yield jira
    await jira.close()


class TestJiraCloud(TrackerContract):
    @pytest.fixture
    def world(self) -> Iterator[JiraWorld]:
        with jira_world("cloud") as world:
            yield world


class TestJiraDataCenter(TrackerContract):
    @pytest.fixture
    def world(self) -> Iterator[JiraWorld]:
        with jira_world("data_center") as world:
            yield world


async def test_no_call_sends_a_request_that_it_does_not_need(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    assert world.asked() == [("POST", "issue")]
    issue, steps = f"issue/{ticket.id}", f"issue/{ticket.id}/transitions"
    await tracker.read(ticket.id)
    assert world.asked() == [("GET", issue)]
    await tracker.comment(ticket.id, "x")
    assert world.asked() == [("POST", f"{issue}/comment")]
    await tracker.whoami()
    assert world.asked() == [("GET", "myself")]
    search = "search/jql" if world.deployment == "cloud" else "search"
    world.wait_searchable()
    await tracker.find(MARK, "SEC")
    assert world.asked() == [("GET", search), ("GET", issue)]
    await tracker.changes(None, datetime.now(UTC))
    assert world.asked() == [("GET", search)]
    await tracker.raise_urgency(ticket.id, world.urgent)
    assert world.asked() == [("PUT", issue), ("GET", issue)]
    await tracker.resolve(ticket.id, Reason.FIXED, "x")
    assert world.asked() == [("GET", issue), ("GET", steps), ("POST", steps), ("GET", issue)]
    await tracker.read(ticket.id)
    assert world.asked() == [("GET", issue), ("GET", issue)]
    await tracker.read(ticket.id, closed=True)
    assert world.asked() == [("GET", issue)]
    await tracker.closing_words(ticket.id)
    assert world.asked() == [("GET", issue), ("GET", "myself")]
    await tracker.reopen(ticket.id, "x")
    assert world.asked() == [
        *[("GET", issue), ("GET", steps), ("POST", steps)],
        *[("POST", f"{issue}/comment"), ("GET", issue)],
    ]


async def test_nothing_that_people_wrote_is_asked_for_unless_it_is_configured(world: JiraWorld) -> None:
    usual = {
        *("status", "resolution", "resolutiondate", "labels", "created", "creator", "updated"),
        "priority",
        "duedate",
        "assignee",
    }
    reason, expiry = "customfield_10051", "customfield_10052"
    for unset in ((reason, expiry), (reason,), (expiry,), ()):
        tracker = world.connect(
            risk_reason=None if reason in unset else reason, risk_expiry=None if expiry in unset else expiry
        )
        fields = await asked_in_a_life(tracker, world)
        await tracker.close()
        assert fields == (usual | {reason, expiry}) - set(unset)


async def asked_in_a_life(tracker: Jira, world: JiraWorld) -> set[str]:
    world.asked()
    ticket = await tracker.create(world.draft(MARK))
    world.wait_searchable()
    await tracker.find(MARK, "SEC")
    await tracker.resolve(ticket.id, Reason.FIXED, "x")
    await tracker.read(ticket.id)
    await tracker.changes(None, datetime.now(UTC))
    asked = [parse_qs(entry["query"]) for entry in world.requests() if entry["query"].count("fields=")]
    fields = {word for query in asked for text in query["fields"] for word in text.split(",")}
    assert {text for query in asked for text in query.get("properties", ())} == {"remedy.case,remedy.tracker"}
    return fields


async def test_the_mark_is_a_label_and_a_property_from_the_first_moment(tracker: Jira, world: JiraWorld) -> None:
    draft = replace(world.draft(MARK), labels=("web",), fields={"labels": ["legal"], "duedate": "2030-01-31"})
    issue = world.book(await tracker.create(draft))
    assert issue["fields"]["labels"] == [MARK, "remedy", "web", "legal"]
    assert issue["properties"] == {"remedy.case": MARK, "remedy.tracker": tracker.name}
    assert (issue["fields"]["duedate"], issue["fields"]["issuetype"]["name"]) == ("2030-01-31", "Task")
    assert issue["changelog"]["total"] == 0, "nothing was added afterwards"


async def test_text_from_outside_renders_as_text(tracker: Jira, world: JiraWorld) -> None:
    draft = world.draft(MARK, summary="h1. {x}\r\n[y]", body="h1. Big\n{code}[~admin]!pic.png!\\\\ fnd_9d2")
    ticket = await tracker.create(draft)
    fields = world.book(ticket)["fields"]
    assert fields["summary"] == "h1. {x} [y]", "a summary is no markup"
    assert fields["description"] == "h1\u200b. Big\n\\{code\\}\\[\\~admin\\]\\!pic.png\\!\\\u200b\\ fnd_9d2"
    await tracker.comment(ticket.id, "{color:red}x")
    await tracker.resolve(ticket.id, Reason.FIXED, "[x|https://example.org]")
    assert world.comments(ticket) == ["\\{color:red\\}x", "\\[x\\|https://example.org\u200b\\]"]


async def test_a_remote_link_to_the_case_is_set_once_however_often_it_is_sent(tracker: Jira, world: JiraWorld) -> None:
    draft = replace(world.draft(MARK), link="https://schoolscan.example/findings/fnd_1")
    ticket = await tracker.create(draft)
    links = world.write("GET", f"issue/{ticket.id}/remotelink")
    assert [(link["globalId"], link["object"]["url"]) for link in links] == [(MARK, draft.link)]
    assert [path for _, path in world.ours()] == ["issue", f"issue/{ticket.id}/remotelink"]


@pytest.mark.parametrize("order", [{"kind": "status", "status": 403}, {"kind": "reset"}, {"kind": "html"}])
async def test_a_link_that_cannot_be_set_does_not_undo_the_issue(
    tracker: Jira, world: JiraWorld, order: dict[str, str]
) -> None:
    world.fault(**order, path="remotelink")
    ticket = await tracker.create(replace(world.draft(MARK), link="https://schoolscan.example/findings/fnd_1"))
    assert (await tracker.read(ticket.id)).state is TicketState.OPEN
    assert world.count(MARK) == 1


async def test_a_workflow_without_a_direct_way_is_walked_step_by_step(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft_in("PRIV", MARK))
    resolved = await tracker.resolve(ticket.id, Reason.ACCEPTED_RISK, "Accepted.")
    assert (resolved.state, resolved.reason, resolved.closed_by) == (
        TicketState.DONE,
        Reason.ACCEPTED_RISK,
        SERVICE.account_id,
    )
    moves = [path for method, path in world.ours() if method == "POST" and path.endswith("transitions")]
    assert len(moves) == 3
    assert world.comments(ticket) == ["Accepted."], "the comment comes with the last step only"
    reopened = await tracker.reopen(ticket.id, "Back.")
    assert (reopened.state, world.book(ticket)["fields"]["resolution"]) == (TicketState.OPEN, None)
    assert world.book(ticket)["fields"]["status"]["name"] == "Reopened"
    assert world.comments(ticket) == ["Accepted.", "Back."]


async def test_a_walk_that_was_cut_off_goes_on_from_where_it_stopped(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft_in("PRIV", MARK))
    world.fault("status", method="POST", path="transitions", status=503, times=1)
    with pytest.raises(TryLater):
        await tracker.resolve(ticket.id, Reason.FIXED, "Done.")
    world.fault("lost_reply", method="POST", path="transitions", times=1)
    with pytest.raises(TryLater):
        await tracker.resolve(ticket.id, Reason.FIXED, "Done.")
    assert world.book(ticket)["fields"]["status"]["name"] == "In Progress"
    assert (await tracker.resolve(ticket.id, Reason.FIXED, "Done.")).state is TicketState.DONE
    assert world.comments(ticket) == ["Done."]


async def test_a_resolution_whose_answer_was_lost_is_not_commented_twice(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.fault("lost_reply", method="POST", path="transitions")
    with pytest.raises(TryLater):
        await tracker.resolve(ticket.id, Reason.FIXED, "Done.")
    assert (await tracker.resolve(ticket.id, Reason.FIXED, "Done.")).state is TicketState.DONE
    assert world.comments(ticket) == ["Done."]


async def test_a_transition_without_a_screen_gets_its_comment_afterwards(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft_in("BARE", MARK))
    resolved = await tracker.resolve(ticket.id, Reason.FIXED, "Done.")
    assert (resolved.state, world.book(ticket)["fields"]["status"]["name"]) == (TicketState.DONE, "Done")
    assert resolved.reason is Reason.NONE, "no resolution says nothing, least of all that a risk was accepted"
    assert world.comments(ticket) == ["Done."]


async def test_a_field_that_only_a_person_can_fill_is_named(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft_in("FORM", MARK, customfield_10010="Lincoln"))
    with pytest.raises(Refused, match=r"Approver \(customfield_10020\); the rule's close_fields can"):
        await tracker.resolve(ticket.id, Reason.FIXED, "Done.")
    assert world.comments(ticket) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"place": "FORM", "fields": {}}, "customfield_10010: School site is required."),
        ({"place": "FORM", "fields": {"priority": {"name": "High"}}}, "priority: Field 'priority' cannot be set"),
        ({"place": "NOPE"}, "project: "),
        ({"type": "Wish"}, "issuetype: "),
        ({"fields": {"priority": {"name": "Urgent"}}}, "priority: "),
        ({"labels": ("two words",)}, "labels: "),
    ],
)
async def test_a_refusal_names_the_field(tracker: Jira, world: JiraWorld, change: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as caught:
        await tracker.create(replace(world.draft(MARK), **change))
    assert words in caught.value.words
    assert caught.value.status == 400
    assert world.count(MARK) == 0


async def test_a_moved_issue_is_followed_by_its_id(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    assert world.http.post("/_sandbox/move", json={"issue": ticket.key, "project": "PRIV"}).is_success
    moved = await tracker.read(ticket.id)
    assert (moved.id, moved.key, moved.mark) == (ticket.id, "PRIV-1", MARK)
    assert moved.url == f"{world.address}/browse/PRIV-1"
    world.wait_searchable()
    assert [found.id for found in await tracker.find(MARK, "SEC")] == [ticket.id]


async def test_what_a_person_changed_stays_when_we_close_and_reopen(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    own = {"summary": "Mine", "labels": ["mine"], "description": "Mine too", "priority": {"name": "Lowest"}}
    world.write("PUT", f"issue/{ticket.id}", {"fields": own})
    await tracker.resolve(ticket.id, Reason.FIXED, "x")
    await tracker.reopen(ticket.id, "x")
    fields = world.book(ticket)["fields"]
    assert (fields["summary"], fields["labels"], fields["description"]) == ("Mine", ["mine"], "Mine too")
    assert fields["priority"]["name"] == "Lowest"
    assert (await tracker.read(ticket.id)).mark == MARK, "the property still tells whose it is"


async def test_a_copy_that_a_person_made_is_not_taken_for_the_ticket(tracker: Jira, world: JiraWorld) -> None:
    copy = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "CLONE", "labels": [MARK, "remedy"]}
    world.write("POST", "issue", {"fields": copy})
    ticket = await tracker.create(world.draft(MARK))
    world.wait_searchable()
    assert [found.id for found in await tracker.find(MARK, "SEC")] == [ticket.id]
    world.delete(ticket)
    world.wait_searchable()
    assert [found.key for found in await tracker.find(MARK, "SEC")] == ["SEC-1"]


async def test_a_copy_that_was_closed_does_not_stand_for_the_ticket_whose_create_answer_was_lost(
    tracker: Jira, world: JiraWorld
) -> None:
    """What people copy has the label and not the property, which Data Center's search does not show."""
    world.fault("lost_reply", method="POST", path=world.create_path)
    with pytest.raises(TryLater):
        await tracker.create(world.draft(MARK))
    (ours,) = world.books()
    copy = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "CLONE", "labels": [MARK, "remedy"]}
    world.write("POST", "issue", {"fields": copy})
    world.wait_searchable()
    assert [found.id for found in await tracker.find(MARK, "SEC")] == [ours["id"]]


async def test_a_ticket_without_its_labelled_mark_is_listed_with_the_mark_of_its_property(
    tracker: Jira, world: JiraWorld
) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.write("PUT", f"issue/{ticket.id}", {"fields": {"labels": ["remedy", "mine"]}})
    world.wait_searchable()
    page = await tracker.changes(None, datetime.now(UTC))
    assert [(change.ticket_id, change.mark) for change in page.changes] == [(ticket.id, MARK)]


async def test_a_mark_in_other_case_is_another_mark(tracker: Jira, world: JiraWorld) -> None:
    await tracker.create(world.draft(mark_of("FND_1")))
    world.wait_searchable()
    assert await tracker.find(MARK, "SEC") == ()


async def test_a_ticket_is_read_as_it_is_even_while_the_search_lags(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.wait_searchable()
    world.close_as_person(ticket, Reason.DUPLICATE)
    (found,) = await tracker.find(MARK, "SEC")
    assert (found.state, found.reason, found.closed_by) == (TicketState.DONE, Reason.DUPLICATE, PERSON.account_id)


async def test_nothing_is_opened_in_a_project_that_we_may_not_browse(tracker: Jira, world: JiraWorld) -> None:
    """Jira lets those create who may not browse: each issue would be gone at the next look, and another be opened."""
    ticket = await tracker.create(world.draft(MARK))
    assert await tracker.find(mark_of("fnd_2"), "SEC") == ()
    world.settings(withheld=["BROWSE_PROJECTS"])
    assert (await tracker.read(ticket.id)).state is TicketState.GONE
    for mark in (MARK, mark_of("fnd_2")):
        with pytest.raises(Refused) as caught:
            await tracker.find(mark, "SEC")
        assert "SEC" in caught.value.words
        assert "BROWSE_PROJECTS" in caught.value.words
    world.settings(withheld=[])
    world.wait_searchable()
    assert [found.id for found in await tracker.find(MARK, "SEC")] == [ticket.id]


@pytest.mark.parametrize("status", [401, 403])
async def test_where_jira_does_not_tell_what_we_may_nothing_is_concluded(
    tracker: Jira, world: JiraWorld, status: int
) -> None:
    """A token's scopes may let it do all our work, and not ask for its permissions."""
    world.fault("status", method="GET", path=r"/mypermissions$", status=status, times=None)
    assert await tracker.find(MARK, "SEC") == ()
    world.heal()
    world.fault("status", method="GET", path=r"/mypermissions$", status=503, times=None)
    with pytest.raises(TryLater):
        await tracker.find(mark_of("fnd_2"), "BARE")


async def test_that_we_may_browse_is_asked_once_in_a_while(tracker: Jira, world: JiraWorld) -> None:
    search = "search/jql" if world.deployment == "cloud" else "search"
    world.asked()
    for number in range(3):
        assert await tracker.find(mark_of(f"fnd_{number}"), "SEC") == ()
    assert world.asked() == [("GET", search), ("GET", "mypermissions"), ("GET", search), ("GET", search)]


async def test_a_token_that_ran_out_does_not_make_tickets_gone(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.settings(expired=[SERVICE.account_id])
    for attempt in (tracker.read, lambda ticket_id: tracker.comment(ticket_id, "x")):
        with pytest.raises(TryLater) as caught:
            await attempt(ticket.id)
        assert caught.value.waiting is Waiting.SIGN_IN


async def test_a_list_that_was_told_to_nobody_moves_no_cursor_and_finds_nothing_out(
    tracker: Jira, world: JiraWorld
) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.wait_searchable()
    cursor = (await tracker.changes(None, datetime.now(UTC))).cursor
    world.close_as_person(ticket, Reason.FIXED)
    world.wait_searchable()
    world.settings(expired=[SERVICE.account_id])
    for question in (tracker.changes(cursor, datetime.now(UTC)), tracker.find(MARK, "SEC")):
        with pytest.raises(TryLater, match="sign" if world.deployment == "cloud" else "authenticated") as caught:
            await question
        assert caught.value.waiting is Waiting.SIGN_IN
    world.settings(expired=[])
    page = await tracker.changes(cursor, datetime.now(UTC))
    assert ticket.id in {change.ticket_id for change in page.changes}
    assert [found.id for found in await tracker.find(MARK, "SEC")] == [ticket.id]


class Withholding:
    """A proxy in front of a Jira that keeps every header back by which Jira tells whom it answers."""

    KEPT_BACK: ClassVar = {b"x-seraph-loginreason", b"x-aaccountid", b"x-ausername"}

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [each for each in message["headers"] if each[0].lower() not in self.KEPT_BACK]
            await send(message)

        await self.app(scope, receive, sending)


@pytest.fixture(params=get_args(Deployment))
def behind_a_proxy(request: pytest.FixtureRequest) -> Iterator[JiraWorld]:
    with serve(Withholding(jira_app(deployment=request.param, search_lag=0.0))) as address:
        world = JiraWorld(address, request.param)
        yield world
        world.close()


async def test_an_empty_list_without_a_name_is_believed_once_jira_says_who_we_are(behind_a_proxy: JiraWorld) -> None:
    world = behind_a_proxy
    tracker = world.connect()
    assert await tracker.find(MARK, "") == ()
    assert [path for _, path in world.asked()][1:] == ["myself"]
    await tracker.create(world.draft(MARK))
    assert len(await tracker.find(MARK, "")) == 1
    assert "myself" not in {path for _, path in world.asked()}, "a list that holds something was told to us"
    world.settings(expired=[SERVICE.account_id])
    for question in (tracker.changes(None, datetime.now(UTC)), tracker.find(MARK, "")):
        with pytest.raises(TryLater) as caught:
            await question
        assert (caught.value.waiting, caught.value.status) == (Waiting.SIGN_IN, 401)
    await tracker.close()


async def test_an_empty_list_with_our_name_costs_one_request(tracker: Jira, world: JiraWorld) -> None:
    assert await tracker.find(MARK, "") == ()
    await tracker.changes(None, datetime.now(UTC))
    assert [path.partition("/")[0] for _, path in world.asked()] == ["search", "search"]


async def test_what_anybody_may_create_may_have_been_created(world: JiraWorld) -> None:
    """A public project takes issues from anybody: as whom ours was created, its answer does not say."""
    tracker = world.connect()
    world.fault("status", status=201, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}, method="POST")
    with pytest.raises(TryLater) as caught:
        await tracker.create(world.draft(MARK))
    assert (caught.value.waiting, caught.value.ambiguous) == (Waiting.SIGN_IN, True)
    await tracker.close()


async def test_a_page_in_place_of_the_api_does_not_make_tickets_gone(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.fault("status", status=404)
    with pytest.raises(TryLater):
        await tracker.read(ticket.id)


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_is_not_followed(tracker: Jira, world: JiraWorld, status: int) -> None:
    world.fault("status", status=status, headers={"Location": f"{nobody_listens()}/login"}, times=None)
    with pytest.raises(TryLater) as caught:
        await tracker.create(world.draft(MARK))
    assert (caught.value.status, caught.value.ambiguous) == (status, False)
    assert world.writes() == 1


async def test_a_page_token_that_jira_forgot_starts_the_list_again() -> None:
    with jira_world("cloud") as world:
        tracker = world.connect()
        ids = {(await tracker.create(world.draft(mark_of(f"fnd_{number}")))).id for number in range(3)}
        world.settings(page_limit=2)
        world.wait_searchable()
        first = await tracker.changes(None, datetime.now(UTC))
        assert first.more
        again = await tracker.changes(first.cursor.replace('"token":"', '"token":"x'), datetime.now(UTC))
        rest = await tracker.changes(again.cursor, datetime.now(UTC))
        await tracker.close()
    assert {change.ticket_id for page in (again, rest) for change in page.changes} == ids
    assert not rest.more


async def test_changes_survive_a_deletion_between_two_counted_pages() -> None:
    with jira_world("data_center") as world:
        tracker = world.connect()
        tickets = [await tracker.create(world.draft(mark_of(f"fnd_{number}"))) for number in range(20)]
        world.settings(page_limit=10)
        world.wait_searchable()
        page = await tracker.changes(None, datetime.now(UTC))
        seen = {change.ticket_id for change in page.changes}
        for ticket in tickets[-3:]:
            world.delete(ticket)
        world.wait_searchable()
        while page.more:
            page = await tracker.changes(page.cursor, datetime.now(UTC))
            seen |= {change.ticket_id for change in page.changes}
        await tracker.close()
    assert seen == {ticket.id for ticket in tickets}


@pytest.mark.parametrize("deployment", get_args(Deployment))
async def test_a_list_that_is_interrupted_still_tells_of_every_change(deployment: Deployment) -> None:
    clock = ManualClock(1_790_000_000.0)
    with serve(jira_app(deployment=deployment, search_lag=0.0, clock=clock)) as address:
        world = JiraWorld(address, deployment)
        tracker = world.connect()
        tickets = [await tracker.create(world.draft(mark_of(f"fnd_{number}"))) for number in range(30)]
        clock.pass_by(3600)
        page = await tracker.changes(None, datetime.fromtimestamp(clock(), UTC))
        assert page.changes == ()
        for ticket in tickets:
            world.close_as_person(ticket, Reason.FIXED)
        clock.pass_by(3600)
        world.settings(page_limit=10)
        seen = set()
        for pause in (600, *[1] * 9):
            page = await tracker.changes(page.cursor, datetime.fromtimestamp(clock(), UTC))
            seen |= {change.ticket_id for change in page.changes}
            clock.pass_by(pause)
        await tracker.close()
        world.close()
    assert seen == {ticket.id for ticket in tickets}
    assert not page.more


async def test_nothing_of_an_answer_reaches_a_log(
    tracker: Jira, world: JiraWorld, caplog: pytest.LogCaptureFixture
) -> None:
    draft = world.draft(MARK, summary="ZZPII-summary", body="ZZPII-body")
    with caplog.at_level(logging.DEBUG):
        ticket = await tracker.create(draft)
        for order in ({"kind": "html"}, {"kind": "half"}, {"kind": "status", "status": 400}, {"kind": "reset"}):
            world.fault(**order, times=None)
            for attempt in (tracker.read(ticket.id), tracker.create(draft)):
                with pytest.raises(OutsideError):
                    await attempt
            world.heal()
    assert "ZZPII" not in caplog.text
    assert "Please sign in" not in caplog.text
    assert SERVICE.token not in caplog.text


@pytest.mark.parametrize("kind", ["html", "half", "reset", "status"])
async def test_no_exception_of_a_library_hangs_on_ours(tracker: Jira, world: JiraWorld, kind: str) -> None:
    world.fault(kind, times=None)
    with pytest.raises(TryLater) as caught:
        await tracker.whoami()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_a_locked_account_waits_until_it_is_let_in_again(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.settings(locked=True)
    for attempt in (
        tracker.read(ticket.id),
        tracker.comment(ticket.id, "x"),
        tracker.create(world.draft(MARK)),
        tracker.changes(None, datetime.now(UTC)),
        tracker.find(MARK, "SEC"),
    ):
        with pytest.raises(TryLater, match="CAPTCHA") as caught:
            await attempt
        assert (caught.value.waiting, caught.value.ambiguous) == (Waiting.SIGN_IN, False)
    world.settings(locked=False)
    assert (await tracker.read(ticket.id)).id == ticket.id


async def test_a_missing_issue_is_not_found_and_says_so_in_jiras_words(tracker: Jira, world: JiraWorld) -> None:
    with pytest.raises(NotFound, match="Issue does not exist"):
        await tracker.comment("999999", "x")


async def test_a_site_is_known_by_its_own_base_address_whatever_address_it_answers_at(
    world: JiraWorld, tracker: Jira
) -> None:
    world.settings(base_url="https://lakeside.atlassian.example/")
    assert await tracker.site() == Site(world.address, "https://lakeside.atlassian.example")


@pytest.mark.parametrize(("keeps", "left"), [(True, "Won't Do"), (False, "")])
async def test_a_reopened_issue_shows_the_resolution_that_its_workflow_kept(
    tracker: Jira, world: JiraWorld, left: str, *, keeps: bool
) -> None:
    world.settings(keeps_resolution=keeps)
    ticket = await tracker.create(world.draft(mark_of("fnd_1")))
    await tracker.resolve(ticket.id, Reason.ACCEPTED_RISK, "Accepted.")
    reopened = await tracker.reopen(ticket.id, "Found again")
    assert (reopened.state, reopened.reason, reopened.word) == (TicketState.OPEN, None, left)
