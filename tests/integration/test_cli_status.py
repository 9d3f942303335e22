"""`remedy status` on a real Valkey: what it reads, how it ends, and what it says while something is wrong."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, TryLater
from remediation.queue import Band
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems
from remedy.main import main
from remedy.runtime.failures import ExitCode
from tests.integration.clinic import Clinic
from tests.integration.test_doctor_troubles import stored

OUTSIDE = {"SCHOOLSCAN": "http://127.0.0.1:1", "SERVICENOW": "http://127.0.0.1:1", "JIRA": "http://127.0.0.1:1"}
KEYS = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(3)]


@pytest.fixture
def clinic(redis_url: str, tmp_path: Path) -> Clinic:
    """All is well: both trackers' changes were read a second ago. Nothing outside is asked."""
    clinic = Clinic(tmp_path, redis_url, OUTSIDE)
    clinic.begin()
    polled(clinic, ago=1)
    return clinic


def polled(clinic: Clinic, ago: float) -> None:
    async def read(connection: Connection, _: object) -> None:
        for tracker in ("helpdesk", "jira"):
            await Todo(connection).mark_changes(tracker, [], "sealed - ", time.time() - ago)

    stored(clinic, read)


def status(clinic: Clinic, *words: str) -> Result:
    return CliRunner(env=clinic.environment).invoke(main, ["status", *words])


def test_a_console_is_named_and_takes_the_place_of_no_other_process(clinic: Clinic) -> None:
    clinic.begin(clinic.process("console"), clinic.process("worker"))
    polled(clinic, ago=1)
    assert "console: console-0/7" in status(clinic).stdout
    assert lines(clinic).keys() == {"receiver"}


def lines(clinic: Clinic) -> dict[str, dict[str, Any]]:
    """The lines that say that something is wrong, by what they are about."""
    result = status(clinic, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == (ExitCode.DONE if told["well"] else ExitCode.FAILED)
    return {line["what"]: line for line in told["lines"] if line["level"] != "ok"}


def test_where_all_is_well_it_says_that_it_works_and_ends_with_0(clinic: Clinic) -> None:
    result = status(clinic, "--strict")
    assert result.exit_code == ExitCode.DONE, result.output
    assert result.stdout.splitlines()[0].endswith(" UTC: working")
    for words in (
        "  ok   worker: worker-0/7, ",
        "  ok   receiver: receiver-0/7, ",
        "  ok   unread: none",
        "  ok   schoolscan/lakeside: no delivery was ever accepted",
        "  ok   undone: none",
        "  ok   jira: changes read 1 s ago",
    ):
        assert words in result.stdout, words
    assert "Parked" not in result.stdout


def test_nothing_is_written_by_it(clinic: Clinic) -> None:
    with clinic.redis() as redis:
        before = {key: redis.dump(key) for key in redis.scan_iter()}
        status(clinic)
        assert {key: redis.dump(key) for key in redis.scan_iter()} == before


def test_a_service_of_which_nothing_runs_fails(clinic: Clinic) -> None:
    with clinic.redis() as redis:
        redis.flushall()
    told = lines(clinic)
    assert {what for what, line in told.items() if line["level"] == "failure"} == {"worker", "receiver"}
    assert "NOT WELL: worker, receiver" in status(clinic).stdout


def test_what_waits_for_whom_and_what_is_parked_is_told_by_its_cause(clinic: Clinic) -> None:
    async def trouble(connection: Connection, keyring: Any) -> None:
        now = time.time()
        await Systems(connection).note_trouble(TryLater("jira", "no", status=401), now - 60)
        parked = ParkedWork(connection, keyring)
        for key in KEYS[:2]:
            no = Refused("jira", f"the secret words of {key.id}", status=400)
            await parked.park(ParkedKind.ACTION, key.ref, no, now - 3600, district="lakeside", action="open:jira")
        await Todo(connection).mark([(KEYS[2], Band.HIGH)], now - 600)

    stored(clinic, trouble)
    result = status(clinic)
    assert result.exit_code == ExitCode.FAILED
    assert "  FAIL Refused 400: 2 actions by jira, the oldest for 1 h 0 min" in result.stdout
    assert "  ok   undone: 1 case, the oldest for 10 min" in result.stdout
    assert "FAIL jira: our sign-in, or the way there, is refused (HTTP 401) since" in result.stdout
    assert "secret words" not in result.stdout
    causes = json.loads(status(clinic, "--json").stdout)["parked"]["causes"]
    assert [(each["error"], each["system"], each["status"], each["count"]) for each in causes] == [
        ("Refused", "jira", 400, 2)
    ]


def test_a_tracker_whose_changes_nobody_reads_fails(clinic: Clinic) -> None:
    with clinic.redis() as redis:
        redis.delete("remedy:lists-read")
    polled(clinic, ago=3600)
    assert {what: line["says"] for what, line in lines(clinic).items()} == {
        "helpdesk": "changes read 1 h 0 min ago",
        "jira": "changes read 1 h 0 min ago",
    }


def test_it_works_while_mappings_yaml_cannot_be_used_and_says_so(clinic: Clinic) -> None:
    clinic.path.write_text("districts: [")
    told = lines(clinic)
    assert told["mappings.yaml"]["says"].endswith("in 2 processes; the file here cannot be used")
    assert status(clinic).exit_code == ExitCode.DONE
    assert status(clinic, "--strict").exit_code == ExitCode.FAILED


def test_another_mappings_yaml_and_another_version_are_told(clinic: Clinic) -> None:
    clinic.begin(clinic.process("worker", version="0.0.1"), clinic.process("receiver", mappings="0123456789ab"))
    polled(clinic, ago=1)
    told = lines(clinic)
    assert {what: line["level"] for what, line in told.items()} == {"worker": "warning", "mappings.yaml": "warning"}
    assert "0123456789ab in 1 process" in told["mappings.yaml"]["says"]


def test_a_redis_that_is_away_is_said(clinic: Clinic, tmp_path: Path) -> None:
    clinic.environment["REDIS_URL"] = f"unix://{tmp_path}/nobody.sock"
    assert status(clinic).exit_code == ExitCode.UNREACHABLE
