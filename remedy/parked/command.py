"""`remedy parked`: work that was set aside: show it, replay it, discard it."""

import json
from collections.abc import AsyncIterator

import click

from remediation.mapping.reading.loading import load_mappings
from remediation.operations.stores import OperationStores
from remediation.read_model.cases.names import UnclearName, case_named
from remediation.read_model.cases.retries import parked_of_case
from remediation.read_model.parked.advice import advice_words
from remediation.read_model.parked.work import (
    GROUPINGS,
    Grouping,
    decision_json,
    decisions_in,
    group_json,
    grouped,
    minute_words,
    no_trace_words,
    piece_facts,
    piece_json,
)
from remediation.read_model.wording import count_words
from remediation.redaction import terminal
from remediation.settings import load_settings
from remediation.store.audit.earlier import ParkedDecided, earlier_decisions
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.parked import Parked
from remedy.parked.changes import discard, replay
from remedy.parked.selection import Chosen, with_options, with_stores
from remedy.parked.tables import group_table, piece_table
from remedy.screen_lines import print_line, print_lines
from remedy.screen_tables import TextTable, print_table


@click.group()
def parked() -> None:
    """Work that was set aside: refused, unreadable, sealed with a missing key, or deadly to workers.

    \b
      remedy parked list
      remedy parked list --system jira --all
      remedy parked show lakeside:finding:fnd_9d2/open:jira
      remedy parked replay lakeside:finding:fnd_9d2/open:jira
      remedy parked replay --error Refused --system jira --dry-run
      remedy parked audit
    """


parked.add_command(replay)
parked.add_command(discard)


@parked.command("list")
@with_options
@click.option("--by", type=click.Choice(GROUPINGS), help="What makes a group. [default: error]")
@click.option("--all", "all_rows", is_flag=True, help="One row for each piece instead of groups.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: a piece, or with --by a group.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="The most pieces that are listed, newest first.",
)
def list_(*, chosen: Chosen, by: Grouping | None, all_rows: bool, as_json: bool, limit: int) -> None:
    """List what is parked: in groups by its error, or piece by piece for a PATTERN of names (`*`, `?`) or --all."""
    if by and all_rows:
        raise click.UsageError("--by makes groups and --all shows no groups: use one of them")
    in_groups = bool(by) or not (all_rows or as_json or chosen.names)

    async def selected(stores: OperationStores) -> list[Parked]:
        found = [item async for item in stores.parked.listed(chosen.selection(stores.clock()))]
        if found:
            await stores.audit.note(
                stores.audit.entry(AuditAct.READ, choice=f"parked list {chosen.text()}", count=len(found))
            )
        return found

    items = with_stores(selected)
    if as_json:
        shown = (
            [group_json(each) for each in grouped(items, by)] if by else [piece_json(each) for each in items[:limit]]
        )
        for line in shown:
            click.echo(json.dumps(line))
    elif not items:
        print_line("Nothing is parked." if chosen.is_everything else "Nothing that is parked fits.")
    elif in_groups:
        groups = grouped(items, by or "error")
        print_table(group_table(groups, by or "error"))
        count = f"{count_words(len(items), 'piece')} parked, in {count_words(len(groups), 'group')}"
        print_line(f"{count}. Piece by piece: remedy parked list --all")
    else:
        print_table(piece_table(items[:limit]))
        print_line(f"{len(items[:limit])} of {len(items)} parked. Take one up again with: remedy parked replay NAME")


@parked.command()
@click.argument("name", metavar="NAME|REF")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each piece, instead of lines.")
def show(name: str, *, as_json: bool) -> None:
    """Show parked work: the words of whoever refused it or the trace of an error of our own, and what usually helps.

    One piece by its NAME, or all that is parked of a case by its REF, as remedy case show takes it: its reference, the
    mark on its ticket, or the ticket's key.

    \b
      remedy parked show lakeside:finding:fnd_9d2/open:jira
      remedy parked show lakeside:finding:fnd_9d2
      remedy parked show SEC-12
    """

    async def found(stores: OperationStores) -> list[Parked]:
        one = await stores.parked.one(name)
        items = await _parked_of(name, stores) if one is None else [one]
        for each in items:
            await stores.audit.note(stores.audit.entry(AuditAct.READ, choice="parked show", piece=each.name))
        return items

    for number, item in enumerate(with_stores(found)):
        if as_json:
            click.echo(json.dumps({**piece_json(item), "trace": item.trace}))
        else:
            _print_piece(item, is_first=number == 0)


async def _parked_of(ref: str, stores: OperationStores) -> list[Parked]:
    """What is parked of the case that a text names. Raises ClickException where that is nothing."""
    path = load_settings().mappings_path
    key = await case_named(ref, lambda: load_mappings(path).mappings, stores.connection)
    if isinstance(key, UnclearName) and key.is_ambiguous:
        raise click.ClickException(key.says)
    record = None if isinstance(key, UnclearName) else await Todo(stores.connection).record(key.ref)
    items = [] if record is None else await parked_of_case(stores.parked, record)
    if not items:
        what = f"nothing is parked of {record.key.ref}" if record else f"nothing parked is called {ref}"
        raise click.ClickException(terminal(f"{what}; remedy parked list --all shows what there is"))
    return items


def _print_piece(item: Parked, *, is_first: bool) -> None:
    if not is_first:
        print_line()
    for field, words in piece_facts(item):
        print_line(f"{field + ':':<10} {words}")
    print_line(f"{'helps:':<10} {advice_words(item.error, item.system, item.status)}")
    if item.trace:
        print_lines(f"trace:\n{item.trace}")
    elif words := no_trace_words(item):
        print_line(f"({words})")


@parked.command()
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="The most decisions that are shown, newest first.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of a table.")
def audit(*, limit: int, as_json: bool) -> None:
    """Show who took parked work up again or gave it up, when, which, and how much.

    All else that people did, and whether the trail is whole: remedy audit. What an earlier version wrote down is not
    proven by anything, and marked.
    """

    async def read(stores: OperationStores) -> list[ParkedDecided]:
        await stores.audit.chain()
        entries = (line.entry async for line in stores.audit.trail.latest())
        found = await _some(decisions_in(entries), limit)
        return [*found, *await _some(earlier_decisions(stores.connection), limit - len(found))]

    decisions = with_stores(read)
    if as_json:
        for each in decisions:
            click.echo(json.dumps(decision_json(each)))
    elif not decisions:
        print_line("Nobody has decided anything yet.")
    else:
        rows = [_decision_row(each) for each in decisions]
        print_table(TextTable(("when", "who", "what", "which", "chosen", "done"), rows, name="which"))


def _decision_row(each: ParkedDecided) -> tuple[str, ...]:
    done = "did not end" if each.done is None else str(each.done)
    what = each.what if each.is_chained else f"{each.what} (unchained)"
    return (minute_words(each.at), each.who, what, each.choice, str(each.count), done)


async def _some(decisions: AsyncIterator[ParkedDecided], limit: int) -> list[ParkedDecided]:
    """The first of them: no more is read than these need."""
    some: list[ParkedDecided] = []
    while len(some) < limit and (decision := await anext(decisions, None)):
        some.append(decision)
    return some
