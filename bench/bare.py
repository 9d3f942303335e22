"""The calls of looks, made bare, by a process that does nothing else: `python -m bench.bare '<order as JSON>'`.

For each finding the calls of a new case with two tickets, and then, for all of them, those of a look that finds nothing
to do: with the same libraries, one client in each thread, connections kept, no proxies looked up, and nothing asked
besides. Prints an Outcome as JSON.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import httpx2
import pysnow
import requests
import uvloop
from jira import JIRA
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from sandbox.secrets import ENVIRONMENT, JIRA_USER, SERVICENOW_USER

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

AT_ONCE = 16
_SECONDS = 5.0
_ANY = 100
_TEXT = "Exposed student data: take the page offline, have it removed from caches, tell whoever it is about. " * 10


@dataclass(frozen=True, slots=True)
class Order:
    """Where the outside is, and which findings are to get two tickets each."""

    schoolscan: str
    servicenow: str
    jira: str
    findings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Milliseconds of processor time for each new case and each look, all threads, and how many there were a second."""

    new_ms: float
    look_ms: float
    new_rate: float
    look_rate: float


def make_calls(order: Order, seconds: float = 300.0) -> Outcome:
    """Make them in a process of its own. Raises CalledProcessError, TimeoutExpired."""
    words = [sys.executable, "-m", "bench.bare", json.dumps(asdict(order))]
    done = subprocess.run(words, capture_output=True, timeout=seconds, check=True)  # noqa: S603 - our own interpreter
    return Outcome(**json.loads(done.stdout))


@dataclass(frozen=True, slots=True)
class _Opened:
    """What one new case came to."""

    finding: str
    issue: str
    record: str


class _BareClients:
    """The three libraries as they are meant to be used."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._threads = ThreadPoolExecutor(AT_ONCE)
        self._own = threading.local()
        self.http = httpx2.AsyncClient(
            trust_env=False, headers={"Authorization": f"Bearer {ENVIRONMENT['SCHOOLSCAN_TOKEN']}"}
        )

    async def new(self, finding: str) -> _Opened:
        """Two requests to SchoolScan, three to Jira and two to ServiceNow."""
        loop, address = asyncio.get_running_loop(), f"{self._order.schoolscan}/v1/findings/{finding}"
        (await self.http.get(address)).raise_for_status().json()
        issue, record = await asyncio.gather(
            loop.run_in_executor(self._threads, self._new_issue, finding),
            loop.run_in_executor(self._threads, self._new_record, finding),
        )
        (await self.http.patch(address, json={"status": "reviewing", "note": _TEXT[:200]})).raise_for_status()
        return _Opened(finding, issue, record)

    async def look(self, case: _Opened) -> None:
        """One request to each."""
        loop = asyncio.get_running_loop()
        (await self.http.get(f"{self._order.schoolscan}/v1/findings/{case.finding}")).raise_for_status().json()
        await asyncio.gather(
            loop.run_in_executor(self._threads, self._read_issue, case.issue),
            loop.run_in_executor(self._threads, self._read_record, case.record),
        )

    def _new_issue(self, finding: str) -> str:
        jira, mark = self._jira(), f"bare:{finding}"
        jira.enhanced_search_issues(f'labels = "{mark}"', None, _ANY, fields="labels,updated", json_result=True)
        fields = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": mark, "description": _TEXT}
        body = {"fields": {**fields, "labels": [mark]}, "properties": [{"key": "bare", "value": mark}]}
        issue: str = self._sent(jira, "issue", body)["id"]
        self._sent(jira, f"issue/{issue}/remotelink", {"object": {"url": "https://bare.example", "title": mark}})
        return issue

    @staticmethod
    def _sent(jira: JIRA, path: str, body: object) -> Any:
        answer = jira._session.post(jira._get_url(path), data=json.dumps(body))  # noqa: SLF001 - as our adapter does
        return answer.json()

    def _read_issue(self, issue: str) -> Any:
        return self._jira().issue(issue, fields="status,labels,created,updated", properties="bare").raw

    def _new_record(self, finding: str) -> str:
        mark = f"bare:{finding}"
        self._table().get(query={"correlation_id": mark}, limit=_ANY).all()
        payload = {"short_description": mark, "description": _TEXT, "correlation_id": mark, "impact": "1"}
        record: str = self._table().create(payload=payload).one()["sys_id"]
        return record

    def _read_record(self, record: str) -> Any:
        return self._table().get(query={"sys_id": record}).one()

    def _jira(self) -> JIRA:
        if not hasattr(self._own, "jira"):
            signed_in = (JIRA_USER, ENVIRONMENT["JIRA_TOKEN"])
            client = JIRA(
                self._order.jira, basic_auth=signed_in, get_server_info=False, max_retries=0, timeout=_SECONDS
            )
            client.deploymentType = "Cloud"
            client._fields_cache_value = {"labels": "labels"}  # noqa: SLF001 - as our adapter does
            _keep(client._session)  # noqa: SLF001 - the same
            self._own.jira = client
        kept: JIRA = self._own.jira
        return kept

    def _table(self) -> Any:
        if not hasattr(self._own, "snow"):
            session = requests.Session()
            session.auth = (SERVICENOW_USER, ENVIRONMENT["SERVICENOW_PASSWORD"])
            _keep(session)
            host = self._order.servicenow.partition("//")[2]
            self._own.snow = pysnow.Client(host=host, session=session, use_ssl=False)
        return self._own.snow.resource(api_path="/v2/table/incident")


def _keep(session: requests.Session) -> None:
    """Look up no proxies, and dial again where a kept connection was closed."""
    session.trust_env = False
    session.mount("http://", HTTPAdapter(max_retries=Retry(total=2, allowed_methods=None)))


async def _timed(
    items: Sequence[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]
) -> tuple[float, float, list[ResultT]]:
    """Milliseconds of processor time of each, how many a second, and their results."""
    left, results = iter(items), list[ResultT]()

    async def some() -> None:
        for item in left:
            results.append(await work(item))

    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    each = (time.process_time() - spent) / len(items)
    return each * 1000, len(items) / (time.perf_counter() - began), results


async def _carry_out(order: Order) -> Outcome:
    clients = _BareClients(order)
    new_ms, new_rate, cases = await _timed(order.findings, clients.new)
    look_ms, look_rate, _ = await _timed(cases, clients.look)
    return Outcome(new_ms, look_ms, new_rate, look_rate)


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_carry_out(Order(**json.loads(sys.argv[1])))))))
