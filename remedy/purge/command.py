"""`remedy purge`: answer a request for deletion, and say what stays, why, and until when."""

import asyncio
import json
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
from rich.console import Console

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.schema import Retention
from remediation.mapping.reading.loading import load_mappings
from remediation.operations.purging.deletion import Deletion, PurgeResult
from remediation.operations.purging.files import Files, rewritten
from remediation.operations.purging.survey import PurgeSurvey, survey
from remediation.operations.stores import OperationStores
from remediation.read_model.wording import by_count, count_words
from remediation.redaction import terminal
from remediation.settings import load_settings
from remediation.store.districts import DistrictForgetting
from remediation.store.server.connection import Connection
from remedy.parked.changes import progress
from remedy.parked.selection import with_stores
from remedy.purge.report import held_words, json_of, text_lines
from remedy.purge.target import Choice, mappings_if_any, target_of
from remedy.runtime.auditing import with_by
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line


@dataclass(frozen=True, slots=True)
class _Order:
    """What was asked for on the command line."""

    choice: Choice
    who: str
    dry_run: bool
    yes: bool
    still_named: bool
    as_json: bool

    @property
    def asks(self) -> bool:
        """Whether a person is shown what goes, and asked."""
        return not (self.dry_run or self.yes)


@click.command
@click.option("--case", "case", default="", metavar="REF", help="A case, by its reference or a ticket's key.")
@click.option("--finding", default="", metavar="ID", help="One finding, by SchoolScan's id.")
@click.option("--district", default="", metavar="NAME", help="With --finding: whose. Alone: all that is kept of it.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed and what would stay, and do nothing.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--still-named", is_flag=True, help="Also a district that mappings.yaml names: it fills again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@with_by
def purge(*, who: str, **given: Any) -> None:
    """Delete all that remedy keeps of a case, a finding or a district, and say what stays, why, and until when.

    \b
      remedy purge --finding fnd_9d2 --district lakeside --dry-run
      remedy purge --case lakeside:finding:fnd_9d2
      remedy purge --case lakeside:incident:8f14e45f-ceea-467f-a0c2-9f2b1d4c6e01
      remedy purge --district lakeside

    Delete it first where it comes from (SchoolScan, the feed) and its tickets in the trackers: what is still there
    brings the case back with its next change. Only then delete it here. A district is first taken out of mappings.yaml.

    Each case goes in one step of Redis, with its line in the audit. If this is interrupted, run it again: it goes on
    with what is left. To --case belong all findings of a case of an identity or of a group; --finding takes one
    out of it.

    Exit codes: 0 removed, or with --dry-run there is something to remove; 1 nothing is kept of it, or a worker looks at
    it all the time; 2 the command line, or a district that mappings.yaml still names; 3 Redis is away; 130 you said no.
    """
    choice = Choice(**{name: given.pop(name) for name in ("case", "finding", "district")})
    choice.check()
    order = _Order(choice, who, **given)
    if order.asks and not can_ask():
        raise click.UsageError("nobody can be asked here, as the input is no terminal: say --yes, or --dry-run")
    _answer(order)


def can_ask() -> bool:
    """Whether there is somebody who can be asked."""
    return sys.stdin.isatty()


def _answer(order: _Order) -> None:
    """Do what was ordered, and tell. Raises ClickException where nothing is kept of it."""
    choice = order.choice
    mappings_path = load_settings().mappings_path
    load = lambda: load_mappings(mappings_path).mappings  # noqa: E731
    written = mappings_if_any(load)
    kept = written.retention if written else Retention()

    async def found(stores: OperationStores) -> PurgeSurvey:
        target = await target_of(choice, load, stores.connection)
        if target.is_district and not (order.still_named or order.dry_run):
            is_written = bool(written and target.district in written.districts)
            await _check_unnamed(target.district, stores.connection, is_written=is_written)
        return await survey(target, stores)

    with Console(stderr=True).status("Looking for what is kept of it …"):
        there = with_stores(found)
    if not there.is_anything:
        raise click.ClickException(_nothing(choice, there))
    if order.dry_run:
        _report(order, there, kept)
        return
    if order.asks:
        _ask(there, kept, choice)
    deleted, files = with_stores(partial(_carry_out, found=there, order=order))
    _report(order, there, kept, deleted, files)
    if deleted.held:
        print_line(f"error: {held_words(deleted.held)}", err=True)
        raise SystemExit(ExitCode.FAILED)


async def _check_unnamed(district: str, connection: Connection, *, is_written: bool) -> None:
    """Raises ConfigurationError where mappings.yaml names the district, here or as workers use it."""
    if is_written or await DistrictForgetting(connection).is_named(district):
        where = "mappings.yaml names it" if is_written else "workers use a mappings.yaml that names it"
        says = (
            f"the district {district} would fill again, as {where}: take it out, wait until workers have read the file "
            "(remedy doctor), and run this again; or say --still-named"
        )
        raise ConfigurationError([Problem("--district", says)])


async def _carry_out(stores: OperationStores, *, found: PurgeSurvey, order: _Order) -> tuple[PurgeResult, Files]:
    with progress(Console(stderr=True), len(found.refs)) as bar:
        task = bar.add_task("purge", total=len(found.refs))
        deletion = Deletion(stores, order.who, order.choice.text, partial(bar.advance, task))
        deleted = await deletion.carry_out(found)
    return deleted, await rewritten(stores.connection, stores.clock, asyncio.sleep)


def _ask(found: PurgeSurvey, kept: Retention, choice: Choice) -> None:
    """Show what would be done, and ask. Raises Abort."""
    for line in _lines(found, kept, None, None):
        print_line(line, err=True)
    what = count_words(len(found.refs), "case") if len(found.refs) > 1 else "it"
    click.confirm(f"Delete {what} for good ({terminal(choice.text)})?", abort=True, err=True)


def _report(
    order: _Order, found: PurgeSurvey, kept: Retention, deleted: PurgeResult | None = None, files: Files | None = None
) -> None:
    if order.as_json:
        click.echo(json.dumps(json_of(found, kept, deleted, files, order.choice.text)))
        return
    for line in _lines(found, kept, deleted, files):
        print_line(line)


def _lines(found: PurgeSurvey, kept: Retention, deleted: PurgeResult | None, files: Files | None) -> list[str]:
    lines = []
    for heading, part in text_lines(found, kept, deleted, files):
        lines += [heading, *(f"  {line}" for line in part or ["nothing"])]
    return lines


def _nothing(choice: Choice, found: PurgeSurvey) -> str:
    lines = found.lines.lines
    about = f"{count_words(lines, 'line')} of the audit about it {by_count(lines, 'stays', 'stay')}"
    stays = f"; {about} for retention.audit" if lines else ""
    return f"nothing is kept of {terminal(choice.text)}{stays}"
