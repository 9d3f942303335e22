"""`remedy console`: links that sign in to the console once, and who is in."""

import json

import click

from remediation.mapping.config.console import ConsoleConfig, RoleName, SessionTimes, address_of
from remediation.mapping.config.suggestions import did_you_mean, with_choice
from remediation.mapping.reading.loading import Loaded, load_mappings
from remediation.operations.console_entry import LinkTerms, end_sessions, make_link
from remediation.operations.stores import OperationStores
from remediation.read_model.cases.words import time_words
from remediation.read_model.console_sessions import (
    name_shown,
    session_id_shown,
    session_json,
    sessions_named,
    way_words,
)
from remediation.read_model.wording import count_words
from remediation.redaction import terminal
from remediation.settings import Settings, load_settings
from remediation.store.console.sessions import LINK_LIFETIME, ConsoleSession, ConsoleSessions, SessionSpan
from remedy.parked.selection import with_stores
from remedy.runtime.auditing import with_by
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table


@click.group()
def console() -> None:
    """Who is let into the operator's pages: links that sign in once, and sessions.

    \b
      remedy console link
      remedy console link --role operator --district lakeside --by ana
      remedy console sessions list
      remedy console sessions end ana@example.org
    """


@console.command()
@click.option(
    "--role",
    type=click.Choice([role.value for role in RoleName]),
    default=RoleName.VIEWER.value,
    help="What it lets them do.",
)
@click.option("--district", "districts", multiple=True, help="Where; left out, in all. Can be given several times.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_by
def link(role: str, districts: tuple[str, ...], *, who: str, as_json: bool) -> None:
    """Make a link that signs in to the console, in one browser, once.

    It is of use for ten minutes. Whoever has it is called as --by says, and may what --role says. Opening it shows a
    button; only pressing that uses it up. The audit says who made it, and who used it.

    Its address is that of `console.url` in mappings.yaml; without one, that where the console listens on this machine.
    """
    settings = load_settings()
    loaded = load_mappings(settings.mappings_path)
    terms = LinkTerms(who, RoleName(role), _known(loaded, districts))
    address = with_stores(lambda stores: make_link(stores, terms, who, console_url(loaded, settings)))
    minutes = int(LINK_LIFETIME.total_seconds() // 60)
    if as_json:
        shown = {"link": address, "name": who, "role": role, "districts": terms.districts and list(terms.districts)}
        click.echo(json.dumps(shown | {"minutes": minutes}))
    else:
        click.echo(address)
        print_line(f"It signs in once, within {minutes} minutes, as {who}: {terms.words}.")


@console.group()
def sessions() -> None:
    """Who has signed in to the console."""


@sessions.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of a table.")
def list_sessions(*, as_json: bool) -> None:
    """Show who has signed in: since when, how, and when they last opened a page. The newest comes first."""
    found = with_stores(_listed)
    if as_json:
        for each in found:
            click.echo(json.dumps(session_json(each)))
    elif not found:
        print_line("Nobody has signed in.")
    else:
        headings = ("session", "who", "how", "since", "last page")
        rows = [
            (
                session_id_shown(each),
                name_shown(each),
                way_words(each),
                f"{time_words(each.since)} UTC",
                f"{time_words(each.used)} UTC",
            )
            for each in found
        ]
        print_table(TextTable(headings, rows))


@sessions.command("end")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@with_by
def end(name: str, *, who: str, dry_run: bool, as_json: bool) -> None:
    """End the sessions of NAME, or the one session that is called so, at once.

    They can sign in again as long as mappings.yaml lets them: take them out of console.access, too.

    Exit codes: 0 done; 1 there is no such session.
    """

    async def change(stores: OperationStores) -> int:
        named = sessions_named(await _listed(stores), name)
        return len(named) if dry_run else await end_sessions(stores, named, name, who)

    count = with_stores(change)
    if not count:
        raise click.ClickException(
            f"{terminal(name)} has no session; remedy console sessions list shows which there are"
        )
    if as_json:
        click.echo(json.dumps({"name": name, "sessions": count, "done": not dry_run}))
    else:
        would = "would end" if dry_run else "ended"
        print_line(f"{count_words(count, 'session')} {would}")


def console_url(loaded: Loaded, settings: Settings) -> str:
    """Where people reach the console, without a slash at its end."""
    if loaded.mappings.console:
        return address_of(loaded.mappings.console.url)
    return f"http://127.0.0.1:{settings.console_port}{settings.root_path or ''}"


async def _listed(stores: OperationStores) -> list[ConsoleSession]:
    """The sessions that last, by the times of mappings.yaml, or by the usual ones where it has none."""
    config: ConsoleConfig | None = load_mappings(load_settings().mappings_path).mappings.console
    times = config.session if config else SessionTimes()
    span = SessionSpan(times.idle, times.longest)
    return await ConsoleSessions(stores.connection, stores.keyring).listed(span, stores.clock())


def _known(loaded: Loaded, districts: tuple[str, ...]) -> tuple[str, ...] | None:
    there = loaded.mappings.districts
    for name in districts:
        if name not in there:
            meant = did_you_mean(name, there)
            raise click.BadParameter(with_choice(f"there is no district {terminal(name)}", meant, "there is", there))
    return districts or None
