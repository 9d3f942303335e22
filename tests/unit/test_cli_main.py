"""The command as a whole: quick to start, teaching by its help, and never a stack trace for a user's mistake."""

import json
import logging
import sys
import threading
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

from remediation.domain.errors import ConfigurationError, NotFound, Problem, Refused, StoreUnavailable, TryLater
from remedy.main import COMMANDS, RemedyGroup, main
from remedy.runtime import failures
from remedy.runtime.failures import ExitCode

REPOSITORY = Path(__file__).parents[2]

FAILURES = [
    (ConfigurationError([Problem("mappings.yaml", "no such rule", 3, 5)]), ExitCode.CONFIGURATION),
    (TryLater("jira", "busy"), ExitCode.UNREACHABLE),
    (StoreUnavailable("Redis is away"), ExitCode.UNREACHABLE),
    (Refused("jira", "no such project", status=400), ExitCode.REFUSED),
    (NotFound("schoolscan", "no such finding", status=404), ExitCode.REFUSED),
    (click.UsageError("say which"), ExitCode.CONFIGURATION),
    (click.ClickException("it did not work"), ExitCode.FAILED),
    (KeyboardInterrupt(), ExitCode.INTERRUPTED),
]


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def run_failing(error: BaseException, *words: str) -> Result:
    @click.command
    @click.option("--json", is_flag=True)
    def failing(**options: bool) -> None:
        raise error

    class Group(RemedyGroup):
        get_command = click.Group.get_command

    return CliRunner().invoke(Group("remedy", commands={"failing": failing}), ["failing", *words])


@pytest.mark.parametrize(("error", "code"), FAILURES, ids=lambda value: type(value).__name__)
def test_a_failure_is_a_message_and_an_exit_code(error: BaseException, code: ExitCode) -> None:
    result = run_failing(error)
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.strip()


@pytest.mark.parametrize(("error", "code"), FAILURES, ids=lambda value: type(value).__name__)
def test_with_json_a_failure_is_one_object_on_stderr(error: BaseException, code: ExitCode) -> None:
    result = run_failing(error, "--json")
    described = json.loads(result.stderr)
    assert (described["exit_code"], described["error"]) == (code, code.name.lower())
    assert described["message"]
    assert result.stdout == ""


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_defect_of_ours_is_told_by_its_class_and_our_own_lines_without_its_text(words: tuple[str, ...]) -> None:
    error = ZeroDivisionError("ZZPII-title")
    error.__cause__ = ValueError("https://lakeside.example/priya?ssn=ZZPII")
    result = run_failing(error, *words)
    assert result.exit_code == ExitCode.FAILED
    assert "ZeroDivisionError<-ValueError at remedy/main.py:" in result.stderr
    assert "ZZPII" not in result.output
    assert ("exit_code" in result.stderr) == bool(words)


def test_what_is_raised_outside_of_a_command_is_told_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module, hook in (
        (sys, "excepthook"),
        (threading, "excepthook"),
        (sys, "unraisablehook"),
        (logging, "lastResort"),
        (warnings, "showwarning"),
    ):
        monkeypatch.setattr(module, hook, getattr(module, hook))
    failures.hide_texts()
    error = ValueError("ZZPII-title")
    sys.excepthook(ValueError, error, None)
    threading.excepthook(threading.ExceptHookArgs((ValueError, error, None, None)))
    sys.unraisablehook(SimpleNamespace(exc_value=error))
    assert logging.lastResort is not None
    record = logging.LogRecord(
        "asyncio", logging.ERROR, "events.py", 7, "ZZPII %s", ("ZZPII",), (ValueError, error, None)
    )
    logging.lastResort.handle(record)
    warnings.showwarning(UserWarning("ZZPII"), UserWarning, "/lib/jira/client.py", 7, line="ZZPII")
    told = capsys.readouterr().err
    assert told.count("ValueError") == 4
    assert "error: asyncio, events:7" in told
    assert "warning: UserWarning, client.py:7" in told
    assert "ZZPII" not in told


def test_every_problem_of_a_configuration_has_its_line() -> None:
    problems = [Problem("mappings.yaml", "unknown key", 3, 5), Problem("DATA_KEYS", "is not set")]
    result = run_failing(ConfigurationError(problems))
    assert result.stderr.splitlines() == ["error: mappings.yaml:3:5: unknown key", "error: DATA_KEYS: is not set"]


def test_a_message_cannot_command_the_terminal() -> None:
    result = run_failing(Refused("jira", "\x1b]0;owned\x07\x1b[2Jno"))
    assert result.stderr == "error: jira: no\n"


@pytest.mark.parametrize(
    ("words", "said"), [((), "Usage: remedy"), (("snd",), "(Did you mean one of: 'sandbox', 'send'?)")]
)
def test_a_wrong_command_line_is_answered_with_how_it_is_used(words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert said in result.stderr


@pytest.mark.parametrize("words", [("case", "show", "\udcff"), ("mappings", "check", "\udcff", "--json")])
def test_an_argument_that_is_no_text_is_one_message(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "an argument holds bytes that are no UTF-8" in result.stderr
    assert ("--json" in words) == result.stderr.startswith("{")


def test_the_version_is_that_of_the_installed_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert run("--version").stdout == f"remedy {project['version']}\n"


def test_help_names_every_command_with_its_summary_and_the_exit_codes() -> None:
    words = " ".join(run("--help").stdout.split())
    for name, (_, summary) in COMMANDS.items():
        assert f" {name} {summary}" in words
    assert all(f"{code.value} " in words for code in ExitCode)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command there is, under its full name."""

    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            for part, child in command.commands.items():
                yield from below(f"{name} {part}", child)

    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command
        yield from below(name, command)


def test_the_summary_shown_for_a_command_is_its_own() -> None:
    own = {name: command.get_short_help_str(200) for name, command in commands() if name in COMMANDS}
    assert own == {name: summary for name, (_, summary) in COMMANDS.items()}


def test_every_command_and_option_explains_itself() -> None:
    silent = [name for name, command in commands() if not command.help]
    silent += [
        f"{name} {option.name}"
        for name, command in commands()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


def test_the_documented_exit_codes_are_the_real_ones() -> None:
    rows = [
        [cell.strip() for cell in line.split("|")[1:3]]
        for line in (REPOSITORY / "docs/exit-codes.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and line[2].isdigit()
    ]
    assert rows == [[str(code.value), code.name.lower()] for code in ExitCode]
