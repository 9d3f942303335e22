"""The end of the console's process ends what it does beside its pages."""

import asyncio
import base64
import time
from pathlib import Path

import pytest

from console.acting import stores_of
from console.tasks import TaskRunner
from remediation.operations.pacing import Pace
from remediation.operations.selected import SelectedWork
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.console.selections import SelectedAct, Selections
from remediation.store.console.tasks import ConsoleTasks, TaskState
from remedy.consoling.process import _open
from tests.integration.console_world import MAPPINGS, ConsoleWorld
from tests.integration.test_console_selections import had_their_turn, left, park


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
