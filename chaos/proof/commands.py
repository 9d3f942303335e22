"""Every command of `remedy`, played in ways in which it shows what it knows: for people, and for programs."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from click.testing import CliRunner

from chaos.proof.setting import Setting
from remedy.main import main
from sandbox.secrets import DISTRICT

_SECONDS = 180
_IN_ALL_WAYS = ("parked show", "audit list", "audit export", "mappings check", "case show", "reports get")
_READS = re.compile(r"--dry-run|--live|^(?:doctor|case plan|mappings explain|scans show)")
Play = Sequence[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What commands are asked about: two findings (few may read of one), a scan, an incident, and more."""

    finding: str
    few: str
    scan: str
    incident: str
    parked: Sequence[str]
    mappings: str
    folder: str
    receiver: str

    @property
    def cases(self) -> tuple[str, ...]:
        """References of cases."""
        return (f"{DISTRICT}:finding:{self.finding}", f"{DISTRICT}:incident:{self.incident}")


def every_command() -> list[str]:
    """The words of each command that there is, as click knows them."""
    return sorted(" ".join(words) for words, _ in _leaves(main, [], click.Context(main)))


def takes_json(command: str) -> bool:
    """Whether a command has `--json`."""
    found = next(each for words, each in _leaves(main, [], click.Context(main)) if " ".join(words) == command)
    return any("--json" in parameter.opts for parameter in found.params)


NOT_PLAYED: Mapping[str, str] = {
    "demo": "starts systems, an embedded server and a folder of its own: nothing of the proof's is in them",
    "listen": "follows until Ctrl-C: it runs all the time, into files that are looked through (see setting.py)",
    "run": "is what the processes of the proof are",
    "sandbox": "is what the systems outside of the proof are",
}


def plays_of(known: Known) -> Mapping[str, Sequence[Play]]:
    """By command: the options with which it is played. Those that delete something come last."""
    return {**_of_the_store(known), **_of_rules(known), **_of_systems(known), **_deletions(known)}


def _of_the_store(known: Known) -> Mapping[str, Sequence[Play]]:
    first, second = known.cases
    return {
        "audit export": [(), ("--names",), ("--format", "csv", "--people")],
        "audit list": [("--limit", "500"), ("--people",), ("--case", first)],
        "audit verify": [(), ("--against", f"{known.folder}/audit.jsonl")],
        "backfill": [
            ("--district", DISTRICT, "--dry-run", "--patience", "2s"),
            ("--district", DISTRICT, "--severity", "low", "--no-wait"),
            ("--district", DISTRICT, "--severity", "low", "--patience", "2s"),
            ("--district", DISTRICT, "--cancel"),
        ],
        "console link": [("--role", "operator", "--district", DISTRICT)],
        "console sessions end": [("nobody", "--dry-run")],
        "console sessions list": [(), ("--json",)],
        "case list": [(), ("--district", DISTRICT), ("--limit", "1")],
        "case plan": [(first,), (second,), ("nobody",)],
        "case retry": [(first, "--dry-run"), (second,)],
        "case show": [(first,), (second,), ("SEC-1",), ("nobody",)],
        "context list": [()],
        "context show": [("nobody",)],
        "deliveries list": [(), ("--state", "refused"), ("--account", f"schoolscan/{DISTRICT}", "--limit", "3")],
        "deliveries show": [
            *((name.removeprefix("delivery/"),) for name in known.parked if name.startswith("delivery/")),
            ("nobody",),
        ],
        "doctor": [(), ("--offline",), ("--strict", "--as", "worker")],
        "incidents backfill": [("--dry-run",), ()],
        "incidents list": [(), ("--limit", "1")],
        "incidents poll": [("--dry-run",), ("--dry-run", "--sweep"), ()],
        "incidents show": [(known.incident,), ("nobody",)],
        "init": [("--no-ask", "--dry-run", "--output", known.mappings)],
        "keys generate": [()],
        "keys list": [()],
        "keys retire": [("k00000000", "--dry-run"), ("k00000000",)],
        "keys rotate": [("--dry-run",), ("--output", f"{known.folder}/rotated-{{}}")],
    }


def _of_rules(known: Known) -> Mapping[str, Sequence[Play]]:
    return {
        "mappings check": [(known.mappings,), (known.mappings, "--live")],
        "mappings diff": [("mappings.yaml", known.mappings, "--district", DISTRICT)],
        "mappings explain": [
            ("--finding", known.finding, "--district", DISTRICT),
            ("--finding", "fnd_nowhere", "--district", DISTRICT),
            ("--finding", known.few, "--district", DISTRICT),
            ("--incident", "type=referral", "--incident", "weapon=KNIFE"),
        ],
        "mappings schema": [()],
        "mappings test": [("mappings.tests.yaml", "--mappings", "mappings.yaml")],
    }


def _of_systems(known: Known) -> Mapping[str, Sequence[Play]]:
    return {
        "notify test": [(), ("--dry-run",)],
        "parked audit": [()],
        "parked list": [(), ("--all",)],
        "parked show": [(name,) for name in known.parked] + [("nobody",)],
        "status": [(), ("--strict",)],
        "reconcile": [
            ("--dry-run", "--no-wait", "--patience", "2s"),
            ("--since", "1h", "--no-wait"),
            ("--all", "--patience", "2s"),
        ],
        "report accepted-risks": [(), ("--format", "html"), ("--format", "csv")],
        "report sla": [(), ("--since", "1h", "--format", "html")],
        "report activity": [(), ("--chart", "open", "--district", DISTRICT)],
        "reports get": [
            ("--scan", known.scan, "--output", f"{known.folder}/report", "--dry-run"),
            ("--scan", known.scan, "--output", f"{known.folder}/report-{{}}", "--patience", "5s"),
            ("--scan", "scan_nowhere", "--output", f"{known.folder}/report-{{}}"),
        ],
        "scans list": [(), ("--limit", "1")],
        "scans show": [(known.scan,), ("scan_nowhere",)],
        "scans start": [("--domain", "lakeside.example", "--dry-run"), ("--domain", "nowhere.example", "--yes")],
        "scans cancel": [(known.scan, "--dry-run"), (known.scan, "--yes")],
        "send": [
            ("--finding", known.finding, "--url", known.receiver, "--dry-run"),
            ("--finding", known.finding, "--url", known.receiver),
        ],
        "trigger": [
            ("finding.critical", "--url", known.receiver, "--dry-run"),
            ("finding.critical", "--url", known.receiver, "--patience", "10"),
            ("finding.critical", "--finding", known.finding, "--url", known.receiver, "--patience", "5"),
            ("--clean-up", "--patience", "5"),
        ],
        "webhooks list": [()],
        "webhooks reset": [(DISTRICT, "--dry-run"), (DISTRICT,)],
    }


def _deletions(known: Known) -> Mapping[str, Sequence[Play]]:
    return {
        "parked replay": [("--all", "--dry-run"), ("--all", "--yes")],
        "parked discard": [("--all", "--dry-run"), ("--all", "--yes")],
        "purge": [
            ("--finding", known.few, "--district", DISTRICT, "--dry-run"),
            ("--finding", known.few, "--district", DISTRICT, "--yes"),
            ("--case", known.cases[1], "--yes"),
            ("--district", DISTRICT, "--still-named", "--dry-run"),
        ],
    }


OUTSIDE = (
    "backfill",
    "case plan",
    "doctor",
    "incidents poll",
    "mappings check",
    "mappings explain",
    "scans show",
    "reconcile",
)
"""The commands that ask other systems: they are played while these fail, too. The last one is patient."""


def play_commands(setting: Setting, known: Known, commands: Sequence[str], *, whole: bool, dry: bool = False) -> None:
    """Play these and keep what each prints: in every way and as processes, as people run them, where `whole`.

    Otherwise in the first way only, and in this process, which is quick. `dry` leaves out what changes something.
    """
    plays = plays_of(known)
    for command in commands:
        chosen = plays[command] if whole or command in _IN_ALL_WAYS else plays[command][:1]
        for number, play in enumerate(chosen):
            if dry and not _READS.search(" ".join((command, *play))):
                continue
            for more in ((), ("--json",)) if takes_json(command) else ((),):
                words = [*command.split(), *(word.format(f"{number}{len(more)}") for word in play), *more]
                said = _printed(words, setting) if whole else _printed_within(words, setting)
                setting.printed.setdefault(command, []).append(said)


def _printed_within(words: Sequence[str], setting: Setting) -> str:
    result = CliRunner().invoke(main, list(words), env=setting.environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise RuntimeError(f"{' '.join(words)} let an error out: {type(result.exception).__name__}")
    return str(result.stdout + result.stderr)


def _printed(words: Sequence[str], setting: Setting) -> str:
    command = [sys.executable, "-m", "remedy", *words]
    answer = subprocess.run(  # noqa: S603 - our own interpreter, with arguments of ours
        command,
        env=setting.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return answer.stdout + answer.stderr


def _leaves(command: click.Command, words: Sequence[str], ctx: click.Context) -> Iterator[tuple[Sequence[str], Any]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name in command.list_commands(ctx):
        inner = command.get_command(ctx, name)
        if inner is not None:
            yield from _leaves(inner, [*words, name], ctx)
