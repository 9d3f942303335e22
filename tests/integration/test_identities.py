"""Findings whose ids change from scan to scan are one case: one ticket in each tracker, whatever comes at once."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from remediation import failpoints
from remediation.domain.cases.identities import Identity, IdentityField
from remediation.domain.cases.members import KnownMember
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.look.members import MOST_READS
from remediation.sealing import Keyring
from remediation.store.cases.links import Owners
from remediation.store.keys import SCAN, SERVER
from remediation.store.server.connection import Connection
from tests.action_names import actions_named
from tests.examples import examples
from tests.integration.offices import KEY, Office
from tests.integration.reconciling import at_work, foreseen, found, reconcile, walk_of
from tests.stand_ins import LATER, PlainRulebook
from workers.jobs.cases import look_at_case
from workers.jobs.scans import page_scan

BY = frozenset({IdentityField.DOMAIN_TYPE, IdentityField.URL})
IDENTITY = Identity(BY, b"test-only-key-of-an-identity-----")
URL = "https://www.lakeside.example/staff/ZZPII-list.pdf"
FIRST = Finding("fnd_1", Status.OPEN, Severity.HIGH, DomainType.DIRECT_PII, url=URL, detected_at=LATER, scan_id="scn_1")
SECOND = replace(FIRST, id="fnd_2", detected_at=LATER + timedelta(days=7), scan_id="scn_2")
THIRD = replace(FIRST, id="fnd_3", detected_at=LATER + timedelta(days=14), scan_id="scn_3")
HOME = IDENTITY.case_of("lakeside", FIRST) or KEY


def own(finding: Finding) -> CaseKey:
    return CaseKey("lakeside", CaseKind.FINDING, finding.id)


class Room(Office):
    """An office whose findings are told apart by what they say."""

    def __init__(self, connection: Connection, keyring: Keyring, *, used: bool = True) -> None:
        self.rules = PlainRulebook("snow", "jira")
        self.saved: dict[bytes, bytes] = {}
        super().__init__(connection, keyring, rulebook=self.rules)
        self.source.findings = {FIRST.id: FIRST}
        if used:
            self.turn_on()

    def turn_on(self) -> None:
        self.rules.identities = {"lakeside": IDENTITY}

    def find(self, *findings: Finding) -> None:
        self.source.findings |= {each.id: each for each in findings}

    async def told_of(self, *findings: Finding) -> list[str]:
        await self.context.todo.mark([(own(each), None) for each in findings], self.clock())
        return await self.work()

    async def scanned(self, scan: str) -> list[str]:
        """A scan is listed, as a worker does it."""
        listing = ["id", scan, "state", "listing", "cursor", ""]
        await self.connection.ask(self.redis.hset(f"{SCAN}lakeside:scan:{scan}", items=listing))
        await page_scan(self.arq_context, f"lakeside:scan:{scan}")
        return await self.work()

    async def crowd(self) -> None:
        """All workers look at everything at once."""
        keys = [own(each) for each in self.source.findings.values()]
        await self.context.todo.mark([(key, None) for key in keys], self.clock())
        refs = [key.ref for key in (*keys, HOME, *keys, HOME)]
        await asyncio.gather(*(look_at_case(self.arq_context, ref) for ref in refs))
        await self.work()

    def all_tickets(self) -> list[Ticket]:
        books = (*self.snow.books.values(), *self.jira.books.values())
        return [kept.ticket for kept in books]

    def active(self) -> list[Ticket]:
        return [ticket for ticket in self.all_tickets() if ticket.state.is_active]

    def statuses(self) -> dict[str, Status]:
        return {name: each.status for name, each in self.source.findings.items()}

    def close(self, reason: Reason = Reason.FIXED) -> None:
        for ticket in self.active():
            tracker = self.snow if ticket.tracker == "snow" else self.jira
            tracker.change(ticket.id, TicketState.DONE, reason, by="person-1")

    async def look_home(self) -> list[str]:
        await self.context.todo.mark([(HOME, None)], self.clock())
        return await self.work()

    async def home(self) -> CaseRecord:
        return await self.record(HOME)

    async def save(self) -> None:
        """A backup of the store. Times to live are left out."""
        names = await self.connection.ask(self.redis.keys())
        self.saved = {name: await self.connection.ask(self.redis.dump(name)) for name in names}

    async def restore(self) -> None:
        """Another server comes up with the backup, or with nothing where there is none."""
        await self.redis.flushall()
        for name, value in self.saved.items():
            await self.connection.ask(self.redis.restore(name, 0, value))
        await self.connection.ask(self.redis.set(SERVER, "the run id of another process"))


async def room_of(connection: Connection, keyring: Keyring, *, used: bool = True) -> Room:
    """A room whose store is so old that no early search is doubted, until it is wiped."""
    await connection.begin(0.001)
    return Room(connection, keyring, used=used)


@pytest.fixture
async def room(connection: Connection, keyring: Keyring) -> Room:
    return await room_of(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def test_a_finding_joins_the_case_of_what_it_says(room: Room) -> None:
    assert await room.told_of(FIRST) == ["look_at_case"] * 2
    assert {ticket.mark for ticket in room.all_tickets()} == {HOME.mark}
    assert len(room.all_tickets()) == 2
    assert room.statuses() == {"fnd_1": Status.REVIEWING}
    assert (await room.record(own(FIRST))).home == HOME.ref
    assert (await room.home()).members == {"fnd_1": 1}
    assert await room.context.todo.dirty() == 0


async def test_a_new_id_joins_the_old_ticket_and_gets_the_note(room: Room) -> None:
    await room.told_of(FIRST)
    room.find(SECOND)
    await room.told_of(SECOND)
    assert len(room.all_tickets()) == 2
    assert set(room.statuses().values()) == {Status.REVIEWING}
    assert [each[0] for each in room.source.updates] == ["fnd_1", "fnd_2"], "no write for what is so already"


async def test_two_new_ids_at_once_get_one_ticket_in_each_tracker(room: Room) -> None:
    room.find(SECOND)
    await room.context.todo.mark([(own(FIRST), None), (own(SECOND), None)], room.clock())
    refs = [own(FIRST).ref, own(SECOND).ref, HOME.ref, HOME.ref, own(FIRST).ref]
    await asyncio.gather(*(look_at_case(room.arq_context, ref) for ref in refs))
    await asyncio.gather(*(look_at_case(room.arq_context, HOME.ref) for _ in range(3)))
    await room.work()
    assert sorted(ticket.tracker for ticket in room.all_tickets()) == ["jira", "snow"]
    assert set(room.statuses().values()) == {Status.REVIEWING}


async def test_closing_the_ticket_solves_all_members(room: Room) -> None:
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    room.close()
    await room.look_home()
    assert set(room.statuses().values()) == {Status.RESOLVED}


async def test_one_member_resolved_while_another_is_open_closes_nothing(room: Room) -> None:
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    room.source.set_status("fnd_2", Status.RESOLVED)
    await room.told_of(SECOND)
    assert len(room.active()) == 2
    room.source.set_status("fnd_1", Status.RESOLVED)
    await room.told_of(FIRST)
    assert room.active() == []
    assert await room.told_of(SECOND) == ["look_at_case"] * 2


async def test_found_again_under_a_new_id_after_the_ticket_was_closed_it_is_reopened(room: Room) -> None:
    await room.told_of(FIRST)
    room.close()
    await room.look_home()
    room.find(SECOND)
    await room.told_of(SECOND)
    assert len(room.all_tickets()) == len(room.active()) == 2
    assert room.statuses() == {"fnd_1": Status.RESOLVED, "fnd_2": Status.REVIEWING}


async def test_members_are_read_no_more_until_somebody_tells_of_them(room: Room) -> None:
    await room.told_of(FIRST)
    room.close()
    await room.look_home()
    room.find(SECOND)
    await room.told_of(SECOND)
    assert (await room.home()).live == ()
    before = len(room.source.troubles.calls)
    await room.look_home()
    assert room.source.troubles.calls[before:] == ["finding"]
    room.source.set_status("fnd_1", Status.OPEN)
    await room.told_of(FIRST)
    assert room.statuses()["fnd_1"] is Status.REVIEWING


async def test_members_that_are_gone_are_left_out_until_all_are(room: Room) -> None:
    room.rules.terms = replace(room.rules.terms, closes_gone=True)
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    room.source.forget("fnd_1")
    await room.told_of(FIRST)
    assert len(room.active()) == 2
    room.source.forget("fnd_2")
    await room.told_of(SECOND)
    assert room.active() == []


async def test_after_a_wipe_the_case_waits_for_a_name_and_nothing_is_concluded(room: Room) -> None:
    room.find(replace(FIRST, updated_at=datetime(2020, 1, 1, tzinfo=UTC)))
    await room.told_of(FIRST)
    room.close()
    updates = list(room.source.updates)
    await room.redis.flushall()
    await room.context.todo.mark_found([(HOME, None, {"jira": {"1"}, "snow": {"2"}})], room.clock())
    await room.work()
    assert room.source.updates == updates
    assert await room.context.todo.dirty() == 0
    await room.told_of(FIRST)
    await room.later()
    assert len(room.all_tickets()) == 2
    assert room.statuses() == {"fnd_1": Status.RESOLVED}


async def test_after_a_wipe_a_new_id_finds_the_old_ticket(room: Room) -> None:
    await room.told_of(FIRST)
    await room.redis.flushall()
    room.find(SECOND)
    await room.told_of(SECOND)
    await room.later()
    assert len(room.all_tickets()) == 2
    assert room.statuses()["fnd_2"] is Status.REVIEWING


async def test_just_after_a_wipe_no_early_search_is_trusted_for_a_new_id_either(room: Room) -> None:
    room.jira.lag = room.snow.lag = 5.0
    await room.told_of(FIRST)
    await room.redis.flushall()
    room.find(SECOND)  # found after the wipe, and of the same case as what was found before
    await room.told_of(SECOND)
    await room.later(20.0)
    assert len(room.all_tickets()) == 2


async def test_a_wipe_between_the_joining_and_the_look_loses_no_ticket(room: Room) -> None:
    await room.told_of(FIRST)
    room.find(SECOND)
    await room.context.todo.mark([(own(SECOND), None)], room.clock())
    await look_at_case(room.arq_context, own(SECOND).ref)
    await room.redis.flushall()
    await room.told_of(FIRST, SECOND)
    await room.later()
    assert len(room.all_tickets()) == 2


async def test_a_backup_of_the_time_before_the_joining_opens_no_ticket(
    connection: Connection, keyring: Keyring
) -> None:
    room = await room_of(connection, keyring, used=False)
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    await room.save()
    room.turn_on()
    await room.told_of(FIRST, SECOND)
    before = room.all_tickets()
    room.snow.lag = room.jira.lag = 5.0
    await room.restore()
    for _ in range(2):
        await room.told_of(FIRST, SECOND)
        await room.later()
    assert room.all_tickets() == before
    assert [ticket.tracker for ticket in room.active()] == ["snow", "jira"]


async def test_turned_on_for_a_store_with_cases_their_tickets_are_adopted(
    connection: Connection, keyring: Keyring
) -> None:
    room = await room_of(connection, keyring, used=False)
    await room.told_of(FIRST)
    before = room.all_tickets()
    room.turn_on()
    room.find(SECOND)
    await room.told_of(FIRST)
    assert room.all_tickets() == before
    await room.told_of(SECOND)
    assert [ticket.id for ticket in room.all_tickets()] == [ticket.id for ticket in before]
    assert {ticket.mark for ticket in before} == {KEY.mark}
    assert set((await room.home()).links) == {"snow", "jira"}
    record = await room.record(own(FIRST))
    assert (record.home, record.links, record.memory.finding) == (HOME.ref, {}, None)
    room.close()
    await room.look_home()
    assert set(room.statuses().values()) == {Status.RESOLVED}


@pytest.mark.parametrize("at_once", [False, True])
async def test_two_old_cases_of_one_identity_keep_one_ticket(
    connection: Connection, keyring: Keyring, *, at_once: bool
) -> None:
    room = await room_of(connection, keyring, used=False)
    room.find(SECOND)
    await room.told_of(FIRST)
    room.clock.pass_by(60)
    await room.told_of(SECOND)
    assert len(room.active()) == 4
    room.turn_on()
    if at_once:
        await room.context.todo.mark([(own(FIRST), None), (own(SECOND), None), (HOME, None)], room.clock())
        refs = [own(FIRST).ref, own(SECOND).ref, HOME.ref]
        await asyncio.gather(*(look_at_case(room.arq_context, ref) for ref in refs))
        await room.work()
    else:
        await room.told_of(SECOND)
        await room.told_of(FIRST)
    await room.later()
    assert {ticket.mark for ticket in room.active()} == {own(FIRST).mark}, "the oldest stays"
    assert len(room.active()) == 2
    assert set(room.statuses().values()) == {Status.REVIEWING}
    assert len((await room.home()).links) == 2


async def test_an_old_case_waits_while_the_other_is_looked_at(connection: Connection, keyring: Keyring) -> None:
    room = await room_of(connection, keyring, used=False)
    await room.told_of(FIRST)
    room.turn_on()
    await room.context.todo.mark([(HOME, None), (own(FIRST), None)], room.clock())
    lease = await room.context.todo.take(HOME.ref, room.clock())
    assert lease is not None
    await look_at_case(room.arq_context, own(FIRST).ref)
    assert set((await room.record(own(FIRST))).links) == {"snow", "jira"}
    await room.context.todo.settle(lease, lease.record.memory, room.clock())
    await room.context.todo.let_go(lease)
    await room.later()
    assert set((await room.home()).links) == {"snow", "jira"}
    assert len(room.all_tickets()) == 2


async def test_once_it_belongs_to_a_case_it_stays_there(room: Room) -> None:
    await room.told_of(FIRST)
    room.find(replace(FIRST, status=Status.REVIEWING, url="https://elsewhere.example/"))
    await room.told_of(FIRST)
    room.rules.identities = {}
    await room.told_of(FIRST)
    assert len(room.all_tickets()) == 2


async def test_a_finding_without_the_fields_is_its_own_case(room: Room) -> None:
    room.find(replace(FIRST, url=None))
    await room.told_of(FIRST)
    assert {ticket.mark for ticket in room.all_tickets()} == {KEY.mark}
    assert (await room.record()).home == ""


async def test_one_refused_member_keeps_no_other_from_its_status(room: Room) -> None:
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    room.close()
    room.source.troubles.once("update_finding", Refused("schoolscan", "no", status=422))
    await room.look_home()
    assert sorted(room.statuses().values()) == [Status.RESOLVED, Status.REVIEWING]
    assert list(await room.parked()) == [f"{HOME.ref}/patch:resolved"]


async def test_a_write_that_must_wait_is_made_up_for_and_no_other_repeated(room: Room) -> None:
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    room.close()
    original, done = room.source.update_finding, len(room.source.updates)

    async def once_only(finding_id: str, status: Status, note: str) -> None:
        if len(room.source.updates) > done:
            room.source.update_finding = original  # type: ignore[method-assign]
            raise TryLater("schoolscan", "busy", status=429, after=1.0)
        await original(finding_id, status, note)

    room.source.update_finding = once_only  # type: ignore[method-assign]
    await room.look_home()
    await room.later()
    assert set(room.statuses().values()) == {Status.RESOLVED}
    assert [each[0] for each in room.source.updates[done:]] in (["fnd_1", "fnd_2"], ["fnd_2", "fnd_1"])


async def test_no_address_lies_in_redis(room: Room) -> None:
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    everything = [key async for key in room.redis.scan_iter()]
    dumped = [await room.redis.dump(key) for key in everything]
    assert not any(b"ZZPII" in value for value in (*everything, *dumped))


async def test_a_scan_marks_the_case_and_spares_the_look_at_each_finding(room: Room) -> None:
    room.find(SECOND, replace(THIRD, id="fnd_4", scan_id="scn_2", url=None))
    assert await room.scanned("scn_2") == ["look_at_case", "look_at_case"]
    assert sorted(ticket.mark or "" for ticket in room.all_tickets()) == sorted(
        [HOME.mark, "remedy:lakeside:finding:fnd_4"] * 2
    )
    assert (await room.home()).members == {"fnd_2": 1}
    await room.told_of(SECOND)
    assert (await room.home()).members == {"fnd_2": 2}


async def test_a_page_that_is_listed_again_after_a_crash_names_nobody_wrongly(room: Room) -> None:
    room.find(SECOND)
    owners = Owners(room.context.todo, room.rules)
    assert await owners.of_subjects(
        "lakeside", [subject_of(CaseKey("lakeside", CaseKind.FINDING, "fnd_2"), SECOND)], room.clock()
    ) == [HOME]
    await room.scanned("scn_2")
    assert set((await room.home()).members) == {"fnd_2"}
    assert len(room.all_tickets()) == 2


async def test_a_scan_looks_at_a_finding_whose_own_case_has_to_go_along(
    connection: Connection, keyring: Keyring
) -> None:
    room = await room_of(connection, keyring, used=False)
    await room.told_of(FIRST)
    room.turn_on()
    await room.scanned("scn_1")
    assert (await room.record(own(FIRST))).home == HOME.ref
    assert len(room.all_tickets()) == 2
    assert set((await room.home()).links) == {"snow", "jira"}


async def test_a_list_that_shows_what_is_known_has_no_member_read(room: Room) -> None:
    many = [replace(FIRST, id=f"fnd_{number}") for number in range(3, 9)]
    room.find(SECOND, *many)
    await room.told_of(FIRST, SECOND, *many)
    before = len(room.source.troubles.calls)
    async with at_work(room):
        await reconcile(room)
    assert room.source.troubles.calls[before:].count("finding") == 1, "the one that is shown"
    room.source.set_status("fnd_7", Status.OPEN)
    before = len(room.source.troubles.calls)
    async with at_work(room):
        await reconcile(room)
    assert room.source.troubles.calls[before:].count("finding") == 2
    assert room.statuses()["fnd_7"] is Status.REVIEWING


async def test_many_members_are_read_and_written_by_several_looks_and_each_is_told_once(room: Room) -> None:
    many = [replace(FIRST, id=f"fnd_{number}") for number in range(2 * MOST_READS)]
    room.find(*many)
    await room.context.todo.name_members([(subject_of(own(each), each), HOME) for each in many])
    await room.look_home()
    assert len(room.active()) == 2, "the ticket waits for no member"
    for _ in range(12):
        await room.later(60.0)
    assert set((await room.home()).members) == {each.id for each in many}
    assert sorted(each[0] for each in room.source.updates) == sorted(each.id for each in many)
    assert len(room.all_tickets()) == 2
    room.close()
    await room.look_home()
    for _ in range(12):
        await room.later(60.0)
    told = [each[0] for each in room.source.updates if each[1] is Status.RESOLVED]
    assert sorted(told) == sorted(each.id for each in many)


async def test_a_member_that_a_person_solved_in_schoolscan_keeps_what_the_person_said(room: Room) -> None:
    room.find(SECOND, THIRD)
    await room.told_of(FIRST, SECOND, THIRD)
    room.source.set_status("fnd_1", Status.ACCEPTED_RISK)
    room.close()
    await room.look_home()
    assert room.statuses() == {
        "fnd_1": Status.ACCEPTED_RISK,
        "fnd_2": Status.RESOLVED,
        "fnd_3": Status.RESOLVED,
    }


async def test_a_worker_that_dies_while_it_writes_to_members_repeats_no_note(room: Room) -> None:
    room.find(SECOND, THIRD)
    await room.told_of(FIRST, SECOND, THIRD)
    room.close()
    done = len(room.source.updates)
    failpoints.turn_on("finding_patched=raise@1")
    try:
        await room.look_home()
    finally:
        failpoints.turn_off()
    assert len(room.source.updates) == done + 1
    await room.later()
    assert sorted(each[0] for each in room.source.updates[done:]) == ["fnd_1", "fnd_2", "fnd_3"]
    assert set(room.statuses().values()) == {Status.RESOLVED}


async def test_a_name_that_comes_during_a_look_is_not_lost(room: Room) -> None:
    await room.told_of(FIRST)
    room.close()
    await room.look_home()
    room.find(SECOND)
    await room.told_of(SECOND)
    await room.context.todo.mark([(HOME, None)], room.clock())
    lease = await room.context.todo.take(HOME.ref, room.clock())
    assert lease is not None
    await room.context.todo.name_members([(subject_of(own(FIRST), FIRST), HOME)])
    known = KnownMember(lease.record.members["fnd_1"], Status.RESOLVED)
    await room.context.todo.renew(lease, {"seen:fnd_1": str(known)})
    assert (await room.home()).live == ("fnd_1",)


async def test_what_the_script_moves_is_what_a_forecast_says(connection: Connection, keyring: Keyring) -> None:
    room = await room_of(connection, keyring, used=False)
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    room.turn_on()
    await room.told_of(SECOND)
    expected = (await room.home()).with_member(await room.record(own(FIRST)))
    await room.context.todo.mark([(own(FIRST), None)], room.clock())
    await look_at_case(room.arq_context, own(FIRST).ref)
    assert replace(await room.home(), attempts=0, born=0.0) == replace(expected, attempts=0, born=0.0)


async def test_what_was_given_up_stays_so_and_what_was_parked_is_tried_there(
    connection: Connection, keyring: Keyring
) -> None:
    room = await room_of(connection, keyring, used=False)
    room.snow.troubles.once("create", Refused("snow", "no", status=403))
    room.jira.troubles.once("create", Refused("jira", "no", status=403))
    await room.told_of(FIRST)
    await room.context.parked.discard(f"{KEY.ref}/open:snow", room.clock())
    room.turn_on()
    await room.told_of(FIRST)
    assert (await room.home()).given_up == actions_named("open:snow")
    assert await room.parked() == {}
    assert [ticket.tracker for ticket in room.all_tickets()] == ["jira"]


# Reconciling.


async def test_a_dry_run_shows_all_members_of_a_case_as_one_and_writes_nothing(room: Room) -> None:
    room.find(SECOND)
    before = [key async for key in room.redis.scan_iter()]
    forecasts = await foreseen(room)
    assert {ref: [step.action for step in each.steps] for ref, each in forecasts.items()} == {
        HOME.ref: ["open:snow", "open:jira", "patch:reviewing"]
    }
    assert [key async for key in room.redis.scan_iter()] == before


async def test_after_a_wipe_everything_is_named_before_it_is_looked_at(room: Room) -> None:
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    room.source.set_status("fnd_1", Status.RESOLVED)
    await room.told_of(FIRST)
    await room.redis.flushall()
    candidates = await found(walk_of(room))
    assert [(each.key, len(each.subjects), frozenset(each.tickets)) for each in candidates] == [
        (HOME, 2, frozenset({"snow", "jira"}))
    ]
    async with at_work(room):
        await reconcile(room)
    await room.later()
    assert len(room.active()) == len(room.all_tickets()) == 2
    assert (await room.home()).members.keys() == {"fnd_1", "fnd_2"}
    assert room.statuses()["fnd_2"] is Status.REVIEWING


async def test_reconciling_brings_old_cases_together(connection: Connection, keyring: Keyring) -> None:
    room = await room_of(connection, keyring, used=False)
    room.find(SECOND)
    await room.told_of(FIRST, SECOND)
    room.turn_on()
    async with at_work(room):
        await reconcile(room)
    await room.later()
    assert len(room.active()) == 2
    assert set((await room.home()).members) == {"fnd_1", "fnd_2"}
    forecasts = await foreseen(room)
    assert not any(each.steps for each in forecasts.values())


async def test_the_tickets_of_a_case_that_a_restored_store_has_forgotten_are_closed_beside_those_that_it_knows(
    room: Room,
) -> None:
    await room.told_of(FIRST)
    room.rules.identities = {}
    await room.save()
    room.find(SECOND)
    await room.told_of(SECOND)
    assert len(room.active()) == 4
    await room.restore()
    room.turn_on()
    await reconcile(room, wait=False)
    await room.work()
    await room.later()
    assert sorted(ticket.tracker for ticket in room.active()) == ["jira", "snow"]


async def test_of_a_list_that_ends_early_no_case_is_named_in_part(room: Room) -> None:
    room.source.troubles.for_good("findings_page", Refused("schoolscan", "no", status=500))
    await room.told_of(FIRST)
    assert [each.key for each in await found(walk_of(room))] == []


# Any order of things.


@settings(examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("told"), st.sampled_from(["fnd_1", "fnd_2", "fnd_3"])),
            st.tuples(st.just("solved"), st.sampled_from(["fnd_1", "fnd_2", "fnd_3"])),
            st.tuples(st.sampled_from(["found", "closed", "off", "on", "crowd", "later"]), st.just("")),
            st.tuples(st.sampled_from(["wiped", "saved", "restored"]), st.just("")),
        ),
        max_size=10,
    )
)
async def test_whatever_happens_in_the_end_there_is_one_ticket_and_both_sides_agree(
    connection: Connection, keyring: Keyring, story: list[tuple[str, str]]
) -> None:
    await connection.redis.flushall()
    room = await room_of(connection, keyring)
    for what, name in story:
        await _happens(room, what, name)
    room.turn_on()
    for _ in range(2):  # the ticket of what was solved beside a wiped store, only this finds
        await reconcile(room, wait=False)
        await room.work()
        await room.later()
    per_tracker = [ticket.tracker for ticket in room.active()]
    assert len(per_tracker) == len(set(per_tracker))
    unsolved = [each for each in room.source.findings.values() if not each.status.is_solved]
    assert bool(unsolved) is bool(per_tracker)
    assert all(each.status is Status.REVIEWING for each in unsolved)
    assert await room.parked() == {}


async def _happens(room: Room, what: str, name: str) -> None:
    known = room.source.findings
    match what:
        case "told" if name in known:
            await room.told_of(known[name])
        case "solved" if name in known:
            room.source.set_status(name, Status.RESOLVED)
            await room.told_of(known[name])
        case "found" if fresh := next((each for each in (SECOND, THIRD) if each.id not in known), None):
            room.find(fresh)
            await room.told_of(fresh)
        case "closed":
            room.close()
            await room.look_home()
        case "wiped":
            await room.redis.flushall()
        case "saved":
            await room.save()
        case "restored":
            await room.restore()
        case "off" | "on":
            room.rules.identities = {"lakeside": IDENTITY} if what == "on" else {}
        case "crowd":
            await room.crowd()
        case _:
            await room.later()
