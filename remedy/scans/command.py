"""`remedy scans`: the scans of a district's account at SchoolScan."""

import json
from datetime import timedelta

import click

from remediation.domain.findings import Scan
from remediation.read_model.scans import scan_facts, scan_json
from remedy.reconcile.report import Screen
from remedy.scans.account import NamedAccount, explaining, named_district, with_account
from remedy.scans.changes import cancel, start
from remedy.scans.following import code_of, ended, patience_option, resumable
from remedy.scans.listing import list_
from remedy.screen_lines import print_line


@click.group()
def scans() -> None:
    """Scans of a district's sites at SchoolScan: list them, follow one, start one, cancel one.

    Each command asks SchoolScan with the district's token and within its limits: 300 reads and 60 writes a minute, and
    5 scans at once, shared with the workers and with whatever else uses the account. Where REDIS_URL is set, it waits
    behind the workers where they have used a limit up, and says so.

    \b
      remedy scans list --since 30d
      remedy scans show scan_2k9x4f --wait
      remedy scans start --domain www.lakeside.example --wait
      remedy scans cancel scan_2k9x4f --dry-run
    """


scans.add_command(list_)
scans.add_command(start)
scans.add_command(cancel)


@scans.command()
@click.argument("scan_id", metavar="ID")
@click.option("--district", metavar="NAME", help="Whose scan. Not needed where there is only one district.")
@click.option("--wait", is_flag=True, help="Wait until it has ended, and say how it goes.")
@patience_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def show(scan_id: str, *, district: str | None, wait: bool, patience: timedelta, as_json: bool) -> None:
    """Show one scan as it is now, or (--wait) once it has ended. All times are UTC.

    A scan can take hours. Ctrl-C stops only the waiting.

    Exit codes: 0 shown; with --wait: 0 completed, 1 failed or cancelled; 3 SchoolScan is away, or a limit is reached;
    4 it refused, or the district's account has no such scan.

    \b
      remedy scans show scan_2k9x4f
      remedy scans show scan_2k9x4f --wait --json
    """
    screen, name = Screen(as_json=as_json), named_district(district)

    async def read(account: NamedAccount) -> Scan:
        return await (ended(account, scan_id, screen, patience) if wait else account.api.scan(scan_id))

    with (
        resumable(screen, lambda: "The scan goes on: show it again at any time." if wait else ""),
        explaining(missing=f"the account of {name} has no such scan"),
    ):
        scan = with_account(name, read)
    if as_json:
        click.echo(json.dumps(scan_json(name, scan)))
    else:
        print_line(scan.id)
        for fact, words in scan_facts(scan):
            print_line(f"  {fact:<8} {words}")
    if wait:
        raise SystemExit(code_of(scan))
