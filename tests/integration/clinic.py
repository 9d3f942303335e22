"""An installation for `remedy doctor`: three stand-ins, a Valkey, a mappings.yaml, and processes that say they run."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from redis import Redis as PlainRedis

from remediation.read_model.status.levels import Level
from remediation.redis_address import RedisAddress
from remediation.sealing import generate_key
from remediation.store.processes import Process, Processes
from remedy.main import main
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode
from remedy.runtime.heartbeat import version
from remedy.runtime.reload import digests_of, short_digest
from sandbox.jira.stand_in import jira_app
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.secrets import ENVIRONMENT, JIRA_USER, SERVICENOW_USER
from sandbox.servicenow.stand_in import servicenow_app
from sandbox.wire.server import serve
from tests.integration.live_world import ACCOUNT

MAPPINGS = f"""\
{ACCOUNT}trackers:
  helpdesk:
    kind: servicenow
    url: SERVICENOW
    auth: {{basic: {{user: {SERVICENOW_USER}, password: {{env: SERVICENOW_PASSWORD}}}}}}
  jira:
    kind: jira
    url: JIRA
    auth: {{basic: {{user: {JIRA_USER}, password: {{env: JIRA_TOKEN}}}}}}
templates: {{body: "{{{{ finding.id }}}}"}}
rules: [{{name: all, tickets: {{helpdesk: {{}}, jira: {{project: SEC}}}}}}]
"""


@contextmanager
def stand_ins(**ahead: float) -> Iterator[dict[str, str]]:
    """The addresses of the three systems; `ahead` is by how many seconds their clocks are."""
    world = World([account("lakeside", ENVIRONMENT["SCHOOLSCAN_TOKEN"])])
    apps = {"SCHOOLSCAN": create_app(world), "SERVICENOW": servicenow_app(), "JIRA": jira_app()}
    with ExitStack() as stack:
        yield {name: stack.enter_context(serve(app, ahead=ahead.get(name, 0.0))) for name, app in apps.items()}


@dataclass
class Clinic:
    """A configuration in a folder of its own; `environment` and `mappings` can be spoilt before the doctor comes."""

    folder: Path
    redis_url: str
    outside: Mapping[str, str]

    def __post_init__(self) -> None:
        self.mappings = MAPPINGS
        for name, address in self.outside.items():
            self.mappings = self.mappings.replace(f"url: {name}", f"url: {address}")
        self.path = self.folder / "mappings.yaml"
        self.environment: dict[str, str | None] = {
            **ENVIRONMENT,
            "REDIS_URL": self.redis_url,
            "DATA_KEYS": generate_key(),
            "MAPPINGS_PATH": str(self.path),
            "ALLOW_WEAK_DURABILITY": None,
        }
        self.write()

    def write(self) -> str:
        """Put the file where it is read; the digest by which processes tell of it."""
        self.path.write_text(self.mappings, encoding="utf-8")
        return short_digest(digests_of([self.path])[self.path])

    def begin(self, *processes: Process) -> None:
        """An empty Redis with which these work; without any, a receiver and a worker as they should be."""
        asyncio.run(self._begin(processes or (self.process("receiver"), self.process("worker"))))

    def process(self, role: str, **other: Any) -> Process:
        """A process that runs for an hour, and is as it should be but for `other`."""
        return replace(Process(f"{role}-0/7", role, version(), time.time() - 3600, self.write()), **other)

    async def _begin(self, processes: tuple[Process, ...]) -> None:
        async with open_connection(RedisAddress.parse(self.redis_url), socket_timeout=2.0, retries=0) as connection:
            await connection.redis.flushall()
            await connection.redis.set("remedy:last-sweep", int(time.time() * 1000))
            for process in processes:
                await Processes(connection).tell(process, time.time())

    def call(self, *words: str) -> Result:
        """`remedy doctor`, which never tells a secret."""
        self.write()
        result = CliRunner(env=self.environment).invoke(main, ["doctor", *words])
        for secret in (
            *ENVIRONMENT.values(),
            (self.environment["DATA_KEYS"] or "").partition(":")[2] or "no key at all",
        ):
            assert secret not in result.output
        return result

    def checks(self) -> list[dict[str, Any]]:
        """All that was looked at. The exit code, the object and the table say the same."""
        result = self.call("--json")
        said = json.loads(result.stdout)
        found: list[dict[str, Any]] = said["checks"]
        failed = [check for check in found if not check["well"]]
        assert said["well"] is (not failed)
        assert said["worst"] == max((check["severity"] for check in found), key=list(Level).index)
        assert result.exit_code == (ExitCode.FAILED if failed else ExitCode.DONE)
        return found

    def failures(self) -> dict[str, Any]:
        """What has failed, by what was looked at."""
        bad = {check["what"]: check for check in self.checks() if not check["well"]}
        shown = self.call().stdout
        assert shown.count("FAIL") == len(bad), f"{bad}\n{shown}"
        assert all(check["advice"] in shown and f"[{check['code']}]" in shown for check in bad.values())
        return bad

    def troubles(self) -> dict[str, dict[str, Any]]:
        """Failures and warnings, by their codes."""
        return {check["code"]: check for check in self.checks() if check["code"]}

    @contextmanager
    def redis(self) -> Iterator[Any]:
        """Redis, for whoever spoils it; untyped, as redis-py's own types say that all may be awaited."""
        with PlainRedis.from_url(self.redis_url) as redis:
            yield redis
