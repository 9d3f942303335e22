"""`remedy mappings`: what is in mappings.yaml, and whether it is right."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from cli.failures import ExitCode
from remediation.errors import ConfigurationError, Problem
from remediation.mapping.loading import load_mappings
from remediation.mapping.schema import Mappings
from remediation.redaction import terminal
from remediation.settings import load_settings


@click.group()
def mappings() -> None:
    """Look at mappings.yaml: which findings get which tickets."""


@mappings.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.pass_context
def check(ctx: click.Context, path: Path | None, *, as_json: bool) -> None:
    """Check PATH (default: MAPPINGS_PATH, or mappings.yaml here) and print every problem with its place.

    Reads no secret and asks no other system. Exit codes: 0 all is well, 2 there are errors.
    """
    try:
        file = path or load_settings().mappings_path
        found = load_mappings(file).mappings
    except ConfigurationError as error:
        click.echo(_as_json(error.problems) if as_json else _as_lines(error.problems))
        ctx.exit(ExitCode.CONFIGURATION)
    click.echo(_as_json([]) if as_json else terminal(f"{file}: all is well: {_summary(found)}"))


def _as_lines(problems: Sequence[Problem]) -> str:
    return "\n".join(terminal(str(problem)) for problem in problems)


def _as_json(problems: Sequence[Problem]) -> str:
    return json.dumps({"ok": not problems, "problems": [asdict(problem) for problem in problems]}, indent=2)


def _summary(found: Mappings) -> str:
    counts = {"district": len(found.districts), "tracker": len(found.trackers), "rule": len(found.rules)}
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items())
