"""`remedy scans start` and `cancel`: what a person has SchoolScan do, after a question, with a line in the audit."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from remediation.domain.findings import Scan, ScanStatus
from remediation.read_model.cases.words import time_words
from remediation.read_model.scans import scan_facts, scan_json, scan_page, status_words
from remediation.read_model.wording import by_count
from remediation.redaction import terminal
from remediation.store.audit.entries import AuditAct
from remedy.audited import note_where_kept
from remedy.reconcile.report import Screen
from remedy.runtime.auditing import with_by
from remedy.scans.account import NamedAccount, explaining, named_district, with_account
from remedy.scans.following import answered, code_of, ended, patience_option, resumable
from remedy.screen_lines import print_line

MOST_AT_ONCE = 5
"""Scans of one district that SchoolScan runs at once, by the vendor's page."""

_SITE = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*")
_LONGEST_SITE = 253


class _Site(click.ParamType[str]):
    """A host name, in lower case."""

    name = "site"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The host name. Fails with a message for everything else."""
        text = str(value).lower()
        if len(text) > _LONGEST_SITE or not _SITE.fullmatch(text):
            self.fail("must be a host name such as www.lakeside.example, without https:// or a path", param, ctx)
        return text


def _with_change_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="JSON instead of lines."),
        click.option("--yes", is_flag=True, help="Do it without asking."),
        click.option("--dry-run", is_flag=True, help="Say what would be done; SchoolScan is only read."),
        with_by,
        click.option("--district", metavar="NAME", help="Whose account. Not needed where there is only one district."),
    ):
        command = option(command)
    return command


@click.command()
@_with_change_options
@click.option("--domain", "site", metavar="SITE", required=True, type=_Site(), help="The site's host name.")
@click.option(
    "--wait", is_flag=True, help="Wait until it has ended; where a limit is reached, first until it may begin."
)
@patience_option
def start(  # noqa: PLR0913 - one parameter for each option
    *,
    district: str | None,
    site: str,
    wait: bool,
    patience: timedelta,
    who: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Start a scan of a site that is registered under the district's account.

    Says first what is running, and asks. A start of which nobody knows whether it worked is not repeated. When the scan
    is completed, SchoolScan's webhook has the workers look at its findings, whether or not somebody waits here.

    Exit codes: 0 started, and with --wait completed; with --wait: 1 failed or cancelled; 3 SchoolScan is away, or a
    limit is reached (five scans run, or sixty writes in this minute); 4 it refused: the site is not registered, or the
    token's scope is too small; 130 you said no, or Ctrl-C.

    \b
      remedy scans start --district lakeside --domain www.lakeside.example --dry-run
      remedy scans start --domain www.lakeside.example --wait --yes
    """
    screen, name = Screen(as_json=as_json), named_district(district)
    if dry_run or not yes:
        lines = _told_before(name, site, screen, dry_run=dry_run)
        if dry_run:
            return
        for line in lines:
            print_line(line, err=True)
        click.confirm(f"Start a scan of {site}?", abort=True, err=True)
    note_where_kept(AuditAct.START_SCAN, who, piece=site, choice=f"--district {name} --domain {site}")
    scan = _started(name, site, screen, patience if wait else None)
    if scan is not None:
        screen.result(scan_json(name, scan), [f"{scan.id}: {_facts_line(scan)}"])
        raise SystemExit(code_of(scan))


def _told_before(district: str, site: str, screen: Screen, *, dry_run: bool) -> list[str]:
    """What there is before a scan is started, in lines; shown as the result of a dry run."""
    with explaining():
        running, last = with_account(district, lambda account: _before(account, site))
        lines = _running_lines(district, running, site, last)
        shown = {"district": district, "domain": site, "running": [scan.id for scan in running], "dry_run": True}
    if dry_run:
        screen.result(shown, [*lines, f"Would start a scan of {site}."])
    return lines


def _started(district: str, site: str, screen: Screen, patience: timedelta | None) -> Scan | None:
    """Start a scan. With `patience`, wait until it may begin and until it has ended; returns it then."""
    look = f"remedy scans list --district {district} --domain {site}"
    begun: list[str] = []

    def how_to_go_on() -> str:
        if begun:
            return f"The scan goes on: remedy scans show {begun[0]} --district {district} --wait"
        return f"It may have been started: {look}"

    async def run(account: NamedAccount) -> Scan | None:
        async def once() -> str:
            return await account.api.start_scan(site)

        scan_id = await (once() if patience is None else answered(once, screen, patience))
        begun.append(scan_id)
        shown = {"district": district, "domain": site, "scan_id": scan_id, "started": True}
        screen.result(shown, [f"{scan_id}: started, of {site}"])
        return None if patience is None else await ended(account, scan_id, screen, patience)

    ambiguous = f"it may have been started, so look before you start it again: {look}"
    with resumable(screen, how_to_go_on), explaining(ambiguous=ambiguous):
        return with_account(district, run)


@click.command()
@click.argument("scan_id", metavar="ID")
@_with_change_options
def cancel(scan_id: str, *, district: str | None, who: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Cancel a scan that waits or runs. It finds nothing then, and sends no scan.completed.

    Says first which scan that is, and asks.

    Exit codes: 0 cancelled; 1 it has ended already; 3 SchoolScan is away, or a limit is reached; 4 it refused, or the
    district's account has no such scan; 130 you said no.

    \b
      remedy scans cancel scan_2k9x4f --dry-run
      remedy scans cancel scan_2k9x4f --yes
    """
    screen, name = Screen(as_json=as_json), named_district(district)
    missing = f"the account of {name} has no such scan"
    with explaining(missing=missing):
        scan = with_account(name, lambda account: account.api.scan(scan_id))
    if scan.has_ended:
        raise click.ClickException(f"{scan_id} has ended: {status_words(scan)}")
    if dry_run:
        shown = {**scan_json(name, scan), "cancelled": False, "dry_run": True}
        screen.result(shown, [f"Would cancel {scan.id}: {_facts_line(scan)}"])
        return
    if not yes:
        print_line(f"{scan.id}: {_facts_line(scan)}", err=True)
        click.confirm(f"Cancel {terminal(scan.id)}?", abort=True, err=True)
    note_where_kept(AuditAct.CANCEL_SCAN, who, piece=scan.id, choice=f"--district {name}")
    ambiguous = f"it may have been cancelled: remedy scans show {scan.id} --district {name}"
    with explaining(missing=missing, ambiguous=ambiguous):
        with_account(name, lambda account: account.api.cancel_scan(scan_id))
    shown = {**scan_json(name, scan), "status": ScanStatus.CANCELLED, "cancelled": True, "dry_run": False}
    screen.result(shown, [f"{scan.id}: cancelled"])


async def _before(account: NamedAccount, site: str) -> tuple[list[Scan], Scan | None]:
    """The scans that run now, and the last one of the site."""
    running = [scan async for scan in account.api.scans(status=ScanStatus.RUNNING)]
    last = scan_page([scan async for scan in account.api.scans(domain=site)], 1, None).scans
    return running, last[0] if last else None


def _running_lines(district: str, running: list[Scan], site: str, last: Scan | None) -> list[str]:
    run = by_count(len(running), "runs", "run")
    lines = [f"{len(running)} of at most {MOST_AT_ONCE} scans of {district} {run} now."]
    if of_site := [scan.id for scan in running if scan.domain == site]:
        lines.append(f"{site} is being scanned already: {', '.join(of_site)}.")
    if last is None:
        return [*lines, f"{site} was never scanned: SchoolScan refuses a site that is not registered."]
    began = f" of {time_words(last.started_at)} UTC" if last.started_at else ""
    return [*lines, f"Its last scan, {last.id}{began}: {status_words(last)}."]


def _facts_line(scan: Scan) -> str:
    return ", ".join(f"{name} {words}" for name, words in scan_facts(scan) if name != "scores")
