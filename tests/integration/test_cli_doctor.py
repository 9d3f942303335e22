"""`remedy doctor` against the sandbox: each thing that is wrong is named, with what to do about it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from redis import Redis as PlainRedis
from redis.asyncio import Redis

from remediation.domain.ownership import Site
from remediation.redis_address import RedisAddress
from remediation.store.systems import Sites
from remedy.runtime.assembly import open_connection
from remedy.runtime.failures import ExitCode
from sandbox.secrets import ENVIRONMENT, SERVICENOW_USER
from tests.contract.tracker_world import nobody_listens
from tests.integration.clinic import Clinic, stand_ins


@pytest.fixture(scope="module")
def outside() -> Iterator[dict[str, str]]:
    """The addresses of the three systems."""
    with stand_ins() as addresses:
        yield addresses


@pytest.fixture
def clinic(tmp_path: Path, redis_url: str, outside: dict[str, str]) -> Clinic:
    """Nothing is remembered of any site, and a receiver and a worker run."""
    clinic = Clinic(tmp_path, redis_url, outside)
    clinic.begin()
    return clinic


def test_when_all_is_well_each_thing_says_so(clinic: Clinic) -> None:
    assert clinic.failures() == {}
    shown = clinic.call()
    assert shown.exit_code == ExitCode.DONE
    lines = {" ".join(line.split()) for line in shown.stdout.splitlines()}
    for words in (
        "ok DATA_KEYS: 1 data key; ",
        f"ok {clinic.path}: 1 rules",
        "ok Redis: at REDIS_URL, keeps what it is told",
        "ok clock: agrees with Redis's",
        "ok SchoolScan of lakeside: reads findings; ",
        f"ok tracker helpdesk: {SERVICENOW_USER}",
        "ok tracker jira: ",
        "ok mappings for jira: ",
        "ok workers: 1 runs: worker-0/7 (",
        "ok parked: nothing",
        "ok sealed data: 0 looked at",
        "ok data keys in use: ",
    ):
        assert any(line.startswith(words) for line in lines), words
    assert "0 warnings, 0 failures" in shown.stdout


def test_the_doctor_only_reads(clinic: Clinic, outside: dict[str, str], redis_url: str) -> None:
    with PlainRedis.from_url(redis_url) as redis:
        before = {key: redis.dump(key) for key in redis.scan_iter()}
        for address in outside.values():
            httpx2.delete(f"{address}/_sandbox/requests", trust_env=False)
        clinic.call()
        assert {key: redis.dump(key) for key in redis.scan_iter()} == before
    for address in outside.values():
        requests = httpx2.get(f"{address}/_sandbox/requests", trust_env=False).json()
        assert {entry["method"] for entry in requests} == {"GET"}


def test_a_redis_that_may_forget_is_advised_to_be_stricter_or_allowed(clinic: Clinic, redis_url: str) -> None:
    with PlainRedis.from_url(redis_url) as redis:
        redis.config_set("appendfsync", "everysec")
        try:
            (bad,) = clinic.failures().values()
            clinic.environment["ALLOW_WEAK_DURABILITY"] = "true"
            assert clinic.failures() == {}
        finally:
            redis.config_set("appendfsync", "always")
    assert (bad["what"], bad["says"]) == ("Redis", "appendfsync is everysec, not always")
    assert "ALLOW_WEAK_DURABILITY" in bad["advice"]


def test_a_system_that_is_waited_for_is_told_with_how_many_wait(clinic: Clinic, redis_url: str) -> None:
    since = {"waiting": "sign_in", "since": "1800000000000", "status": "401"}
    with PlainRedis.from_url(redis_url) as redis:
        redis.sadd("remedy:systems", "jira")
        redis.hset("remedy:system:jira", mapping=since)
        redis.zadd("remedy:held:jira", {"a": 1, "b": 2})
        try:
            (bad,) = clinic.failures().values()
        finally:
            clinic.begin()
    assert bad["what"] == "waiting for jira"
    assert bad["says"] == (
        "our sign-in, or the way there, is refused (HTTP 401) since 2027-01-15 08:00:00 UTC; 2 cases wait for it"
    )
    assert "go on by themselves" in bad["advice"]


def test_a_replica_is_told_whatever_durability_is_allowed(clinic: Clinic, redis_url: str) -> None:
    clinic.environment["ALLOW_WEAK_DURABILITY"] = "true"
    with PlainRedis.from_url(redis_url) as redis:
        redis.replicaof("127.0.0.1", "1")
        try:
            (bad,) = clinic.failures().values()
        finally:
            redis.replicaof("NO", "ONE")
    assert (bad["what"], bad["says"]) == ("Redis", "Redis is a replica, which takes no writes")
    assert "REDIS_URL" in bad["advice"]


def test_a_console_at_another_address_hides_no_server_that_cannot_be_started(clinic: Clinic) -> None:
    clinic.mappings += "console: {url: 'https://ops.example/remedy'}\n"
    broken = clinic.folder / "data" / "appendonlydir"
    broken.mkdir(parents=True)
    (broken / "appendonly.aof.manifest").write_text("no manifest")
    clinic.environment |= {"ROOT_PATH": "/duty", "REDIS_URL": None, "DATA_DIR": str(broken.parent)}
    shown = " ".join(clinic.call("--json").stdout.split())
    assert "ROOT_PATH is /duty" in shown
    assert f"{broken.parent}: " in shown


@pytest.mark.parametrize(("seconds", "says"), [(400.0, "400 s behind Redis's"), (-3600.0, "3600 s ahead of Redis's")])
def test_a_clock_that_differs_from_that_of_redis_is_told(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, seconds: float, says: str
) -> None:
    now = Redis.time

    async def moved(self: Redis) -> tuple[int, int]:
        whole, micro = await now(self)
        return whole + int(seconds), micro

    monkeypatch.setattr(Redis, "time", moved)
    bad = clinic.failures()["clock"]
    assert bad["says"] == says
    assert "over 5 minutes" in bad["advice"]


def test_a_redis_that_is_away_does_not_hide_the_rest(clinic: Clinic, tmp_path: Path) -> None:
    clinic.environment["REDIS_URL"] = f"unix://{tmp_path}/nobody.sock"
    (bad,) = clinic.failures().values()
    assert bad["what"] == "Redis"
    assert bad["says"].startswith("Redis does not answer")
    assert "REDIS_URL" in bad["advice"]


@pytest.mark.parametrize(
    ("variable", "what"),
    [
        ("SCHOOLSCAN_TOKEN", "SchoolScan of lakeside"),
        ("SERVICENOW_PASSWORD", "tracker helpdesk"),
        ("JIRA_TOKEN", "tracker jira"),
    ],
)
def test_a_secret_that_is_no_longer_valid_is_told_from_a_wrong_address(
    clinic: Clinic, variable: str, what: str
) -> None:
    clinic.environment[variable] = "test-only-revoked"
    (bad,) = clinic.failures().values()
    assert bad["what"] == what
    assert "401" in bad["says"]
    assert bad["advice"].startswith("Is its token or password still valid?")
    assert ("snc_basic_auth_api_access" in bad["advice"]) is (what == "tracker helpdesk")


@pytest.mark.parametrize("name", ["SCHOOLSCAN", "SERVICENOW", "JIRA"])
def test_a_system_that_nobody_reaches_is_named_and_the_others_are_looked_at(
    clinic: Clinic, outside: dict[str, str], name: str
) -> None:
    clinic.mappings = clinic.mappings.replace(outside[name], nobody_listens())
    (bad,) = clinic.failures().values()
    assert bad["advice"] == "Is its address right?"
    assert bad["what"] in {"SchoolScan of lakeside", "tracker helpdesk", "tracker jira"}


@pytest.mark.parametrize("variable", ENVIRONMENT)
@pytest.mark.parametrize("offline", [(), ("--offline",)])
def test_a_missing_secret_is_named_with_its_place_even_offline(
    clinic: Clinic, variable: str, offline: tuple[str, ...]
) -> None:
    clinic.environment[variable] = None
    result = clinic.call(*offline)
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout.count("FAIL") == 1
    assert f"environment variable {variable} is not set" in result.stdout
    assert f"{clinic.path}:" in result.stdout


@pytest.mark.parametrize(
    ("role", "variables"),
    [
        ("worker", ["SCHOOLSCAN_WEBHOOK_SECRET"]),
        ("receiver", ["SCHOOLSCAN_TOKEN", "SERVICENOW_PASSWORD", "JIRA_TOKEN"]),
        ("console", ["SCHOOLSCAN_TOKEN", "SERVICENOW_PASSWORD", "JIRA_TOKEN", "SCHOOLSCAN_WEBHOOK_SECRET"]),
    ],
)
def test_in_a_pod_only_the_secrets_of_its_process_are_wanted(clinic: Clinic, role: str, variables: list[str]) -> None:
    clinic.environment |= dict.fromkeys(variables)
    assert clinic.call("--as", role, "--strict").exit_code == ExitCode.DONE
    assert clinic.call().exit_code == ExitCode.FAILED
    asks_outside = "tracker jira:" in clinic.call("--as", role).stdout
    assert asks_outside is (role == "worker")


CONSOLE = """\
console:
  url: https://duty.example
  sign_in: {oidc: {issuer: "https://id.example", client_id: remedy, client_secret: {env: CONSOLE_SECRET}}}
  access: [{group: staff, role: viewer}]
"""


def test_the_secret_of_the_console_is_wanted_where_it_runs_and_not_in_a_worker(clinic: Clinic) -> None:
    clinic.mappings += CONSOLE
    assert "environment variable CONSOLE_SECRET is not set" in clinic.call("--as", "console", "--offline").stdout
    assert clinic.call("--as", "worker", "--offline").exit_code == ExitCode.DONE
    clinic.environment["CONSOLE_SECRET"] = "a secret of the console"
    assert clinic.call("--as", "console", "--offline").exit_code == ExitCode.DONE


def test_a_console_that_runs_is_told_of_and_none_is_missed(clinic: Clinic) -> None:
    assert "consoles" not in [check["what"] for check in clinic.checks()]
    clinic.begin(*map(clinic.process, ("receiver", "worker", "console")))
    (console,) = (check for check in clinic.checks() if check["what"] == "consoles")
    assert console["well"]
    assert console["says"].startswith("1 runs: console-0/7")


def test_missing_data_keys_come_with_how_to_make_some(clinic: Clinic) -> None:
    clinic.environment["DATA_KEYS"] = None
    (bad,) = clinic.failures().values()
    assert bad["what"] == "DATA_KEYS"
    assert bad["says"].startswith("is not set: ")
    assert "remedy keys generate" in bad["says"]


def test_broken_mappings_are_told_with_all_their_problems(clinic: Clinic) -> None:
    clinic.mappings = clinic.mappings.replace("kind: jira", "kind: jra").replace("version: 1", "version: 2")
    result = clinic.call()
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout.count("FAIL") == 2
    assert f"{clinic.path}:1:" in result.stdout


def test_offline_nobody_is_asked(clinic: Clinic, outside: dict[str, str], tmp_path: Path) -> None:
    for address in outside.values():
        clinic.mappings = clinic.mappings.replace(address, nobody_listens())
    clinic.environment["REDIS_URL"] = f"unix://{tmp_path}/nobody.sock"
    result = clinic.call("--offline")
    assert result.exit_code == ExitCode.DONE
    assert "FAIL" not in result.stdout


def test_a_setting_that_is_wrong_is_a_message_before_anything_is_looked_at(clinic: Clinic) -> None:
    clinic.environment["RECEIVER_PORT"] = "many"
    result = clinic.call()
    assert result.exit_code == ExitCode.CONFIGURATION
    assert result.stderr == "error: RECEIVER_PORT: must be a whole number\n"


def test_another_site_than_the_one_that_our_links_are_of_is_told(
    clinic: Clinic, outside: dict[str, str], redis_url: str
) -> None:
    site, other = Site(outside["JIRA"], outside["JIRA"]), Site("https://other.example", "https://other.example")

    async def note(*sites: Site) -> None:
        async with open_connection(RedisAddress.parse(redis_url), socket_timeout=2.0, retries=0) as connection:
            for each in sites:
                await Sites(connection).note("jira", each, 1_800_000_000.0)

    asyncio.run(note(site))
    assert clinic.failures() == {}
    assert f"{outside['JIRA']}, as it always was" in clinic.call().stdout
    clinic.begin()
    asyncio.run(note(other, site))
    assert clinic.failures() == {}
    assert "since 2027-01-15 08:00:00 UTC, before that https://other.example" in clinic.call().stdout
    assert clinic.troubles()["site-changed"]["severity"] == "warning"
    before = clinic.mappings
    clinic.mappings = before.replace("kind: jira\n", "kind: jira\n    former_sites: [https://other.example/]\n")
    clinic.begin()
    asyncio.run(note(other, site))
    assert "site-changed" not in clinic.troubles()
    clinic.mappings = before
    clinic.begin()
    asyncio.run(note(other))
    (bad,) = clinic.failures().values()
    assert (bad["what"], bad["says"]) == (
        "site of jira",
        f"is {outside['JIRA']}, and our links were made on https://other.example",
    )
