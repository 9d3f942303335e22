"""`remedy case retry` on a real Valkey: what a case waits for is passed by, but for its turn within a limit."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from remediation.domain.errors import Refused, TryLater
from remediation.sealing import Keyring
from remediation.store.budgets.learned import budget_of
from remediation.store.cases.standings import Stand, Standings
from remediation.store.server.connection import Connection
from remedy.audit.command import audit
from remedy.case.command import case
from remedy.parked.command import parked
from remedy.runtime.failures import ExitCode
from tests.integration.offices import KEY, Office

DOWN = TryLater("jira", "down", status=503)
NO = Refused("jira", "no such field", status=400)


@pytest.fixture
def keyring(data_keys: str) -> Keyring:
    """Workers and the command have the same."""
    return Keyring.parse(data_keys)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


@pytest.fixture
def remedy(redis_url: str, data_keys: str, tmp_path: Path) -> CliRunner:
    return CliRunner(env={"REDIS_URL": redis_url, "DATA_KEYS": data_keys, "MAPPINGS_PATH": str(tmp_path / "none.yaml")})


async def retry(remedy: CliRunner, *words: str) -> Result:
    """The command has an event loop of its own."""
    return await asyncio.to_thread(remedy.invoke, case, ["retry", *words])


async def stand(office: Office) -> Stand:
    return (await Standings(office.connection).of([KEY.ref]))[0].stand


async def test_a_case_that_was_put_off_is_looked_at_now(office: Office, remedy: CliRunner) -> None:
    office.jira.troubles.once("create", DOWN)
    await office.look()
    assert await stand(office) is Stand.PUT_OFF
    assert await office.work() == []
    result = await retry(remedy, KEY.ref, "--by", "anna")
    assert result.exit_code == ExitCode.DONE, result.output
    assert result.stdout.startswith(f"{KEY.ref} is looked at as soon as a worker is free\n  it was put off until ")
    assert await office.work() == ["look_at_case"]
    assert await stand(office) is Stand.SETTLED
    lines = (await asyncio.to_thread(remedy.invoke, audit, ["list", "--people", "--json"])).stdout.splitlines()
    told = [json.loads(each)["line"] for each in lines]
    assert [(each["act"], each["by"], each["piece"]) for each in told] == [("retry", "anna", KEY.ref)]


async def test_what_is_parked_of_it_is_taken_up_again(office: Office, remedy: CliRunner) -> None:
    office.jira.troubles.once("create", NO)
    await office.look()
    assert list(await office.parked()) == [f"{KEY.ref}/open:jira"]
    assert "open a ticket in jira: parked, and taken up again" in (await retry(remedy, KEY.ref)).stdout
    await office.work()
    assert await office.parked() == {}
    assert len(office.tickets()) == 2
    decided = (await asyncio.to_thread(remedy.invoke, parked, ["audit", "--json"])).stdout.splitlines()
    assert [(each["what"], each["count"], each["done"]) for each in map(json.loads, decided)] == [("retry", 1, 1)]


async def test_what_was_replayed_too_often_stays_parked_unless_that_is_insisted_on(
    office: Office, remedy: CliRunner
) -> None:
    office.jira.troubles.for_good("create", NO)
    await office.look()
    for _ in range(5):
        assert (await retry(remedy, KEY.ref)).exit_code == ExitCode.DONE
        await office.work()
    result = await retry(remedy, KEY.ref)
    assert result.exit_code == ExitCode.FAILED
    assert "replayed 5 times within thirty days" in result.stdout
    assert (await retry(remedy, KEY.ref, "--again")).exit_code == ExitCode.DONE


async def test_a_case_that_waits_within_a_limit_is_said_to_wait_and_keeps_its_turn(
    office: Office, remedy: CliRunner
) -> None:
    await office.mark()
    lease = await office.context.todo.take(KEY.ref, office.clock())
    assert lease is not None
    budget = budget_of("schoolscan:lakeside", "write")
    assert await office.context.todo.put_off(lease, office.clock() + 60, office.clock(), budget=budget)
    since = await office.redis.zscore("remedy:dirty-since", KEY.ref)
    result = await retry(remedy, KEY.ref)
    assert f"its turn within the limit {budget}: no turn comes sooner" in result.stdout
    assert await office.redis.zscore("remedy:dirty-since", KEY.ref) == since


async def test_a_dry_run_changes_nothing_and_an_unknown_case_is_said(office: Office, remedy: CliRunner) -> None:
    office.jira.troubles.once("create", NO)
    await office.look()
    before = {key: await office.redis.dump(key) async for key in office.redis.scan_iter()}
    result = await retry(remedy, KEY.ref, "--dry-run", "--json")
    told = json.loads(result.stdout)
    assert (told["case"], told["done"], told["parked"][0]["done"]) == (KEY.ref, False, False)
    assert {key: await office.redis.dump(key) async for key in office.redis.scan_iter()} == before
    unknown = await retry(remedy, "lakeside:finding:nobody")
    assert unknown.exit_code == ExitCode.FAILED
    assert "nothing is known of lakeside:finding:nobody" in unknown.stderr
