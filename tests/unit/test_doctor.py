"""`remedy doctor`, as far as nobody has to be asked: its codes, its checks, its table."""

import asyncio
import re
import time
from dataclasses import replace
from pathlib import Path

import click
import pytest

from remediation.domain.errors import StoreUnavailable, TryLater
from remediation.operations.examining.checks import Check, run_checks
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import TROUBLES, Diagnosis, trouble, well
from remediation.outbound.answers import NotedAnswer, note_answer, noting_answers
from remediation.read_model.status.levels import Level
from remediation.settings import Settings, environ
from remediation.store.server.description import ServerState
from remedy.doctor.configuration import look_at_settings
from remedy.doctor.report import as_object, progress, table_lines
from remedy.doctor.stored.server import condition_of

ROOT = Path(__file__).parents[2]
SERVER = ServerState(
    product="Redis 7.4.1",
    version=(7, 4, 1),
    uptime=7_500,
    used_memory=50,
    max_memory=100,
    evicted=0,
    rejected=0,
    clients=10,
    most_clients=100,
    append_failed=False,
    rewrite_failed=False,
    snapshot_failed=False,
    refuses_writes=False,
    latency=0.001,
)


def test_every_code_is_documented_with_what_it_means_and_what_to_do() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (warning|failure) \| (.*) \| (.*) \|$", _section(), re.MULTILINE)
    said = [(code.value, TROUBLES[code].severity.value, TROUBLES[code].means, TROUBLES[code].advice) for code in Code]
    assert rows == said


def _section() -> str:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return page.partition("\n## What the doctor finds\n")[2].partition("\n## ")[0]


def test_every_code_is_told_by_some_check() -> None:
    code = "\n".join(
        path.read_text()
        for folder in ("remedy/doctor", "remediation/operations/examining")
        for path in (ROOT / folder).rglob("*.py")
        if path.stem != "diagnosis"
    )
    assert [each.name for each in Code if f"Code.{each.name}" not in code] == []


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        ({"version": (6, 0, 16), "product": "Redis 6.0.16"}, Code.REDIS_VERSION, Level.FAILURE),
        ({"used_memory": 80}, Code.REDIS_MEMORY, Level.WARNING),
        ({"used_memory": 95}, Code.REDIS_MEMORY, Level.FAILURE),
        ({"evicted": 1}, Code.REDIS_EVICTED, Level.FAILURE),
        ({"clients": 81}, Code.REDIS_CONNECTIONS, Level.WARNING),
        ({"rejected": 1}, Code.REDIS_CONNECTIONS, Level.WARNING),
        ({"append_failed": True}, Code.REDIS_DISK, Level.FAILURE),
        ({"snapshot_failed": True, "refuses_writes": True}, Code.REDIS_DISK, Level.FAILURE),
        ({"snapshot_failed": True}, Code.REDIS_REWRITE, Level.WARNING),
        ({"rewrite_failed": True}, Code.REDIS_REWRITE, Level.WARNING),
        ({"latency": 0.5}, Code.REDIS_SLOW, Level.WARNING),
    ],
)
def test_a_server_in_a_bad_condition_is_told(change: dict[str, object], code: Code, severity: Level) -> None:
    told = [each for each in condition_of(replace(SERVER, **change)) if each.code]  # type: ignore[arg-type]
    assert [(each.code, each.severity) for each in told] == [(code, severity)]


@pytest.mark.parametrize(
    "unknown", [{"uptime": None}, {"max_memory": None}, {"most_clients": None}, {"version": ()}, {"clients": None}]
)
def test_what_a_server_does_not_tell_is_no_trouble(unknown: dict[str, object]) -> None:
    found = list(condition_of(replace(SERVER, **unknown)))  # type: ignore[arg-type]
    assert {each.severity for each in found} == {Level.OK}


async def _hangs() -> list[Diagnosis]:
    await asyncio.sleep(60)
    return []


async def _fails() -> list[Diagnosis]:
    raise KeyError("test-only-secret")


async def _is_away() -> list[Diagnosis]:
    raise StoreUnavailable("Redis does not answer")


async def _asks_in_vain() -> list[Diagnosis]:
    raise TryLater("jira", "no answer in time")


async def _is_well() -> list[Diagnosis]:
    return [well("e", "well")]


async def test_a_check_that_hangs_or_fails_is_told_and_ends_no_other() -> None:
    looks = {"a": _hangs, "b": _fails, "c": _is_away, "d": _asks_in_vain, "e": _is_well}
    reported: list[list[str]] = []
    began = time.monotonic()
    found = await run_checks(
        [Check(name, 0.05, look) for name, look in looks.items()], lambda names: reported.append(list(names))
    )
    assert time.monotonic() - began < 10
    codes = [(each.what, each.code) for each in found]
    assert codes == [("a", "unfinished"), ("b", "defect"), ("c", "redis-away"), ("d", "outside-away"), ("e", "")]
    assert "test-only-secret" not in "\n".join(table_lines(found, None))
    assert reported[0] == list(looks)
    assert len(reported) == 1 + len(looks)
    assert reported[-1] == []


def test_the_table_has_columns_and_counts_and_shows_no_control_characters() -> None:
    found = [
        well("a", "fine"),
        trouble(Code.QUEUE_LONG, "queued", "1 case\x1b[31m"),
        trouble(Code.SIGN_IN, "jira", "401"),
    ]
    lines = [click.unstyle(line) for line in table_lines(found, None)]
    assert [len(line.partition(":")[0]) for line in (lines[0], lines[1], lines[3])] == [6, 11, 9]
    assert [line.index(word) for line, word in zip(lines, ("fine", "1 case", "Start more"), strict=False)] == [13] * 3
    assert lines[-1] == "1 well, 1 warning, 1 failure"
    assert "\x1b[31m1" not in lines[1]


def test_on_a_narrow_terminal_words_hang_below_words_and_a_command_stays_whole() -> None:
    found = [well("a", "fine"), trouble(Code.PARKED, "parked", "1: 1 action; 2 of lakeside")]
    lines = [click.unstyle(line) for line in table_lines(found, 44)]
    assert max(map(len, lines)) <= 44
    assert [line[13] != " " and line[:13].strip() == "" for line in lines[2:-1]] == [True] * (len(lines) - 3)
    assert any("remedy parked list" in line for line in lines)


@pytest.mark.parametrize(
    ("found", "well_told", "worst"),
    [
        ([well("a", "")], True, "ok"),
        ([well("a", ""), trouble(Code.QUEUE_LONG, "b", "")], True, "warning"),
        ([trouble(Code.SIGN_IN, "a", ""), trouble(Code.QUEUE_LONG, "b", "")], False, "failure"),
    ],
)
def test_the_object_says_the_worst(found: list[Diagnosis], *, well_told: bool, worst: str) -> None:
    told = as_object(found)
    assert (told["well"], told["worst"]) == (well_told, worst)


def test_progress_is_only_for_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress()(["jira"])
    assert capsys.readouterr() == ("", "")


def test_headers_are_noted_only_while_somebody_wants_to_know() -> None:
    headers = {"Date": "Fri, 15 Jan 2027 08:00:30 GMT", "X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "7"}
    note_answer(headers)
    with noting_answers(lambda: 1_800_000_000.0) as answers:
        note_answer(headers)
        note_answer({"Date": "yesterday", "X-RateLimit-Limit": "many"})
    note_answer(headers)
    assert answers == [NotedAnswer(30.0, 300, 7), NotedAnswer(None, None, None)]


@pytest.mark.parametrize(
    ("written", "idle"),
    [
        ({"REDIS_PASSWORD": "test-only", "REDIS_CERT_FILE": "c"}, "REDIS_PASSWORD, REDIS_CERT_FILE: without REDIS_URL"),
        ({"REDIS_SENTINEL_PASSWORD": "test-only"}, "REDIS_SENTINEL_PASSWORD: without REDIS_URL"),
        ({"REDIS_URL": "redis://r.example", "REDIS_TLS_VERIFY_NAME": "false"}, "REDIS_TLS_VERIFY_NAME: REDIS_URL does"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=test-only"}, "OTEL_EXPORTER_OTLP_HEADERS: without OTEL_EXPORTER"),
        ({"REDIS_URL": "rediss://r.example", "REDIS_TLS_VERIFY_NAME": "false", "REDIS_PASSWORD": "test-only"}, ""),
    ],
)
def test_settings_without_effect_are_named(monkeypatch: pytest.MonkeyPatch, written: dict[str, str], idle: str) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in written.items():
        monkeypatch.setenv(name, value)
    found = [each for each in look_at_settings(Settings(), environ()) if each.code == Code.SETTING_IDLE]
    assert [each.says.startswith(f"no effect of {idle}") for each in found] == [True] * bool(idle)
    assert "test-only" not in "".join(each.says for each in found)


def test_a_block_around_another_one_gets_the_answers_of_that_one() -> None:
    """A request within a budget notes answers for itself; whoever looks at clocks and limits wants them, too."""
    with noting_answers(lambda: 0.0) as outer:
        note_answer({"X-RateLimit-Remaining": "1"})
        with noting_answers(lambda: 0.0) as inner:
            note_answer({"X-RateLimit-Remaining": "2"})
        note_answer({"X-RateLimit-Remaining": "3"})
    assert [each.remaining for each in inner] == [2]
    assert [each.remaining for each in outer] == [1, 2, 3]
