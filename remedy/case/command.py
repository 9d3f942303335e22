"""`remedy case`: which cases there are, what happened to one, and what would be done about it now."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypeVar, assert_never

import click

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import ConfigurationError, NotFound, Problem, TryLater
from remediation.look.observing import Snapshot
from remediation.mapping.reading.loading import load_mappings
from remediation.operations.examining.sites import histories_of
from remediation.operations.forecasting import ForecastSystems, NoForecast, forecast
from remediation.ports import ListedSource, SourceKey
from remediation.read_model.audit import decided_words
from remediation.read_model.cases.forecasts import (
    CaseForecast,
    forecast_facts,
    forecast_json,
    plan_lines,
)
from remediation.read_model.cases.names import UnclearName, case_named
from remediation.read_model.cases.views import (
    NO_TIMELINE,
    NOTHING_KNOWN,
    CaseView,
    Fact,
    case_facts,
    case_json,
    case_view,
)
from remediation.read_model.cases.words import time_words, timeline_lines
from remediation.read_model.rules.previews import district_of
from remediation.redaction import terminal
from remediation.redis_address import RedisAddress
from remediation.rulebook import MappingsRulebook
from remediation.settings import Settings, load_settings
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.relations import CaseRelations
from remediation.store.cases.timeline import MOST_ENTRIES
from remediation.store.incidents.records import IncidentRecords
from remediation.store.scans.counting import ScanNumbers
from remediation.store.scans.reporting import ScanReports
from remediation.store.server.connection import Connection
from remedy.case.listing import list_
from remedy.case.retry import retry
from remedy.runtime.assembly import OutsideSystems, open_for_command, open_outside, redis_address, with_drills
from remedy.runtime.auditing import CommandAudit
from remedy.runtime.calls.budgets import CommandBudgets
from remedy.runtime.clock import clock_of
from remedy.runtime.data_keys import keyring_of
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line

ResultT = TypeVar("ResultT")


@click.group()
def case() -> None:
    """Which cases there are, what happened to one, what would be done about it now; and have it looked at now.

    REF is the case's reference (lakeside:finding:fnd_9d2), the mark on its ticket (remedy:…), the ticket's key
    (SEC-12), an incident's uuid, or, where there is only one district, the finding's id.

    \b
      remedy case list --state parked
      remedy case show lakeside:finding:fnd_9d2
      remedy case show SEC-12
      remedy case show lakeside:incident:8f14e45f-ceea-467f-a0c2-9f2b1d4c6e01
      remedy case plan fnd_9d2
      remedy case retry fnd_9d2
    """


case.add_command(list_)
case.add_command(retry)


def _with_redis(use: Callable[[Settings, Connection], Awaitable[ResultT]]) -> ResultT:
    settings = load_settings()

    async def work(address: RedisAddress) -> ResultT:
        async with open_for_command(address) as connection:
            return await use(settings, connection)

    with redis_address(settings) as address:
        return asyncio.run(work(address))


async def _case_meant(ref: str, settings: Settings, connection: Connection) -> CaseKey:
    """The case's key. Raises ClickException."""
    key = await case_named(ref, lambda: load_mappings(settings.mappings_path).mappings, connection)
    if isinstance(key, UnclearName):
        raise click.ClickException(key.says)
    return key


@case.command()
@click.argument("ref", metavar="REF")
@click.option("--limit", type=click.IntRange(1), default=MOST_ENTRIES, help="Only the last so many lines.")
@click.option("--names", is_flag=True, help="Show who closed tickets, which rests sealed; that leaves an audit line.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def show(ref: str, *, limit: int, names: bool, as_json: bool) -> None:
    """Show what is known of a case, and its timeline: why it was looked at, what was seen, planned and done.

    Below are the lines of the audit about it: by which rule, with which note (its digest), and who closed the tickets
    (with --names). Asks only Redis. All times are UTC. Titles, addresses and anybody's words are not kept, so none are
    shown.
    """
    view, people = _with_redis(lambda settings, connection: _shown(ref, limit, settings, connection, names=names))
    if as_json:
        click.echo(json.dumps(case_json(view, people)))
        return
    for line in _view_lines(view, people):
        print_line(line)


async def _shown(
    ref: str, limit: int, settings: Settings, connection: Connection, *, names: bool
) -> tuple[CaseView, Mapping[str, str]]:
    """The view, and by the place of each line of the audit who closed the tickets, where `names` are wanted."""
    view = await _view(ref, limit, settings, connection)
    if not names:
        return view, {}
    audit = CommandAudit(connection, keyring_of(settings), await clock_of(connection))
    await audit.note(audit.entry(AuditAct.READ, choice="case show --names", piece=view.record.key.ref))
    return view, {line.place: audit.trail.keys.open(line.sealed, line.entry) for line in view.decided}


async def _view(ref: str, limit: int, settings: Settings, connection: Connection) -> CaseView:
    key = await _case_meant(ref, settings, connection)
    view = await case_view(connection, key, limit)
    if view is None:
        says = f"it {NOTHING_KNOWN}; remedy case plan asks outside"
        if ":" not in ref:
            says = f"{says}, and remedy incidents show tells of an incident that has no case"
        raise click.ClickException(f"{_no_ticket(ref)}nothing is known of {terminal(key.ref)}: {says}")
    return view


def _no_ticket(ref: str) -> str:
    """The beginning of a message about a bare name: it was taken for a finding's id, as nothing else is called so."""
    return "" if ":" in ref else f"no ticket {terminal(ref)} is known, nor a case of an incident, and "


def _view_lines(view: CaseView, people: Mapping[str, str]) -> Iterator[str]:
    yield view.record.key.ref
    for fact in case_facts(view):
        yield _line(fact, "see remedy parked show")
    yield ""
    yield "Timeline (UTC)" if view.timeline else NO_TIMELINE
    yield from timeline_lines(view.timeline, view.record.key.kind)
    if view.decided:
        yield ""
        yield "Audit (UTC; whether it is whole: remedy audit verify)"
    for line in view.decided:
        yield f"{time_words(line.entry.at / 1000)}  {decided_words(line, people.get(line.place, ''))}"


def _line(fact: Fact, advice: str) -> str:
    """One fact; `advice` is the command for the parked work that it is about."""
    return f"  {fact.name:<10} {fact.words}{f'; {advice} {fact.parked}' if fact.parked else ''}"


@case.command("plan")
@click.argument("ref", metavar="REF")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def plan_(ref: str, *, as_json: bool) -> None:
    """Look at a case now, as a worker would, and say what would be done and why. Does none of it.

    Reads the finding, or what is kept of the incident, and the tickets, and nothing else is sent. Works for a case that
    was never looked at, too.
    Exit code 3 or 4: a system could not be asked, so that the answer may not be the whole of it.
    """
    shown = _with_redis(lambda settings, connection: _forecast(ref, settings, connection))
    if as_json:
        click.echo(json.dumps(forecast_json(shown)))
    else:
        for line in _forecast_lines(shown):
            print_line(line)
    raise SystemExit(_ending(shown.snapshot))


async def _forecast(ref: str, settings: Settings, connection: Connection) -> CaseForecast:
    key = await _case_meant(ref, settings, connection)
    loaded = load_mappings(settings.mappings_path)
    district_of(loaded, key.district)
    clock = await clock_of(connection)
    now = clock()
    async with open_outside(loaded, CommandBudgets(connection, clock).of) as outside:
        account = _sources(outside, settings, connection, key.kind).get((key.district, key.kind))
        if account is None:
            words = (
                f"the district {key.district} has no feed of incidents (any more): nothing is concluded about this case"
            )
            raise ConfigurationError([Problem(loaded.where, words)])
        systems = ForecastSystems(
            connection,
            account,
            outside.trackers,
            MappingsRulebook(loaded.mappings, outside.identities),
            lambda: CaseRelations(connection, keyring_of(settings)),
            lambda _: histories_of(connection, outside.trackers, now),
        )
        try:
            return await forecast(key, systems, now)
        except NoForecast as error:
            raise click.ClickException(str(error)) from None
        except NotFound as error:
            words = f"{_no_ticket(ref)}{error.words}"
            raise NotFound(error.system, words, status=error.status, request_id=error.request_id) from None


def _sources(
    outside: OutsideSystems, settings: Settings, connection: Connection, kind: CaseKind
) -> Mapping[SourceKey, ListedSource]:
    """The sources of cases of this kind. What feeds of incidents have shown can be opened only with the data keys."""
    match kind:
        case CaseKind.FINDING:
            return with_drills(outside.sources, connection, time.time)
        case CaseKind.SUMMARY:
            return outside.summary_sources(ScanNumbers(connection), ScanReports(connection))
        case CaseKind.INCIDENT:
            return outside.incident_sources(IncidentRecords(connection, keyring_of(settings)))
        case _:
            assert_never(kind)


def _ending(snapshot: Snapshot) -> ExitCode:
    if any(isinstance(error, TryLater) for error in snapshot.failures.values()):
        return ExitCode.UNREACHABLE
    return ExitCode.REFUSED if snapshot.failures else ExitCode.DONE


def _forecast_lines(shown: CaseForecast) -> Iterator[str]:
    yield f"{shown.key.ref}, looked at {time_words(shown.seen.at)} UTC"
    for fact in forecast_facts(shown):
        yield _line(fact, "not done until remedy parked replay")
    yield ""
    yield from plan_lines(shown)
