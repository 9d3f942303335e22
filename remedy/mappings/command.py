"""`remedy mappings`: what is in mappings.yaml, and whether it is right."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import Loaded, load_mappings
from remediation.mapping.reading.warnings import warnings_of
from remediation.mapping.reading.webhook_secrets import end_warnings, ended_senders
from remediation.read_model.wording import count_words
from remediation.settings import load_settings
from remedy.mappings.diff import diff
from remedy.mappings.explain import explain
from remedy.mappings.schema import schema
from remedy.mappings.tests import test
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line


@click.group()
def mappings() -> None:
    """Look at mappings.yaml: which findings and incidents get which tickets.

    \b
      remedy mappings check
      remedy mappings explain --finding fnd_9d2 --district lakeside
      remedy mappings test mappings.tests.yaml
      remedy mappings diff old.yaml mappings.yaml --district lakeside
    """


@mappings.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.option("--live", is_flag=True, help="Ask the systems that it names as well, by requests that only read.")
@click.pass_context
def check(ctx: click.Context, path: Path | None, *, as_json: bool, live: bool) -> None:
    """Check PATH (default: MAPPINGS_PATH, or mappings.yaml here) and print every problem with its place.

    Also warns of rules that can never take a finding or an incident, of findings that no rule takes, of feeds of
    incidents that are read for nothing, and of webhook secrets that end soon; these are no errors.

    Reads no secret and asks no other system, unless --live says so: then SchoolScan, the feeds and the trackers are
    asked whether we can sign in, and whether what the file names is there. Exit codes: 0 all is well, 2 there are
    errors, 3 not all of them could be reached.
    """
    try:
        file = path or load_settings().mappings_path
        loaded, warnings = _checked(file, time.time())
    except ConfigurationError as error:
        click.echo(_as_json(error.problems)) if as_json else _print(error.problems)
        ctx.exit(ExitCode.CONFIGURATION)
    if warnings and not as_json:
        _print(warnings, "warning: ")
    if live:
        from remedy.mappings.live import check_live  # noqa: PLC0415 - it brings the trackers' libraries, which nothing else here needs

        ctx.exit(check_live(loaded, warnings, as_json=as_json))
    verdict = "no errors" if warnings else "all is well"
    if as_json:
        click.echo(_as_json([], warnings))
    else:
        print_line(f"{file}: {verdict}: {_summary(loaded.mappings)}")


def _checked(file: Path, now: float) -> tuple[Loaded, Sequence[Problem]]:
    """The file, and everything in it that is probably not meant at `now` (Unix seconds). Raises ConfigurationError."""
    loaded = load_mappings(file)
    if ended := ended_senders(loaded, now):
        raise ConfigurationError(ended)
    return loaded, (*warnings_of(loaded), *end_warnings(loaded, now))


def _print(problems: Sequence[Problem], severity: str = "") -> None:
    for problem in problems:
        print_line(f"{severity}{problem}")


def _as_json(problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> str:
    said = {"problems": [asdict(each) for each in problems], "warnings": [asdict(each) for each in warnings]}
    return json.dumps({"ok": not problems, **said}, indent=2)


def _summary(found: Mappings) -> str:
    counts = {"district": len(found.districts), "tracker": len(found.trackers), "rule": len(found.rules)}
    if feeds := sum(len(district.incidents) for district in found.districts.values()):
        counts["feed"] = feeds
    if found.notify:
        counts["channel"] = len(found.notify)
    return ", ".join(count_words(count, word) for word, count in counts.items())


for command in (diff, explain, schema, test):
    mappings.add_command(command)
