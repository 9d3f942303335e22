"""What is peculiar to Jira in keeping tickets in step: screens, comments, links, and one deadline for many requests."""

import logging
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest

from remediation.domain.cases.records import Link
from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.domain.tickets import Reason, Risk, Ticket, TicketState
from remediation.trackers.jira.tracker import Jira
from sandbox.jira.stand_in import SERVICE
from tests.contract.jira_world import Deployment, JiraWorld, jira_world
from tests.contract.tracker_world import mark_of

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


async def test_the_priority_and_the_due_date_are_how_urgent_an_issue_is(tracker: Jira, world: JiraWorld) -> None:
    bare = await tracker.create(replace(world.draft(MARK), fields={}))
    assert bare.urgency == (await tracker.read(bare.id)).urgency == {}
    full = await tracker.create(
        replace(world.draft(MARK), fields={**world.draft(MARK).fields, "duedate": "2030-02-01"})
    )
    assert full.urgency == {}, "nothing is read back"
    assert (await tracker.read(full.id)).urgency == {"priority": "High", "duedate": "2030-02-01"}


async def test_a_field_that_the_screen_lacks_is_refused_and_nothing_is_written(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft_in("FORM", MARK, customfield_10010="Lincoln"))
    with pytest.raises(Refused, match="priority: Field 'priority' cannot be set"):
        await tracker.raise_urgency(ticket.id, {"priority": "Highest"})
    assert world.comments(ticket) == []


async def test_a_priority_off_the_screen_for_editing_is_refused_and_a_comment_is_not(
    tracker: Jira, world: JiraWorld
) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.settings(off_edit_screens=["priority"])
    with pytest.raises(Refused, match="priority: Field 'priority' cannot be set"):
        await tracker.raise_urgency(ticket.id, world.urgent)
    await tracker.comment(ticket.id, "It is worse")
    assert world.comments(ticket) == ["It is worse"]


async def test_only_what_the_screen_has_is_sent(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    fields = {"customfield_10020": "Priya", "customfield_10051": "Nothing there", "resolution": {"name": "Declined"}}
    resolved = await tracker.resolve(ticket.id, Reason.FIXED, "gone", fields)
    kept = world.book(ticket)["fields"]
    assert (resolved.state, resolved.reason) == (TicketState.DONE, Reason.FIXED)
    assert kept["customfield_10051"] == "Nothing there"
    assert kept["customfield_10020"] is None
    with_reopened = await tracker.reopen(ticket.id, "back")
    assert with_reopened.state.is_active


async def test_what_the_issue_has_already_is_no_demand_and_is_not_overwritten(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft_in("LOGS", MARK, customfield_10010="Lincoln"))
    given = {"comment": "On it", "worklog": {"timeSpent": "5m"}}
    assert (await tracker.resolve(ticket.id, Reason.FIXED, "gone", given)).state is TicketState.DONE
    other = await tracker.create(world.draft_in("LOGS", MARK, customfield_10010="A person's"))
    await tracker.resolve(other.id, Reason.FIXED, "gone", {**given, "customfield_10010": "Ours"})
    assert world.book(other)["fields"]["customfield_10010"] == "A person's"
    bare = await tracker.create(world.draft_in("LOGS", MARK))
    await tracker.resolve(bare.id, Reason.FIXED, "gone", {**given, "customfield_10010": "Ours"})
    assert world.book(bare)["fields"]["customfield_10010"] == "Ours"


async def test_a_comment_and_a_worklog_are_given_where_the_way_demands_them(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft_in("LOGS", MARK, customfield_10010="Lincoln"))
    with pytest.raises(Refused, match=r"comment: Comment is required\.; the rule's close_fields can give that"):
        await tracker.resolve(ticket.id, Reason.FIXED, "gone")
    with pytest.raises(Refused, match=r"Log Work \(worklog\); the rule's close_fields can give that"):
        await tracker.resolve(ticket.id, Reason.FIXED, "gone", {"comment": "On it"})
    given = {"comment": "On it", "worklog": {"timeSpent": "1h 30m", "comment": "Taken *down*"}}
    assert (await tracker.resolve(ticket.id, Reason.FIXED, "gone", given)).state is TicketState.DONE
    assert world.comments(ticket) == ["On it", "gone"]
    assert world.book(ticket)["fields"]["worklog"] == [{"timeSpent": "1h 30m", "comment": r"Taken \*down\*"}]
    assert (await tracker.reopen(ticket.id, "back")).state.is_active
    assert world.comments(ticket)[2:] == ["back"]


async def test_a_field_that_jira_does_not_accept_is_refused_naming_it(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    with pytest.raises(Refused, match=r"customfield_10052: .*; the rule's close_fields can give that") as caught:
        await tracker.resolve(ticket.id, Reason.FIXED, "gone", {"customfield_10052": "soon"})
    assert (caught.value.status, caught.value.__context__) == (400, None)
    assert (await tracker.read(ticket.id)).state is TicketState.OPEN


async def test_the_words_are_those_of_whoever_closed_it(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.close_as_person(ticket, Reason.FIXED, "Taken offline")
    await tracker.comment(ticket.id, "SchoolScan looks again")
    assert await tracker.closing_words(ticket.id) == "Taken offline"
    world.asked()
    assert await tracker.closing_words(ticket.id) == "Taken offline"
    issue = f"issue/{ticket.id}"
    asked = world.asked()
    assert asked[:2] == [("GET", issue), ("GET", f"{issue}/comment")], "who we are is asked once"
    of_its_property = asked[2:]
    if world.deployment == "cloud":
        assert of_its_property == []
    else:
        (method, path), signed_in = of_its_property
        assert (method, path.rpartition("/")[2], signed_in) == ("GET", "sd.public.comment", ("GET", "myself"))


async def test_a_person_who_wrote_nothing_has_no_words(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft(MARK))
    await tracker.comment(ticket.id, "Ours")
    assert await tracker.closing_words(ticket.id) is None
    world.walk(ticket, "31", resolution={"name": "Done"})
    assert await tracker.closing_words(ticket.id) is None
    world.delete(ticket)
    assert await tracker.closing_words(ticket.id) is None


@pytest.mark.parametrize("order", [{"kind": "status", "status": 403}, {"kind": "reset"}, {"kind": "html"}])
async def test_a_tie_that_cannot_be_made_does_not_undo_the_issue(
    tracker: Jira, world: JiraWorld, order: dict[str, str]
) -> None:
    old = await tracker.create(world.draft(MARK))
    world.fault(**order, path="issueLink")
    new = await tracker.create(replace(world.draft(MARK), follows=old.id, link="https://schoolscan.example/fnd_1"))
    assert (world.predecessor(new), world.count(MARK)) == (None, 2)
    assert len(world.write("GET", f"issue/{new.id}/remotelink")) == 1, "one courtesy does not hang on the other"


@pytest.fixture
async def pair(tracker: Jira, world: JiraWorld) -> tuple[Ticket, Link]:
    """A ticket, and another one of the same site."""
    ticket, other = [await tracker.create(world.draft(f"remedy:lakeside:finding:fnd_{number}")) for number in (1, 2)]
    return ticket, Link("jira", other.id, other.key, other.url)


@pytest.mark.parametrize("settings", [{"linking": False}, {"without_link_types": ["Relates"]}])
async def test_a_link_is_refused_where_jira_has_no_such_links(
    tracker: Jira, world: JiraWorld, pair: tuple[Ticket, Link], settings: dict[str, object]
) -> None:
    world.settings(**settings)
    with pytest.raises(Refused) as caught:
        await tracker.relate(pair[0].id, pair[1], "")
    assert not isinstance(caught.value, NotFound)
    assert world.related(pair[0]) == []


@pytest.mark.parametrize("url", ["", "https://elsewhere.example/INC1"])
async def test_a_link_that_our_account_may_not_make_is_refused_and_waits_for_no_sign_in(
    tracker: Jira, world: JiraWorld, pair: tuple[Ticket, Link], url: str
) -> None:
    world.settings(withheld=["LINK_ISSUES"])
    with pytest.raises(Refused, match="Permission"):
        await tracker.relate(pair[0].id, replace(pair[1], tracker="other", url=url or pair[1].url), "")


async def test_a_link_waits_where_we_are_signed_out(tracker: Jira, world: JiraWorld, pair: tuple[Ticket, Link]) -> None:
    world.settings(expired=[SERVICE.account_id])
    with pytest.raises(TryLater) as caught:
        await tracker.relate(pair[0].id, pair[1], "")
    assert caught.value.waiting is Waiting.SIGN_IN


async def test_a_link_that_a_person_has_made_from_the_other_end_is_enough(
    tracker: Jira, world: JiraWorld, pair: tuple[Ticket, Link]
) -> None:
    ends = {"inwardIssue": {"id": pair[0].id}, "outwardIssue": {"id": pair[1].ticket_id}}
    world.write("POST", "issueLink", {"type": {"name": "Blocks"}, **ends})
    await tracker.relate(pair[0].id, pair[1], "")
    assert world.related(pair[0]) == [pair[1].ticket_key]


async def test_a_slow_walk_ends_as_a_whole(tracker: Jira, world: JiraWorld) -> None:
    ticket = await tracker.create(world.draft_in("PRIV", MARK))
    tracker._whole_call = 0.5
    world.fault("slow", seconds=0.2, times=None)
    started = time.monotonic()
    with pytest.raises(TryLater, match="no answer in time") as caught:
        await tracker.resolve(ticket.id, Reason.FIXED, "gone")
    assert caught.value.ambiguous
    assert time.monotonic() - started < 1.5
    world.heal()
    tracker._whole_call = 20
    assert (await tracker.resolve(ticket.id, Reason.FIXED, "gone")).state is TicketState.DONE


async def test_neither_a_risks_reason_nor_closing_words_reach_a_log_or_an_error(
    tracker: Jira, world: JiraWorld, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.write("POST", f"issue/{ticket.id}/comment", {"body": "ZZPII-words"})
    world.accept_as_person(ticket, "ZZPII-reason", "2030-01-31")
    with caplog.at_level(logging.DEBUG):
        assert "ZZPII" not in repr(await tracker.read(ticket.id))
        assert await tracker.closing_words(ticket.id) == "ZZPII-words"
        for kind in ("half", "html", "reset"):
            for path in (f"{ticket.id}$", "comment"):
                world.fault(kind, path=path, times=None)
                with pytest.raises(OutsideError) as caught:
                    await tracker.closing_words(ticket.id)
                world.heal()
                assert "ZZPII" not in repr(caught.value) + str(caught.value)
    assert "ZZPII" not in caplog.text


@pytest.mark.parametrize("written", ["03/14/2027", "14/Mar/27", "next spring", "9999-12-31T23:59:59.000-0500"])
async def test_an_end_in_a_text_that_nobody_can_read_is_told_from_an_empty_one(world: JiraWorld, written: str) -> None:
    tracker = world.connect(risk_expiry="customfield_10010")
    ticket = await tracker.create(world.draft(MARK))
    world.accept_as_person(ticket, "Public by law", "2031-01-31")
    assert (await tracker.read(ticket.id)).risk == Risk("Public by law")
    for text, risk in (
        (written, Risk("Public by law", is_unread=True)),
        ("2030-01-31T16:00:00.000+0100", Risk("Public by law", datetime(2030, 1, 31, 15, tzinfo=UTC))),
        (None, Risk("Public by law")),
    ):
        world.write("PUT", f"issue/{ticket.id}", {"fields": {"customfield_10010": text}})
        assert (await tracker.read(ticket.id)).risk == risk
    await tracker.close()


async def test_an_end_that_a_person_takes_away_is_empty_and_a_field_that_is_not_there_is_not_told(
    tracker: Jira, world: JiraWorld
) -> None:
    ticket = await tracker.create(world.draft(MARK))
    world.accept_as_person(ticket, "Public by law", "2031-01-31")
    world.write("PUT", f"issue/{ticket.id}", {"fields": {"customfield_10052": None}})
    assert (await tracker.read(ticket.id)).risk == Risk("Public by law")
    elsewhere = world.connect(risk_expiry="customfield_19999")
    assert (await elsewhere.read(ticket.id)).risk == Risk("Public by law", is_untold=True)
    await elsewhere.close()
