"""`table: incident` becomes `sn_si_incident` under living cases: real adapter, real store, the stand-in over HTTP."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.reading.loading import loaded_of
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.store.cases.links import Owners, linked_places
from remediation.store.keys import CASE
from remediation.store.server.connection import Connection
from remedy.mappings.former_tables import unnamed_tables
from remedy.reconcile.walk import BEGINNING, Walk
from sandbox.secrets import DISTRICT
from tests.contract.servicenow_world import ServiceNowWorld, servicenow_world
from tests.integration.indexed import forget_tickets, in_index
from tests.integration.offices import KEY, Office
from tests.stand_ins import AccountSources, RealClock
from workers.rounds.polls import poll_trackers

SECURITY = "sn_si_incident"
UNKNOWN = "u_privacy_case"
NAMED: dict[str, Any] = {"former_tables": {"incident": {}}}
FILE = """
version: 1
districts:
  DISTRICT:
    schoolscan: {url: "https://schoolscan.example/v1", token: {env: A}, webhook: {secrets: [{env: B}]}}
trackers:
  servicenow: {kind: servicenow, url: "https://helpdesk.example", auth: {api_key: {env: C}}, table: TABLE}
templates: {body: What to do}
rules:
  - {name: every, tickets: {servicenow: {impact: 1}}}
"""


class Desktop:
    """A case, and a tracker whose table is another one from one moment to the next."""

    def __init__(self, office: Office, snow: ServiceNowWorld, keyring: Keyring, stack: AsyncExitStack) -> None:
        self.office, self.snow, self._keyring, self._stack = office, snow, keyring, stack

    def take(self, table: str, **settings: Any) -> None:
        """From now on the file says so."""
        tracker = self.snow.connect(table=table, **settings)
        self._stack.push_async_callback(tracker.close)
        self.office.trackers["servicenow"] = tracker
        text = FILE.replace("DISTRICT", DISTRICT).replace("TABLE", table)
        rulebook = MappingsRulebook(loaded_of(text, "mappings.yaml").mappings)
        self.office.context = self.office.context_with(self._keyring, rulebook)

    async def poll(self) -> None:
        await poll_trackers(self.office.arq_context)
        await self.office.work()

    async def ticket(self) -> Ticket:
        """The linked one, as it is now."""
        return await self.office.trackers["servicenow"].read(await self.linked())

    async def linked(self) -> str:
        return (await self.office.record()).links["servicenow"].ticket_id

    async def move_link(self, table: str) -> None:
        """The ticket was opened in this table, by a file that nobody has any more."""
        ask, redis = self.office.connection.ask, self.office.redis
        ticket_id, key = json.loads(await ask(redis.hget(CASE + KEY.ref, "link:servicenow")) or "")
        moved = f"{table}/{ticket_id.partition('/')[2]}"
        await ask(redis.hset(CASE + KEY.ref, mapping={"link:servicenow": json.dumps([moved, key])}))
        await forget_tickets(self.office.connection, "servicenow")
        lines = "index_ticket(ARGV[1], ARGV[2], ARGV[3]) return 1"
        await in_index(self.office.connection, lines, "servicenow", moved, KEY.ref)

    def count(self) -> int:
        return self.snow.count(KEY.mark)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
async def desk(connection: Connection, keyring: Keyring) -> AsyncIterator[Desktop]:
    """The case has a ticket in `incident`, and all is in step."""
    with servicenow_world() as snow:
        snow.name = "servicenow"
        async with AsyncExitStack() as stack:
            office = Office(connection, keyring, trackers={"servicenow": snow.connect()}, clock=RealClock())
            desk = Desktop(office, snow, keyring, stack)
            desk.take("incident")
            await office.look()
            await desk.poll()
            assert (desk.count(), office.status()) == (1, Status.REVIEWING)
            yield desk


async def test_an_incident_on_hold_resolves_nothing_after_the_table_has_become_another(desk: Desktop) -> None:
    desk.snow.patch(await desk.ticket(), state="3")
    desk.take(SECURITY)
    await desk.office.look()
    assert desk.office.status() is Status.REVIEWING
    assert (desk.count(), await desk.office.parked()) == (1, {})


async def test_what_people_close_in_the_former_table_is_noticed_by_the_poll(desk: Desktop) -> None:
    ticket = await desk.ticket()
    desk.take(SECURITY)
    await desk.poll()
    desk.snow.close_as_person(ticket, Reason.FIXED)
    await desk.poll()
    assert desk.office.status() is Status.RESOLVED


async def test_what_they_closed_before_the_first_poll_with_the_new_table_is_noticed_too(desk: Desktop) -> None:
    ticket = await desk.ticket()
    desk.snow.close_as_person(ticket, Reason.FIXED)
    desk.office.clock.pass_by(3_600)
    desk.take(SECURITY)
    await desk.poll()
    assert desk.office.status() is Status.RESOLVED


async def test_a_former_table_that_refuses_does_not_hold_up_the_list_of_todays(desk: Desktop) -> None:
    ticket = await desk.ticket()
    desk.take(SECURITY)
    desk.snow.close_as_person(ticket, Reason.FIXED)
    desk.snow.fault("status", method="GET", path="/table/incident$", status=403, times=None)
    desk.snow.http.delete("/_sandbox/requests")
    for _ in range(2):
        await desk.poll()
    asked = [entry["path"].rpartition("/")[2] for entry in desk.snow.requests() if "/table/" in entry["path"]]
    assert asked.count(SECURITY) == 2
    assert desk.office.status() is Status.REVIEWING
    desk.snow.heal()
    await desk.poll()
    assert desk.office.status() is Status.RESOLVED


async def test_a_resolved_finding_closes_its_incident_by_the_words_of_incident(desk: Desktop) -> None:
    ticket = await desk.ticket()
    desk.take(SECURITY)
    desk.office.source.set_status("fnd_1", Status.RESOLVED)
    await desk.office.look()
    assert desk.snow.record(ticket)["values"]["state"] == "6"
    desk.office.source.set_status("fnd_1", Status.OPEN)
    await desk.office.look()
    assert desk.snow.record(ticket)["values"]["state"] == "2"
    assert (desk.count(), desk.office.status()) == (1, Status.REVIEWING)


async def test_reconciling_looks_at_every_table_that_has_tickets(desk: Desktop) -> None:
    desk.take(SECURITY)
    todo, trackers = desk.office.context.todo, desk.office.trackers
    linked = {name: await linked_places(desk.office.connection, name) for name in trackers}
    owners = Owners(todo, desk.office.context.rulebook)
    sources = AccountSources({DISTRICT: desk.office.source})
    walk = Walk(sources, trackers, owners, BEGINNING, desk.office.clock, print, linked=linked)
    (candidate,) = [each async for batch in walk.batches() for each in batch]
    assert candidate.tickets.keys() == {"servicenow"}


async def test_with_redis_wiped_the_incident_is_found_where_the_file_names_its_table(desk: Desktop) -> None:
    linked = await desk.linked()
    desk.take(SECURITY, **NAMED)
    await desk.office.redis.flushall()
    await desk.office.look()
    assert (desk.count(), await desk.linked()) == (1, linked)


async def test_a_create_whose_answer_was_lost_is_found_although_the_table_has_changed_since(
    connection: Connection, keyring: Keyring
) -> None:
    with servicenow_world() as snow:
        snow.name = "servicenow"
        async with AsyncExitStack() as stack:
            office = Office(connection, keyring, trackers={"servicenow": snow.connect()}, clock=RealClock())
            desk = Desktop(office, snow, keyring, stack)
            desk.take("incident")
            snow.fault("lost_reply", method="POST", path=snow.create_path)
            await office.look()
            desk.take(SECURITY)
            await office.later(300)
            assert (desk.count(), (await desk.linked()).partition("/")[0]) == (1, "incident")
            assert not (await office.record()).intents
            assert b"place:servicenow" not in await connection.ask(office.redis.hkeys(CASE + KEY.ref))


async def test_a_ticket_in_a_table_that_nobody_explains_is_unseen_and_nothing_follows_from_it(desk: Desktop) -> None:
    await desk.move_link(UNKNOWN)
    desk.office.source.set_status("fnd_1", Status.RESOLVED)
    desk.take(SECURITY)
    await desk.office.look()
    assert list(await desk.office.parked()) == [f"{KEY.ref}/read:servicenow"]
    assert (desk.count(), (await desk.linked()).partition("/")[0]) == (1, UNKNOWN)
    desk.office.source.set_status("fnd_1", Status.OPEN)
    await desk.office.look()
    assert desk.count() == 1, "no second one beside what nobody sees"


@pytest.mark.parametrize(("table", "is_known"), [("incident", True), (UNKNOWN, False)])
async def test_tables_that_have_tickets_and_no_name_are_told(desk: Desktop, table: str, is_known: bool) -> None:  # noqa: FBT001 - a column
    await desk.move_link(table)
    settings = {"kind": "servicenow", "url": "https://a.example", "auth": {"api_key": {"env": "A"}}}
    config = ServiceNowTracker.model_validate({**settings, "table": SECURITY})
    (found,) = await unnamed_tables(desk.office.connection, {"servicenow": config})
    assert (found.table, found.count, found.is_known) == (table, 1, is_known)
    assert f"1 linked ticket is in {table}" in found.inspection.message
    words = {"states": {"1": "open", "6": "done"}, "resolve_state": "6", "reopen_state": "1"}
    named = ServiceNowTracker.model_validate({**settings, "table": SECURITY, "former_tables": {table: words}})
    assert await unnamed_tables(desk.office.connection, {"servicenow": named}) == []
