"""`remedy backfill`: bring the findings that a district's account has already under care."""

from datetime import datetime, timedelta

import click

from remediation.domain.status import Severity
from remediation.mapping.reading.loading import load_mappings
from remediation.read_model.backfills import backfill_json, backfill_lines, choice_words
from remediation.read_model.cases.words import time_words
from remediation.read_model.rules.previews import district_of
from remediation.settings import load_settings
from remediation.store.audit.entries import AuditAct
from remediation.store.scans.backfills import Backfill, BackfillState
from remedy.backfill.choice import BackfillChoice
from remedy.backfill.following import BackfillStanding, follow, standing_of
from remedy.backfill.rehearsal import rehearse
from remedy.backfill.stores import BackfillStores, audit_of, with_stores
from remedy.reconcile.command import Since, Span
from remedy.reconcile.report import Screen
from remedy.runtime.auditing import with_by
from remedy.runtime.failures import ExitCode
from remedy.scans.following import resumable

_DELETED = "it was deleted meanwhile: by a purge, or because Redis was emptied"


@click.command()
@click.option("--district", metavar="NAME", help="Whose account. Not needed where there is only one district.")
@click.option("--since", metavar="90d|DATE", type=Since(), help="Only findings that changed since.  [default: all]")
@click.option(
    "--severity",
    "severities",
    type=click.Choice([each.value for each in Severity]),
    multiple=True,
    help="Only findings of this severity; may be said several times.  [default: all]",
)
@click.option("--dry-run", is_flag=True, help="Say what there is, what would be opened and how long it takes.")
@click.option("--cancel", is_flag=True, help="End one, and take back the cases that nobody has begun; tickets stay.")
@click.option("--no-wait", is_flag=True, help="Begin, and do not wait for the workers.")
@click.option(
    "--patience",
    metavar="10m",
    type=Span(),
    default="10m",
    show_default=True,
    help="Stop waiting once nothing has moved for so long.",
)
@with_by
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def backfill(  # noqa: PLR0913 - one parameter for each option
    *,
    district: str | None,
    since: datetime | None,
    severities: tuple[str, ...],
    dry_run: bool,
    cancel: bool,
    no_wait: bool,
    patience: timedelta,
    who: str,
    as_json: bool,
) -> None:
    """Bring the findings that a district's account has already under care: each without a case gets one.

    Workers list the account page by page, and open tickets by mappings.yaml, the worst findings first and behind what
    comes in meanwhile. Findings that are solved, or have a case already, are passed over. It goes on without this
    command: Ctrl-C ends only the waiting, and the same command shows again how far it is. A district has one at a time.

    --cancel ends its list, also a parked one, and deletes the cases that were found and that nobody has begun to work
    at. What is begun is worked off, a case about which something came in since goes on, and tickets stay.

    Look with --dry-run first: thousands of findings become thousands of tickets, and each costs one of the 60 writes a
    minute that SchoolScan gives a district. It reads the whole account, a hundred findings with each read, behind
    the workers' reads and within the same limit.

    Exit codes: 0 all that was found is at rest, or (--no-wait, --dry-run, --cancel) done; 1 the list was refused and is
    parked, it was cancelled, one with another choice is under way, or (--cancel) nothing is left to end; 3 nothing has
    moved for as long as --patience says, or (--dry-run) SchoolScan is away; 4 (--dry-run) it refused; 130 Ctrl-C.

    \b
      remedy backfill --district lakeside --dry-run
      remedy backfill --district lakeside --severity critical --severity high
      remedy backfill --district lakeside --since 365d --no-wait
    """
    if dry_run and cancel:
        raise click.UsageError("--dry-run and --cancel exclude each other.")
    screen, name = Screen(as_json=as_json), district_of(load_mappings(load_settings().mappings_path), district)
    choice = BackfillChoice(name, tuple(map(Severity, severities)), since)
    if dry_run:
        rehearse(choice, screen, patience)
        return
    if cancel:
        with resumable(screen, lambda: "What is left goes on. To take it back: the same command again"):
            standing = with_stores(lambda stores: _cancelled(stores, choice, who, screen))
        _show(name, standing, screen)
        return

    def how_to_go_on() -> str:
        return f"It goes on without this command. To see how far it is: remedy backfill {choice.words}"

    with resumable(screen, how_to_go_on):
        standing = with_stores(lambda stores: _carried_out(stores, choice, who, screen, None if no_wait else patience))
    _show(name, standing, screen)
    raise SystemExit(ExitCode.DONE if no_wait and not standing.is_parked else standing.code)


def _show(district: str, standing: BackfillStanding, screen: Screen) -> None:
    lines = [*backfill_lines(district, standing.backfill), *standing.lines(district)]
    screen.result({**backfill_json(district, standing.backfill), **standing.json()}, lines)


async def _carried_out(
    stores: BackfillStores, choice: BackfillChoice, who: str, screen: Screen, patience: timedelta | None
) -> BackfillStanding:
    """Begin it, or find the same one under way, and follow it with that patience."""
    if not await _is_there(stores, choice, screen) and not await _begun(stores, choice, who):
        await _is_there(stores, choice, screen)  # somebody else was quicker
    if patience is None:
        standing = await standing_of(stores, choice.district)
    else:
        standing = await follow(stores, choice.district, screen, patience)
    if standing is None:
        raise click.ClickException(_DELETED)
    return standing


async def _is_there(stores: BackfillStores, choice: BackfillChoice, screen: Screen) -> bool:
    """Whether no other one is to be begun, which is said. Raises ClickException where one has another choice."""
    last = await stores.backfills.read(choice.district)
    if last is not None and last.state is BackfillState.PARKED:
        screen.say("The last one is parked: none begins before somebody has decided about it.")
    elif last is not None and last.state is BackfillState.LISTING:
        _require_same(choice, last, stores.clock())
        screen.say(f"It is under way already, since {time_words(last.begun_at)} UTC.")
    elif await _is_at_work(stores, choice, last):
        screen.say("All is listed already; workers are still at it.")
    else:
        return False
    return True


async def _begun(stores: BackfillStores, choice: BackfillChoice, who: str) -> bool:
    """Begin it, together with a line in the audit. Returns False, and does neither, where another one is there."""
    audit = audit_of(stores)
    line = audit.line(audit.entry(AuditAct.BACKFILL, who, choice=choice.words))
    asked_for = (choice.district, choice.severities, choice.since_seconds)
    has_begun = await stores.backfills.begin(*asked_for, stores.clock(), audit=line)
    await audit.chain()
    return has_begun


async def _is_at_work(stores: BackfillStores, choice: BackfillChoice, last: Backfill | None) -> bool:
    """Whether the last one is listed with the same choice, and workers are not done with the district's cases."""
    if last is None or last.state is not BackfillState.DONE or not choice.is_of(last, stores.clock()):
        return False
    return last.marked > 0 and await stores.waiting(choice.district) > 0


async def _cancelled(stores: BackfillStores, choice: BackfillChoice, who: str, screen: Screen) -> BackfillStanding:
    """End the last one, and take back what nobody has begun to work at. Raises ClickException where nothing is left."""
    audit = audit_of(stores)
    line = audit.line(audit.entry(AuditAct.BACKFILL, who, choice=f"--cancel --district {choice.district}"))
    last = await stores.backfills.cancel(choice.district, stores.clock(), audit=line)
    if last is None:
        raise click.ClickException(f"no backfill of {choice.district} is under way")
    with screen.bar("cases taken back", None) as bar:
        async for count in stores.backfills.take_back(choice.district, last, audit=line):
            bar.step(count)
    await audit.chain()
    standing = await standing_of(stores, choice.district)
    if standing is None:
        raise click.ClickException(_DELETED)
    if standing.backfill.state is BackfillState.DONE:
        raise click.ClickException(f"nothing is left to end: all that a backfill of {choice.district} found is begun")
    return standing


def _require_same(choice: BackfillChoice, other: Backfill, now: float) -> None:
    """Raises ClickException where another backfill of the district is under way."""
    if not choice.is_of(other, now):
        raise click.ClickException(
            f"another backfill of {choice.district} is under way ({choice_words(other)}): wait for its end, or end it "
            f"with remedy backfill --district {choice.district} --cancel"
        )
