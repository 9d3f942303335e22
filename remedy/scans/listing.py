"""`remedy scans list`: a district's scans, newest first, a page at a time."""

import json
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from remediation.domain.findings import Scan, ScanStatus
from remediation.read_model.cases.words import time_words
from remediation.read_model.scans import MOST_SCANS, ScanListPage, ScanPlace, scan_json, scan_page, status_words
from remediation.read_model.wording import count_words
from remediation.redaction import terminal
from remedy.reconcile.command import Since
from remedy.scans.account import NamedAccount, explaining, named_district, with_account
from remedy.screen_lines import print_line
from remedy.screen_tables import TextTable, print_table

_MOST_READ = 10_000
"""More scans than this are not read for one page: a hundred pages are a third of a minute's reads."""


class _Cursor(click.ParamType[ScanPlace]):
    """Where a page begins, as the page before it ended."""

    name = "cursor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ScanPlace:
        """The place; a usage error where it is none."""
        try:
            return value if isinstance(value, ScanPlace) else ScanPlace.parse(value)
        except ValueError:
            self.fail(
                f"{terminal(str(value))!r} is no cursor: take the one that the page before ended with", param, ctx
            )


@click.command("list")
@click.option("--district", metavar="NAME", help="Whose scans. Not needed where there is only one district.")
@click.option(
    "--status",
    type=click.Choice([str(each) for each in ScanStatus if each is not ScanStatus.UNKNOWN]),
    help="Only in this state.",
)
@click.option("--domain", metavar="SITE", help="Only of this site.")
@click.option("--since", metavar="30d|DATE", type=Since(), help="Only those that were created after.")
@click.option("--limit", type=click.IntRange(1, MOST_SCANS), default=50, show_default=True, help="The most scans.")
@click.option("--after", type=_Cursor(), help="Go on after this scan: the cursor that the page before ended with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; the last one has the cursor.")
def list_(*, district: str | None, limit: int, after: ScanPlace | None, as_json: bool, **asked: Any) -> None:
    """List a district's scans, newest first, a page at a time. All times are UTC.

    It asks SchoolScan, whose list may have any order, so all scans that fit are read: a hundred with each of the 300
    reads a minute that the district has. Choose with --since where there are many.

    Exit codes: 0 listed; 1 more than 10,000 fit; 3 SchoolScan is away, or a limit is reached; 4 it refused.

    \b
      remedy scans list --since 30d
      remedy scans list --district lakeside --status running
      remedy scans list --domain www.lakeside.example --json
    """
    since: datetime | None = asked["since"]

    async def read(account: NamedAccount) -> list[Scan]:
        scans: list[Scan] = []
        async for scan in account.api.scans(status=asked["status"], domain=asked["domain"], created_after=since):
            if len(scans) == _MOST_READ:
                raise click.ClickException(f"more than {_MOST_READ:,} scans fit: choose with --since or --domain")
            scans.append(scan)
        return scans

    name = named_district(district)
    with explaining():
        page = scan_page(with_account(name, read), limit, after)
    if as_json:
        for scan in page.scans:
            click.echo(json.dumps(scan_json(name, scan)))
        click.echo(json.dumps({"cursor": str(page.after) if page.after else None}))
    else:
        _print(page, {"district": name, **asked, "limit": limit, "after": page.after}, is_first=after is None)


def _print(page: ScanListPage, options: Mapping[str, object], *, is_first: bool) -> None:
    """The page for a person, and how to go on."""
    if page.scans:
        print_table(_table(page.scans))
    count = count_words(len(page.scans), "scan")
    if page.after is not None:
        print_line(f"{count}. The next ones: {shlex.join(['remedy', 'scans', 'list', *_words(options)])}")
    elif page.scans:
        print_line(f"{count}{'' if is_first else ', the last of all'}. One of them: remedy scans show ID")
    else:
        print_line("No scan fits." if is_first else "No more scans.")


def _words(options: Mapping[str, object]) -> list[str]:
    given = {name: value for name, value in options.items() if value is not None}
    texts = {name: each.isoformat() if isinstance(each, datetime) else str(each) for name, each in given.items()}
    return [word for name, text in texts.items() for word in (f"--{name}", text)]


def _table(scans: tuple[Scan, ...]) -> TextTable:
    headings = ("scan", "site", "status", "started", "ended", "pages", "findings", "grade")
    return TextTable(headings, [_row(scan) for scan in scans])


def _row(scan: Scan) -> tuple[str, ...]:
    numbers = ("" if number is None else f"{number:,}" for number in (scan.pages_scanned, scan.findings_count))
    times = (time_words(each) if each else "" for each in (scan.started_at, scan.completed_at))
    return (scan.id, scan.domain or "", status_words(scan), *times, *numbers, scan.overall_grade or "")
