"""`remedy case list`: the cases that there are, by page."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click

from remediation.domain.status import Severity
from remediation.read_model.cases.pages import (
    MOST_CASES,
    NOT_COMPLETE,
    CaseAge,
    ShownCase,
    ShownPage,
    case_page,
    shown_json,
    shown_ticket_words,
    span_text,
    states_words,
)
from remediation.read_model.cases.words import time_words
from remediation.read_model.wording import count_words
from remediation.redaction import terminal
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter, CaseLists, ListCursor
from remedy.case.names_asked import check_names
from remedy.parked.selection import SpanOfTime
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.clock import clock_of
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table


class _Cursor(click.ParamType[ListCursor]):
    """Where a page begins, as the page before it ended."""

    name = "cursor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ListCursor:
        """The cursor; a usage error where it is none."""
        try:
            return value if isinstance(value, ListCursor) else ListCursor.parse(value)
        except ValueError:
            self.fail(
                f"{terminal(str(value))!r} is no cursor: take the one that the page before ended with", param, ctx
            )


@click.command("list")
@click.option("--district", help="Only of this district.")
@click.option(
    "--state",
    type=click.Choice([str(each) for each in CaseState]),
    help="Only in this state. A case is dirty (it waits for a look, or is being looked at), put_off (a system did not "
    "do what was asked) or at_rest, and may be parked (an action is set aside) or in conflict besides.",
)
@click.option("--tracker", help="Only with a ticket in this tracker.")
@click.option("--rule", help="Only those for which this rule counted at the last look.")
@click.option(
    "--severity",
    type=click.Choice([str(each) for each in Severity]),
    help="Only those that were this severe at the last look.",
)
@click.option(
    "--changed-within", type=SpanOfTime(), help="Only those that changed within this span: 90s, 15m, 2h or 14d."
)
@click.option("--unchanged-for", type=SpanOfTime(), help="Only those that changed last so long ago, or longer.")
@click.option("--limit", type=click.IntRange(1, MOST_CASES), default=50, show_default=True, help="The most cases.")
@click.option("--after", type=_Cursor(), help="Go on after this case: the cursor that the page before ended with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, each with the cursor to go on after it.")
def list_(
    *,
    changed_within: timedelta | None,
    unchanged_for: timedelta | None,
    limit: int,
    after: ListCursor | None,
    as_json: bool,
    **asked: str | None,
) -> None:
    """List cases, newest change first, a page at a time. Asks only Redis.

    A change is that something else is known of the case, a ticket was linked, an action parked, or a look put off; a
    look that found all as it was is none. All times are UTC.

    \b
      remedy case list
      remedy case list --state parked
      remedy case list --district lakeside --severity critical --tracker jira
      remedy case list --state dirty --unchanged-for 7d
      remedy case list --state conflict --json
    """
    state = CaseState(asked["state"]) if asked["state"] else None
    wanted = CaseFilter(asked["district"], state, asked["severity"], asked["rule"], asked["tracker"])
    page = _asked(wanted, CaseAge(changed_within, unchanged_for), limit, after)
    asked |= {"changed-within": span_text(changed_within), "unchanged-for": span_text(unchanged_for)}
    if as_json:
        for each in page.cases:
            click.echo(json.dumps(shown_json(each)))
    else:
        _print(page, asked, limit, is_first=after is None)
    if not page.is_complete:
        print_line(f"note: {NOT_COMPLETE}", err=True)


def _asked(wanted: CaseFilter, age: CaseAge, limit: int, after: ListCursor | None) -> ShownPage:
    """The page. Raises UsageError for a name that nothing has, StoreUnavailable."""
    settings = load_settings()

    async def work(address: RedisAddress) -> ShownPage:
        async with open_for_command(address) as connection:
            await check_names(wanted, settings, connection)
            aged = age.of(wanted, (await clock_of(connection))())
            return await case_page(CaseLists(connection), aged, limit, after)

    with redis_address(settings) as address:
        return asyncio.run(work(address))


def _print(page: ShownPage, asked: Mapping[str, str | None], limit: int, *, is_first: bool) -> None:
    """The page for a person, and how to go on."""
    if not page.cases:
        is_filtered = any(asked.values())
        print_line("No more cases." if not is_first else "No case fits." if is_filtered else "No case is known.")
        return
    print_table(_table(page.cases))
    count = count_words(len(page.cases), "case")
    if page.cursor is None:
        print_line(f"{count}{'' if is_first else ', the last of all'}. What happened to one: remedy case show CASE")
        return
    options = [f"--{name} {value}" for name, value in asked.items() if value]
    words = " ".join(["remedy case list", *options, f"--limit {limit}", f"--after {page.cursor}"])
    print_line(f"{count}. The next ones: {words}")


def _table(cases: tuple[ShownCase, ...]) -> TextTable:
    headings = ("case", "state", "status", "severity", "rule", "tickets", "changed (UTC)")
    return TextTable(headings, [_row(each) for each in cases])


def _row(each: ShownCase) -> tuple[str, ...]:
    return (
        each.listed.ref,
        states_words(each.listed.states),
        each.finding.replace("_", " "),
        each.listed.severity,
        each.listed.rule,
        "; ".join(map(shown_ticket_words, each.tickets)),
        time_words(each.listed.changed_at),
    )
