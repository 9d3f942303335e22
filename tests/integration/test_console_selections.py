"""What was chosen in the console is done once, by who chose it, where they may still do it, and to nothing else."""

import asyncio
import base64
import signal
import sys
import time
from dataclasses import replace

import pytest

from console.app import end_tasks
from console.people.roles import ConsoleRole, Person, RoleGrant
from console.tasks.acting import stores_of
from console.tasks.running import MOST_TASKS, TaskRunner
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, StoreUnavailable
from remediation.mapping.reading.loading import loaded_of
from remediation.operations.pacing import Pace
from remediation.operations.parked_decisions import ParkedAct, ParkedOrder, decided
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.todo import Todo
from remediation.store.console.pulse import read_pulse
from remediation.store.console.selections import LIFETIME, MOST_NAMES, SelectedAct, Selections
from remediation.store.console.tasks import ConsoleTasks, TaskState
from remediation.store.deliveries.parked import MOST_REPLAYS, ParkedKind, ParkedWork
from remediation.store.keys import SELECTION
from tests.integration.console_world import (
    OTHERS,
    OURS,
    Browser,
    ConsoleWorld,
    mappings,
    parked_case,
    settled_case,
)

OPERATOR = "operator@example.org"


async def park(console: ConsoleWorld, count: int, district: str = OURS, first: int = 0) -> list[str]:
    """Park so many actions of a district. Returns their names."""
    parked = stores_of(console.context).parked
    names = []
    for number in range(first, first + count):
        key = CaseKey(district, CaseKind.FINDING, f"fnd_{district}_{number:04}")
        await Todo(console.connection).mark([(key, None)], time.time())
        error = Refused("jira", "no such field", status=400)
        names.append(
            await parked.park(
                ParkedKind.ACTION, key.ref, error, time.time(), district=district, action="open:jira", system="jira"
            )
        )
    return names


async def freeze(
    console: ConsoleWorld, names: list[str], act: SelectedAct = SelectedAct.REPLAY, who: str = OPERATOR, total: int = 0
) -> str:
    return await Selections(console.connection).freeze(act, who, f"--district {OURS}", names, time.time(), total)


async def left(console: ConsoleWorld) -> set[str]:
    """The names of all that is parked."""
    return {item.name async for item in stores_of(console.context).parked.listed()}


async def ended(console: ConsoleWorld, task: str) -> dict[str, int]:
    """What became of the pieces of a task, once it has ended."""
    for _ in range(200):
        found = await ConsoleTasks(console.connection).one(task)
        if found is not None and found.state is not TaskState.RUNNING:
            return dict(found.became)
        await asyncio.sleep(0.05)
    raise AssertionError("the task does not end")


async def test_a_confirmation_says_what_will_happen_to_how_many_and_what_stays(console: ConsoleWorld) -> None:
    names = await park(console, 3)
    await console.connection.redis.set(f"remedy:replays:{names[0]}", MOST_REPLAYS)
    selection = await freeze(console, [*names, "gone/open:jira"], total=1_204)
    async with console.client("operator") as browser:
        page = (await browser.get(f"/selections/{selection}")).text
        assert "2 pieces will be taken up again." in page
        assert "Take up 2 pieces again" in page
        assert "Refused jira 400" in page
        assert "not there any more" in page
        assert "replayed 5 times within thirty days" in page
        assert "These are the first 4 of 1,204 pieces." in page
        again = (await browser.get(f"/selections/{selection}?again=yes")).text
        assert "Take up 3 pieces again" in again
    assert await left(console) >= set(names), "nothing is done before it is confirmed"


async def test_what_was_chosen_is_done_and_what_came_meanwhile_is_not(console: ConsoleWorld) -> None:
    names = await park(console, 3)
    selection = await freeze(console, names)
    later = await park(console, 2, first=3)
    async with console.client("operator") as browser:
        answer = await browser.submit(f"/selections/{selection}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/tasks/{selection}")
        assert await ended(console, selection) == {"done": 3}
        page = (await browser.get(f"/tasks/{selection}")).text
        assert "All 3 pieces had their turn." in page
        assert "taken up again" in page
    there = await left(console)
    assert there >= set(later)
    assert not there & set(names)
    acts = await console.acts()
    assert acts.count((AuditAct.REPLAY, OPERATOR)) == 1
    assert acts.count((AuditAct.REPLAYED, OPERATOR)) == 3


async def test_a_selection_is_begun_once_however_often_it_is_confirmed(console: ConsoleWorld) -> None:
    selection = await freeze(console, await park(console, 3))
    async with console.client("operator") as browser:
        answers = await asyncio.gather(*(browser.submit(f"/selections/{selection}") for _ in range(4)))
        assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {
            (303, f"/tasks/{selection}")
        }
        await ended(console, selection)
        assert (await browser.get(f"/selections/{selection}")).headers["location"] == f"/tasks/{selection}"
    assert (await console.acts()).count((AuditAct.REPLAY, OPERATOR)) == 1


async def test_two_calls_of_the_store_begin_a_selection_once(console: ConsoleWorld) -> None:
    selections = Selections(console.connection)
    selection = await freeze(console, await park(console, 3))
    found = await asyncio.gather(*(selections.use(selection, OPERATOR, time.time()) for _ in range(5)))
    assert sum(each is not None for each in found) == 1


async def test_nobody_else_sees_or_confirms_what_somebody_has_chosen(console: ConsoleWorld) -> None:
    names = await park(console, 2)
    selection = await freeze(console, names)
    for who in ("administrator", "viewer", "administrator of all"):
        async with console.client(who) as browser:
            assert (await browser.get(f"/selections/{selection}")).status_code == 404
            assert (await browser.submit(f"/selections/{selection}")).status_code == 404
    assert await left(console) >= set(names)


async def test_a_task_is_shown_to_who_began_it_and_to_who_may_do_it_everywhere(console: ConsoleWorld) -> None:
    selection = await freeze(console, await park(console, 1))
    async with console.client("operator") as browser:
        await browser.submit(f"/selections/{selection}")
    await ended(console, selection)
    for who, status in (("operator", 200), ("operator of all", 200), ("viewer of all", 404), ("administrator", 404)):
        async with console.client(who) as browser:
            for path in (f"/tasks/{selection}", f"/tasks/{selection}/progress"):
                assert (await browser.get(path)).status_code == status, (who, path)


async def test_a_selection_is_over_after_a_quarter_of_an_hour(console: ConsoleWorld) -> None:
    selection = await freeze(console, await park(console, 1))
    kept = await console.connection.redis.pttl(SELECTION + selection)
    assert 0 < kept <= LIFETIME.total_seconds() * 1000
    await console.connection.redis.pexpire(SELECTION + selection, 1)
    await asyncio.sleep(0.05)
    async with console.client("operator") as browser:
        answer = await browser.submit(f"/selections/{selection}")
        assert (answer.status_code, "Choose again" in answer.text) == (404, True)


async def test_a_selection_has_the_first_thousand_and_says_of_how_many(console: ConsoleWorld) -> None:
    selection = await freeze(console, [f"case_{number}/look" for number in range(MOST_NAMES + 5)])
    found = await Selections(console.connection).made_by(selection, OPERATOR)
    assert found is not None
    assert (len(found.names), found.names[0], found.total, found.is_cut) == (1_000, "case_0/look", 1_005, True)


async def test_the_newest_hundred_selections_are_kept(console: ConsoleWorld) -> None:
    first = await freeze(console, ["a/look"])
    await asyncio.sleep(0.005)  # of those of one millisecond any may be the oldest
    *_, last = [await freeze(console, ["a/look"]) for _ in range(100)]
    selections = Selections(console.connection)
    assert await selections.made_by(first, OPERATOR) is None
    assert await selections.made_by(last, OPERATOR) is not None


async def test_a_piece_that_the_command_took_up_meanwhile_is_not_taken_up_again(console: ConsoleWorld) -> None:
    names = await park(console, 2)
    selection = await freeze(console, names)
    order = ParkedOrder(ParkedAct.REPLAY, "anna", "--all")
    assert [each async for each in decided(stores_of(console.context), order, names[:1], Pace())]
    async with console.client("operator") as browser:
        await browser.submit(f"/selections/{selection}")
        assert await ended(console, selection) == {"missing": 1, "done": 1}
        assert "not there any more" in (await browser.get(f"/tasks/{selection}")).text
    assert await console.connection.redis.get(f"remedy:replays:{names[0]}") == b"1"


async def test_whoever_has_lost_a_district_since_changes_nothing_there(console: ConsoleWorld) -> None:
    ours, others = await park(console, 2), await park(console, 2, OTHERS)
    both = RoleGrant(ConsoleRole.OPERATOR, frozenset({OURS, OTHERS}))
    selection = await freeze(console, [*ours, *others])
    async with console.client(Person(OPERATOR, (both,))) as browser:
        assert "4 pieces will be taken up again." in (await browser.get(f"/selections/{selection}")).text
    async with console.client("operator") as browser:  # of the same name, in one district only
        page = (await browser.get(f"/selections/{selection}")).text
        assert "2 pieces will be taken up again." in page
        assert "who chose it may not do this in its district" in page
        await browser.submit(f"/selections/{selection}")
        assert await ended(console, selection) == {"forbidden": 2, "done": 2}
    assert await left(console) >= set(others)


async def test_whoever_has_become_a_viewer_since_changes_nothing(console: ConsoleWorld) -> None:
    names = await park(console, 2)
    selection = await freeze(console, names, who="viewer@example.org")
    async with console.client("viewer") as browser:
        await browser.submit(f"/selections/{selection}")
        assert await ended(console, selection) == {"forbidden": 2}
    assert await left(console) >= set(names)


def slow(console: ConsoleWorld) -> asyncio.Event:
    """From now on, a task waits after 25 pieces until this is set."""
    goes_on = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await goes_on.wait()

    console.app.state.tasks = TaskRunner(stores_of(console.context), lambda: Pace(sleep=sleep))
    return goes_on


async def had_their_turn(console: ConsoleWorld, task: str, count: int = 25) -> None:
    """Wait until so many pieces had their turn."""
    for _ in range(300):
        found = await ConsoleTasks(console.connection).one(task)
        if found is not None and found.done == count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the task does not go on")


async def begun(
    console: ConsoleWorld, browser: Browser, count: int = 40, act: SelectedAct = SelectedAct.REPLAY
) -> tuple[str, list[str]]:
    """A task of so many pieces, of which 25 had their turn, and these pieces."""
    names = await park(console, count)
    selection = await freeze(console, names, act)
    await browser.submit(f"/selections/{selection}")
    await had_their_turn(console, selection)
    return selection, names


async def test_a_task_can_be_stopped_and_the_rest_stays(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser:
        task, names = await begun(console, browser)
        running = (await browser.get(f"/tasks/{task}")).text
        assert "25 of 40 pieces had their turn." in running
        assert f'data-live="/tasks/{task}/progress"' in running
        assert (await browser.submit(f"/tasks/{task}/stop")).status_code == 303
        assert "it is being stopped" in (await browser.get(f"/tasks/{task}/progress")).text
        await asyncio.sleep(1.2)
        goes_on.set()
        assert (await ended(console, task))["done"] == 26
        page = (await browser.get(f"/tasks/{task}")).text
        assert "Stopped: 26 of 40 pieces had their turn. The rest stays as it was" in page
        assert 'data-live="' not in page
    assert await left(console) >= set(names[26:])


async def test_the_audit_has_who_stopped_a_task_first_and_only_while_it_runs(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser, console.client("operator of all") as other:
        task, _ = await begun(console, browser)
        await other.submit(f"/tasks/{task}/stop")
        await asyncio.gather(*(each.submit(f"/tasks/{task}/stop") for each in (browser, other, browser)))
        assert await stops(console) == [("operator.of.all@example.org", "console", task, REPLAYED_OURS)]
        assert f"task {task}: {REPLAYED_OURS}" in (await other.get("/audit?act=stop_task")).text
        assert f"task {task}: {REPLAYED_OURS}" in (await other.get("/audit?act=people")).text
        goes_on.set()
        await ended(console, task)
        done = await freeze(console, await park(console, 1, first=100))
        await browser.submit(f"/selections/{done}")
        await ended(console, done)
        assert (await browser.submit(f"/tasks/{done}/stop")).status_code == 303
        assert (await ConsoleTasks(console.connection).one(done)).stop == ""  # type: ignore[union-attr]
    assert len(await stops(console)) == 1


REPLAYED_OURS = f"replay by {OPERATOR}: --district {OURS}"


async def stops(console: ConsoleWorld) -> list[tuple[str, str, str, str]]:
    """The lines about tasks that were stopped: by whom, as whom, which, and what it did."""
    await console.audit.chain()
    entries = [line.entry async for line in console.audit.trail.lines()]
    return [(each.by, each.user, each.piece, each.choice) for each in entries if each.act == AuditAct.STOP_TASK]


def take_rights_away(console: ConsoleWorld) -> None:
    """From now on, mappings.yaml names the operator no more."""
    text = mappings().replace(f"user: {OPERATOR}", "user: another@example.org")
    assert text != mappings()
    console.loaded = loaded_of(text, "mappings.yaml")


@pytest.mark.parametrize("act", [SelectedAct.REPLAY, SelectedAct.DISCARD])
async def test_a_task_leaves_what_its_person_may_not_do_any_more(console: ConsoleWorld, act: SelectedAct) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser, console.client("operator of all") as other:
        task, names = await begun(console, browser, act=act)
        take_rights_away(console)
        assert (await browser.get(f"/tasks/{task}")).status_code == 403
        goes_on.set()
        assert await ended(console, task) == {"done": 25, "forbidden": 15}
        page = (await other.get(f"/tasks/{task}")).text
        assert "<td>15</td><td>left: who chose it may not do this in its district, or not any more</td>" in page
    assert await left(console) >= set(names[25:])
    done = AuditAct.REPLAYED if act is SelectedAct.REPLAY else AuditAct.DISCARDED
    assert (await console.acts()).count((done, OPERATOR)) == 25


async def test_a_task_of_cases_leaves_those_that_its_person_may_not_look_at_any_more(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    refs = [name.partition("/")[0] for name in await park(console, 27)]
    selection = await freeze(console, refs, SelectedAct.RETRY)
    async with console.client("operator") as browser:
        await browser.submit(f"/selections/{selection}")
        await had_their_turn(console, selection)
    take_rights_away(console)
    goes_on.set()
    assert await ended(console, selection) == {"done": 25, "forbidden": 2}
    assert await left(console) >= {f"{ref}/open:jira" for ref in refs[25:]}
    assert (await console.acts()).count((AuditAct.RETRY, OPERATOR)) == 25


async def test_a_task_of_who_entered_with_a_link_goes_on_whatever_mappings_yaml_says(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    linked = Person(OPERATOR, (RoleGrant(ConsoleRole.OPERATOR, frozenset({OURS})),))
    async with console.client(linked) as browser:
        task, _ = await begun(console, browser)
    take_rights_away(console)
    goes_on.set()
    assert await ended(console, task) == {"done": 40}


async def test_a_task_goes_on_when_the_session_of_its_person_has_ended(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser:
        task, _ = await begun(console, browser)
        assert (await browser.submit("/sign-out")).status_code < 400
        assert (await browser.get(f"/tasks/{task}")).status_code == 303
        goes_on.set()
    assert await ended(console, task) == {"done": 40}


async def test_nobody_else_stops_a_task(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser, console.client("administrator") as other:
        task, _ = await begun(console, browser)
        assert (await other.submit(f"/tasks/{task}/stop")).status_code == 404
    goes_on.set()
    assert (await ended(console, task))["done"] == 40


async def test_the_end_of_the_process_ends_a_task_between_two_pieces(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser:
        task, names = await begun(console, browser)
        ending = asyncio.create_task(end_tasks(console.app))
        await asyncio.sleep(0)
        goes_on.set()
        await ending
        assert "The console was ended meanwhile: 26 of 40" in (await browser.get(f"/tasks/{task}")).text
        assert await left(console) >= set(names[26:])
        selection = await freeze(console, names[26:])
        assert (await browser.submit(f"/selections/{selection}")).status_code == 400
        assert await Selections(console.connection).made_by(selection, OPERATOR), "it was not begun"


async def test_a_console_does_some_tasks_at_a_time_and_no_more(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser:
        for number in range(MOST_TASKS):
            names = await park(console, 30, first=100 * number)
            assert (await browser.submit(f"/selections/{await freeze(console, names)}")).status_code == 303
        selection = await freeze(console, await park(console, 1, first=1_000))
        answer = await browser.submit(f"/selections/{selection}")
        assert (answer.status_code, "confirm again" in answer.text) == (400, True)
        goes_on.set()
        await end_tasks(console.app)


async def test_no_more_tasks_begin_where_many_confirm_at_once(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser:
        chosen = [await freeze(console, await park(console, 30, first=100 * n)) for n in range(MOST_TASKS + 2)]
        answers = await asyncio.gather(*(browser.submit(f"/selections/{each}") for each in chosen))
        assert sorted(answer.status_code for answer in answers) == [303] * MOST_TASKS + [400] * 2
        waiting = [await Selections(console.connection).made_by(each, OPERATOR) for each in chosen]
        assert sum(each is not None for each in waiting) == 2, "they can be confirmed again"
        goes_on.set()
        await end_tasks(console.app)


DYING = """
import asyncio, sys
from console.tasks.running import TaskRunner
from remediation.operations.auditing import OperationAudit
from remediation.operations.pacing import Pace
from remediation.operations.selected import SelectedWork
from remediation.operations.stores import OperationStores
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.store.console.selections import Selections
from remedy.runtime.assembly import open_connection
import time

async def main(url, keys, selection, who):
    manager = open_connection(RedisAddress.parse(url), socket_timeout=5, retries=1)
    connection = await manager.__aenter__()
    keyring = Keyring.parse(keys)
    stores = OperationStores(OperationAudit(connection, keyring, time.time, "console"), time.time, connection, keyring)
    made = await Selections(connection).use(selection, who, time.time())
    work = SelectedWork(made.act, made.who, made.choice, made.names, lambda _: True)
    async def sleep(_): await asyncio.sleep(60)
    TaskRunner(stores, lambda: Pace(sleep=sleep)).begin(selection, work)
    await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_console_that_is_killed_leaves_the_rest_as_it_was_and_others_say_so(
    console: ConsoleWorld, redis_url: str
) -> None:
    names = await park(console, 40)
    selection = await freeze(console, names)
    pairs = console.keyring._keys.keys
    data_keys = ",".join(f"{kid}:{base64.b64encode(key).decode()}" for kid, key in pairs)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DYING, redis_url, data_keys, selection, OPERATOR
    )
    try:
        await had_their_turn(console, selection)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert await left(console) >= set(names[25:])
    async with console.client("operator") as browser:
        page = (await browser.get(f"/tasks/{selection}")).text
        assert "25 of 40 pieces had their turn." in page
        console.app.state.context = replace(console.context, clock=lambda: time.time() + 60)
        page = (await browser.get(f"/tasks/{selection}")).text
        assert "has died" in page
        assert "At least 25 of 40 pieces had their turn" in page
    assert (await console.acts()).count((AuditAct.REPLAYED, OPERATOR)) == 25


async def test_a_discarded_piece_is_given_up_and_the_page_says_that_it_cannot_be_undone(console: ConsoleWorld) -> None:
    names = await park(console, 2)
    selection = await freeze(console, names, SelectedAct.DISCARD)
    async with console.client("operator") as browser:
        page = (await browser.get(f"/selections/{selection}")).text
        assert "This cannot be undone" in page
        assert "Discard 2 pieces" in page
        await browser.submit(f"/selections/{selection}")
        assert await ended(console, selection) == {"done": 2}
    assert not await left(console) & set(names)


async def test_cases_are_looked_at_again_with_what_is_parked_of_them(console: ConsoleWorld) -> None:
    refs = [parked_case(OURS).ref, settled_case(OURS).ref, parked_case(OTHERS).ref, f"{OURS}:finding:unknown"]
    selection = await freeze(console, refs, SelectedAct.RETRY)
    async with console.client("operator") as browser:
        page = (await browser.get(f"/selections/{selection}")).text
        assert "2 cases will be looked at now, and 1 piece of parked work with them." in page
        await browser.submit(f"/selections/{selection}")
        assert await ended(console, selection) == {"done": 2, "forbidden": 1, "missing": 1}
    assert f"{parked_case(OURS).ref}/open:jira" not in await left(console)
    assert f"{parked_case(OTHERS).ref}/open:jira" in await left(console)
    assert (await console.acts()).count((AuditAct.RETRY, OPERATOR)) == 2


async def test_an_administrator_deletes_cases_and_an_operator_does_not(console: ConsoleWorld) -> None:
    ref = settled_case(OURS).ref
    todo = Todo(console.connection)
    selection = await freeze(console, [ref], SelectedAct.PURGE)
    async with console.client("operator") as browser:
        await browser.submit(f"/selections/{selection}")
        assert await ended(console, selection) == {"forbidden": 1}
    assert await todo.record(ref) is not None
    who = "administrator@example.org"
    selection = await freeze(console, [ref, settled_case(OTHERS).ref], SelectedAct.PURGE, who)
    async with console.client("administrator") as browser:
        page = (await browser.get(f"/selections/{selection}")).text
        assert "Delete 1 case for good" in page
        await browser.submit(f"/selections/{selection}")
        assert await ended(console, selection) == {"done": 1, "forbidden": 1}
    assert await todo.record(ref) is None
    assert await todo.record(settled_case(OTHERS).ref) is not None
    assert (AuditAct.PURGED, who) in await console.acts()


async def test_without_redis_a_task_fails_and_says_so_when_redis_is_back(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = await park(console, 2)
    selection = await freeze(console, names)

    async def away(*_args: object, **_named: object) -> None:
        raise StoreUnavailable("Redis does not answer")

    monkeypatch.setattr(ParkedWork, "replay", away)
    async with console.client("operator") as browser:
        await browser.submit(f"/selections/{selection}")
        assert await ended(console, selection) == {}
        assert "It failed: 0 of 2 pieces" in (await browser.get(f"/tasks/{selection}")).text
    assert await left(console) >= set(names)


async def test_open_pages_are_told_while_a_task_goes_on_and_when_it_ends(console: ConsoleWorld) -> None:
    goes_on = slow(console)
    async with console.client("operator") as browser:
        task, _ = await begun(console, browser)
        before = await read_pulse(console.connection)
        await asyncio.sleep(1.2)
        during = await read_pulse(console.connection)
        goes_on.set()
        await ended(console, task)
    assert len({before, during, await read_pulse(console.connection)}) == 3
