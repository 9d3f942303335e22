"""What a look may rely on in the stores that it uses: the same of the real ones and of their stand-ins."""

import inspect
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Memory
from remediation.domain.errors import LeaseLost, Refused
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Ticket, TicketChange, TicketState
from remediation.queue import Band
from remediation.store.cases.entries import Acted, Entry, Planned, PlannedStep, Settled, Triggered
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import CAME_DUE, Lease, Todo
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from tests.action_names import actions_named
from tests.contract.store_world import Stores, real_stores, stand_ins, valkey
from tests.stand_in_lists import MemoryParkedWork, MemoryTimeline
from tests.stand_in_stores import MemoryLeasedLinks, MemoryTodo

NOW = 1_800_000_000.0
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
OTHER = CaseKey("lakeside", CaseKind.FINDING, "fnd with spaces ^ and ünïcode")
TICKET = Ticket("jira", "10001", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.OPEN, mark=KEY.mark)
NO = Refused("jira", "a field is required", status=400)
MEMORY = Memory(
    Status.REVIEWING,
    {"jira": TicketState.OPEN},
    actions_named("patch:reviewing"),
    Status.OPEN,
    Severity.HIGH,
    "every-finding",
    {"jira": {"priority": "High"}},
    frozenset({"jira/expert_reviewed=confirmed"}),
    NOW,
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture(params=["real", "stand-in"])
async def stores(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Stores]:
    if request.param == "stand-in":
        yield stand_ins()
        return
    async with real_stores(url) as stores:
        yield stores


async def marked(stores: Stores, now: float = NOW) -> None:
    await stores.todo.mark([(KEY, Band.HIGH)], now)


async def taken(stores: Stores, key: CaseKey = KEY, now: float = NOW) -> Lease:
    """The case, taken by a worker that a wake-up had brought."""
    await stores.behind.forget_wakes()
    lease = await stores.todo.take(key.ref, now)
    assert lease is not None
    return lease


async def in_hand(stores: Stores) -> Lease:
    await marked(stores)
    return await taken(stores)


async def record(stores: Stores) -> CaseRecord:
    record = await stores.todo.record(KEY.ref)
    assert record is not None
    return record


async def parked(stores: Stores, now: float = NOW) -> str:
    return await stores.parked.park(
        ParkedKind.ACTION, KEY.ref, NO, now, district="lakeside", action="open:jira", system="jira"
    )


REAL_STORE_ONLY = {"join", "name_members"}
"""Findings that join another's case are played on the real store alone: tests/integration/test_identities.py."""


async def listed(stores: Stores) -> list[str]:
    return [item.name async for item in stores.parked.listed()]


@pytest.mark.parametrize(
    ("real", "stand_in"),
    [
        (Todo, MemoryTodo),
        (ParkedWork, MemoryParkedWork),
        (Timeline, MemoryTimeline),
        (LeasedLinks, MemoryLeasedLinks),
    ],
)
def test_a_stand_in_has_every_method_of_its_own(real: type, stand_in: type) -> None:
    public = {name for name, _ in inspect.getmembers(real, inspect.isfunction) if not name.startswith("_")}
    missing = public - vars(stand_in).keys()
    assert missing == (REAL_STORE_ONLY if real is Todo else set())


# Marks and leases.


async def test_a_clean_case_cannot_be_taken(stores: Stores) -> None:
    assert await stores.todo.take(KEY.ref, NOW) is None
    assert await stores.todo.record(KEY.ref) is None


async def test_many_marks_are_one_case_and_as_many_generations(stores: Stores) -> None:
    for _ in range(3):
        await marked(stores)
    assert (await stores.todo.dirty(), await stores.behind.woken()) == (1, {KEY.ref})
    assert (await taken(stores)).generation == "3"


async def test_a_lease_tells_what_made_somebody_look_and_when(stores: Stores) -> None:
    await marked(stores)
    await stores.todo.mark([(KEY, None)], NOW + 5, "webhook:schoolscan")
    lease = await taken(stores)
    assert (lease.ref, lease.cause, lease.marked_at) == (KEY.ref, "webhook:schoolscan", NOW + 5)
    assert (lease.record.key, lease.record.attempts, lease.record.memory) == (KEY, 0, Memory())


async def test_one_worker_at_a_time_holds_a_case(stores: Stores) -> None:
    await in_hand(stores)
    assert await stores.todo.take(KEY.ref, NOW) is None
    await stores.behind.lapse(KEY.ref)
    assert await stores.todo.take(KEY.ref, NOW) is not None


async def test_a_store_is_as_old_as_the_first_look_and_a_wiped_one_is_young_again(stores: Stores) -> None:
    lease = await in_hand(stores)
    assert lease.record.born == NOW
    assert await stores.todo.settle(lease, Memory(), NOW)
    await marked(stores)
    assert (await taken(stores, now=NOW + 50)).record.born == NOW
    await stores.behind.wipe()
    assert (await stores.todo.dirty(), await stores.todo.record(KEY.ref)) == (0, None)
    await marked(stores)
    assert (await taken(stores, now=NOW + 90)).record.born == NOW + 90


async def test_a_store_on_another_server_is_young_again_and_its_links_are_older(stores: Stores) -> None:
    lease = await in_hand(stores)
    link = await stores.links(lease).link(TICKET)
    assert await stores.todo.settle(lease, Memory(), NOW)
    known = await record(stores)
    assert (known.links["jira"], known.born, known.may_be_outdated(link)) == (link, NOW, False)
    await stores.behind.restart()
    await marked(stores)
    lease = await taken(stores, now=NOW + 50)
    assert (lease.record.born, lease.record.may_be_outdated(link)) == (NOW + 50, True)
    link = await stores.links(lease).link(TICKET)
    assert not lease.record.may_be_outdated(link)


async def test_fields_are_written_under_the_lease(stores: Stores) -> None:
    lease = await in_hand(stores)
    assert await stores.todo.renew(lease)
    assert await stores.todo.renew(lease, {"intent:jira": repr(NOW)})
    assert (await record(stores)).intents["jira"].at == NOW


async def test_a_settled_case_is_clean_and_remembered(stores: Stores) -> None:
    assert await stores.todo.settle(await in_hand(stores), MEMORY, NOW)
    assert await stores.todo.dirty() == 0
    assert (await record(stores)).memory == MEMORY
    assert await stores.todo.take(KEY.ref, NOW) is None


async def test_a_trigger_during_a_look_is_looked_at_afterwards(stores: Stores) -> None:
    lease = await in_hand(stores)
    await marked(stores)
    assert await stores.behind.woken() == set(), "the holder will see it; no second worker need be woken"
    assert await stores.todo.settle(lease, MEMORY, NOW)
    assert await stores.behind.woken() == {KEY.ref}
    again = await taken(stores)
    assert (again.generation, again.record.memory) == ("2", MEMORY)


async def test_whoever_lost_the_lease_writes_nothing(stores: Stores) -> None:
    old = await in_hand(stores)
    await stores.behind.lapse(KEY.ref)
    new = await taken(stores)
    assert not await stores.todo.renew(old, {"memory": "{}"})
    assert not await stores.todo.settle(old, MEMORY, NOW, drop=["id"], look_at=NOW + 1)
    assert not await stores.todo.put_off(old, NOW, NOW)
    links = stores.links(old)
    for write in (links.hold(), links.intend("jira", NOW), links.link(TICKET), links.unlink("jira")):
        with pytest.raises(LeaseLost):
            await write
    kept = await record(stores)
    assert (kept.memory, dict(kept.links), dict(kept.intents), kept.attempts) == (Memory(), {}, {}, 0)
    assert await stores.todo.keys_of_tickets("jira", [TICKET.id]) == [None]
    assert (await stores.todo.sweep(NOW + 2))["appointment"] == 0
    assert await stores.todo.settle(new, Memory(), NOW)


# Coming back.


async def test_a_case_put_off_comes_back_when_it_is_due_and_not_before(stores: Stores) -> None:
    assert await stores.todo.put_off(await in_hand(stores), NOW + 30, NOW)
    assert (await stores.todo.sweep(NOW + 29))["case"] == 0
    assert (await stores.todo.sweep(NOW + 30))["case"] == 1
    assert await stores.behind.woken() == {KEY.ref}
    lease = await taken(stores)
    assert (lease.record.attempts, lease.cause) == (1, "sweep")


async def test_a_trigger_during_a_look_that_is_put_off_is_not_put_off_with_it(stores: Stores) -> None:
    lease = await in_hand(stores)
    await stores.todo.mark([(KEY, None)], NOW + 1, "person")
    assert await stores.todo.put_off(lease, NOW + 900, NOW + 2)
    assert (await stores.todo.sweep(NOW + 2))["case"] == 1
    assert (await taken(stores)).cause == "person"


async def test_settling_forgets_the_attempts(stores: Stores) -> None:
    await stores.todo.put_off(await in_hand(stores), NOW, NOW)
    await stores.todo.put_off(await taken(stores), NOW, NOW, overtaken=True)
    await stores.todo.settle(await taken(stores), Memory(), NOW)
    record = (await in_hand(stores)).record
    assert (record.attempts, record.overtaken) == (0, 0)


async def test_being_overtaken_is_no_attempt_and_counts_only_in_a_row(stores: Stores) -> None:
    counted = []
    await marked(stores)
    for overtaken in (False, True, True, False, True):
        await stores.todo.put_off(await taken(stores), NOW, NOW, overtaken=overtaken)
        record = (await taken(stores)).record
        counted.append((record.attempts, record.overtaken))
        await stores.behind.lapse(KEY.ref)
    assert counted == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]


async def test_the_sweep_leaves_a_held_case_alone_and_takes_up_an_orphan(stores: Stores) -> None:
    await in_hand(stores)
    assert (await stores.todo.sweep(NOW + 60))["case"] == 0
    await stores.behind.lapse(KEY.ref)
    assert (await stores.todo.sweep(NOW + 120))["case"] == 1


async def test_news_of_a_case_whose_holder_is_dead_does_not_put_the_next_look_off(stores: Stores) -> None:
    lease = await in_hand(stores)
    await marked(stores, NOW + 7)
    await stores.behind.lapse(lease.ref)
    await stores.behind.forget_wakes()
    await stores.todo.sweep(NOW + 10)
    assert await stores.behind.woken() == {KEY.ref}


async def test_a_case_that_waits_in_the_queue_is_left_to_it(stores: Stores) -> None:
    await marked(stores)
    assert (await stores.todo.sweep(NOW + 11))["case"] == 0
    await stores.behind.forget_wakes()
    assert (await stores.todo.sweep(NOW + 9))["case"] == 0, "its wake-up has its time"
    assert (await stores.todo.sweep(NOW + 120))["case"] == 1


async def test_an_appointment_is_kept_once(stores: Stores) -> None:
    await stores.todo.settle(await in_hand(stores), Memory(), NOW, look_at=NOW + 100)
    assert (await stores.todo.sweep(NOW + 99))["appointment"] == 0
    assert await stores.todo.appointment(KEY.ref) == NOW + 100
    assert (await stores.todo.sweep(NOW + 100))["appointment"] == 1
    assert await stores.todo.appointment(KEY.ref) is None
    assert await stores.behind.woken() == {KEY.ref}
    assert (await stores.todo.sweep(NOW + 101))["appointment"] == 0
    assert (await taken(stores)).cause == "appointment"


async def test_an_appointment_that_came_due_is_told_until_a_look_has_dealt_with_it(stores: Stores) -> None:
    await stores.todo.settle(await in_hand(stores), Memory(), NOW, look_at=NOW + 100.5)
    await stores.todo.sweep(NOW + 101)
    lease = await taken(stores)
    assert (lease.look_at, lease.record.came_due) == (None, NOW + 100.5)
    await stores.todo.settle(lease, Memory(), NOW + 101)
    lease = await in_hand(stores)
    assert lease.record.came_due == NOW + 100.5
    await stores.todo.settle(lease, Memory(), NOW + 102, drop=[CAME_DUE])
    assert (await in_hand(stores)).record.came_due is None


async def test_a_lease_tells_the_appointment_that_there_is(stores: Stores) -> None:
    await stores.todo.settle(await in_hand(stores), Memory(), NOW, look_at=NOW + 100.5)
    lease = await in_hand(stores)
    assert lease.look_at == NOW + 100.5
    await stores.todo.settle(lease, Memory(), NOW)
    assert (await in_hand(stores)).look_at is None


async def test_settling_without_an_appointment_cancels_the_one_there_was(stores: Stores) -> None:
    await stores.todo.settle(await in_hand(stores), Memory(), NOW, look_at=NOW + 100)
    await stores.todo.settle(await in_hand(stores), Memory(), NOW)
    assert (await stores.todo.sweep(NOW + 200))["appointment"] == 0


# Tickets.


async def test_an_intent_is_remembered_until_the_ticket_is_linked(stores: Stores) -> None:
    links = stores.links(await in_hand(stores))
    await links.hold()
    await links.intend("jira", NOW)
    assert (await record(stores)).intents["jira"].at == NOW
    link = await links.link(TICKET)
    kept = await record(stores)
    assert (dict(kept.links), dict(kept.intents)) == ({"jira": link}, {})
    assert (link.ticket_id, link.ticket_key, link.url) == (TICKET.id, TICKET.key, TICKET.url)
    assert await stores.todo.keys_of_tickets("jira", [TICKET.id, "10002"]) == [KEY, None]
    assert await stores.todo.keys_of_tickets("snow", []) == []


async def test_what_was_written_by_a_clock_that_was_ahead_is_of_now_at_the_latest(stores: Stores) -> None:
    ahead = NOW + 86_400
    await marked(stores)
    lease = await taken(stores, now=ahead)
    await stores.links(lease).intend("jira", ahead)
    await stores.todo.put_off(lease, NOW, NOW)
    record = (await taken(stores)).record
    assert (record.born, record.intents["jira"].at) == (NOW, NOW)


async def test_a_ticket_that_is_gone_is_forgotten_and_any_intent_with_it(stores: Stores) -> None:
    links = stores.links(await in_hand(stores))
    await links.link(TICKET)
    await links.intend("jira", NOW)
    await links.unlink("jira")
    kept = await record(stores)
    assert (dict(kept.links), dict(kept.intents)) == ({}, {})


async def test_a_link_tells_when_its_ticket_was_created_and_whether_it_has_a_mark(stores: Stores) -> None:
    links = stores.links(await in_hand(stores))
    await links.link(replace(TICKET, created_at=datetime.fromtimestamp(NOW, tz=UTC)))
    kept = (await record(stores)).links["jira"]
    assert (kept.created, kept.unmarked) == (NOW, False)
    await links.link(replace(TICKET, mark=None))
    kept = (await record(stores)).links["jira"]
    assert (kept.created, kept.unmarked) == (None, True)


async def test_a_ticket_that_is_not_the_cases_is_forgotten_and_its_changes_too(stores: Stores) -> None:
    links = stores.links(await in_hand(stores))
    link = await links.link(TICKET)
    await links.disown(link, replaced=False)
    kept = await record(stores)
    assert (dict(kept.links), dict(kept.intents)) == ({}, {})
    assert await stores.todo.keys_of_tickets("jira", [TICKET.id]) == [None]


async def test_until_the_right_ticket_is_linked_the_next_look_searches_for_it(stores: Stores) -> None:
    links = stores.links(await in_hand(stores))
    await links.disown(await links.link(TICKET), replaced=True)
    kept = await record(stores)
    assert (dict(kept.links), kept.intents["jira"].is_ours) == ({}, False)
    await links.link(replace(TICKET, id="10002", key="SEC-2"))
    assert (await record(stores)).intents == {}


async def test_a_case_whose_ticket_becomes_anothers_is_looked_at_again(stores: Stores) -> None:
    lease = await in_hand(stores)
    link = await stores.links(lease).link(TICKET)
    await stores.todo.settle(lease, Memory(), NOW)
    await stores.todo.mark([(OTHER, None)], NOW)
    other = await stores.todo.take(OTHER.ref, NOW)
    assert other is not None
    await stores.links(other).link(TICKET)
    again = await taken(stores)
    assert again.cause == "again"
    await stores.links(again).disown(link, replaced=False)
    assert await stores.todo.keys_of_tickets("jira", [TICKET.id]) == [OTHER], "it is the other's now"


async def test_a_change_of_a_ticket_that_is_tied_to_another_case_makes_both_look(stores: Stores) -> None:
    lease = await in_hand(stores)
    await stores.links(lease).link(TICKET)
    await stores.todo.settle(lease, Memory(), NOW)
    change = TicketChange(TICKET.id, OTHER.mark, "v1")
    for cursor in ("c1", "c2"):
        assert await stores.todo.mark_changes("jira", [(change, OTHER)], cursor, NOW) == (cursor == "c1")
    assert await stores.todo.dirty() == 2
    assert (await taken(stores)).cause == "poll:jira"


async def test_a_version_of_a_ticket_marks_its_case_once_and_moves_the_cursor(stores: Stores) -> None:
    change = TicketChange(TICKET.id, TICKET.mark, "v1")
    assert await stores.todo.cursor("jira") is None
    assert await stores.todo.mark_changes("jira", [(change, KEY)], "c1", NOW) == 1
    assert await stores.todo.mark_changes("jira", [(change, KEY)], "c2", NOW) == 0
    assert await stores.todo.mark_changes("jira", [(replace(change, version="v2"), KEY)], "c3", NOW) == 1
    assert await stores.todo.mark_changes("snow", [(replace(change, version=""), KEY)], "c1", NOW) == 1
    assert await stores.todo.mark_changes("snow", [(replace(change, version=""), KEY)], "c1", NOW) == 1
    assert (await stores.todo.cursor("jira"), await stores.todo.dirty()) == ("c3", 1)
    assert (await taken(stores)).cause == "poll:snow"


async def test_a_version_that_a_look_has_seen_or_made_comes_back_as_no_news(stores: Stores) -> None:
    await stores.todo.settle(await in_hand(stores), Memory(), NOW, seen=[replace(TICKET, version="v7")])
    assert await stores.todo.mark_changes("jira", [(TicketChange(TICKET.id, None, "v7"), KEY)], "c1", NOW) == 0
    assert await stores.todo.dirty() == 0


AS_OPENED = TicketChange(TICKET.id, TICKET.mark, "v1", opened_as=TICKET.key)
"""What a list or a webhook tells of the ticket that a look has opened: an answer to a create tells no version."""


async def told(stores: Stores, change: TicketChange) -> int:
    return await stores.todo.mark_changes("jira", [(change, KEY)], "c1", NOW)


async def opened(stores: Stores) -> None:
    lease = await in_hand(stores)
    await stores.links(lease).link(TICKET)
    await stores.todo.settle(lease, Memory(), NOW, seen=[TICKET])


async def test_a_ticket_that_is_as_a_look_has_opened_it_is_no_news(stores: Stores) -> None:
    await opened(stores)
    assert await told(stores, AS_OPENED) == 0
    assert await told(stores, replace(AS_OPENED, version="v2")) == 0, "our own link came after it"
    assert await told(stores, replace(AS_OPENED, version="")) == 1, "a comment"
    assert await stores.todo.dirty() == 1


@pytest.mark.parametrize(
    "change",
    [
        replace(AS_OPENED, opened_as=""),
        replace(AS_OPENED, opened_as="LAW-9"),
        replace(AS_OPENED, ticket_id="10002"),
    ],
    ids=["changed since", "moved", "another one"],
)
async def test_a_ticket_that_is_not_as_a_look_has_opened_it_is_news(stores: Stores, change: TicketChange) -> None:
    await opened(stores)
    assert await told(stores, change) == 1


async def test_a_ticket_that_a_look_has_read_or_found_is_no_more_as_we_opened_it(stores: Stores) -> None:
    await opened(stores)
    lease = await in_hand(stores)
    await stores.todo.settle(lease, Memory(), NOW, drop=["opened:jira"])
    assert await told(stores, AS_OPENED) == 1
    again = await taken(stores)
    await stores.links(again).link(replace(TICKET, version="v2"))
    await stores.todo.settle(again, Memory(), NOW, seen=[replace(TICKET, version="v2")])
    assert await told(stores, replace(AS_OPENED, version="v3")) == 1


async def test_what_is_told_of_a_ticket_before_its_create_is_answered_is_no_news_once_it_is_linked(
    stores: Stores,
) -> None:
    lease = await in_hand(stores)
    await stores.links(lease).intend("jira", NOW)
    assert await told(stores, AS_OPENED) == 1, "it may be the ticket of another case, and its worker may die"
    await stores.links(lease).link(TICKET)
    await stores.todo.settle(lease, Memory(), NOW, seen=[TICKET])
    assert await stores.todo.dirty() == 0


async def test_what_is_told_of_a_ticket_before_its_create_is_answered_stays_news_where_its_worker_dies(
    stores: Stores,
) -> None:
    lease = await in_hand(stores)
    await stores.links(lease).intend("jira", NOW)
    await told(stores, AS_OPENED)
    await stores.behind.lapse(KEY.ref)
    again = await taken(stores)
    assert again.record.intents.keys() == {"jira"}
    await stores.todo.settle(again, Memory(), NOW, drop=["intent:jira"])
    assert await stores.todo.dirty() == 0
    assert await told(stores, replace(AS_OPENED, version="v2")) == 1, "this look did not open it"


@pytest.mark.parametrize("news", [replace(AS_OPENED, version="v2", opened_as=""), replace(AS_OPENED, version="")])
async def test_a_case_is_looked_at_again_where_more_than_echoes_came_while_it_was_held(
    stores: Stores, news: TicketChange
) -> None:
    lease = await in_hand(stores)
    await told(stores, AS_OPENED)
    await told(stores, news)
    await stores.links(lease).link(TICKET)
    await stores.todo.settle(lease, Memory(), NOW, seen=[TICKET])
    assert await stores.todo.dirty() == 1


async def test_a_version_that_a_look_has_seen_or_made_is_no_news_where_it_was_told_while_the_case_was_held(
    stores: Stores,
) -> None:
    lease = await in_hand(stores)
    await told(stores, TicketChange(TICKET.id, TICKET.mark, "v7"))
    await stores.todo.settle(lease, Memory(), NOW, seen=[replace(TICKET, version="v7")])
    assert await stores.todo.dirty() == 0


async def test_a_mark_for_another_reason_while_the_case_was_held_is_news_beside_echoes(stores: Stores) -> None:
    lease = await in_hand(stores)
    await told(stores, TicketChange(TICKET.id, TICKET.mark, "v7"))
    await marked(stores)
    await stores.todo.settle(lease, Memory(), NOW, seen=[replace(TICKET, version="v7")])
    assert await stores.todo.dirty() == 1


async def test_a_change_of_a_ticket_that_nobody_has_linked_makes_the_next_look_search(stores: Stores) -> None:
    await stores.todo.mark_changes("jira", [(TicketChange(TICKET.id, TICKET.mark), KEY)], "c1", NOW)
    assert (await record(stores)).intents["jira"].at == 0
    await stores.links(await taken(stores)).link(TICKET)
    await stores.todo.mark_changes("jira", [(TicketChange(TICKET.id, TICKET.mark), KEY)], "c2", NOW)
    assert (await record(stores)).intents == {}


async def test_whoever_looks_at_everything_marks_and_lets_the_look_search(stores: Stores) -> None:
    await stores.todo.mark_found([(KEY, Band.LOW, {"jira": {TICKET.id}})], NOW)
    lease = await taken(stores)
    assert (lease.cause, set(lease.record.intents)) == ("reconcile", {"jira"})


async def test_a_ticket_beside_the_linked_one_is_searched_for_and_the_linked_one_is_not(stores: Stores) -> None:
    await stores.todo.mark([(KEY, Band.LOW)], NOW)
    lease = await taken(stores)
    await stores.links(lease).link(TICKET)
    await stores.todo.mark_found([(KEY, None, {"jira": {TICKET.id}})], NOW)
    assert (await record(stores)).intents == {}
    await stores.todo.mark_found([(KEY, None, {"jira": {TICKET.id, "another"}})], NOW)
    assert set((await record(stores)).intents) == {"jira"}


async def test_a_case_with_an_unusual_id_is_known_by_its_digest(stores: Stores) -> None:
    assert await stores.todo.key_of(OTHER.ref) is None
    await stores.todo.mark([(OTHER, Band.LOW)], NOW)
    assert await stores.todo.key_of(OTHER.ref) == OTHER
    assert (await taken(stores, OTHER)).record.key == OTHER


# What is parked.


async def test_a_parked_action_is_on_the_list_and_in_its_row(stores: Stores) -> None:
    lease = await in_hand(stores)
    await parked(stores)
    name = await parked(stores, NOW + 7)
    item = await stores.parked.one(name)
    assert item is not None
    assert (item.name, item.kind, item.subject, item.district) == (name, ParkedKind.ACTION, KEY.ref, "lakeside")
    assert (item.action, item.system, item.error, item.words) == ("open:jira", "jira", "Refused", NO.words)
    moments = [datetime.fromtimestamp(at, tz=UTC) for at in (NOW, NOW + 7)]
    assert (item.attempts, [item.first_at, item.at]) == (2, moments)
    assert (await listed(stores), await stores.parked.count()) == ([name], 1)
    assert (await record(stores)).parked == actions_named("open:jira")
    assert await stores.todo.settle(lease, Memory(), NOW)


async def test_what_a_person_asks_for_again_marks_its_case(stores: Stores) -> None:
    lease = await in_hand(stores)
    name = await parked(stores)
    await stores.todo.settle(lease, Memory(), NOW)
    assert await stores.parked.replay(name, NOW)
    assert not await stores.parked.replay(name, NOW)
    assert await stores.parked.one(name) is None
    lease = await taken(stores)
    assert (lease.record.parked, lease.record.again, lease.cause) == (frozenset(), actions_named("open:jira"), "person")
    await stores.todo.settle(lease, Memory(), NOW, drop=["again:open:jira"])
    assert (await record(stores)).again == frozenset()


async def test_what_is_asked_for_again_during_a_look_is_not_overwritten_by_it(stores: Stores) -> None:
    lease = await in_hand(stores)
    name = await parked(stores)
    await stores.parked.replay(name, NOW)
    await stores.todo.settle(lease, Memory(), NOW)
    assert (await taken(stores)).record.again == actions_named("open:jira")


async def test_what_is_done_goes_off_the_list_and_what_is_discarded_stays_in_the_row(stores: Stores) -> None:
    lease = await in_hand(stores)
    name = await parked(stores)
    await stores.todo.settle(lease, Memory(), NOW, drop=["parked:open:jira"])
    assert (await listed(stores), (await record(stores)).parked) == ([], frozenset())
    name = await parked(stores)
    assert await stores.parked.discard(name, NOW)
    kept = await record(stores)
    assert await listed(stores) == []
    assert kept.parked == kept.given_up == actions_named("open:jira")
    assert await stores.todo.dirty() == 0


async def test_a_parked_case_is_looked_at_once_more_when_a_person_asks(stores: Stores) -> None:
    lease = await in_hand(stores)
    name = await stores.parked.park(
        ParkedKind.CASE, KEY.ref, ValueError("our own"), NOW, district="lakeside", action="look"
    )
    await stores.todo.settle(lease, Memory(), NOW)
    item = await stores.parked.one(name)
    assert item is not None
    assert (item.error, item.words, item.system) == ("ValueError", "a defect of remedy's own: ValueError at ?", "")
    assert await stores.parked.replay(name, NOW)
    assert (await taken(stores)).record.again == actions_named("look")


# Timelines.


async def test_a_timeline_tells_in_order_what_it_was_told(stores: Stores) -> None:
    step = PlannedStep("open:jira", "new")
    entries: list[Entry] = [
        Triggered(NOW, "again", NOW),
        Planned(NOW, (step,)),
        Acted(NOW, step.action, "done", "SEC-1"),
    ]
    before = await stores.timeline.now()
    await stores.timeline.tell(KEY.ref, entries)
    await stores.timeline.tell(KEY.ref, [Settled(NOW + 1)])
    await stores.timeline.tell(OTHER.ref, [])
    told = [*entries, Settled(NOW + 1)]
    assert await stores.timeline.read(KEY.ref) == told
    assert await stores.timeline.read(KEY.ref, limit=1) == told[-1:]
    assert await stores.timeline.read(OTHER.ref) == []
    assert [each.entry async for each in stores.timeline.since(KEY.ref)] == told
    followed = [each async for each in stores.timeline.since(KEY.ref, before)]
    assert [each.entry for each in followed] == told
    assert [each.entry async for each in stores.timeline.since(KEY.ref, followed[-2].id)] == told[-1:]
