"""A district's account at the sandbox's SchoolScan, for tests of the commands that ask it."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from remediation.sealing import generate_key
from remedy.main import main
from remedy.runtime.failures import ExitCode
from remedy.scans import following
from sandbox.schoolscan.stand_in import create_app
from sandbox.schoolscan.values import Account
from sandbox.schoolscan.world import World
from sandbox.wire.server import serve
from tests.contract.tracker_world import nobody_listens

ADMIN, TRIGGER, READER = "test-only-admin", "test-only-trigger", "test-only-reader"
SITE = "www.lakeside.example"
MARK = "ZZPII-"
FILE = """\
version: 1
districts:
  lakeside:
    schoolscan: {url: "ADDRESS/v1", token: {env: T}, webhook: {secrets: [{env: S}]}}
trackers: {jira: {kind: jira, url: "JIRA", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""


class Desk:
    """An account that is served, and the file that names it."""

    def __init__(self, address: str, path: Path, redis_url: str) -> None:
        self.path = path
        self.redis_url = redis_url
        self.controls = httpx2.Client(base_url=f"{address}/_sandbox/", trust_env=False)

    def order(self, method: str, path: str, /, **order: object) -> Any:
        answer = self.controls.request(method, path, json=order or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def scan(self, **order: object) -> str:
        return str(self.order("POST", "scans", **order)["scan_id"])

    def asked(self) -> list[tuple[str, str]]:
        """The requests to the API since the last question."""
        came = [(entry["method"], entry["path"]) for entry in self.order("GET", "requests")]
        self.order("DELETE", "requests")
        return came

    def call(self, *words: str, token: str = ADMIN, said: str | None = None) -> Result:
        return CliRunner(env={"T": token}).invoke(main, words, input=said)

    def rows(self, *words: str) -> list[dict[str, Any]]:
        result = self.call(*words, "--json")
        assert (result.exit_code, result.stderr) == (ExitCode.DONE, "")
        return [json.loads(line) for line in result.stdout.splitlines()]

    def audited(self) -> list[dict[str, Any]]:
        return self.rows("audit", "list", "--people")

    def everything_in_redis(self) -> str:
        with PlainRedis.from_url(self.redis_url) as redis:
            read = {b"string": redis.get, b"hash": redis.hgetall, b"stream": redis.xrange, b"set": redis.smembers}
            read[b"zset"] = lambda key: redis.zrange(key, 0, -1, withscores=True)
            keys = list(redis.scan_iter("*"))
            assert keys
            return repr([(key, read[redis.type(key)](key)) for key in keys])


@contextlib.contextmanager
def open_desk(redis_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """An account of one district, with an empty Redis and settings that name both."""
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    tokens = {ADMIN: "admin", TRIGGER: "scan-trigger", READER: "read-only"}
    world = World([Account("lakeside", tokens, (SITE, "old.lakeside.example"))])  # type: ignore[arg-type]
    with serve(create_app(world)) as address:
        path = folder / "mappings.yaml"
        path.write_text(FILE.replace("ADDRESS", address).replace("JIRA", nobody_listens()))
        settings = {"REDIS_URL": redis_url, "MAPPINGS_PATH": str(path), "COLUMNS": "250", "DATA_KEYS": generate_key()}
        for name, value in {**settings, "T": ADMIN, "S": "s" * 40, "J": "j" * 40}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(following, "FIRST_PAUSE", 0.01)
        desk = Desk(address, path, redis_url)
        yield desk
        desk.controls.close()
