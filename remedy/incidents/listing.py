"""`remedy incidents list`: the incidents that are kept, a page at a time."""

import json
from collections.abc import Mapping
from typing import Any

import click

from remediation.domain.status import Status
from remediation.read_model.incidents import (
    LEFT_OUT,
    MOST_INCIDENTS,
    STATUSES,
    IncidentCursor,
    IncidentFilter,
    IncidentListPage,
    ShownIncident,
    incident_json,
    incident_page,
    status_words,
    ticket_words,
)
from remediation.read_model.wording import count_words
from remediation.redaction import terminal
from remediation.store.audit.entries import AuditAct
from remedy.incidents.stores import IncidentStores, with_stores
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table


class _Cursor(click.ParamType[IncidentCursor]):
    """Where a page begins, as the page before it ended."""

    name = "cursor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IncidentCursor:
        """The cursor; a usage error where it is none."""
        try:
            return value if isinstance(value, IncidentCursor) else IncidentCursor.parse(value)
        except ValueError:
            self.fail(
                f"{terminal(str(value))!r} is no cursor: take the one that the page before ended with", param, ctx
            )


@click.command("list")
@click.option("--district", metavar="NAME", help="Only of this district.")
@click.option("--feed", metavar="DISTRICT/FEED", help="Only of this feed.")
@click.option(
    "--status",
    type=click.Choice([str(each) for each in STATUSES]),
    help="Only those that we have decided so; gone: deleted in the feed.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_INCIDENTS),
    default=50,
    show_default=True,
    help="About how many; a page may have a few more.",
)
@click.option("--after", type=_Cursor(), help="The cursor that the page before ended with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; the last one has the cursor.")
def list_(*, limit: int, after: IncidentCursor | None, as_json: bool, **asked: str | None) -> None:
    """List the incidents that are kept, by feed, a page at a time and in no order. Asks only Redis.

    \b
      remedy incidents list --district lakeside --status open
      remedy incidents list --feed lakeside/handbook --json
    """
    wanted = IncidentFilter(Status(asked["status"]) if asked["status"] else None)

    async def page(stores: IncidentStores) -> IncidentListPage:
        if after is not None and after.feed not in stores.timetables:
            raise click.UsageError(
                f"the cursor is of {terminal(after.feed)}, which is none of the feeds that are meant"
            )
        found = await incident_page(stores.connection, stores.records, stores.feeds, wanted, limit, after)
        if found.incidents:
            choice = " ".join([*(f"--{name} {value}" for name, value in asked.items() if value), f"--limit {limit}"])
            count = len(found.incidents)
            await stores.audit.note(stores.audit.entry(AuditAct.READ, choice=f"incidents list {choice}", count=count))
        return found

    found = with_stores(page, asked["district"], asked["feed"])
    if as_json:
        for each in found.incidents:
            click.echo(json.dumps(incident_json(each)))
        click.echo(json.dumps({"cursor": str(found.cursor) if found.cursor else None, "left_out": found.left_out}))
    else:
        _print(found, asked, limit, is_first=after is None)
    if found.left_out:
        print_line(f"note: {count_words(found.left_out, 'incident')} {LEFT_OUT}", err=True)


def _print(page: IncidentListPage, asked: Mapping[str, str | None], limit: int, *, is_first: bool) -> None:
    """The page for a person, and how to go on."""
    if page.incidents:
        print_table(_table(page.incidents))
    if page.cursor is not None:
        options = [f"--{name} {value}" for name, value in asked.items() if value]
        words = " ".join(["remedy incidents list", *options, f"--limit {limit}", f"--after {page.cursor}"])
        print_line(f"{_count(page)}. The next ones: {words}")
    elif page.incidents:
        print_line(f"{_count(page)}{'' if is_first else ', the last of all'}. One of them: remedy incidents show UUID")
    else:
        is_filtered = any(asked.values())
        has_none = "No incident fits." if is_filtered or page.left_out else "None is kept yet."
        print_line(has_none if is_first else "No more incidents.")


def _count(page: IncidentListPage) -> str:
    return count_words(len(page.incidents), "incident")


def _table(shown: tuple[ShownIncident, ...]) -> TextTable:
    rows = [_row(each) for each in sorted(shown, key=lambda each: (each.feed, each.incident.uuid))]
    return TextTable(("feed", "incident", "type", "day", "status", "case", "tickets"), rows, name="incident")


def _row(each: ShownIncident) -> tuple[str, ...]:
    return (
        each.feed,
        each.incident.uuid,
        each.incident.type.value,
        each.incident.day.isoformat() if each.incident.day else "",
        status_words(each),
        "yes" if each.record is not None else "none",
        ticket_words(each),
    )
