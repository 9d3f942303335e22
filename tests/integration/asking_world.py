"""A console that asks, a worker that answers, and the systems that it asks, over real HTTP.

async with open_asking(connection, keyring, tmp_path) as asking, asking.console.client("viewer") as browser:
page = await asking.answered(browser, f"/plan/{ref}")
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.mapping.reading.loading import loaded_of
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Band, decode
from remediation.sealing import Keyring
from remediation.settings import load_settings
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_contexts
from sandbox.secrets import DISTRICT
from tests.integration.console_world import OTHERS, Browser, ConsoleWorld
from tests.integration.live_world import LiveWorld, live_world
from tests.integration.offices import JOBS
from workers.resources import WorkerContexts

CANARY = "ZZPII"
"""Stands in each text of the findings that are planted, and must come out nowhere."""

RULES = """\
rules:
  - name: severe
    match: {severity: [critical, high]}
    tickets:
      context: {}
      jira: {project: SEC, type: Task}
"""

_SAID: Mapping[str, Any] = {
    "severity": "high",
    "title": f"{CANARY}-title of Jane Roe",
    "description": f"{CANARY}-description",
    "evidence": {"matched_values": [f"{CANARY}-value"]},
}


class AskingWorld:
    """The console, the outside and the worker's contexts. `findings` are three of the district's, with canaries."""

    def __init__(self, console: ConsoleWorld, outside: LiveWorld, contexts: WorkerContexts) -> None:
        self.console, self.outside, self.contexts = console, outside, contexts
        self.redis: Any = console.connection.redis
        said = [{**_SAID, "page_url": f"https://x.example/{CANARY}-page-{number}"} for number in range(3)]
        made = outside.ask("POST", "schoolscan", "/_sandbox/findings", json={"findings": said})
        assert made.is_success, made.text
        self.findings: list[str] = made.json()["findings"]
        for name in outside.addresses:
            outside.ask("DELETE", name, "/_sandbox/requests")

    @property
    def key(self) -> CaseKey:
        """The case of the first finding."""
        return CaseKey(DISTRICT, CaseKind.FINDING, self.findings[0])

    async def mark(self, key: CaseKey) -> None:
        """Something happened to a case."""
        await Todo(self.console.connection).mark([(key, Band.HIGH)], time.time(), "webhook:schoolscan")

    async def work(self) -> list[str]:
        """A worker works off the queue; returns the names of the jobs."""
        ran = []
        await self.console.connection.begin(0.001)  # so old that no early search is doubted
        while jobs := await self.redis.zrange(WORK_QUEUE, 0, 0):
            await self.redis.zrem(WORK_QUEUE, jobs[0])
            job = decode(await self.redis.get(JOB_PREFIX + jobs[0].decode()) or b"")
            await JOBS[job["f"]]({"contexts": self.contexts}, *job["a"])
            ran.append(job["f"])
        return ran

    async def answered(self, browser: Browser, address: str, **fields: str) -> httpx2.Response:
        """The page with the answer to what a form asks."""
        asked = await browser.submit(address, **fields)
        assert asked.status_code == 303, asked.text
        await self.work()
        return await browser.get(asked.headers["location"])

    async def everything(self) -> bytes:
        """All that lies in Redis, as it lies there."""
        held: list[bytes] = []
        async for key in self.redis.scan_iter():
            held += [key, await self.redis.dump(key) or b""]
            if await self.redis.type(key) == b"hash":
                held += [part for pair in (await self.redis.hgetall(key)).items() for part in pair]
        return b"\n".join(held)


@asynccontextmanager
async def open_asking(
    connection: Connection, keyring: Keyring, folder: Path, monkeypatch: pytest.MonkeyPatch, rules: str = RULES
) -> AsyncIterator[AskingWorld]:
    """A console whose mappings.yaml the worker has, too, and a second district, of which the sandbox knows nothing."""
    with live_world(folder) as outside:
        block = outside.text[outside.text.index(f"  {DISTRICT}:\n") : outside.text.index("trackers:")]
        text = outside.text[: outside.text.index("defaults:")].replace(
            block, block + block.replace(f"  {DISTRICT}:\n", f"  {OTHERS}:\n")
        )
        for name, value in outside.secrets.items():
            monkeypatch.setenv(name, value)
        console = ConsoleWorld(connection, keyring, text + rules)
        loaded = loaded_of(text + rules, "mappings.yaml")
        async with open_contexts(loaded, load_settings(), connection, time.time, keyring) as contexts:
            yield AskingWorld(console, outside, contexts)
