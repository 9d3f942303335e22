"""What came of it, for people and for programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

import click

from remediation.domain.errors import Problem
from remediation.mapping.writing.edits import Edit
from remediation.redaction import terminal
from remedy.init.credentials import Credential
from remedy.init.systems import System
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line

_NO_KEYS = 'export DATA_KEYS="$(remedy keys generate)"'


@dataclass(frozen=True, slots=True)
class Result:
    """What was done, and what is left to do.

    `done` is one of written, shown (a dry run of a new file), unchanged, proposed and applied. `to_set` are words that
    only a person knows; `wrong` is what does not fit the systems, `untold` what they do not tell, and `away` what could
    not be asked again. `before` is the text of the file that was there.
    """

    path: Path
    done: str
    text: str
    before: str = ""
    signed_in: Sequence[tuple[System, str]] = ()
    to_set: Sequence[str] = ()
    wrong: Sequence[Problem] = ()
    untold: Sequence[Problem] = ()
    away: Sequence[Problem] = ()
    by_hand: Sequence[Edit] = ()
    unruled: Sequence[str] = ()
    credentials: Sequence[Credential] = field(default=())
    has_data_keys: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """FAILED where a person has something to do or to look at first."""
        is_left = self.to_set or self.wrong or self.away or self.by_hand or self.done == "proposed"
        return ExitCode.FAILED if is_left else ExitCode.DONE

    @property
    def diff(self) -> str:
        """What would change of the file that was there, as `diff -u` shows it."""
        lines = unified_diff(
            self.before.splitlines(keepends=True),
            self.text.splitlines(keepends=True),
            str(self.path),
            f"{self.path} (proposed)",
        )
        return "".join(lines)


def show(result: Result, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        click.echo(json.dumps(_as_json(result), indent=2))
        return
    if result.done == "shown":
        click.echo(terminal(result.text, lines=True), nl=False)
    if result.done in {"proposed", "applied"}:
        click.echo(terminal(result.diff, lines=True), nl=False)
    to_stderr = result.done == "shown"
    for line in _lines(result):
        print_line(line, err=to_stderr)


def _as_json(result: Result) -> dict[str, object]:
    return {
        "ok": result.exit_code is ExitCode.DONE,
        "path": str(result.path),
        "done": result.done,
        "signed_in": [{"name": each.name, "system": each.title, "says": says} for each, says in result.signed_in],
        "to_set": [*result.to_set, *map(str, result.by_hand)],
        "wrong": [each.message for each in result.wrong],
        "not_told": [each.message for each in result.untold],
        "not_reached": [each.message for each in result.away],
        "without_rule": list(result.unruled),
        "secrets": [
            {"what": each.what, "reference": dict(each.reference), "is_set": each.is_set} for each in result.credentials
        ],
        "has_data_keys": result.has_data_keys,
        **({"text": result.text} if result.done == "shown" else {}),
        **({"diff": result.diff} if result.before else {}),
    }


_SAID = {
    "written": "written",
    "shown": "nothing was written (--dry-run)",
    "unchanged": "nothing of it is to be changed",
    "proposed": "is left as it is. remedy init --apply makes these changes, and keeps everything else",
    "applied": "changed as shown; everything else is as it was",
}


def _lines(result: Result) -> list[str]:
    lines = [f"{each.title} ({each.name}): {says}" for each, says in result.signed_in]
    lines.append(f"{result.path}: {_SAID[result.done]}")
    lines += _listed("To be set in it by you:", [*result.to_set, *map(str, result.by_hand)])
    lines += _listed("Does not fit yet:", [each.message for each in result.wrong])
    lines += _listed(
        "Could not be asked any more, so nobody knows whether it fits:", [each.message for each in result.away]
    )
    names = ", ".join(result.unruled)
    lines += _listed("No rule opens tickets there yet: name it under `tickets` of some:", [names] if names else [])
    lines.append("Secrets of these systems:")
    lines += [_secret_line(each.place, each.what, is_set=each.is_set) for each in result.credentials]
    keys = "seals what rests in Redis" if result.has_data_keys else _NO_KEYS
    return [*lines, _secret_line("DATA_KEYS", keys, is_set=result.has_data_keys), f"Next: {_next(result)}"]


def _listed(title: str, entries: Sequence[str]) -> list[str]:
    return [title, *(f"  {each}" for each in entries)] if entries else []


def _secret_line(place: str, what: str, *, is_set: bool) -> str:
    return f"  {'set' if is_set else 'not set':<8} {place:<27} {what}"


def _next(result: Result) -> str:
    """What to do after this."""
    is_all_set = result.has_data_keys and all(each.is_set for each in result.credentials)
    is_unfit = result.to_set or result.wrong or result.away or result.by_hand
    steps = ["remedy init --apply, or a change of your own"] if result.done == "proposed" else []
    steps += [] if is_all_set else ["set what is not set"]
    steps += ["remedy mappings check --live until it finds nothing"] if is_unfit else []
    return ", then ".join([*steps, "remedy doctor", "remedy run receiver and remedy run worker"])
