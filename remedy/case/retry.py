"""`remedy case retry`: look at a case now, whatever it waits for."""

import json

import click

from remediation.mapping.reading.loading import load_mappings
from remediation.operations.case_looks import look_again
from remediation.operations.stores import OperationStores
from remediation.read_model.cases.names import UnclearName, case_named
from remediation.read_model.cases.retries import CaseRetry, case_retry, retry_json, retry_lines
from remediation.redaction import terminal
from remediation.settings import load_settings
from remediation.store.cases.standings import Standings
from remediation.store.cases.timeline import Timeline
from remediation.store.deliveries.parked import MOST_REPLAYS, DecisionOutcome
from remedy.parked.selection import with_stores
from remedy.reconcile.report import Tally, outcome_json, outcome_lines, outcome_word
from remedy.reconcile.wait import NOBODY, CaseWaiter, WaitOutcome
from remedy.runtime.auditing import with_by
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line

_PATIENCE = 30.0
"""Seconds that --wait goes on while nothing moves."""


@click.command()
@click.argument("ref", metavar="REF")
@click.option("--again", is_flag=True, help=f"Also what was replayed {MOST_REPLAYS} times within thirty days already.")
@click.option("--wait", is_flag=True, help="Wait for the look, and say what came of it.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@with_by
@click.option("--json", "as_json", is_flag=True, help="One JSON object; with --wait another one for what came of it.")
def retry(ref: str, *, again: bool, wait: bool, dry_run: bool, who: str, as_json: bool) -> None:
    """Have a worker look at a case now, whatever it waits for.

    A case that was put off is looked at at once, and asks the system that it waited for. What is parked of it is taken
    up again, as remedy parked replay does. One thing is not passed by: a case that waits for its turn within a rate
    limit takes its turn as before. The audit has a line of it.

    \b
      remedy case retry SEC-12
      remedy case retry lakeside:finding:fnd_9d2 --wait

    Exit codes: 0 it is marked, or with --wait at rest; 1 nothing is known of the case, or something stays parked or
    held up; 3 (--wait) it was put off again, or no worker has looked at it yet.
    """
    settings = load_settings()

    async def done(stores: OperationStores) -> tuple[CaseRetry, WaitOutcome | None]:
        key = await case_named(ref, lambda: load_mappings(settings.mappings_path).mappings, stores.connection)
        if isinstance(key, UnclearName):
            raise click.ClickException(key.says)
        found = await case_retry(stores.connection, stores.keyring, key, again=again)
        if found is None:
            says = "remedy case plan asks outside, and remedy reconcile finds what is there"
            raise click.ClickException(f"nothing is known of {terminal(key.ref)}: {says}")
        if dry_run:
            return found, None
        begun = await Timeline(stores.connection).now()
        await look_again(stores, found, who, again=again)
        return found, await _outcome(stores, found, begun, as_json=as_json) if wait else None

    found, outcome = with_stores(done)
    _show(found, outcome, dry_run=dry_run, as_json=as_json)
    raise SystemExit(_ending(found, outcome))


async def _outcome(stores: OperationStores, found: CaseRetry, begun: str, *, as_json: bool) -> WaitOutcome:
    def say(words: str) -> None:
        if not as_json:
            print_line(words, err=True)

    connection = stores.connection
    waiting = CaseWaiter(Standings(connection), Timeline(connection), begun, _PATIENCE, stores.clock, say)
    (outcome,) = [each async for each in waiting.outcomes([found.key.ref])]
    return outcome


def _show(found: CaseRetry, outcome: WaitOutcome | None, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(retry_json(found, done=not dry_run)))
        if outcome is not None:
            click.echo(json.dumps(outcome_json(outcome, outcome_word(outcome))))
        return
    would = "would be looked at" if dry_run else "is looked at"
    print_line(f"{found.key.ref} {would} as soon as a worker is free")
    for line in retry_lines(found):
        print_line(f"  {line}")
    if outcome is not None:
        lines = list(outcome_lines(outcome)) or [f"{outcome.ref}: at rest, and nothing was to be done"]
        for line in lines:
            print_line(line)
    elif not found.has_worker:
        print_line(f"note: {NOBODY}", err=True)


def _ending(found: CaseRetry, outcome: WaitOutcome | None) -> ExitCode:
    if outcome is None:
        stays = any(each.why not in {None, DecisionOutcome.DONE} for each in found.pieces)
        return ExitCode.FAILED if stays else ExitCode.DONE
    tally = Tally()
    tally.add(outcome_word(outcome))
    return next(iter(tally.codes), ExitCode.DONE)
