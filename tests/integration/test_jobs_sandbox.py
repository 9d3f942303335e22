"""Job `look_at_case` with the real adapters over HTTP and the delivered rules."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, TicketState
from remediation.mapping.reading.loading import load_mappings
from remediation.ports import Tracker
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from sandbox.jira.stand_in import SERVICE
from tests.contract.jira_world import JiraWorld
from tests.contract.servicenow_world import ServiceNowWorld
from tests.integration.offices import KEY, Office
from tests.stand_ins import LATER, RealClock
from workers.jobs.cases import look_at_case
from workers.rounds.polls import poll_trackers

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
async def office(
    connection: Connection, keyring: Keyring, jira: JiraWorld, snow: ServiceNowWorld
) -> AsyncIterator[Office]:
    trackers: dict[str, Tracker] = {"servicenow": snow.connect(), "jira": jira.connect()}
    rules = load_mappings(Path(__file__).parents[2] / "mappings.yaml")
    office = Office(
        connection, keyring, trackers=trackers, rulebook=MappingsRulebook(rules.mappings), clock=RealClock()
    )
    office.source.findings["fnd_1"] = Finding(
        "fnd_1",
        Status.OPEN,
        Severity.CRITICAL,
        DomainType.DIRECT_PII,
        title="ZZPII-title",
        url="https://ZZPII",
        detected_at=LATER,
    )
    yield office
    for tracker in trackers.values():
        await tracker.close()


async def test_the_life_of_a_finding_in_two_real_trackers(
    office: Office, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    await office.look()
    assert (snow.count(KEY.mark), jira.count(KEY.mark)) == (1, 1)
    links = (await office.record()).links
    note = office.source.updates[-1][2]
    assert all(link.ticket_key in note for link in links.values())
    assert "ZZPII" not in str(jira.books()) + str(snow.http.get("/_sandbox/records").json())
    tickets = {name: await office.trackers[name].read(link.ticket_id) for name, link in links.items()}
    snow.close_as_person(tickets["servicenow"], Reason.FIXED)
    jira.close_as_person(tickets["jira"], Reason.FIXED)
    jira.wait_searchable()
    await poll_trackers(office.arq_context)
    await office.work()
    assert office.status() is Status.RESOLVED
    assert jira.person in office.source.updates[-1][2]
    office.source.set_status("fnd_1", Status.OPEN)
    await office.look()
    assert office.status() is Status.REVIEWING
    for name, link in links.items():
        assert (await office.trackers[name].read(link.ticket_id)).state.is_active
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    for name, link in links.items():
        assert (await office.trackers[name].read(link.ticket_id)).state is TicketState.DONE
    assert (snow.count(KEY.mark), jira.count(KEY.mark)) == (1, 1)


def failed_polls(tracker: str) -> float:
    return REGISTRY.get_sample_value("remedy_polls_total", {"tracker": tracker, "outcome": "failed"}) or 0.0


async def test_what_people_do_while_our_token_has_run_out_is_noticed_once_it_is_renewed(
    office: Office, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    """Jira Cloud answers the expired token's search with 200 and no issues."""
    await office.look()
    await poll_trackers(office.arq_context)
    links, before = (await office.record()).links, failed_polls("jira")
    for world, name in ((snow, "servicenow"), (jira, "jira")):
        world.close_as_person(await office.trackers[name].read(links[name].ticket_id), Reason.FIXED)
    jira.wait_searchable()
    jira.settings(expired=[SERVICE.account_id])
    cursor = await office.context.todo.cursor("jira")
    for _ in range(2):
        await poll_trackers(office.arq_context)
    assert failed_polls("jira") == before + 2
    assert await office.context.todo.cursor("jira") == cursor
    await office.work()
    assert office.status() is Status.REVIEWING, "Jira's ticket cannot be seen: the case waits"
    assert (await office.record()).attempts == 1
    jira.settings(expired=[])
    await poll_trackers(office.arq_context)
    await office.work()
    assert office.status() is Status.RESOLVED
    assert (snow.count(KEY.mark), jira.count(KEY.mark)) == (1, 1)


async def test_after_a_few_polls_our_own_writes_are_no_news(office: Office, jira: JiraWorld) -> None:
    await office.look()
    jira.wait_searchable()
    await poll_trackers(office.arq_context)
    await office.work()
    looks = office.source.troubles.calls.count("finding")
    for _ in range(2):
        await poll_trackers(office.arq_context)
    assert await office.work() == []
    assert office.source.troubles.calls.count("finding") == looks


async def test_two_looks_at_once_open_one_ticket_in_each(
    office: Office, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    await office.mark()
    await asyncio.gather(*(look_at_case(office.arq_context, KEY.ref) for _ in range(4)))
    await office.work()
    assert (snow.count(KEY.mark), jira.count(KEY.mark)) == (1, 1)


@pytest.mark.parametrize("kind", ["lost_reply", "half", "reset", "html"])
async def test_a_create_whose_answer_is_lost_never_makes_a_second_ticket(
    office: Office, jira: JiraWorld, snow: ServiceNowWorld, kind: str
) -> None:
    for world in (jira, snow):
        world.fault(kind, method="POST", path=world.create_path)
    await office.look()
    await office.look()
    jira.wait_searchable()
    await office.later(300)  # by our clock the horizon is over; by Jira's its search has caught up
    assert (snow.count(KEY.mark), jira.count(KEY.mark)) == (1, 1)
    assert set((await office.record()).links) == {"servicenow", "jira"}
    assert office.status() is Status.REVIEWING
    assert await office.context.todo.dirty() == 0


async def test_with_redis_wiped_every_ticket_is_found_again(
    office: Office, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    await office.look()
    jira.wait_searchable()
    await office.redis.flushall()
    await office.look()
    assert (snow.count(KEY.mark), jira.count(KEY.mark)) == (1, 1)
    assert set((await office.record()).links) == {"servicenow", "jira"}


async def test_a_tracker_that_refuses_has_its_words_parked_and_the_other_is_served(
    office: Office, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    jira.fault("status", method="POST", path=jira.create_path, status=400, times=None)
    await office.look()
    assert list(await office.parked()) == [f"{KEY.ref}/open:jira"]
    assert snow.count(KEY.mark) == 1
    jira.heal()
    await office.context.parked.replay(f"{KEY.ref}/open:jira", office.clock())
    await office.work()
    assert (jira.count(KEY.mark), await office.parked()) == (1, {})


@pytest.mark.parametrize("dropped", [["state"], ["state", "close_code"]])
async def test_a_state_that_servicenow_drops_is_parked_and_not_tried_without_end(
    office: Office, snow: ServiceNowWorld, dropped: list[str]
) -> None:
    """The record takes the rest of the request: that it is another version then is our own work, and nobody's news."""
    await office.look()
    snow.set(dropped_fields=dropped)
    office.source.set_status("fnd_1", Status.RESOLVED)
    await office.look()
    for _ in range(3):
        await office.later(300)
    assert list(await office.parked()) == [f"{KEY.ref}/resolve:servicenow"]


async def test_a_ticket_that_somebody_deleted_is_opened_anew(
    office: Office, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    await office.look()
    link = (await office.record()).links["jira"]
    jira.delete(await office.trackers["jira"].read(link.ticket_id))
    jira.wait_searchable()
    await office.look()
    assert (snow.count(KEY.mark), jira.count(KEY.mark)) == (1, 1)
    assert (await office.record()).links["jira"].ticket_id != link.ticket_id


async def test_an_account_that_may_create_and_not_browse_opens_no_second_ticket(
    office: Office, jira: JiraWorld, snow: ServiceNowWorld
) -> None:
    await office.look()
    before = (await office.record()).links["jira"]
    jira.settings(withheld=["BROWSE_PROJECTS"])
    jira.wait_searchable()
    for _ in range(3):
        await office.look()
    assert (snow.count(KEY.mark), jira.count(KEY.mark)) == (1, 1)
    assert list(await office.parked()) == [f"{KEY.ref}/read:jira"]
    jira.settings(withheld=[])
    await office.look()
    assert (jira.count(KEY.mark), await office.parked()) == (1, {})
    assert (await office.record()).links["jira"] == before


async def test_a_table_that_is_hidden_without_a_sign_gets_no_ticket_at_each_look(
    office: Office, snow: ServiceNowWorld
) -> None:
    await office.look()
    snow.set(filtered_tables=["incident"])
    for _ in range(4):
        await office.look()
    assert snow.count(KEY.mark) == 2, "one that nobody could know to be there, and no more"
    assert list(await office.parked()) == [f"{KEY.ref}/open:servicenow"]
    snow.set(filtered_tables=[])
    await office.look()
    assert await office.parked() == {}, "it is seen again, so that nothing need be opened"
    assert (await office.record()).links["servicenow"].ticket_id
    assert snow.count(KEY.mark) == 2


async def test_a_second_ticket_with_our_mark_is_closed_in_favour_of_the_older(office: Office, jira: JiraWorld) -> None:
    tracker = office.trackers["jira"]
    older, younger = [await tracker.create(jira.draft(KEY.mark)) for _ in range(2)]
    jira.wait_searchable()
    await office.look()
    assert (await office.record()).links["jira"].ticket_id == older.id
    closed = await tracker.read(younger.id)
    assert (closed.state, closed.reason) == (TicketState.DONE, Reason.DUPLICATE)
    assert older.key in jira.comments(younger)[-1]
