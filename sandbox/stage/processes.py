"""Everything that the demo and the end-to-end tests run on: real processes on this machine, and nothing outside it."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx2
from redis import Redis
from ruamel.yaml import YAML

from remediation.domain.errors import ConfigurationError, Problem
from remediation.sealing import generate_key
from remediation.settings import environ_itself
from sandbox.secrets import (
    DISTRICT,
    ENVIRONMENT,
    INCIDENT_FEED_TOKEN,
    JIRA_USER,
    SERVICENOW_USER,
    TRACKER_WEBHOOKS,
    account_of,
    sites_of,
)
from sandbox.stage.orphans import OrphanWatch, open_orphan_watch
from sandbox.wire.ports import free_port

START_SECONDS = 60.0
STOP_SECONDS = 40.0
_PAUSE = 0.02
_SANDBOX = ("-m", "remedy", "sandbox", "--json", "--jira-search-lag", "0.5")
_REDIS = "redis"
RISK_FIELDS = {"risk_reason": "customfield_10051", "risk_expiry": "customfield_10052"}
"""Where the sandbox's Jira keeps why a risk is accepted, and until when."""

CLOSE_CODES = {
    "Solution provided": "fixed",
    "User error": "false_positive",
    "Duplicate": "duplicate",
    "Known error": "accepted_risk",
    "No resolution provided": "not_solved",
}
"""What the help desk here agreed on: ServiceNow is shipped with no code for an accepted risk."""

FEED = "handbook"
WEAPON = "KNIFE"
WEAPONS_RULE = {
    "name": "weapons-at-school",
    "of": "incidents",
    "severity": "critical",
    "match": {"type": ["referral"], "weapon": [WEAPON]},
    "tickets": {"servicenow": None, "jira": None},
}
"""What the stage's rules say of incidents, where it has a feed."""

ARCHIVE = sites_of(DISTRICT)[1]
ARCHIVE_RULES = (
    {
        "name": "archived-files",
        "match": {"site": [ARCHIVE], "domain_type": "metadata"},
        "group_by": ["domain_type", "site"],
        "tickets": {"jira": None},
    },
    {"name": "archived-pages", "match": {"site": [ARCHIVE]}, "verify": "scan", "tickets": {"jira": None}},
)
"""What the stage's rules say of the archive, where it has one: a ticket for all of a kind, and a scan that verifies."""

SUMMARY = {"tickets": {"jira": {"project": "SEC", "type": "Task"}}}
VERIFIED_AT_ONCE = {"wait": "1s"}

_TRACKERS = {"servicenow": SERVICENOW_USER, "jira": JIRA_USER}


class RedisServer(Protocol):
    """A server that runs, and where: what the address of Redis is for our processes."""

    @property
    def url(self) -> str:
        """The address to give as REDIS_URL."""


OpenRedis = Callable[[Path], contextlib.AbstractContextManager[RedisServer]]
"""Starts a server on the data of a folder, whose data stay there. Raises where somebody else uses the folder."""


@dataclass(slots=True)
class Program:
    """A process of ours, and its log from where it began: an earlier process may have written to the same file."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]
    log_begins_at: int = 0

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def address(self, event: str) -> str:
        """The address that its log gives with an event, waited for. Raises ConfigurationError when the program ends."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in self.logged().splitlines():
                if event in line and (entry := _entry(line)).get("event") == event:
                    return str(entry["address"])
            time.sleep(_PAUSE)
        raise ConfigurationError([Problem(str(self.log), f"the {self.name} did not start; its log says why")])

    def logged(self) -> str:
        """What it has logged so far."""
        return self.log.read_bytes()[self.log_begins_at :].decode(errors="replace")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; returns the exit code. One that does not end is killed."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


@dataclass(slots=True)
class Stage:
    """What runs, and where. `outside` has the sandbox's addresses: schoolscan, servicenow, jira."""

    folder: Path
    redis_url: str
    outside: Mapping[str, str]
    environment: Mapping[str, str]
    open_redis: OpenRedis
    orphans: OrphanWatch
    districts: Sequence[str] = (DISTRICT,)
    programs: list[Program] = field(default_factory=list)
    receiver_address: str = ""
    redis: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    """Holds the Redis server while it runs."""

    def start(self, role: str, name: str | None = None, **environment: str) -> Program:
        """One more receiver or worker, as `remedy run` starts it. Returns at once."""
        return self._started(name or role, ["run", role], {**self.environment, **environment})

    def command(self, *words: str) -> Program:
        """A command of ours, as somebody who operates this stage starts it. Returns at once."""
        return self._started(words[0], words, self.environment)

    def _started(self, name: str, words: Sequence[str], environment: Mapping[str, str]) -> Program:
        program = _start(name, ["-m", "remedy", *words], self.folder, environment)
        self.programs.append(program)
        self.orphans.watch([each.process for each in self.programs])
        return program

    def start_receiver(self, **environment: str) -> Program:
        """A receiver, waited for until it is ready for deliveries, and made known to SchoolScan and the trackers."""
        receiver = self.start("receiver", **environment)
        self.receiver_address = receiver.address("receiver_listens")
        _wait_until_ready(f"{self.receiver_address}/readyz", receiver)
        self.subscribe(self.receiver_address)
        return receiver

    def start_console(self) -> Program:
        """A console. Returns at once."""
        self.environment = {**self.environment, "CONSOLE_PORT": str(free_port())}  # links name it before it listens
        return self.start("console")

    def console_link(self, *words: str) -> str:
        """A link that signs in to the console once, as an administrator where options say nothing else.

        Raises ConfigurationError.
        """
        told = self.asked("console", "link", "--role", "administrator", *words)
        found = re.search(r"https?://\S+", told)
        if found is None:
            raise ConfigurationError([Problem("remedy console link", told.strip())])
        return found.group()

    def asked(self, *words: str) -> str:
        """What a command of ours prints, as it would for somebody who operates this stage."""
        command = [sys.executable, "-m", "remedy", *words]
        answer = subprocess.run(command, env=dict(self.environment), capture_output=True, text=True, check=False)  # noqa: S603 - as above
        return answer.stdout + answer.stderr

    def stop_redis(self) -> None:
        """End the Redis server, or clear up after one that was killed. Its data stay where they are."""
        self.redis.close()

    def start_redis(self) -> None:
        """Start the Redis server on its data, at the same address."""
        self.redis.enter_context(self.open_redis(self.redis_folder))

    @property
    def redis_folder(self) -> Path:
        """Where the Redis server keeps its data."""
        return self.folder / _REDIS

    def subscribe(self, receiver_address: str) -> None:
        """Tell SchoolScan and the trackers where to send their webhooks."""
        for name in _TRACKERS:
            hook = {"url": f"{receiver_address}/webhooks/{name}", "secret": TRACKER_WEBHOOKS[_secret_of(name)]}
            httpx2.put(f"{self.outside[name]}/_sandbox/webhook", json=hook, trust_env=False).raise_for_status()
        for district in self.districts:
            endpoint = {
                "url": f"{receiver_address}/webhooks/schoolscan/{district}",
                "secret": ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"],
                "form": "timestamped",
                "attempts": 60,
                "first_wait": 0.2,
            }
            address = f"{self.outside['schoolscan']}/_sandbox/webhooks/{district}"
            httpx2.put(address, json=endpoint, trust_env=False).raise_for_status()


@contextlib.contextmanager
def open_stage(
    folder: Path,
    mappings: Path,
    open_redis: OpenRedis,
    *,
    feed: bool = False,
    archive: bool = False,
    districts: Sequence[str] = (DISTRICT,),
) -> Iterator[Stage]:
    """A Redis server and the sandbox, with the rules of `mappings`, and nothing of ours running yet.

    With `feed`, lakeside has the incident feed, too, and a rule for incidents with a weapon; with `archive` a rule for
    its archive, and tickets that sum up its scans. Other `districts` have an account like lakeside's. The folder is
    emptied first: a sandbox remembers nothing either.
    """
    data = folder / _REDIS
    with contextlib.ExitStack() as redis, open_orphan_watch() as orphans:
        server = redis.enter_context(open_redis(data))  # first: it refuses a folder that somebody else uses
        with Redis.from_url(server.url) as client:
            client.flushall()
        for other in folder.iterdir():
            if other != data:
                shutil.rmtree(other) if other.is_dir() else other.unlink()
        accounts = [word for district in districts for word in ("--district", district)]
        sandbox = _start("sandbox", [*_SANDBOX, *accounts], folder, _outer())
        orphans.watch([sandbox.process])
        try:
            outside = _announced(sandbox)
            adapted = _adapted(mappings, folder / "mappings.yaml", outside, districts, feed=feed, archive=archive)
            environment = {**_environment(folder, server.url, adapted), **dict(map(account_of, districts))}
            stage = Stage(
                folder, server.url, outside, environment, open_redis, orphans, districts, [sandbox], redis=redis
            )
            try:
                yield stage
            finally:
                for program in reversed(stage.programs):
                    program.stop()
        finally:
            sandbox.stop()


def _environment(folder: Path, redis_url: str, mappings: Path) -> dict[str, str]:
    own = {
        "REDIS_URL": redis_url,
        "MAPPINGS_PATH": str(mappings),
        "DATA_KEYS": generate_key(),
        "DATA_DIR": str(folder),
        "RECEIVER_PORT": "0",
        "METRICS_PORT": "0",
        "WORKER_PORT": "0",
        "CONSOLE_PORT": "0",
        "CONSOLE_METRICS_PORT": "0",
        "POLL_SECONDS": "1",
        "INCIDENT_FEED_TOKEN": INCIDENT_FEED_TOKEN,
    }
    return {**_outer(), **ENVIRONMENT, **TRACKER_WEBHOOKS, **own}


def _outer() -> dict[str, str]:
    """The environment of this process without its context: what is started here is an installation of its own."""
    return {name: value for name, value in environ_itself().items() if name != "REMEDY_CONTEXT"}


def _start(name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Program:
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        begins_at = output.tell()
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, with arguments of ours
            [sys.executable, *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which ends the others in order
        )
    return Program(name, log, process, begins_at)


def _announced(sandbox: Program) -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and sandbox.process.poll() is None:
        for line in sandbox.logged().splitlines():
            if "schoolscan" in (addresses := _entry(line)):
                return addresses
        time.sleep(_PAUSE)
    raise ConfigurationError([Problem(str(sandbox.log), "the sandbox did not start; its log says why")])


def _adapted(
    mappings: Path, target: Path, outside: Mapping[str, str], districts: Sequence[str], *, feed: bool, archive: bool
) -> Path:
    """The rules as they are, with the sandbox's addresses, accounts and (short) search lag."""
    yaml = YAML()
    tree = yaml.load(mappings)
    account = tree["districts"][DISTRICT]["schoolscan"]
    account["url"] = f"{outside['schoolscan']}/v1"
    account["finding_link"] = f"{outside['schoolscan']}/findings/{{id}}"
    for district in districts:
        token = {"token": {"env": account_of(district)[0]}}
        tree["districts"].setdefault(district, {"schoolscan": {**account, **token}})
    for name, user in _TRACKERS.items():
        tracker = tree["trackers"][name]
        tracker["url"] = outside[name]
        tracker["auth"]["basic"]["user"] = user
        tracker["search_horizon"] = "3s"
        tracker["read_timeout"] = "2s"
        tracker["connect_timeout"] = "1s"
        tracker["webhook"] = {"secrets": [{"env": _secret_of(name)}]}
    tree["trackers"]["jira"] |= RISK_FIELDS
    tree["trackers"]["servicenow"]["close_codes"] = CLOSE_CODES
    if feed:
        address = f"{outside['incident_feed']}/public/v1"
        tree["districts"][DISTRICT]["incidents"] = {FEED: {"url": address, "token": {"env": "INCIDENT_FEED_TOKEN"}}}
        tree["rules"].insert(0, WEAPONS_RULE)
    if archive:
        tree["districts"][DISTRICT]["scan_summary"] = SUMMARY
        account["scans"] = VERIFIED_AT_ONCE
        tree["rules"][:0] = ARCHIVE_RULES
    yaml.dump(tree, target)
    return target


def _secret_of(tracker: str) -> str:
    """The variable that holds what a tracker's webhook is signed with."""
    return f"{tracker.upper()}_WEBHOOK_SECRET"


def _wait_until_ready(address: str, program: Program) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and program.process.poll() is None:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(address, timeout=2, trust_env=False).is_success:
                return
        time.sleep(_PAUSE)
    raise ConfigurationError([Problem(str(program.log), f"the {program.name} is not ready; its log says why")])
