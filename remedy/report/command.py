"""`remedy report`: accepted risks, how fast cases were dealt with, and what happened, for a file or a screen."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from remediation.domain.status import Severity
from remediation.read_model.activity.charts import CHART_NOTES, OF_DISTRICTS, chart_of
from remediation.read_model.activity.history import ActivitySpan, read_history
from remediation.read_model.activity.tables import ActivityChart, ChartName
from remediation.read_model.case_reports import accepted_risks as risks
from remediation.read_model.case_reports import service_levels as levels
from remediation.read_model.cases.words import time_words
from remediation.redaction import terminal
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.lists import CaseFilter
from remediation.store.server.connection import Connection
from remedy.audited import note_where_kept
from remedy.case.names_asked import check_names, names_in_file
from remedy.reconcile.command import Since
from remedy.reconcile.report import Bar, Screen
from remedy.report.writing import ReportForm, ReportWriter, open_report
from remedy.reports.output import STANDARD_OUTPUT
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.auditing import with_by
from remedy.runtime.clock import clock_of

_ALL = "all districts"


@click.group()
def report() -> None:
    """Reports made of what is in Redis: accepted risks, how fast cases were dealt with, and what happened when.

    They have ids, codes, counts and times, no student data, and ask no other system. The compliance reports that
    SchoolScan makes of a scan are something else: remedy reports get fetches those.

    \b
      remedy report accepted-risks
      remedy report accepted-risks --format html --output accepted-risks.html
      remedy report sla --since 90d --format csv --output sla.csv
      remedy report activity --since 24h
    """


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that all reports have, as `district`, `form`, `output`, `replaces` and `who`."""

    @wraps(command)
    def chosen(*, form: str, as_json: bool, output: Path, force: bool, **given: Any) -> None:
        shape = ReportForm.JSON if as_json else ReportForm(form)
        if shape is ReportForm.TEXT and output != STANDARD_OUTPUT:
            raise click.UsageError("--output needs a form for a file: --format csv, html or json")
        command(form=shape, output=output, replaces=force, **given)

    made: Callable[..., None] = chosen
    for option in (
        with_by,
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as --format json."),
        click.option("--force", is_flag=True, help="Replace a file that is there."),
        click.option(
            "--output",
            metavar="FILE|-",
            type=click.Path(path_type=Path),
            default="-",
            show_default=True,
            help="The file to write, whole or not at all (mode 0600); - is standard output.",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice([each.value for each in ReportForm]),
            default=ReportForm.TEXT.value,
            show_default=True,
            help="For people, for a spreadsheet, as a page to print, or one JSON object a line.",
        ),
        click.option("--district", metavar="NAME", help="Only of this district.  [default: all]"),
    ):
        made = option(made)
    return made


@report.command("accepted-risks")
@_with_options
def accepted_risks(*, district: str | None, form: ReportForm, output: Path, replaces: bool, who: str) -> None:
    """List the risks that are accepted now: since when, by which ticket, and until when.

    The rows are in no order: sort them where you read them. The audit has a line of it.

    Exit codes: 0 written; 2 the file is there already, or there is no such district; 3 Redis is away.

    \b
      remedy report accepted-risks --district lakeside
      remedy report accepted-risks --format csv --output accepted-risks.csv
    """
    _check(district)

    async def write(connection: Connection, writer: ReportWriter, bar: Bar) -> None:
        now = (await clock_of(connection))()
        summary = risks.RiskSummary()
        writer.begin({"District": district or _ALL, "As of": f"{time_words(now)} UTC"})
        async for rows, read in risks.accepted_risks(connection, district, now, summary):
            writer.add(rows)
            bar.step(read)
        writer.end(summary.json(), summary.lines(), risks.NOTES)

    with open_report(risks.TABLE, form, output, replaces=replaces) as writer:
        _note(who, "accepted-risks", form, district=district)
        _written(writer, write)
    _say_where(output)


@report.command()
@click.option("--since", metavar="90d|DATE", type=Since(), help="Only cases that began since.  [default: all]")
@click.option("--until", metavar="30d|DATE", type=Since(), help="Only cases that began before.  [default: now]")
@_with_options
def sla(
    *,
    since: datetime | None,
    until: datetime | None,
    district: str | None,
    form: ReportForm,
    output: Path,
    replaces: bool,
    who: str,
) -> None:
    """Say how fast cases got a ticket and were resolved, and whether due dates were met, by district and severity.

    A case begins when it is first marked for a look: by a webhook, a scan, a feed or a person. The audit has a line of
    it.

    Exit codes: 0 written; 2 the file is there already, or there is no such district; 3 Redis is away.

    \b
      remedy report sla --since 90d
      remedy report sla --since 2026-07-01 --until 2026-10-01 --format html --output quarter.html
    """
    _check(district)
    if since is not None and until is not None and until <= since:
        raise click.UsageError("--until is not after --since: no case began in between")

    async def write(connection: Connection, writer: ReportWriter, bar: Bar) -> None:
        now = (await clock_of(connection))()
        begin, end = (None if each is None else each.timestamp() for each in (since, until))
        found = levels.ServiceLevels(now, begin, end)
        span = {"Began since": _day(since, "the beginning"), "Began before": _day(until, "now")}
        writer.begin({"District": district or _ALL, **span, "As of": f"{time_words(now)} UTC"})
        async for read in levels.service_levels(connection, district, found):
            bar.step(read)
        writer.add(found.rows())
        writer.end(found.json(), found.lines(), levels.NOTES)

    with open_report(levels.TABLE, form, output, replaces=replaces) as writer:
        _note(who, "sla", form, district=district, since=since, until=until)
        _written(writer, write)
    _say_where(output)


@report.command()
@click.option(
    "--since",
    type=click.Choice([each.value for each in ActivitySpan]),
    default=ActivitySpan.DAY.value,
    show_default=True,
    help="How far back: by the hour, by three hours, or by the day.",
)
@click.option(
    "--chart",
    type=click.Choice([each.value for each in ChartName]),
    default=ChartName.DELIVERIES.value,
    show_default=True,
    help="What is told: the charts of the console. Of a district: " + ", ".join(OF_DISTRICTS) + ".",
)
@click.option(
    "--severity",
    type=click.Choice([each.value for each in Severity]),
    help="With --chart responses: only of cases of this severity.",
)
@_with_options
def activity(
    *, district: str | None, form: ReportForm, output: Path, replaces: bool, who: str, **asked: str | None
) -> None:
    """Tell what happened, step by step: what the charts of the console show.

    Deliveries and their answers, how long they took to a ticket and to a change of status, what looks did, open cases
    by severity and age, parked work by its cause, and how far limits were used. It is counted as it happens and kept
    for a month; what was counted in the last ten seconds may be missing. On a screen, steps without anything are left
    out. The audit has a line of it.

    Exit codes: 0 written; 2 the file is there already, or there is no such district; 3 Redis is away.

    \b
      remedy report activity --since 24h
      remedy report activity --chart responses --severity critical --since 30d
      remedy report activity --chart open --district lakeside --format csv --output open.csv
    """
    wanted = _ChartAsked.of(district, asked)
    _check(district)
    chart, now = wanted.read()
    with open_report(chart.table, form, output, replaces=replaces) as writer:
        _note(who, "activity", form, district=district, **asked)
        about = {"District": district or _ALL, "Span": wanted.span.words, "As of": f"{time_words(now)} UTC"}
        writer.begin(about)
        writer.add(chart.rows if form is not ReportForm.TEXT else [row for row in chart.rows if any(row[1:])])
        writer.end({"says": chart.says}, [chart.says], CHART_NOTES)
    _say_where(output)


@dataclass(frozen=True, slots=True)
class _ChartAsked:
    """Which chart is asked for."""

    name: ChartName
    span: ActivitySpan
    severity: Severity | None
    district: str | None

    @classmethod
    def of(cls, district: str | None, asked: Mapping[str, str | None]) -> "_ChartAsked":
        """What the options say. Raises UsageError where there is no such chart."""
        name, severity = ChartName(asked["chart"] or ""), asked["severity"]
        if district is not None and name not in OF_DISTRICTS:
            raise click.UsageError(f"--chart {name} is of the whole service: leave --district out")
        if severity is not None and name is not ChartName.RESPONSES:
            raise click.UsageError("--severity is for --chart responses")
        return cls(name, ActivitySpan(asked["since"] or ""), Severity(severity) if severity else None, district)

    def read(self) -> tuple[ActivityChart, float]:
        """The chart, and as of when (Unix seconds) it is."""
        with redis_address(load_settings()) as address:
            return asyncio.run(self._read(address))

    async def _read(self, address: RedisAddress) -> tuple[ActivityChart, float]:
        async with open_for_command(address) as connection:
            now = (await clock_of(connection))()
            history = await read_history(connection, self.span, now, None if self.district is None else {self.district})
            return chart_of(self.name, history, self.severity), now


def _day(moment: datetime | None, otherwise: str) -> str:
    return otherwise if moment is None else f"{time_words(moment.astimezone(UTC))} UTC"


def _written(writer: ReportWriter, write: Callable[[Connection, ReportWriter, Bar], Any]) -> None:
    async def work(address: RedisAddress) -> None:
        async with open_for_command(address) as connection:
            with Screen(as_json=False).bar("cases read", None) as bar:
                await write(connection, writer, bar)

    with redis_address(load_settings()) as address:
        asyncio.run(work(address))


def _note(who: str, which: str, form: ReportForm, **asked: str | datetime | None) -> None:
    """Write down which report, and what was asked of it; a span before now as the moment that it meant."""
    options = (_option(name, value) for name, value in asked.items() if value is not None)
    choice = " ".join(["report", which, *options, f"--format {form}"])
    note_where_kept(AuditAct.REPORT, who, piece="", choice=choice)


def _option(name: str, value: str | datetime) -> str:
    return f"--{name} {value.isoformat(timespec='seconds') if isinstance(value, datetime) else value}"


def _say_where(output: Path) -> None:
    if output != STANDARD_OUTPUT:
        click.echo(terminal(str(output)))


def _check(district: str | None) -> None:
    """Raises UsageError for a district that neither mappings.yaml nor any case names."""
    if district is None:
        return
    settings = load_settings()
    if district in names_in_file(settings).districts:
        return

    async def work(address: RedisAddress) -> None:
        async with open_for_command(address) as connection:
            await check_names(CaseFilter(district), settings, connection)

    with redis_address(settings) as address:
        asyncio.run(work(address))
