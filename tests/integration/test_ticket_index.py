"""The index of tickets: everything in it is found, however many there are, and each takes little room."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.tickets import Ticket, TicketState
from remediation.store.cases.dependents import known_trackers
from remediation.store.cases.links import LeasedLinks, linked_cases, linked_places
from remediation.store.cases.standings import Standings
from remediation.store.cases.todo import Todo
from remediation.store.keys import CASE, INDEX, SEEN, TICKET_KEYS, TICKETS, TRACKERS
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from tests.integration.indexed import in_index, known_version

NOW = 1_800_000_000.0
TRACKER = "servicenow"
MOST_BYTES = 110
"""Of a ticket: its case by its id and by its key, and its version."""

FILL = """
for i = 1, #ARGV, 4 do
  index_ticket('servicenow', ARGV[i], ARGV[i + 2])
  index_key('servicenow', ARGV[i + 1], ARGV[i])
  know_version('servicenow', ARGV[i], ARGV[i + 3])
end
return 1"""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What is to be found of one ticket."""

    id: str
    key: str
    ref: str
    version: str


def tickets(count: int) -> list[Indexed]:
    """Tickets as ServiceNow numbers them, each of a case of its own."""
    ids = [hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest() for number in range(count)]
    return [
        Indexed(
            f"incident/{each}", f"INC{number:07}", f"lakeside:finding:fnd_{each[:10]}", f"2026-11-28 09:05:31/{number}"
        )
        for number, each in enumerate(ids)
    ]


async def fill(connection: Connection, those: list[Indexed]) -> None:
    for at in range(0, len(those), 500):
        parts = [part for each in those[at : at + 500] for part in (each.id, each.key, each.ref, each.version)]
        await in_index(connection, FILL, *parts)


async def buckets(connection: Connection) -> list[bytes]:
    return [key async for key in connection.redis.scan_iter(f"{INDEX}{TRACKER}:*", count=1_000)]


async def refs(connection: Connection, those: list[Indexed]) -> list[str | None]:
    keys = await Todo(connection).keys_of_tickets(TRACKER, [each.id for each in those])
    return [key.ref if key else None for key in keys]


async def called(connection: Connection, key: str) -> str | None:
    return (await Standings(connection).refs_of_ticket(key, [TRACKER])).get(TRACKER)


@pytest.mark.parametrize("count", [100, 2_000])
async def test_tickets_are_found_and_take_little_room(connection: Connection, count: int) -> None:
    those = tickets(count)
    await fill(connection, those)
    await fill(connection, those[::7])
    assert await refs(connection, those) == [each.ref for each in those]
    for each in those[::50]:
        assert await called(connection, each.key.lower()) == each.ref
        assert await known_version(connection, TRACKER, each.id) == each.version
    assert await linked_places(connection, TRACKER) == Counter(incident=count)
    sizes = [await connection.redis.memory_usage(key, samples=0) or 0 for key in await buckets(connection)]
    assert {await connection.ask(connection.redis.object("ENCODING", key)) for key in await buckets(connection)} == {
        b"listpack"
    }
    assert sum(sizes) / count <= MOST_BYTES
    assert await refs(connection, [Indexed("incident/none", "", "", "")]) == [None]
    assert await called(connection, "INC99") is None


async def test_a_ticket_that_is_let_go_is_found_no_more_and_counts_no_more(connection: Connection) -> None:
    first, second, third = tickets(3)
    await fill(connection, [first, second, third])
    drop = "drop_ticket('servicenow', ARGV[1], ARGV[2], ARGV[3]) return 1"
    await in_index(connection, drop, first.id, first.key, first.ref)
    await in_index(connection, drop, second.id, second.key, third.ref)
    assert await refs(connection, [first, second, third]) == [None, second.ref, third.ref]
    assert [await called(connection, each.key) for each in (first, second)] == [None, second.ref]
    assert await linked_places(connection, TRACKER) == Counter(incident=2)


@pytest.mark.parametrize("version", ["2026-04-15T14:02:03.456000+00:00", "2026-04-15 14:02:03/10", "v9", "1", "é17"])
async def test_a_version_comes_back_as_it_was_told(connection: Connection, version: str) -> None:
    lines = "know_version('jira', '1', ARGV[1]) return is_known_version('jira', '1', ARGV[1]) and 1 or 0"
    assert await in_index(connection, lines, version) == 1
    if version.isascii():
        assert await known_version(connection, "jira", "1") == version


@pytest.mark.parametrize("key", ["größe-7", "Ärzte/ß:1", "a b"])
async def test_a_key_is_found_as_it_is_written_whatever_its_letters(connection: Connection, key: str) -> None:
    await fill(connection, [Indexed("incident/1", key, "lakeside:finding:fnd_1", "v1")])
    assert await called(connection, key) == "lakeside:finding:fnd_1"


async def keep_as_before(connection: Connection, those: list[Indexed]) -> None:
    """What the version before this one kept of these tickets, each linked to its case."""
    pipe = connection.redis.pipeline(transaction=False)
    pipe.hset(TRACKERS, TRACKER, "0")
    for each in those:
        pipe.hset(TICKETS + TRACKER, each.id, each.ref)
        pipe.hset(TICKET_KEYS + TRACKER, each.key, each.ref)
        pipe.hset(SEEN + TRACKER, each.id, each.version)
        link = f'["{each.id}","{each.key}"]'
        pipe.hset(CASE + each.ref, mapping={"id": each.ref.rpartition(":")[2], f"link:{TRACKER}": link})
    await connection.ask(pipe.execute())


async def linked_refs(connection: Connection) -> Counter[str]:
    return Counter([each.ref async for page in linked_cases(connection, TRACKER) for each in page])


async def test_what_an_earlier_version_kept_is_found_before_during_and_after_it_is_moved(
    connection: Connection,
) -> None:
    those = tickets(1_200)
    await keep_as_before(connection, those)
    unlinked = Indexed("incident/gone", "INC5", "lakeside:finding:gone", "v1")
    await connection.ask(connection.redis.hset(TICKET_KEYS + TRACKER, unlinked.key, unlinked.ref))
    earlier = [list_ + TRACKER for list_ in (TICKETS, SEEN, TICKET_KEYS)]
    rounds = 0
    while await connection.redis.exists(*earlier):
        assert await refs(connection, those) == [each.ref for each in those], rounds
        assert [await called(connection, each.key) for each in (*those[::100], unlinked)] == [
            each.ref for each in (*those[::100], unlinked)
        ]
        assert [await known_version(connection, TRACKER, each.id) for each in those[::100]] == [
            each.version for each in those[::100]
        ]
        assert await linked_places(connection, TRACKER) == Counter(incident=len(those))
        (known,) = await known_trackers(connection)
        assert 1_000 <= known.cases <= 1_400
        await Todo(connection).name_trackers([TRACKER], NOW)
        rounds += 1
        assert rounds < 30
    assert rounds > 3, "some at a time"
    assert await refs(connection, those) == [each.ref for each in those]
    assert await called(connection, unlinked.key) == unlinked.ref
    assert await linked_refs(connection) == Counter({each.ref: 1 for each in those})
    sizes = [await connection.redis.memory_usage(key, samples=0) or 0 for key in await buckets(connection)]
    assert sum(sizes) / len(those) <= MOST_BYTES


async def test_no_link_is_missed_while_links_are_moved_and_buckets_added(connection: Connection) -> None:
    those = tickets(1_500)
    await keep_as_before(connection, those[:1_000])
    await fill(connection, those[1_000:1_100])
    await keep_as_before(connection, those[1_000:1_100])
    found = Counter[str]()
    async for page in linked_cases(connection, TRACKER):
        found.update(each.ref for each in page)
        await Todo(connection).name_trackers([TRACKER], NOW)
        await fill(connection, those[1_100:])
    assert {each.ref for each in those[:1_100]} <= found.keys()


async def test_what_is_written_now_counts_for_more_than_what_an_earlier_version_kept(connection: Connection) -> None:
    (before,) = tickets(1)
    await keep_as_before(connection, [before])
    todo, key = Todo(connection), CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    ticket = Ticket(TRACKER, before.id, before.key, "https://now.example/1", TicketState.OPEN, version="v2")
    await todo.mark([(key, None)], NOW)
    lease = await todo.take(key.ref, NOW)
    assert lease is not None
    links = LeasedLinks(connection, lease)
    link = await links.link(ticket)
    assert not await connection.redis.exists(TICKETS + TRACKER, TICKET_KEYS + TRACKER)
    await todo.name_trackers([TRACKER], NOW)
    assert await refs(connection, [before]) == [key.ref]
    assert await called(connection, before.key) == key.ref
    await links.disown(link, replaced=False)
    await todo.name_trackers([TRACKER], NOW)
    assert await refs(connection, [before]) == [None]
    assert await called(connection, before.key) is None
    assert await todo.settle(lease, Memory(), NOW, seen=[ticket])
    assert await known_version(connection, TRACKER, before.id) == "v2"


async def test_a_ticket_that_an_earlier_version_linked_is_let_go_before_it_is_moved(connection: Connection) -> None:
    before, other = tickets(2)
    await keep_as_before(connection, [before, other])
    drop = "drop_ticket('servicenow', ARGV[1], ARGV[2], ARGV[3]) return 1"
    await in_index(connection, drop, before.id, before.key, before.ref)
    await Todo(connection).name_trackers([TRACKER], NOW)
    assert await refs(connection, [before, other]) == [None, other.ref]
    assert await called(connection, before.key) is None


@pytest.mark.parametrize("is_moved", [False, True])
async def test_what_a_version_before_this_one_writes_beside_it_counts(
    connection: Connection, *, is_moved: bool
) -> None:
    """It ran at the same time, or after a rollback, and does not know the index: what it wrote is the latest."""
    (before,) = tickets(1)
    after = Indexed(before.id, before.key, "lakeside:finding:fnd_other", "2026-11-29 10:00:00/1")
    await fill(connection, [before])
    await keep_as_before(connection, [after])
    if is_moved:
        for _ in range(3):
            await Todo(connection).name_trackers([TRACKER], NOW)
        assert not await connection.redis.exists(TICKETS + TRACKER, SEEN + TRACKER, TICKET_KEYS + TRACKER)
        assert await linked_places(connection, TRACKER) == Counter(incident=1)
    assert await refs(connection, [before]) == [after.ref]
    assert await called(connection, before.key) == after.ref
    assert await known_version(connection, TRACKER, before.id) == after.version
    await in_index(connection, "drop_ticket('servicenow', ARGV[1], ARGV[2], ARGV[3])", before.id, before.key, after.ref)
    assert await refs(connection, [before]) == [None], "nor of the case that had it before"
    assert await called(connection, before.key) is None


async def test_nothing_is_moved_while_another_version_runs_that_would_not_find_it(connection: Connection) -> None:
    await keep_as_before(connection, tickets(2))
    processes, todo = Processes(connection), Todo(connection)
    older, newer = Process("pod-1", "worker", "1.0.0", NOW), Process("pod-2", "worker", "1.1.0", NOW)
    for each in (older, newer, replace(newer, id="pod-3")):
        await processes.tell(each, NOW)
    await todo.name_trackers([TRACKER], NOW)
    assert await connection.ask(connection.redis.hlen(TICKETS + TRACKER)) == 2
    await processes.leave(older)
    await todo.name_trackers([TRACKER], NOW)
    assert not await connection.redis.exists(TICKETS + TRACKER)


async def test_however_many_trackers_there_are_as_much_is_moved_at_once(connection: Connection) -> None:
    names = ["jira", "servicenow", "servicenow-2"]
    for name in names:
        await connection.ask(connection.redis.hset(TICKETS + name, mapping={str(each): "ref" for each in range(1_000)}))
    await Todo(connection).name_trackers(names, NOW)
    left = sum([await connection.ask(connection.redis.hlen(TICKETS + name)) for name in names])
    assert 2_700 <= left <= 2_850


async def test_no_script_looks_at_tickets_of_more_than_one_tracker(connection: Connection) -> None:
    names = [f"jira-{number}" for number in range(5)]
    await connection.ask(connection.redis.hset(TRACKERS, mapping=dict.fromkeys(names, "0")))
    await connection.ask(connection.redis.config_resetstat())
    assert [each.name for each in await known_trackers(connection)] == names
    stats = await connection.ask(connection.redis.info("commandstats"))
    assert stats["cmdstat_evalsha"]["calls"] >= len(names)


async def test_no_script_goes_through_all_buckets_of_an_index_that_has_become_empty(connection: Connection) -> None:
    """Its tracker had millions of tickets, and nearly all of them have another tracker's name now."""
    await connection.ask(connection.redis.hset(INDEX + TRACKER, "buckets", "20000"))
    await connection.ask(connection.redis.hset(TRACKERS, mapping={TRACKER: "0", "jira": "0"}))
    those = tickets(3)
    await fill(connection, those)
    for each in those:
        link = f'["{each.id}","{each.key}"]'
        await connection.ask(connection.redis.hset(CASE + each.ref, mapping={"id": "fnd_1", f"link:{TRACKER}": link}))
    await connection.ask(connection.redis.config_resetstat())
    assert [(each.name, each.cases) for each in await known_trackers(connection)] == [("jira", 0), (TRACKER, 3)]
    pages = [page async for page in linked_cases(connection, TRACKER)]
    assert {each.ref for page in pages for each in page} == {each.ref for each in those}
    assert 40 <= len(pages) <= 42
    stats = await connection.ask(connection.redis.info("commandstats"))
    assert stats["cmdstat_hgetall"]["calls"] < 20_000 + 1_500
