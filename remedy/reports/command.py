"""`remedy reports get`: a compliance report of a scan, made by SchoolScan, awaited, and fetched into a file."""

import shlex
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from remediation.domain.errors import TryLater
from remediation.domain.findings import Report, ReportFormat, ReportStatus, Scan, ScanStatus
from remediation.mapping.config.words import duration_text
from remediation.read_model.scans import status_words
from remediation.sources.schoolscan.client import system_of
from remediation.sources.schoolscan.downloads import LARGEST_REPORT
from remediation.store.audit.entries import AuditAct
from remedy.audited import note_where_kept
from remedy.reconcile.command import Span
from remedy.reconcile.report import Screen
from remedy.reports.output import STANDARD_OUTPUT, Output, opened
from remedy.runtime.auditing import with_by
from remedy.scans.account import NamedAccount, explaining, named_district, with_account
from remedy.scans.following import News, answered, resumable


@click.group()
def reports() -> None:
    """Compliance reports that SchoolScan makes of completed scans: have one made, and fetch it into a file.

    A report holds student data. Reports about cases, which remedy makes itself and which hold none, are something else:
    remedy report accepted-risks, and remedy report sla.

    \b
      remedy reports get --scan scan_2k9x4f --output scan_2k9x4f.pdf
    """


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which report: a new one of a scan, or one that was asked for before."""

    district: str
    scan: str | None
    report: str | None
    form: ReportFormat
    largest: int
    patience: timedelta

    @property
    def choice(self) -> str:
        """What is wanted, in the words of the command line."""
        return f"--district {self.district}" + (f" --format {self.form}" if self.scan else "")


@reports.command("get")
@click.option("--scan", metavar="ID", help="Have a report of this scan made, and fetch it.")
@click.option("--report", metavar="ID", help="Fetch a report that was asked for before, instead.")
@click.option(
    "--format",
    "form",
    type=click.Choice([str(each) for each in ReportFormat]),
    default=ReportFormat.PDF.value,
    show_default=True,
    help="The form of a new report.",
)
@click.option(
    "--output",
    metavar="FILE|-",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write; - is standard output, unless that is a terminal.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there; show the report on a terminal.")
@click.option(
    "--max-bytes",
    "largest",
    type=click.IntRange(1),
    default=LARGEST_REPORT,
    show_default=True,
    help="Give up on a larger report.",
)
@click.option("--district", metavar="NAME", help="Whose account. Not needed where there is only one district.")
@click.option(
    "--patience",
    metavar="15m",
    type=Span(),
    default="15m",
    show_default=True,
    help="Stop waiting for the report after so long.",
)
@with_by
@click.option("--dry-run", is_flag=True, help="Look whether it can be asked for, and ask for nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: the report, then its file.")
def get(
    *, district: str | None, output: Path, force: bool, who: str, dry_run: bool, as_json: bool, **given: Any
) -> None:
    """Have SchoolScan make a report of a completed scan, wait for it, and write it into a file.

    The file is written whole or not at all, and only you may read it (mode 0600): it holds student data, and from then
    on it is yours to keep and to delete. It comes from an address that is secret and good for 15 minutes: nothing shows
    or keeps that address, and only hosts that mappings.yaml allows (download_hosts) are asked.

    Exit codes: 0 written; 1 the report could not be made; 2 the file is there already, or cannot be written; 3
    SchoolScan is away, a limit is reached, or the report is not ready yet; 4 refused: the scan is not completed, the
    token's scope is too small, the address is on another host, or the report is too large; 130 Ctrl-C.

    \b
      remedy reports get --scan scan_2k9x4f --output scan_2k9x4f.pdf
      remedy reports get --scan scan_2k9x4f --format csv --output - | wc -l
      remedy reports get --report rep_77 --output scan_2k9x4f.pdf    (go on after Ctrl-C)
    """
    screen = Screen(as_json=as_json)
    if (given["scan"] is None) == (given["report"] is None):
        raise click.UsageError("say which: --scan ID for a new report, or --report ID for one that was asked for")
    if as_json and output == STANDARD_OUTPUT:
        raise click.UsageError("--json and --output - would both be on standard output")
    wanted = _Wanted(named_district(district), **{**given, "form": ReportFormat(given["form"])})
    with opened(output, replaces=force) as target:
        if dry_run:
            _show_what_would_be(wanted, output, screen)
            return
        piece = wanted.scan or wanted.report or ""
        note_where_kept(AuditAct.REPORT, who, piece=piece, choice=wanted.choice)
        report, count = _fetched(wanted, target, output, screen)
        target.keep()
    if output != STANDARD_OUTPUT:
        shown = {"report": report, "scan": wanted.scan, "file": str(output), "bytes": count}
        screen.result(shown, [f"{report}: {count:,} bytes in {output}"])


def _show_what_would_be(wanted: _Wanted, output: Path, screen: Screen) -> None:
    """Say what would be asked for. Raises ClickException where it could not be."""
    with explaining(missing=f"the account of {wanted.district} has no such scan or report"):
        scan = with_account(wanted.district, lambda account: _scan_of(account, wanted))
    if scan is not None and scan.status is not ScanStatus.COMPLETED:
        raise click.ClickException(f"{scan.id} is {status_words(scan)}: reports are made of completed scans")
    shown = {"scan": wanted.scan, "report": wanted.report, "file": str(output), "dry_run": True}
    screen.result(shown, [f"Would write a report of {wanted.scan or wanted.report} to {output}."])


async def _scan_of(account: NamedAccount, wanted: _Wanted) -> Scan | None:
    if wanted.report is not None:
        await account.api.report(wanted.report)
    return await account.api.scan(wanted.scan) if wanted.scan is not None else None


def _fetched(wanted: _Wanted, target: Output, output: Path, screen: Screen) -> tuple[str, int]:
    """The report's id and size; its content is in `target`. Raises ClickException where it could not be made."""
    begun: list[str] = [wanted.report] if wanted.report else []

    def how_to_go_on() -> str:
        if not begun:
            return "A report may be in the making: ask again for another one, which does no harm."
        words = ("--report", begun[0], "--district", wanted.district, "--output", str(output))
        return f"Go on: {shlex.join(['remedy', 'reports', 'get', *words])}"

    async def run(account: NamedAccount) -> tuple[str, int]:
        if not begun:
            report = await answered(lambda: _asked_for(account, wanted), screen, wanted.patience)
            begun.append(report.id)
            shown = {"report": report.id, "scan": wanted.scan, "format": wanted.form, "status": report.status}
            screen.result(shown, []) if screen.as_json else screen.say(f"{report.id}: asked for")
        await _must_be_made(account, begun[0], wanted, screen)
        return begun[0], await answered(lambda: _written(account, begun[0], wanted, target), screen, wanted.patience)

    ambiguous = "a report may be in the making; ask again for another one, which does no harm"
    missing = f"the account of {wanted.district} has no such scan or report"
    with resumable(screen, how_to_go_on), explaining(missing=missing, ambiguous=ambiguous):
        return with_account(wanted.district, run)


async def _asked_for(account: NamedAccount, wanted: _Wanted) -> Report:
    return await account.api.generate_report(wanted.scan or "", wanted.form)


async def _must_be_made(account: NamedAccount, report_id: str, wanted: _Wanted, screen: Screen) -> None:
    """Wait until the report can be fetched. Raises TryLater where it takes too long, ClickException where it failed."""
    news = News(screen)

    async def ask() -> Report | None:
        report = await account.api.report(report_id)
        news.say(f"{report_id}: {report.words.get('status', report.status)}")
        return report if report.status in {ReportStatus.READY, ReportStatus.FAILED} else None

    try:
        with screen.bar("waiting for the report", None, timed=True):
            report = await answered(ask, screen, wanted.patience, at_most=wanted.patience)
    except TimeoutError:
        words = f"{report_id} is not ready after {duration_text(wanted.patience)}; go on with --report {report_id}"
        raise TryLater(system_of(wanted.district), words) from None
    if report.status is ReportStatus.FAILED:
        raise click.ClickException(f"SchoolScan could not make {report_id}")


async def _written(account: NamedAccount, report_id: str, wanted: _Wanted, target: Output) -> int:
    target.begin()
    return await account.api.fetch_report(report_id, target.write, wanted.largest)
