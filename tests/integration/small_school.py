"""A fixed small set-up for what is shown to people: one district, five cases, a feed, and stand-ins over real HTTP.

Its ids are always the same. Its clock stands still, a few seconds after everything happened: no screen differs by how
fast a machine is.
"""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.mapping.reading.loading import load_mappings
from remediation.queue import JOB_PREFIX, WORK_QUEUE, Band, decode
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.cases.lists import UnlistedCases
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.refused import RefusalKind, RefusedLog
from remediation.store.processes import Process, Processes
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection
from remedy.main import main
from remedy.runtime.assembly import open_connection, open_contexts
from remedy.runtime.data_keys import keyring_of
from remedy.runtime.heartbeat import version
from remedy.runtime.reload import digests_of, short_digest
from sandbox.incident_feed.behaviour import FeedBehaviour
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.jira.stand_in import PERSON, SERVICE, jira_app
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.secrets import DISTRICT, ENVIRONMENT, INCIDENT_FEED_TOKEN
from sandbox.servicenow.stand_in import INTEGRATION, servicenow_app
from sandbox.wire.server import serve
from tests.integration.live_world import ACCOUNT
from tests.integration.offices import JOBS
from tests.stand_ins import Terminal
from workers.rounds.feeds import poll_feeds

DATA_KEY = "kexample:" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
"""A key that everybody knows."""

FILE = f"""\
{ACCOUNT}    incidents:
      handbook: {{url: FEED/public/v1, token: {{env: INCIDENT_FEED_TOKEN}}}}
trackers:
  servicenow:
    kind: servicenow
    url: SERVICENOW
    auth:
      basic: {{user: {INTEGRATION.user_name}, password: {{env: SERVICENOW_PASSWORD}}}}
    table: incident
  jira:
    kind: jira
    url: JIRA
    auth:
      basic: {{user: {SERVICE.email}, password: {{env: JIRA_TOKEN}}}}
    resolutions: {{Done: fixed, Won't Do: accepted_risk, Duplicate: duplicate}}
    risk_expiry: customfield_10052
templates:
  body: What to do
defaults:
  due: {{critical: 2d, high: 7d}}
  accept: {{at_most: 365d}}
  tickets:
    jira: {{project: SEC, type: Task}}
rules:
  - name: weapons-at-school
    of: incidents
    severity: critical
    match: {{type: [referral]}}
    tickets: {{jira: {{}}}}
  - name: students-exposed
    match: {{domain_type: [direct_pii, education_records], severity: [critical, high]}}
    tickets:
      servicenow: {{}}
      jira: {{priority: {{critical: Highest, high: High}}}}
  - name: everything-else
    tickets: {{jira: {{}}}}
"""

FOUND = (
    {"severity": "critical", "domain_type": "direct_pii"},
    {"severity": "high", "domain_type": "education_records"},
    {"severity": "medium", "domain_type": "directory_info"},
    {"severity": "low", "domain_type": "metadata"},
)
"""The findings: under review, with something parked, accepted as a risk, and resolved."""

SECONDS_AGO = 8.0
"""How long ago everything has happened."""


_PROGRESS = re.compile(r"\r[^\n\r]*")
"""What is written over again while a command works."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What a command printed, and how it ended."""

    text: str
    exit_code: int


class SmallSchool:
    """The set-up. `now` (Unix seconds) is what every clock shows."""

    def __init__(self, addresses: Mapping[str, str], path: Path, redis_url: str, now: float) -> None:
        self.addresses = addresses
        self.path = path
        self.redis_url = redis_url
        self.now = now
        self.findings: list[str] = []
        self.incident = ""

    def do(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        """Do something to the store."""

        async def done() -> None:
            async with open_connection(RedisAddress.parse(self.redis_url), socket_timeout=5.0, retries=1) as connection:
                await work(connection)

        asyncio.run(done())

    def ask(self, method: str, name: str, path: str, **request: Any) -> Any:
        """A request that is nobody's but the test's."""
        answer = httpx2.request(method, self.addresses[name] + path, trust_env=False, **request)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    @property
    def scan(self) -> str:
        """The id of the scan that found them."""
        return str(self.ask("GET", "SCHOOLSCAN", "/_sandbox/scans", params={"district": DISTRICT})[0]["id"])

    def key(self, number: int) -> CaseKey:
        """The case of a finding."""
        return CaseKey(DISTRICT, CaseKind.FINDING, self.findings[number])

    def begin(self) -> None:
        """Let it all happen."""
        self.findings = self.ask("POST", "SCHOOLSCAN", "/_sandbox/scans", json={"findings": FOUND})["findings"]
        order = {"kind": "status", "method": "POST", "path": "/rest/api/2/issue$", "times": 1, "status": 400}
        self.do(self._begin)
        slow = {"kind": "slow", "method": "POST", "path": "/table/incident", "times": 1, "seconds": 1.0}
        self.ask("POST", "SERVICENOW", "/_sandbox/faults", json=slow)  # tickets are opened side by side: this one last
        self.look(0)
        self.ask("POST", "JIRA", "/_sandbox/faults", json=order)
        for number in range(1, len(FOUND)):
            self.look(number)
        self._close(2, "Won't Do")
        self._close(3, "Done")
        (self.incident,) = self.ask("POST", "FEED", "/_sandbox/incidents", json={"incidents": [{"type": "referral"}]})[
            "incidents"
        ]
        self.do(self._poll)
        self.do(self._work)
        self.do(self._deliveries)

    def look(self, number: int) -> None:
        """Something happened to a finding, and a worker looks."""

        async def mark(connection: Connection) -> None:
            await Todo(connection).mark([(self.key(number), Band.HIGH)], self._at, "webhook:schoolscan")

        self.do(mark)
        self.do(self._work)

    @property
    def _at(self) -> float:
        return self.now - SECONDS_AGO

    def _close(self, number: int, resolution: str) -> None:
        """Priya closes the finding's Jira issue, and a worker sees that."""
        issues = self.ask("GET", "JIRA", "/_sandbox/issues")
        (issue,) = (each for each in issues if self.key(number).mark in each["fields"]["labels"])
        signed_in = {"auth": (PERSON.email, PERSON.token)}
        path = f"/rest/api/2/issue/{issue['id']}/transitions"
        choices = self.ask("GET", "JIRA", path, **signed_in)["transitions"]
        chosen = next(each for each in choices if each["to"]["statusCategory"]["key"] == "done")
        fields = {"resolution": {"name": resolution}}
        self.ask("POST", "JIRA", path, json={"transition": {"id": chosen["id"]}, "fields": fields}, **signed_in)
        self.look(number)

    async def _begin(self, connection: Connection) -> None:
        await connection.redis.flushall()
        await connection.begin(0.001)  # so old that no early search is doubted
        await connection.redis.set("remedy:last-sweep", int(self._at * 1000))
        digest = short_digest(digests_of([self.path])[self.path])
        for role in ("receiver", "worker"):
            process = Process(f"{role}-0/7", role, version(), self.now - 3 * 3600, digest)
            await Processes(connection).tell(process, self.now + 30)
        await Todo(connection).name_trackers(["servicenow", "jira"], self._at)
        while not await UnlistedCases(connection).list_some(self._at):
            pass

    async def _work(self, connection: Connection) -> None:
        settings = load_settings()
        loaded = load_mappings(settings.mappings_path)
        async with open_contexts(loaded, settings, connection, lambda: self._at) as contexts:
            redis = connection.redis
            while jobs := await redis.zrange(WORK_QUEUE, 0, 0):
                await redis.zrem(WORK_QUEUE, jobs[0])
                job = decode(await redis.get(JOB_PREFIX + jobs[0].decode()) or b"")
                await JOBS[job["f"]]({"contexts": contexts}, *job["a"])
            for tracker in loaded.mappings.trackers:
                await Todo(connection).mark_changes(tracker, [], "sealed - ", self._at)

    async def _poll(self, connection: Connection) -> None:
        settings = load_settings()
        loaded = load_mappings(settings.mappings_path)
        async with open_contexts(loaded, settings, connection, lambda: self._at) as contexts:
            await poll_feeds({"contexts": contexts})

    async def _deliveries(self, connection: Connection) -> None:
        inbox = Inbox(connection, keyring_of(load_settings()))
        await inbox.accept("d1", SCHOOLSCAN, DISTRICT, b"{", self._at, unreadable="the body is not JSON")
        kind = RefusalKind(SCHOOLSCAN.name, DISTRICT, 401, "signature", "hex")
        await RefusedLog(connection).note([(kind, 3)], self._at)

    def shown(self, *words: str, columns: int = 80) -> Screen:
        """What a command prints on a terminal of so many columns: its output, and then what it says besides."""
        output, besides = Terminal(), Terminal()
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = output, besides
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COLUMNS", str(columns))
            try:
                main.main(list(words))
            except SystemExit as end:
                said = _PROGRESS.sub("", besides.getvalue())
                return Screen(output.getvalue() + said, int(end.code or 0))
            finally:
                sys.stdout, sys.stderr = before
        raise AssertionError("a command ends with an exit code")


@contextmanager
def small_school(folder: Path, redis_url: str) -> Iterator[SmallSchool]:
    """The set-up, until the end of the block, with the environment of its commands."""
    now = float(int(time.time()))
    feed = IncidentWorld([FeedAccount(DISTRICT, (INCIDENT_FEED_TOKEN,))], time.time)
    apps = {
        "SCHOOLSCAN": create_app(World([account(DISTRICT, ENVIRONMENT["SCHOOLSCAN_TOKEN"])])),
        "SERVICENOW": servicenow_app(),
        "JIRA": jira_app(search_lag=0),
        "FEED": incident_feed_app(feed, FeedBehaviour()),
    }
    with ExitStack() as stack:
        addresses = {name: stack.enter_context(serve(app)) for name, app in apps.items()}
        text = FILE
        for name, address in addresses.items():
            text = text.replace(f"url: {name}", f"url: {address}")
        path = folder / "mappings.yaml"
        path.write_text(text, encoding="utf-8")
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        own = {"REDIS_URL": redis_url, "DATA_KEYS": DATA_KEY, "MAPPINGS_PATH": path.name}
        for name, value in {**ENVIRONMENT, "INCIDENT_FEED_TOKEN": INCIDENT_FEED_TOKEN, **own}.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        for name, value in {"NO_COLOR": "1", "TERM": "dumb", "REMEDY_CONTEXTS": "/nowhere"}.items():
            patch.setenv(name, value)
        patch.setattr(SharedClock, "__call__", lambda _clock: now)
        patch.setattr(SharedClock, "difference", 0.0)
        school = SmallSchool(addresses, path, redis_url, now)
        school.begin()
        yield school
