"""The end of the console's process ends what it does beside its pages, also what is only about to begin."""

import asyncio
import base64
import time
from pathlib import Path

import pytest

from console.app import end_tasks
from console.tasks.acting import stores_of
from console.tasks.running import TaskRunner
from remediation.operations.pacing import Pace
from remediation.operations.selected import SelectedWork
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.console.selections import FrozenSelection, SelectedAct, Selections
from remediation.store.console.tasks import ConsoleTask, ConsoleTasks, TaskState
from remedy.consoling.process import _open
from tests.integration.console_world import MAPPINGS, ConsoleWorld
from tests.integration.test_console_selections import ended, freeze, had_their_turn, left, park


async def test_a_console_that_ends_ends_its_tasks_between_two_pieces_and_says_so(
    console: ConsoleWorld, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mappings.yaml").write_text(MAPPINGS)
    pairs = console.keyring._keys.keys
    data_keys = ",".join(f"{kid}:{base64.b64encode(key).decode()}" for kid, key in pairs)
    for name, value in (
        ("REDIS_URL", redis_url),
        ("DATA_KEYS", data_keys),
        ("MAPPINGS_PATH", str(tmp_path / "mappings.yaml")),
        ("CONSOLE_CLIENT_SECRET", "test-only-secret"),
    ):
        monkeypatch.setenv(name, value)
    names = await park(console, 60)
    selections = Selections(console.connection)
    selection = await selections.freeze(SelectedAct.REPLAY, "ana", "--all", names, time.time())
    async with _open(load_settings(), RedisAddress.parse(redis_url)) as opened:
        context = opened.app.state.context
        runner = TaskRunner(stores_of(context), lambda: Pace(sleep=lambda _: asyncio.sleep(2)))
        opened.app.state.tasks = runner
        made = await selections.use(selection, "ana", time.time())
        assert made is not None
        runner.begin(selection, SelectedWork(made.act, made.who, made.choice, made.names, lambda _: True))
        await had_their_turn(console, selection)
    found = await ConsoleTasks(console.connection).one(selection)
    assert found is not None
    assert (found.state, found.done) == (TaskState.ENDED, 26)
    assert await left(console) >= set(names[26:])


class HeldBack:
    """Selections whose answers come late: the script has run, and what it returned is on its way until `goes_on`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_run, self.goes_on = asyncio.Event(), asyncio.Event()
        use = Selections.use

        async def late(of: Selections, selection: str, who: str, now: float) -> FrozenSelection | None:
            made = await use(of, selection, who, now)
            self.has_run.set()
            await self.goes_on.wait()
            return made

        monkeypatch.setattr(Selections, "use", late)


async def told(console: ConsoleWorld, task: str) -> ConsoleTask:
    found = await ConsoleTasks(console.connection).one(task)
    assert found is not None
    return found


async def test_a_task_that_is_confirmed_while_the_process_ends_is_told_as_ended_with_nothing_done(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, held = await park(console, 3), HeldBack(monkeypatch)
    task = await freeze(console, names)
    async with console.client("operator") as browser:
        confirming = asyncio.create_task(browser.submit(f"/selections/{task}"))
        await held.has_run.wait()
        assert (await told(console, task)).state is TaskState.RUNNING
        ending = asyncio.create_task(end_tasks(console.app))
        await asyncio.sleep(0.05)
        held.goes_on.set()
        await ending
        found = await told(console, task)
        assert (found.state, found.done) == (TaskState.ENDED, 0), "it is told before the process ends"
        assert (await confirming).headers["location"] == f"/tasks/{task}"
        page = (await browser.get(f"/tasks/{task}")).text
        assert "The console was ended meanwhile: 0 of 3 pieces had their turn. The rest stays as it was" in page
    assert await left(console) >= set(names)


async def test_a_task_whose_confirmation_is_cut_off_by_the_end_of_the_process_is_told_as_ended(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, held = await park(console, 3), HeldBack(monkeypatch)
    task = await freeze(console, names)
    async with console.client("operator") as browser:
        confirming = asyncio.create_task(browser.submit(f"/selections/{task}"))
        await held.has_run.wait()
        confirming.cancel()  # as the server does with requests that have not ended in time
        await asyncio.wait({confirming})
        ending = asyncio.create_task(end_tasks(console.app))
        await asyncio.sleep(0.05)
        held.goes_on.set()
        await ending
    found = await told(console, task)
    assert (found.state, found.done) == (TaskState.ENDED, 0)
    assert await left(console) >= set(names)


async def test_a_task_is_begun_also_where_whoever_confirmed_it_does_not_wait(
    console: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, held = await park(console, 3), HeldBack(monkeypatch)
    task = await freeze(console, names)
    async with console.client("operator") as browser:
        confirming = asyncio.create_task(browser.submit(f"/selections/{task}"))
        await held.has_run.wait()
        confirming.cancel()
        await asyncio.wait({confirming})
        held.goes_on.set()
        assert await ended(console, task) == {"done": 3}
    assert not await left(console) & set(names)
