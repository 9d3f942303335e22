"""`remedy trigger`: play an event through the installation as it is, follow it to its tickets, and clean up."""

import functools
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import NoReturn

import click

from remediation.deliveries.events import EventKind
from remediation.domain.cases.records import CaseKey, CaseKind, Link
from remediation.domain.drills import DRILL_PREFIX, is_drill
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.mapping.reading.loading import load_mappings
from remediation.operations.stores import OperationStores
from remediation.read_model.rules.previews import Previews, asked_about, district_of
from remediation.settings import load_settings
from remedy.parked.selection import with_stores
from remedy.runtime.auditing import with_by
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line
from remedy.trigger.delivering import Event, sending_of
from remedy.trigger.outcomes import Outcome, TriggerContext
from remedy.trigger.playing import PlayOrder, clean_up_all, play

_SITE = "remedy-test.invalid"
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,8}")


@click.command
@click.argument("event_name", metavar="EVENT", required=False, type=click.Choice([kind.value for kind in EventKind]))
@click.option("--district", help="The district's name. Not needed where there is only one.")
@click.option("--finding", help="A real finding, instead of a marked test finding: nothing is cleaned up.")
@click.option("--scan", help="The scan of scan.* events. It is an existing one.")
@click.option(
    "--severity",
    type=click.Choice([each.value for each in Severity if each is not Severity.UNKNOWN]),
    default=Severity.CRITICAL.value,
    show_default=True,
    help="Of the test finding: which rule takes it may follow from that.",
)
@click.option(
    "--domain-type",
    type=click.Choice([each.value for each in DomainType if each is not DomainType.UNKNOWN]),
    default=DomainType.DIRECT_PII.value,
    show_default=True,
    help="Of the test finding, likewise.",
)
@click.option("--site", default=_SITE, show_default=True, help="The host of the test finding's page, likewise.")
@click.option("--url", help="Address of the receiver.  [default: RECEIVER_URL, or where it listens on this machine]")
@click.option(
    "--patience",
    type=click.FloatRange(1, 3600),
    default=60.0,
    show_default=True,
    help="Seconds for the opening of tickets, and again for their closing.",
)
@click.option("--keep", is_flag=True, help="Leave the test's tickets open, until remedy trigger --clean-up.")
@click.option("--clean-up", is_flag=True, help="End what earlier tests have left, and play nothing.")
@click.option("--dry-run", is_flag=True, help="Say what would be played, and send nothing.")
@with_by
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
def trigger(  # noqa: PLR0913 - one parameter for each option
    *,
    event_name: str | None,
    district: str | None,
    finding: str | None,
    scan: str | None,
    severity: str,
    domain_type: str,
    site: str,
    url: str | None,
    patience: float,
    keep: bool,
    clean_up: bool,
    dry_run: bool,
    who: str,
    as_json: bool,
) -> None:
    """Play EVENT through the installation as it is: receiver, Redis, workers, rules and trackers.

    finding.critical and finding.expert_reviewed play a marked test finding: the delivery is signed as mappings.yaml
    says, workers open real tickets that say TEST in their first words, and then close them with a comment that says so.
    SchoolScan has no such finding, is not asked for it, and is not told. Ctrl-C cleans up, too; what a killed command
    leaves, remedy trigger --clean-up ends. With --finding or --scan something real is played: its tickets are its own,
    and stay.

    \b
      remedy trigger finding.critical --dry-run
      remedy trigger finding.critical
      remedy trigger scan.completed --scan scan_2k9x4f
      remedy trigger --clean-up

    Exit codes: 0 its tickets were opened, and closed again; 1 they were not, no rule wants one, or some are left (they
    are named); 2 usage or configuration, or no receiver or worker runs; 3 the receiver is away; 4 it refused.
    """
    if clean_up == (event_name is not None):
        raise click.UsageError("say which EVENT to play, or --clean-up")

    say = functools.partial(print_line, err=as_json)

    if event_name is None:
        _end(with_stores(lambda stores: clean_up_all(TriggerContext(stores, who, patience, say))), as_json=as_json)
    event = Event(EventKind(event_name), finding, scan)
    drill = None if finding or event.kind.is_about_scan else _drill(severity, domain_type, site)
    order, verdict = _order(event, drill, district, url)
    if dry_run:
        _show_plan(order, verdict, as_json=as_json)
        return
    if order.drill is not None and not order.trackers:
        raise click.ClickException(f"{verdict} Nothing was sent; --severity, --domain-type and --site choose another.")

    async def played(stores: OperationStores) -> list[Outcome]:
        return [await play(TriggerContext(stores, who, patience, say), order, keep=keep)]

    _end(with_stores(played), as_json=as_json)


def _drill(severity: str, domain_type: str, site: str) -> Finding:
    """A new test finding. Raises BadParameter for a site that is no host."""
    host = site.lower()
    if not _HOST.fullmatch(host):
        raise click.BadParameter("it is no host, such as www.lakeside.example", param_hint="--site")
    now, number = datetime.now(UTC), secrets.token_hex(6)
    return Finding(
        f"{DRILL_PREFIX}{number}",
        Status.OPEN,
        Severity(severity),
        DomainType(domain_type),
        url=f"https://{host}/remedy-test",
        site=host,
        detected_at=now,
        updated_at=now,
    )


def _order(event: Event, drill: Finding | None, district: str | None, url: str | None) -> tuple[PlayOrder, str]:
    """What to play, and what the rules say of a test finding. Raises UsageError and ConfigurationError."""
    settings = load_settings()
    loaded = load_mappings(settings.mappings_path)
    name = district_of(loaded, district)
    if event.kind.is_about_scan and not event.scan:
        raise click.UsageError(f"{event.kind} is about a scan that SchoolScan has: say which with --scan ID.")
    if event.finding and is_drill(event.finding):
        raise click.UsageError("--finding names a real finding: a test finding is made anew each time")
    about = replace(event, finding=drill.id) if drill is not None else event
    sending = sending_of(loaded, settings, name, about, url)
    key = None if event.kind.is_about_scan else CaseKey(name, CaseKind.FINDING, about.finding or "")
    if drill is None or key is None:
        return PlayOrder(name, about, sending, key), ""
    previews = Previews(loaded).previews(asked_about(name, drill, datetime.now(UTC)))
    trackers = frozenset(each.tracker for each in previews)
    words = f"{drill.severity}, {drill.domain_type} on {drill.site}"
    would = f"tickets in {', '.join(sorted(trackers))}" if trackers else "no ticket"
    verdict = f"The rules of {loaded.where} want {would} for a test finding that is {words}."
    return PlayOrder(name, about, sending, key, drill, trackers), verdict


def _show_plan(order: PlayOrder, verdict: str, *, as_json: bool) -> None:
    url, event = order.sending.delivery.url, order.event
    if as_json:
        shown = {"url": url, "event": str(event.kind), "finding": event.finding, "scan": event.scan}
        click.echo(json.dumps({**shown, "trackers": sorted(order.trackers), "done": False}))
        return
    print_line(f"POST {url}: {event.words}")
    print_line(verdict or "It is real: what follows from it stays.")


def _end(outcomes: list[Outcome], *, as_json: bool) -> NoReturn:
    """Print what came of it, and end with the exit code of the worst."""
    for outcome in outcomes:
        if as_json:
            click.echo(json.dumps(_json(outcome)))
            continue
        for line in _lines(outcome):
            print_line(line)
    if not outcomes and not as_json:
        print_line("No test has left anything.")
    raise SystemExit(max((each.exit_code for each in outcomes), default=ExitCode.DONE))


def _lines(outcome: Outcome) -> Iterator[str]:
    left = {link.ticket_id for link in outcome.left}
    for link in outcome.tickets:
        word = "STILL OPEN: close it by hand" if link.ticket_id in left else "open" if outcome.is_kept else "closed"
        yield f"{link.ticket_key} in {link.tracker}, {word}: {link.url}"
    if outcome.trouble:
        yield f"It did not succeed: {outcome.trouble}"
    if outcome.is_kept:
        yield "The tickets stay open, until remedy trigger --clean-up."
    elif outcome.is_clean and not outcome.trouble:
        yield (
            "Done: tickets were opened and closed again, and nothing is left."
            if outcome.tickets
            else "Nothing is left."
        )


def _json(outcome: Outcome) -> dict[str, object]:
    def shown(links: list[Link]) -> list[dict[str, str]]:
        return [{"tracker": each.tracker, "key": each.ticket_key, "url": each.url} for each in links]

    return {
        "what": outcome.what,
        "case": outcome.case or None,
        "answer": outcome.answer.status if outcome.answer else None,
        "tickets": shown(outcome.tickets),
        "left": shown(outcome.left),
        "clean": outcome.is_clean,
        "kept": outcome.is_kept,
        "trouble": outcome.trouble or None,
        "exit_code": int(outcome.exit_code),
    }
