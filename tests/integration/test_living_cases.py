"""How many cases live by each rule: counted where they are remembered, and told when rules change."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.status import Status
from remediation.domain.tickets import TicketState
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import loaded_of
from remediation.queue import Band
from remediation.store.cases.dependents import living_cases
from remediation.store.cases.todo import Lease, Todo
from remediation.store.keys import CASE, LEASE, LIVING
from remediation.store.server.connection import Connection
from remedy.runtime.rules_in_use import MOST_TOLD, RulesInUse

NOW = 1_800_000_000.0
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
HOME = CaseKey("lakeside", CaseKind.FINDING, f"id-{'5' * 40}")
FILE = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [%s]
"""


@pytest.fixture
def todo(connection: Connection) -> Todo:
    return Todo(connection)


def by(rule: str, status: Status = Status.REVIEWING) -> Memory:
    return Memory(status, {"jira": TicketState.OPEN}, rule=rule)


def rules(*names: str, project: str = "SEC") -> Mappings:
    written = (f"{{name: {name}, tickets: {{jira: {{project: {project}}}}}}}" for name in names)
    return loaded_of(FILE % ", ".join(written), "m.yaml").mappings


async def taken(todo: Todo, key: CaseKey = KEY) -> Lease:
    await todo.mark([(key, Band.LOW)], NOW)
    lease = await todo.take(key.ref, NOW)
    assert lease is not None
    return lease


async def lived(todo: Todo, *memories: Memory, key: CaseKey = KEY) -> None:
    for memory in memories:
        assert await todo.settle(await taken(todo, key), memory, NOW)


async def counts(connection: Connection) -> dict[str, int]:
    return await living_cases(connection)


@pytest.mark.parametrize(
    ("memory", "living"),
    [
        (by("students"), {"students": 1}),
        (by("students", Status.OPEN), {"students": 1}),
        (by("students", Status.ACCEPTED_RISK), {"students": 1}),
        (by("students", Status.RESOLVED), {}),
        (by("students", Status.GONE), {}),
        (by(""), {}),
        (Memory(Status.OPEN, rule="left-alone"), {}),
        (Memory(rule="students"), {}),
    ],
)
async def test_a_case_lives_while_people_work_on_its_tickets_or_an_acceptance_is_to_end(
    todo: Todo, connection: Connection, memory: Memory, living: dict[str, int]
) -> None:
    await lived(todo, memory, memory)
    assert await counts(connection) == living
    kept = await connection.ask(connection.redis.hget(CASE + KEY.ref, "living"))
    assert (kept is None) is (not living)


async def test_a_case_is_counted_once_by_the_rule_that_counts_now(todo: Todo, connection: Connection) -> None:
    await lived(todo, by("students"), by("rest"), by("rest", Status.ACCEPTED_RISK))
    await lived(todo, by("students"), key=CaseKey("lakeside", CaseKind.FINDING, "fnd_2"))
    assert await counts(connection) == {"rest": 1, "students": 1}
    await lived(todo, by("rest", Status.RESOLVED))
    assert await counts(connection) == {"students": 1}
    await lived(todo, by("rest"))
    assert await counts(connection) == {"rest": 1, "students": 1}


async def test_a_case_that_has_to_wait_is_counted_and_a_lost_lease_counts_nothing(
    todo: Todo, connection: Connection
) -> None:
    lease = await taken(todo)
    assert await todo.remember(lease, by("students"))
    assert await todo.put_off(lease, NOW + 60, NOW)
    assert await counts(connection) == {"students": 1}
    lease = await taken(todo)
    await connection.redis.delete(LEASE + KEY.ref)
    assert not await todo.remember(lease, by("rest"))
    assert not await todo.settle(lease, by("rest"), NOW)
    assert await counts(connection) == {"students": 1}


async def test_a_finding_that_joins_another_case_is_none_any_more(todo: Todo, connection: Connection) -> None:
    await lived(todo, by("students"))
    assert await todo.join(await taken(todo), HOME, NOW)
    assert await counts(connection) == {}
    await lived(todo, by("students"), key=HOME)
    assert await counts(connection) == {"students": 1}


def told(lines: list[Any]) -> Iterator[tuple[object, ...]]:
    for line in lines:
        match line["event"]:
            case "living_cases_touched":
                yield line["rule"], line["state"], line["count"]
            case "rules_touch_living_cases":
                yield line["count"], line["total"]
            case event:
                yield (event,)


async def test_a_worker_tells_of_rules_that_are_gone_or_changed_and_by_which_cases_live(
    todo: Todo, connection: Connection
) -> None:
    for number, rule in enumerate(("students", "students", "rest", "vendor")):
        await lived(todo, by(rule), key=CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}"))
    in_use = RulesInUse(connection, rules("students", "rest", "vendor"))
    with capture_logs() as lines:
        await in_use.tell_gone()
        await in_use.take(rules("students", "rest", "vendor", "new"))
    assert lines == []
    with capture_logs() as lines:
        await in_use.take(rules("pupils", "rest", "new", project="WEB"))
    assert list(told(lines)) == [
        ("students", "gone", 2),
        ("rest", "changed", 1),
        ("vendor", "gone", 1),
        (3, 4),
    ]
    with capture_logs() as lines:
        await RulesInUse(connection, rules("pupils", "rest")).tell_gone()
    assert list(told(lines)) == [("students", "gone", 2), ("vendor", "gone", 1), (2, 3)]


async def test_so_many_rules_are_told_of_and_no_more(connection: Connection) -> None:
    counts_of = {f"rule-{number}": number for number in range(1, 40)}
    await connection.ask(connection.redis.hset(LIVING, mapping=counts_of))
    with capture_logs() as lines:
        await RulesInUse(connection, rules("rest")).tell_gone()
    assert next(iter(told(lines))) == ("rule-39", "gone", 39)
    assert list(told(lines))[MOST_TOLD:] == [(39, 780)]


async def test_a_comparison_of_files_counts_the_living_cases_that_the_new_one_touches(
    todo: Todo, connection: Connection, redis_url: str, tmp_path: Path
) -> None:
    await lived(todo, by("students"))
    for name, names in {"old": ("students", "rest"), "new": ("rest",), "none": ()}.items():
        listed = ", ".join(f"{{name: {each}, tickets: {{jira: {{project: SEC}}}}}}" for each in names or ("other",))
        (tmp_path / name).write_text(FILE % listed)
    (tmp_path / "findings").write_text("[]")

    async def compared(new: str, *words: str, redis: str = redis_url) -> subprocess.CompletedProcess[str]:
        files = [str(tmp_path / each) for each in ("old", new)]
        asked = [
            sys.executable,
            "-m",
            "remedy",
            "mappings",
            "diff",
            *files,
            "--findings",
            str(tmp_path / "findings"),
            *words,
        ]
        environment = {"REDIS_URL": redis, "PATH": os.defpath}
        return await asyncio.to_thread(
            subprocess.run, asked, env=environment, capture_output=True, text=True, check=False
        )

    told_of = await compared("new")
    assert (told_of.returncode, told_of.stdout.splitlines()) == (
        1,
        ["0 of 0 findings would change", "rule students is gone: 1 case lives by it"],
    )
    assert json.loads((await compared("none", "--json")).stdout)["rules"] == [
        {"rule": "students", "state": "gone", "living_cases": 1},
        {"rule": "rest", "state": "gone", "living_cases": 0},
    ]
    assert (await compared("old")).returncode == 0
    away = await compared("new", redis=f"unix://{tmp_path}/nobody.sock")
    assert (away.returncode, "only Redis can tell" in away.stdout) == (0, True)
