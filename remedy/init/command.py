"""`remedy init`: asks what there is, and writes a mappings.yaml that fits; of one that is there, proposes changes."""

import dataclasses
import sys
import time
from pathlib import Path

import click

from remediation.settings import load_settings
from remedy.init.asking import Asker
from remedy.init.existing import existing_at
from remedy.init.making import result_of
from remedy.init.opening import open_systems, order_of
from remedy.init.options import OF_SCHOOLSCAN, with_options
from remedy.init.output import replace, write_new
from remedy.init.results import Result, show
from remedy.init.set_ups import OF_TRACKERS


@click.command(short_help="Ask SchoolScan, Jira and ServiceNow what there is, and write a mappings.yaml that fits.")
@with_options((*OF_SCHOOLSCAN, *OF_TRACKERS))
@click.option(
    "--output",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The file to write.  [default: MAPPINGS_PATH, or mappings.yaml here]",
)
@click.option(
    "--apply", "applies", is_flag=True, help="Make the changes in a file that exists; without it they are only shown."
)
@click.option("--ask/--no-ask", "may_ask", default=None, help="Ask for what is missing.  [default: on a terminal]")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def init(
    ctx: click.Context,
    /,
    *,
    output: Path | None,
    applies: bool,
    may_ask: bool | None,
    dry_run: bool,
    as_json: bool,
    **options: object,
) -> None:
    """Sign in to the systems, read what there is, and write a mappings.yaml with comments that fits.

    Read are projects, types, priorities, required fields, resolutions, groups and close codes; nothing is changed.

    On a terminal it asks for what is missing. Without an option that names a tracker it asks for trackers, too, and for
    what may be chosen in them.

    A secret is never an argument and never written: the file says which environment variable or file holds it, and
    --…-env and --…-file say that here. Where it is not there yet, it is asked for, to sign in now.

    Where the file is there, it is left as it is: what would change is shown as a diff, and --apply makes these changes
    and keeps every other line and comment. Systems that it names need no options.

    Exit codes: 0 the file is there and fits; 1 something is left to do, which is listed, or changes are proposed; 2 an
    option, a secret or the file cannot be used; 3 a system is away. With 2 and 3 nothing was written.

    \b
    Examples:
      remedy init
      remedy init --district lakeside --jira https://jira.lakeside.example --jira-token-file /run/secrets/jira
      remedy init --jira-project WEB                (a file that is there: shows what another project would change)
      remedy init --servicenow https://lakeside.service-now.example --servicenow-user svc-remedy --apply
    """
    path = output or load_settings().mappings_path
    asker = Asker(may_ask=sys.stdin.isatty() if may_ask is None else may_ask)
    existing = existing_at(path)
    order = order_of(options, existing, asker, time.time())
    with open_systems(order, asker) as opened:
        result = result_of(path, existing, opened, asker)
    result = _kept(result, applies=applies, dry_run=dry_run)
    show(result, as_json=as_json)
    ctx.exit(result.exit_code)


def _kept(result: Result, *, applies: bool, dry_run: bool) -> Result:
    """Write what is to be written. Raises ConfigurationError."""
    match result.done:
        case "written" if not dry_run:
            write_new(result.path, result.text)
        case "proposed" if applies and not dry_run:
            replace(result.path, result.text, result.before)
            return dataclasses.replace(result, done="applied")
        case "written":
            return dataclasses.replace(result, done="shown")
        case _:
            pass
    return result
