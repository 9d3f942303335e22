"""Another site under the same name is told once, and no link of the earlier one is believed by its number."""

import asyncio
import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from remediation.domain.errors import TryLater
from remediation.domain.ownership import Site, SiteHistory
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.operations.examining.sites import histories_of
from remediation.sealing import Keyring
from remediation.store.cases.entries import Doubted
from remediation.store.keys import CASE
from remediation.store.server.connection import Connection
from remediation.store.systems import Sites
from tests.integration.offices import KEY, Office
from tests.stand_ins import PlainRulebook
from workers.rounds.polls import poll_trackers
from workers.sites import ASKED_AGAIN_AFTER, GOOD_FOR, UNTOLD_ASKED_AGAIN_AFTER, TrackerSites

OLD, NEW = Site("https://old.example", "old"), Site("https://new.example", "new")


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Office:
    office = Office(connection, keyring, rulebook=PlainRulebook("snow", "jira"))
    office.trackers.pop("snow")
    await office.look()
    return office


def give_up(office: Office, site: str = "https://tracker.example") -> None:
    """The file says that the tracker was that site, and that its tickets are given up."""
    assert isinstance(office.context.rulebook, PlainRulebook)
    office.context.rulebook.sites_given_up.add(site)


async def told(office: Office) -> list[str]:
    """Let the trackers be asked again; the warnings."""
    office.clock.pass_by(GOOD_FOR)
    with capture_logs() as logs:
        await poll_trackers(office.arq_context)
        await poll_trackers(office.arq_context)
        await office.work()
    return [f"{entry['tracker']} {entry['address']}" for entry in logs if entry["event"] == "tracker_site_changed"]


async def test_another_site_is_told_once_and_remembered(office: Office) -> None:
    assert await told(office) == []
    office.jira.site_id = "new"
    assert await told(office) == [], "that a site tells its id from now on makes it no other"
    office.jira.site_id = "newer"
    assert await told(office) == ["jira newer"]
    assert await told(office) == []
    history = await Sites(office.connection).read("jira")
    assert history is not None
    assert (history.site.id, history.before and history.before.id) == ("newer", "new")


async def test_on_another_site_closing_what_has_our_old_number_resolves_nothing(office: Office) -> None:
    """It has no mark, and was created when ours was: a copy of the old site, say, from which labels were taken."""
    (ticket,) = office.jira.of(KEY.mark)
    give_up(office)
    office.jira.site_id = "another"
    office.jira._address = "https://another.example"
    assert await told(office) == ["jira another"]
    closed = office.jira.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    office.jira.books[ticket.id].ticket = replace(closed, mark=None)
    await office.look()
    assert office.status() is Status.REVIEWING
    (own,) = office.jira.of(KEY.mark)
    link = (await office.record()).links["jira"]
    assert (link.ticket_id, link.site) == (own.id, "another")
    entries = [entry for entry in await office.context.timeline.read(KEY.ref) if isinstance(entry, Doubted)]
    assert [entry.evidence for entry in entries] == ["other_site"]


async def test_what_is_open_on_another_site_is_unseen_until_the_file_gives_it_up(office: Office) -> None:
    """Nothing is concluded or opened; the case waits for a person, who is told of both sites."""
    (ticket,) = office.jira.of(KEY.mark)
    del office.jira.books[ticket.id]
    office.jira.site_id = "another"
    office.jira._address = "https://another.example"
    await told(office)
    await office.look()
    parked = (await office.parked())[f"{KEY.ref}/read:jira"]
    assert all(site in parked.words for site in ("https://tracker.example", "another"))
    assert (office.status(), office.jira.of(KEY.mark)) == (Status.REVIEWING, [])
    assert (await office.record()).links["jira"].ticket_id == ticket.id
    give_up(office)
    await office.context.parked.replay(f"{KEY.ref}/read:jira", office.clock())
    await office.work()
    assert (len(office.jira.of(KEY.mark)), await office.parked()) == (1, {})


async def test_a_new_address_that_does_not_tell_its_site_is_waited_for(office: Office, keyring: Keyring) -> None:
    """A number that is unknown there is no deleted ticket."""
    (ticket,) = office.jira.of(KEY.mark)
    del office.jira.books[ticket.id]
    office.jira._address = "https://another.example"
    office.context = office.context_with(keyring, office.context.rulebook)
    office.jira.troubles.for_good("site", TryLater("jira", "busy"))
    await office.look()
    assert (office.jira.of(KEY.mark), await office.parked()) == ([], {})
    assert (await office.record()).attempts == 1
    office.jira.troubles.heal()
    asked = office.jira.troubles.calls.count("site")
    office.clock.pass_by(UNTOLD_ASKED_AGAIN_AFTER)  # the cases of the tracker wait for it
    await office.look()
    assert office.jira.troubles.calls.count("site") == asked + 1


async def test_a_ticket_that_came_along_with_its_mark_is_believed_from_then_on(office: Office) -> None:
    (ticket,) = office.jira.of(KEY.mark)
    office.jira._address = "https://another.example"
    await told(office)
    await office.look()
    link = (await office.record()).links["jira"]
    assert (link.ticket_id, link.site, len(office.jira.books)) == (ticket.id, "https://another.example", 1)
    office.jira.books[ticket.id].ticket = replace(ticket, mark=None)
    await office.look()
    assert len(office.jira.books) == 1


@pytest.mark.parametrize("is_another", [False, True])
async def test_a_link_of_the_version_before_is_believed_while_there_was_one_site_only(
    office: Office, *, is_another: bool
) -> None:
    """That version kept only the ticket's id, key and address."""
    (ticket,) = office.jira.of(KEY.mark)
    row = {"link:jira": json.dumps([ticket.id, ticket.key, ticket.url])}
    await office.connection.ask(office.redis.hset(CASE + KEY.ref, mapping=row))
    await office.connection.ask(office.redis.hdel(CASE + KEY.ref, "tie:jira"))
    assert (await office.record()).links["jira"].site == ""
    office.jira.books[ticket.id].ticket = replace(ticket, mark=None)
    give_up(office)
    if is_another:
        office.jira._address = "https://another.example"
        await told(office)
    await office.look()
    assert len(office.jira.books) == 1 + is_another


async def test_a_tracker_that_does_not_tell_is_asked_again_and_nothing_is_concluded(office: Office) -> None:
    before = office.jira.troubles.calls.count("site")
    office.clock.pass_by(GOOD_FOR)
    office.jira.troubles.once("site", TryLater("jira", "busy"))
    for _ in range(3):
        await office.look()
    assert office.jira.troubles.calls.count("site") == before + 1
    office.clock.pass_by(ASKED_AGAIN_AFTER)
    await office.look()
    assert office.jira.troubles.calls.count("site") == before + 2
    assert len(office.jira.books) == 1


async def test_a_worker_that_has_just_started_goes_by_what_is_remembered_of_a_tracker_that_does_not_tell(
    office: Office,
) -> None:
    """The link is of the site before: its number says nothing here. Commands that only look go by the same."""
    await Sites(office.connection).note("jira", Site("https://another.example", "another"), office.clock())
    link = (await office.record()).links["jira"]
    restarted = TrackerSites(office.connection, office.trackers, office.clock)
    for told in (restarted.of(["jira"]), histories_of(office.connection, office.trackers, office.clock())):
        office.jira.troubles.once("site", TryLater("jira", "busy"))
        assert not (await told)["jira"].is_of(link)


async def test_of_many_who_notice_a_change_at_once_one_tells_it(connection: Connection) -> None:
    sites = Sites(connection)
    assert await sites.note("jira", OLD, 1.0) == (SiteHistory(OLD), False)
    noted = await asyncio.gather(*(Sites(connection).note("jira", NEW, float(at)) for at in range(2, 22)))
    assert sum(is_another for _, is_another in noted) == 1
    assert len({history for history, _ in noted}) == 1
    history = await sites.read("jira")
    assert history is not None
    assert (history.site, history.before) == (NEW, OLD)
    assert await sites.read("snow") is None
