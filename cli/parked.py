"""`remedy parked`: work that was set aside, to look at, take up again or give up."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.assembly import keyring_of, open_connection, redis_address
from cli.failures import ExitCode
from remediation.redaction import terminal
from remediation.settings import load_settings
from remediation.store.parked import Parked, ParkedWork

ResultT = TypeVar("ResultT")

_LONGEST_LISTED = 60


@click.group()
def parked() -> None:
    """Work that was set aside: refused by a tracker, unreadable, or sealed with a missing key.

    \b
      remedy parked list
      remedy parked show lakeside:finding:fnd_9d2/open:jira
      remedy parked replay lakeside:finding:fnd_9d2/open:jira
    """


def _with_parked(use: Callable[[ParkedWork], Awaitable[ResultT]]) -> ResultT:
    settings = load_settings()
    keyring = keyring_of(settings)

    async def work(url: str) -> ResultT:
        async with open_connection(url, socket_timeout=5.0, retries=1) as connection:
            return await use(ParkedWork(connection, keyring))

    with redis_address(settings) as url:
        return asyncio.run(work(url))


def _as_json(item: Parked) -> dict[str, Any]:
    return {**asdict(item), "first_at": item.first_at.isoformat(), "at": item.at.isoformat()}


@parked.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of a table.")
@click.option("--limit", default=200, show_default=True, help="The most that is listed, newest first.")
def list_(*, as_json: bool, limit: int) -> None:
    """List what is parked, newest first."""

    async def all_of(work: ParkedWork) -> tuple[int, list[Parked]]:
        return await work.count(), [item async for item in work.listed(limit)]

    total, items = _with_parked(all_of)
    if as_json:
        for item in items:
            click.echo(json.dumps(_as_json(item)))
        return
    if not items:
        click.echo("Nothing is parked.")
        return
    table = Table("name", "kind", "times", "last", "what it said")
    for item in items:
        words = terminal(item.words)
        shown = words if len(words) <= _LONGEST_LISTED else words[:_LONGEST_LISTED] + "…"
        moment = f"{item.at:%Y-%m-%d %H:%M} UTC"
        table.add_row(Text(item.name, overflow="fold"), item.kind, str(item.attempts), moment, Text(shown))
    Console().print(table)
    click.echo(f"{len(items)} of {total} parked. Take one up again with: remedy parked replay NAME")


@parked.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def show(name: str, *, as_json: bool) -> None:
    """Show one piece of parked work, with the words of whoever refused it."""
    item = _with_parked(lambda work: work.one(name))
    if item is None:
        raise _unknown(name)
    fields = _as_json(item)
    if as_json:
        click.echo(json.dumps(fields))
        return
    for field, value in fields.items():
        if value not in {"", None}:
            click.echo(f"{field + ':':<10} {terminal(str(value))}")


@parked.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--dry-run", is_flag=True, help="Say what would be taken up, and leave it parked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a name.")
def replay(names: tuple[str, ...], *, dry_run: bool, as_json: bool) -> None:
    """Take parked work up again: the worker looks at it at once, and parks it again if it still does not work."""
    _each(names, "replayed", lambda work, name: work.replay(name, time.time()), dry_run=dry_run, as_json=as_json)


@parked.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--dry-run", is_flag=True, help="Say what would be given up, and leave it parked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a name.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def discard(names: tuple[str, ...], *, dry_run: bool, as_json: bool, yes: bool) -> None:
    """Give parked work up for good, by your decision."""
    if not (dry_run or yes):
        click.confirm("Discarded work is not done. A discarded delivery is shredded. Go on?", abort=True, err=True)
    _each(names, "discarded", lambda work, name: work.discard(name, time.time()), dry_run=dry_run, as_json=as_json)


def _each(
    names: tuple[str, ...],
    done: str,
    act: Callable[[ParkedWork, str], Awaitable[bool]],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    async def work_on(work: ParkedWork) -> dict[str, bool]:
        if dry_run:
            return {name: await work.one(name) is not None for name in names}
        return {name: await act(work, name) for name in names}

    answers = _with_parked(work_on)
    word = f"would be {done}" if dry_run else done
    for name, found in answers.items():
        if as_json:
            click.echo(json.dumps({"name": name, "found": found, "done": found and not dry_run}))
        else:
            click.echo(f"{terminal(name)}: {word if found else 'not parked'}")
    if not all(answers.values()):
        raise SystemExit(ExitCode.FAILED)


def _unknown(name: str) -> click.ClickException:
    return click.ClickException(f"nothing parked is called {terminal(name)}; remedy parked list shows what there is")
