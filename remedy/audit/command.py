"""`remedy audit`: list, export and verify what people did and what was decided about cases."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import chain
from typing import Any, TextIO, TypeVar

import click

from remediation.domain.errors import ConfigurationError, Problem
from remediation.operations.stores import OperationStores
from remediation.read_model.audit import (
    COLUMNS,
    OF_PEOPLE,
    AuditFilter,
    about_words,
    csv_row,
    line_csv,
    line_json,
    moment_words,
    told_in,
    verdict_json,
    verdict_lines,
    who_words,
)
from remediation.read_model.wording import by_count, count_words
from remediation.store.audit.chain import AuditKeys, Line
from remediation.store.audit.entries import AuditAct
from remediation.store.audit.verifying import Bend, BendKind, Verdict
from remediation.store.audit.written_out import WrittenOut
from remedy.parked.selection import SpanOfTime, with_stores
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table

ResultT = TypeVar("ResultT")


@click.group()
def audit() -> None:
    """Who did what, what was decided about cases, and whether that trail is as it was written.

    Every line has a number and a proof, an HMAC under a data key, which covers the line before it. Workers chain what
    was done within seconds; from then on a line that is changed, removed, put in or out of order shows.

    \b
      remedy audit verify
      remedy audit verify --against /var/log/remedy/audit.jsonl
      remedy audit list --people --since 30d
      remedy audit list --case lakeside:finding:fnd_9d2
      remedy audit export --format csv --names > audit.csv
    """


def _with_filter(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose lines, as `wanted`."""

    @wraps(command)
    def chosen(
        *,
        act: tuple[str, ...],
        of_people: bool,
        case: str | None,
        by: str | None,
        since: timedelta | None,
        note: TextIO | None,
        **given: Any,
    ) -> None:
        acts = frozenset(act) | (OF_PEOPLE if of_people else frozenset())
        begin = None if since is None else (datetime.now(UTC) - since).timestamp()
        text = None if note is None else note.read().strip()  # as notes are sent; an editor adds the end of a line
        command(wanted=AuditFilter(acts, case or "", by or "", begin, note=text), **given)

    for option in (
        click.option("--note", type=click.File(), metavar="FILE", help="Only where this note was sent; - for stdin."),
        click.option("--since", type=SpanOfTime(), help="Only of this last span of time: 7d, 12h."),
        click.option("--by", help="Only of this person, or OS user."),
        click.option("--case", metavar="REF", help="Only about this case."),
        click.option("--people", "of_people", is_flag=True, help="Only what people did with commands."),
        click.option(
            "--act", multiple=True, type=click.Choice([str(each) for each in AuditAct]), help="Only of this kind."
        ),
    ):
        chosen = option(chosen)
    return chosen


@audit.command("list")
@_with_filter
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The most lines, newest first.")
@click.option("--names", is_flag=True, help="Show who closed tickets, which rests sealed; that leaves a line itself.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of a table.")
def list_(*, wanted: AuditFilter, limit: int, names: bool, as_json: bool) -> None:
    """List the lines, newest first. What is listed is not verified: remedy audit verify does that.

    Who closed a ticket rests sealed, and is shown with --names. A note is known by a digest: --note compares it with a
    text, exactly as it was sent.
    """

    async def found(stores: OperationStores) -> list[tuple[Line, str]]:
        await _begin(stores, "audit list", names=names)
        return [each async for each in _some(_named(stores, stores.audit.trail.latest(), wanted, names=names), limit)]

    lines = with_stores(found)
    if as_json:
        for line, people in lines:
            click.echo(json.dumps(line_json(line, people)))
    elif not lines:
        print_line("No line of the audit fits.")
    else:
        _print(lines, names=names)


@audit.command()
@_with_filter
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="JSON lines, or CSV.",
)
@click.option("--names", is_flag=True, help="Name who closed tickets, which rests sealed; that leaves a line itself.")
def export(*, wanted: AuditFilter, form: str, names: bool) -> None:
    """Write the lines to stdout, oldest first, as JSON lines or CSV.

    JSON lines have all that is signed, and --against of remedy audit verify reads them. In CSV, a text that a
    spreadsheet would take for a formula begins with a quote ('). Times are UTC.
    """

    async def write(stores: OperationStores) -> None:
        await _begin(stores, "audit export", names=names)
        if form == "csv":
            click.echo(csv_row(COLUMNS))
        async for line, people in _named(stores, stores.audit.trail.lines(), wanted, names=names):
            click.echo(line_csv(line, people) if form == "csv" else json.dumps(line_json(line, people)))

    with_stores(write)


@dataclass(frozen=True, slots=True)
class _Told:
    """What was written out."""

    proofs: WrittenOut
    bends: tuple[Bend, ...]


@audit.command()
@click.option(
    "--against",
    multiple=True,
    type=click.File(errors="replace"),
    metavar="FILE",
    help="What was written out: a log of workers, AUDIT_FILE, what syslog took, an export; - for stdin. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def verify(*, against: tuple[TextIO, ...], as_json: bool) -> None:
    """Say from where to where the trail is whole, and name each line that is bent, missing or cut off.

    Whoever may write to Redis can put back an earlier state of everything, or wipe it: a new chain begins then. Only
    what was written out meanwhile shows that: give it with --against. Words that stand there beside proofs are proven,
    too.

    Exit codes: 0 whole; 1 bent; 2 some lines are signed under a data key that is not in DATA_KEYS, and all others are
    whole.
    """

    async def found(stores: OperationStores) -> tuple[Verdict, _Told]:
        trail = stores.audit.trail
        told = _told(against, trail.keys)
        return await trail.verify(told.proofs), told

    verdict, told = with_stores(found)
    verdict = replace(verdict, bends=(*verdict.bends, *told.bends))
    if as_json:
        click.echo(json.dumps(verdict_json(verdict)))
    else:
        for line in verdict_lines(verdict):
            print_line(line)
        print_line(_summary(verdict, compared=len(told.proofs) if against else None))
    raise SystemExit(_code(verdict))


def _told(files: tuple[TextIO, ...], keys: AuditKeys) -> _Told:
    proofs, bends = told_in(chain.from_iterable(files), keys)
    if files and not proofs:
        raise ConfigurationError([Problem("--against", "has no line of an audit: give a log, AUDIT_FILE or an export")])
    return _Told(proofs, tuple(bends))


def _code(verdict: Verdict) -> ExitCode:
    if verdict.bends:
        return ExitCode.FAILED
    return ExitCode.CONFIGURATION if verdict.unknown_keys else ExitCode.DONE


def _summary(verdict: Verdict, compared: int | None) -> str:
    if not verdict.stretches and not verdict.bends:
        return "There is no line yet: the first chain begins when something is done."
    with_what = "" if compared is None else f", and as {_proofs_words(compared)}"
    match _code(verdict):
        case ExitCode.FAILED if all(bend.kind is BendKind.REWORDED for bend in verdict.bends):
            return "What was written out is bent, and the trail is not."
        case ExitCode.FAILED:
            return "The trail is bent."
        case ExitCode.CONFIGURATION:
            return f"What can be proven is whole{with_what}."
        case _:
            return f"The trail is whole{with_what}."


def _proofs_words(count: int) -> str:
    were, say = by_count(count, "was", "were"), by_count(count, "says", "say")
    return f"{count_words(count, 'proof')} that {were} written out {say}"


async def _begin(stores: OperationStores, command: str, *, names: bool) -> None:
    """Chain what waits, and write down that sealed names are going to be shown."""
    await stores.audit.chain()
    if names:
        await stores.audit.note(stores.audit.entry(AuditAct.READ, choice=command))


async def _named(
    stores: OperationStores, lines: AsyncIterator[Line], wanted: AuditFilter, *, names: bool
) -> AsyncIterator[tuple[Line, str]]:
    """The wanted lines, each with who closed tickets where `names` are wanted."""
    keys = stores.audit.trail.keys
    async for line in lines:
        entry = line.entry
        if wanted.takes(entry, keys):
            yield line, keys.open(line.sealed, entry) if names else ""


async def _some(lines: AsyncIterator[tuple[Line, str]], limit: int) -> AsyncIterator[tuple[Line, str]]:
    """The first ones."""
    count = 0
    async for each in lines:
        yield each
        count += 1
        if count == limit:
            return


def _print(lines: list[tuple[Line, str]], *, names: bool) -> None:
    headings = ("number", "when", "who", "act", "about", "what", *(["closed by"] if names else []))
    rows = [
        (
            str(line.number),
            moment_words(line.entry.at),
            who_words(line.entry),
            line.entry.act,
            line.entry.case,
            about_words(line.entry),
            *([people] if names else []),
        )
        for line, people in lines
    ]
    print_table(TextTable(headings, rows, prose=frozenset({"what"})))
