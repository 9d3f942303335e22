"""The lists of cases: each transition moves a case, a page shows what is asked for, and nothing is missing or twice."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.errors import Refused
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Ticket, TicketState
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.store.cases import lists as module
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter, CaseLists, CasePage, ListCursor, ListedCase
from remediation.store.cases.todo import Lease, Todo
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.keys import CASE, CASE_LIST, CASE_LISTS, CASES_LISTED
from remediation.store.server.connection import Connection

NOW = 1_800_000_000.0
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
HOME = CaseKey("lakeside", CaseKind.FINDING, f"id-{'5' * 40}")
TICKET = Ticket("jira", "10001", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.OPEN, mark=KEY.mark)
MEMORY = Memory(Status.REVIEWING, {"jira": TicketState.OPEN}, severity=Severity.HIGH, rule="severe")
NO = Refused("jira", "a field is required", status=400)
NAME = f"{KEY.ref}/open:jira"


@pytest.fixture
def todo(connection: Connection) -> Todo:
    return Todo(connection)


@pytest.fixture
def lists(connection: Connection) -> CaseLists:
    return CaseLists(connection)


async def in_hand(todo: Todo, key: CaseKey = KEY, now: float = NOW) -> Lease:
    await todo.mark([(key, Band.HIGH)], now)
    lease = await todo.take(key.ref, now)
    assert lease is not None
    return lease


async def settled(todo: Todo, memory: Memory = MEMORY, key: CaseKey = KEY, now: float = NOW) -> None:
    assert await todo.settle(await in_hand(todo, key, now), memory, now)


async def only(lists: CaseLists) -> ListedCase:
    page = await lists.page(CaseFilter(), 10)
    (case,) = page.cases
    assert page.cursor is None
    return case


async def states(lists: CaseLists) -> list[str]:
    return [str(each) for each in (await only(lists)).states]


async def test_a_marked_case_is_dirty_and_nothing_more_is_known(todo: Todo, lists: CaseLists) -> None:
    await todo.mark([(KEY, Band.HIGH)], NOW)
    assert await only(lists) == ListedCase(KEY.ref, NOW, "lakeside", (CaseState.DIRTY,), "", "", ())


async def test_a_settled_case_is_at_rest_with_what_it_remembers(todo: Todo, lists: CaseLists) -> None:
    await settled(todo, now=NOW + 5)
    assert await only(lists) == ListedCase(KEY.ref, NOW + 5, "lakeside", (CaseState.AT_REST,), "high", "severe", ())


async def test_a_look_that_finds_all_as_it_was_is_no_change(todo: Todo, lists: CaseLists) -> None:
    await settled(todo)
    await settled(todo, now=NOW + 60)
    assert (await only(lists)).changed_at == NOW
    await settled(todo, Memory(Status.RESOLVED, severity=Severity.HIGH, rule="severe"), now=NOW + 90)
    assert (await only(lists)).changed_at == NOW + 90


async def test_a_case_that_is_marked_during_a_look_stays_dirty(todo: Todo, lists: CaseLists) -> None:
    lease = await in_hand(todo)
    await todo.mark([(KEY, None)], NOW)
    await todo.settle(lease, MEMORY, NOW)
    assert await states(lists) == ["dirty"]


async def test_a_case_that_is_put_off_is_so_until_it_is_marked(todo: Todo, lists: CaseLists) -> None:
    lease = await in_hand(todo)
    assert await todo.remember(lease, MEMORY)
    await todo.put_off(lease, NOW + 900, NOW + 1)
    found = await only(lists)
    assert (found.states, found.rule, found.changed_at) == ((CaseState.PUT_OFF,), "severe", NOW + 1)
    await todo.mark([(KEY, None)], NOW + 2)
    assert await states(lists) == ["dirty"]


async def test_a_linked_ticket_is_listed_by_its_tracker_until_it_is_unlinked(
    connection: Connection, todo: Todo, lists: CaseLists
) -> None:
    lease = await in_hand(todo)
    links = LeasedLinks(connection, lease, clock=lambda: NOW)
    await links.link(TICKET)
    assert (await only(lists)).trackers == ("jira",)
    await links.unlink("jira")
    assert (await only(lists)).trackers == ()


async def test_a_renamed_tracker_renames_the_list(connection: Connection, todo: Todo, lists: CaseLists) -> None:
    lease = await in_hand(todo)
    await LeasedLinks(connection, lease, clock=lambda: NOW).link(TICKET)
    await todo.rename_trackers(lease, {"jira": "tickets"})
    assert (await only(lists)).trackers == ("tickets",)


@pytest.mark.parametrize(("decision", "expected"), [("discard", ["at_rest"]), ("replay", ["dirty"])])
async def test_a_parked_case_is_so_until_a_person_decides(
    connection: Connection, keyring: Keyring, todo: Todo, lists: CaseLists, decision: str, expected: list[str]
) -> None:
    parked = ParkedWork(connection, keyring)
    await settled(todo)
    await parked.park(ParkedKind.ACTION, KEY.ref, NO, NOW, district="lakeside", action="open:jira")
    assert await states(lists) == ["at_rest", "parked"]
    await getattr(parked, decision)(NAME, NOW)
    assert await states(lists) == expected


async def test_what_was_given_up_and_is_parked_once_more_waits_for_nobody(
    connection: Connection, keyring: Keyring, todo: Todo, lists: CaseLists
) -> None:
    parked = ParkedWork(connection, keyring)
    await settled(todo)
    for _ in range(2):
        await parked.park(ParkedKind.ACTION, KEY.ref, NO, NOW, district="lakeside", action="open:jira")
        await parked.discard(NAME, NOW)
    await parked.park(ParkedKind.ACTION, KEY.ref, NO, NOW, district="lakeside", action="open:jira")
    record = await todo.record(KEY.ref)
    assert record is not None
    assert not record.undecided
    assert await states(lists) == ["at_rest"]


async def test_a_conflict_is_listed_until_it_is_over(todo: Todo, lists: CaseLists) -> None:
    await settled(todo, Memory(Status.REVIEWING, conflict_at=NOW))
    assert await states(lists) == ["at_rest", "conflict"]
    await settled(todo)
    assert await states(lists) == ["at_rest"]


async def test_a_finding_that_joins_a_case_is_listed_as_that_alone(
    connection: Connection, todo: Todo, lists: CaseLists
) -> None:
    await settled(todo)
    assert await todo.join(await in_hand(todo), HOME, NOW)
    found = await only(lists)
    assert (found.ref, found.rule, found.severity) == (HOME.ref, "severe", "high")
    assert await connection.ask(connection.redis.hexists(CASE + KEY.ref, "listed")) is False


async def test_a_list_that_is_empty_is_forgotten(connection: Connection, todo: Todo) -> None:
    await settled(todo)
    names = [name for name in await connection.ask(connection.redis.hkeys(CASE_LISTS)) if b"|" in name]
    assert names == [b"lakeside|at_rest||high|severe|"]
    assert len(await connection.redis.keys(CASE_LIST + "*")) == 1


async def paged(lists: CaseLists, wanted: CaseFilter, limit: int) -> list[str]:
    """The references of all pages."""
    refs: list[str] = []
    cursor: ListCursor | None = None
    while True:
        page = await lists.page(wanted, limit, cursor)
        assert len(page.cases) <= limit
        refs += [each.ref for each in page.cases]
        if page.cursor is None:
            return refs
        cursor = ListCursor.parse(str(page.cursor))


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_show_every_case_once_newest_first_also_of_one_moment(
    todo: Todo, lists: CaseLists, limit: int
) -> None:
    keys = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(12)]
    keys += [CaseKey("lakeside", CaseKind.FINDING, name) for name in ("B", "a", "-", ".")]
    for number, key in enumerate(keys):
        await settled(todo, Memory(rule=f"rule-{number % 3}"), key, NOW + number // 4)
    moments = {key.ref: NOW + number // 4 for number, key in enumerate(keys)}
    expected = sorted(moments, key=lambda ref: (moments[ref], ref), reverse=True)
    assert await paged(lists, CaseFilter(), limit) == expected


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CaseFilter(district="lakeside"), {"fnd_1", "fnd_2"}),
        (CaseFilter(district="hilltop"), {"fnd_3"}),
        (CaseFilter(state=CaseState.AT_REST), {"fnd_1", "fnd_3"}),
        (CaseFilter(state=CaseState.DIRTY), {"fnd_2"}),
        (CaseFilter(state=CaseState.PARKED), {"fnd_1"}),
        (CaseFilter(state=CaseState.CONFLICT), {"fnd_3"}),
        (CaseFilter(tracker="jira"), {"fnd_2"}),
        (CaseFilter(tracker="jir"), set()),
        (CaseFilter(rule="severe"), {"fnd_1", "fnd_2"}),
        (CaseFilter(severity="low"), {"fnd_3"}),
        (CaseFilter(rule="severe", state=CaseState.AT_REST), {"fnd_1"}),
        (CaseFilter(rule="unheard-of"), set()),
        (CaseFilter(districts=frozenset({"hilltop", "elsewhere"})), {"fnd_3"}),
        (CaseFilter(districts=frozenset({"hilltop", "lakeside"}), state=CaseState.AT_REST), {"fnd_1", "fnd_3"}),
        (CaseFilter("lakeside", districts=frozenset({"hilltop"})), set()),
        (CaseFilter(districts=frozenset()), set()),
        (CaseFilter(changed_from=NOW + 1), {"fnd_2", "fnd_3"}),
        (CaseFilter(changed_until=NOW + 1), {"fnd_1"}),
        (CaseFilter(changed_from=NOW + 1, changed_until=NOW + 2, rule="severe"), {"fnd_2"}),
        (CaseFilter(changed_from=NOW + 3), set()),
    ],
)
async def test_a_filter_takes_what_it_names(
    connection: Connection, keyring: Keyring, todo: Todo, lists: CaseLists, wanted: CaseFilter, found: set[str]
) -> None:
    await settled(todo)
    await ParkedWork(connection, keyring).park(
        ParkedKind.ACTION, KEY.ref, NO, NOW, district="lakeside", action="open:jira"
    )
    other = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")
    lease = await in_hand(todo, other, NOW + 1)
    await LeasedLinks(connection, lease, clock=lambda: NOW + 1).link(TICKET)
    assert await todo.remember(lease, MEMORY)
    third = CaseKey("hilltop", CaseKind.FINDING, "fnd_3")
    await settled(todo, Memory(conflict_at=NOW, severity=Severity.LOW, rule="mild"), third, NOW + 2)
    for _ in "before the names of the lists are known, and behind that":
        page = await lists.page(wanted, 10)
        assert {each.ref.rpartition(":")[2] for each in page.cases} == found
        assert await lists.count(wanted) == len(found)
    words = await lists.words()
    assert (sorted(words.districts), sorted(words.rules)) == (["hilltop", "lakeside"], ["mild", "severe"])
    assert sorted(words.trackers) == ["jira"]


async def put(connection: Connection, rules: Sequence[str], at: Sequence[int]) -> list[str]:
    """Cases, each of a rule and changed at a time (ms), put onto their lists at once. Returns the references."""
    refs = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}").ref for number in range(len(rules))]
    rows = connection.redis.pipeline(transaction=False)
    for ref, moment in zip(refs, at, strict=True):
        rows.hset(CASE + ref, mapping={"id": ref, "marked_at": moment})
    await connection.ask(rows.execute())
    cursor, server = await connection.run("list_cursor", 1)
    parts = [part for ref, rule in zip(refs, rules, strict=True) for part in (ref, f"1||high|{rule}", "")]
    await connection.run("list_earlier", 1, cursor, server, "0", *parts)
    return refs


async def scripts_run(connection: Connection) -> int:
    figures = await connection.redis.info("commandstats")
    return sum(figures[name]["calls"] for name in ("cmdstat_evalsha", "cmdstat_eval") if name in figures)


async def test_the_first_page_looks_for_no_place_in_its_lists(connection: Connection, lists: CaseLists) -> None:
    """Each list begins at hand, however long it is."""
    await put(connection, [f"rule-{number % 3}" for number in range(600)], range(600))
    await connection.redis.config_resetstat()
    assert len((await lists.page(CaseFilter(), 20)).cases) == 20
    assert "cmdstat_zrevrangebyscore" not in await connection.redis.info("commandstats")


async def test_a_mark_does_not_look_through_a_case_of_many_findings(connection: Connection, todo: Todo) -> None:
    """A scan marks such a case once for each of its findings."""
    await settled(todo, key=HOME)
    own = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(3)]
    await connection.redis.config_resetstat()
    await todo.name_members([(subject_of(key, Finding(key.id)), HOME) for key in own])
    await todo.mark([(HOME, Band.HIGH)] * 3, NOW)
    assert "cmdstat_hkeys" not in await connection.redis.info("commandstats")


async def test_of_many_lists_one_call_reads_some_and_the_pages_are_the_same(
    connection: Connection, lists: CaseLists
) -> None:
    """Redis does nothing else while a script reads lists."""
    count = 450
    refs = await put(connection, [f"rule-{number}" for number in range(count)], [7 + n // 3 for n in range(count)])
    expected = sorted(refs, key=lambda ref: (refs.index(ref) // 3, ref), reverse=True)
    assert await paged(lists, CaseFilter(), 100) == expected
    before = await scripts_run(connection)
    page = await lists.page(CaseFilter(severity="high"), 20, ListCursor(50, ""))
    assert await scripts_run(connection) - before == 2  # 200 and 250 lists
    assert [each.changed_at for each in page.cases][:4] == [0.049, 0.049, 0.049, 0.048]
    assert page.is_complete
    assert page.cursor == page.cases[-1].cursor
    assert (await lists.page(CaseFilter(severity="low"), 20)).cases == ()
    assert len((await lists.words()).rules) == count


async def test_no_call_reads_very_many_lists(connection: Connection, lists: CaseLists) -> None:
    """Redis does nothing else while a script reads lists."""
    count = 1_300
    refs = await put(connection, [f"rule-{number}" for number in range(count)], [1000 * n for n in range(count)])
    await lists.words()
    before = await scripts_run(connection)
    page = await lists.page(CaseFilter(), 20, ListCursor(900_000, refs[900]))
    assert [each.ref for each in page.cases] == refs[899:879:-1]
    assert await scripts_run(connection) - before == 4  # 200, 500, 500 and 100 lists
    assert await lists.sizes(range(1, count + 1)) == [1] * count


@pytest.mark.parametrize("seed", range(12))
async def test_pages_of_lists_that_are_read_some_at_a_time_are_those_of_all_cases_in_order(
    connection: Connection, lists: CaseLists, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(module, "_LISTS_AT_ONCE", 3)
    monkeypatch.setattr(module, "_MORE_LISTS_AT_ONCE", 4)
    chance = Random(seed)  # noqa: S311 - the same cases each time
    rules, at = [[chance.randrange(most) for _ in range(60)] for most in (25, chance.choice((2, 9, 60)))]
    refs = await put(connection, [f"rule-{number}" for number in rules], [1000 * moment for moment in at])
    in_order = sorted(zip(at, refs, strict=True), reverse=True)
    await lists.words()
    for _ in range(6):
        since, until = sorted(chance.choice((None, chance.randrange(60))) or edge for edge in (0, 60))
        wanted = CaseFilter(changed_from=since, changed_until=until)
        expected = [ref for moment, ref in in_order if since <= moment < until]
        assert await paged(lists, wanted, chance.randrange(1, 12)) == expected
        assert await lists.count(wanted) == len(expected)


async def test_a_page_behind_a_cursor_takes_no_case_that_is_too_new_or_too_old(
    connection: Connection, lists: CaseLists
) -> None:
    refs = await put(connection, [f"rule-{number % 7}" for number in range(40)], [1000 * n for n in range(40)])
    wanted = CaseFilter(changed_from=10, changed_until=30)
    assert await paged(lists, wanted, 6) == refs[29:9:-1]
    assert [each.ref for each in (await lists.page(wanted, 3, ListCursor(39_000, refs[39]))).cases] == refs[29:26:-1]
    assert [each.ref for each in (await lists.page(wanted, 9, ListCursor(11_000, refs[11]))).cases] == [refs[10]]


async def test_of_many_lists_each_filter_by_age_takes_what_it_names(connection: Connection, lists: CaseLists) -> None:
    count = 450
    refs = await put(connection, [f"rule-{number}" for number in range(count)], [1000 * n for n in range(count)])
    for _ in "before the names of the lists are known, and behind that":
        assert await paged(lists, CaseFilter(changed_from=10), 100) == refs[:9:-1]
        assert await paged(lists, CaseFilter(changed_until=300), 100) == refs[299::-1]
        assert await lists.count(CaseFilter(changed_from=10)) == 440
        assert await lists.count(CaseFilter(changed_from=10, changed_until=300)) == 290


async def test_no_more_is_counted_than_suffices(connection: Connection, lists: CaseLists) -> None:
    await put(connection, [f"rule-{number % 10}" for number in range(100)], range(100))
    assert await lists.count(CaseFilter(), most=100) == 100
    assert await lists.count(CaseFilter(), most=25) == 30
    assert await lists.count(CaseFilter(rule="rule-1"), most=25) == 10


async def test_a_reader_that_goes_on_sees_lists_that_came_and_went(
    connection: Connection, todo: Todo, lists: CaseLists
) -> None:
    await settled(todo)
    assert (await lists.words()).rules == {"severe"}
    mild = Memory(Status.REVIEWING, severity=Severity.LOW, rule="mild")
    await settled(todo, mild, now=NOW + 1)
    page = await lists.page(CaseFilter(rule="mild"), 10)
    assert [each.rule for each in page.cases] == ["mild"]
    assert (await lists.page(CaseFilter(rule="severe"), 10)).cases == ()
    assert await lists.count(CaseFilter(rule="severe")) == 0
    assert await lists.count(CaseFilter()) == 1


async def test_several_readers_learn_the_lists_at_the_same_time(connection: Connection, lists: CaseLists) -> None:
    await put(connection, ["severe"], [7])
    assert await lists.count(CaseFilter()) == 1
    await connection.ask(connection.redis.delete(CASES_LISTED))
    refs = await put(connection, [f"rule-{number}" for number in range(30)], range(30))
    found = await asyncio.gather(*(lists.page(CaseFilter(), 50) for _ in range(8)))
    assert all(sorted(case.ref for case in page.cases) == sorted(refs) for page in found)


async def test_what_a_page_asks_at_the_same_time_learns_the_lists_once(
    connection: Connection, lists: CaseLists
) -> None:
    await put(connection, [f"rule-{number}" for number in range(9)], range(9))
    await lists.words()
    await connection.redis.config_resetstat()
    page, count, words = await asyncio.gather(lists.page(CaseFilter(), 50), lists.count(CaseFilter()), lists.words())
    assert (len(page.cases), count, len(words.rules)) == (9, 9, 9)
    assert (await connection.redis.info("commandstats"))["cmdstat_hlen"]["calls"] == 1


@pytest.mark.parametrize("count", [1_500, 11_000])
async def test_a_reader_learns_what_came_while_it_asked_nothing(
    connection: Connection, todo: Todo, lists: CaseLists, count: int
) -> None:
    """Lists come and go with each look, and their numbers are never given again."""
    await settled(todo)
    assert await lists.count(CaseFilter()) == 1
    await connection.ask(connection.redis.hincrby(CASE_LISTS, "", count))
    other = CaseKey("hilltop", CaseKind.FINDING, "fnd_2")
    await settled(todo, key=other)
    assert await lists.count(CaseFilter("hilltop")) == 1
    assert [each.ref for each in (await lists.page(CaseFilter("hilltop"), 10)).cases] == [other.ref]


async def test_a_reader_does_not_take_another_store_for_the_one_that_it_knew(
    connection: Connection, todo: Todo, lists: CaseLists
) -> None:
    """The numbers of the lists begin anew there: what was learnt of them says whose cases they have."""
    await settled(todo)
    assert await lists.count(CaseFilter("lakeside")) == 1
    known = (await connection.ask(connection.redis.hget(CASE_LISTS, ""))).decode()
    await connection.redis.flushall()
    other = CaseKey("hilltop", CaseKind.FINDING, "fnd_1")
    await settled(todo, key=other)
    await connection.ask(connection.redis.hset(CASE_LISTS, "", known))
    assert (await lists.page(CaseFilter("lakeside"), 10)).cases == ()
    assert [each.ref for each in (await lists.page(CaseFilter("hilltop"), 10)).cases] == [other.ref]


async def test_a_page_that_no_list_fits_says_that_cases_may_be_missing(
    connection: Connection, lists: CaseLists
) -> None:
    """There are more names of lists than one call looks at, and a version before this one wrote cases, too."""
    count = 2_100
    await put(connection, [f"rule-{number}" for number in range(count)], range(count))
    assert await lists.page(CaseFilter(district="hillside"), 20) == CasePage((), None, is_complete=True)
    await connection.ask(connection.redis.delete(CASES_LISTED))
    assert await lists.page(CaseFilter(district="hillside"), 20) == CasePage((), None, is_complete=False)


async def test_a_page_that_begins_within_one_moment_does_not_read_what_lies_before_it(
    connection: Connection, lists: CaseLists
) -> None:
    """Whatever is marked at once changes in one moment."""
    count = 2_000
    refs = sorted(await put(connection, ["severe"] * count, [7] * count), reverse=True)
    await connection.redis.config_resetstat()
    page = await lists.page(CaseFilter(), 3, ListCursor(7, refs[-5]))
    assert [each.ref for each in page.cases] == refs[-4:-1]
    figures = await connection.redis.info("commandstats")
    assert sum(each["calls"] for name, each in figures.items() if "range" in name) < 20
    assert [each.ref for each in (await lists.page(CaseFilter(), 3, ListCursor(7, refs[7] + "!"))).cases] == refs[7:10]


@pytest.mark.parametrize("text", ["", "7", "x/y", "7/", "7/a b", f"{'9' * 17}/a"])
def test_a_cursor_that_no_page_ended_with_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        ListCursor.parse(text)
