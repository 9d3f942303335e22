"""`remedy parked replay` and `discard`: a person's decisions about parked work, each with a line in the audit."""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal

import click
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from remediation.logs import keep_known
from remediation.read_model.parked_work import WHY_LEFT, grouped, left_words, why_not_replayed
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.dependents import no_longer_named
from remediation.store.deliveries.parked import MOST_REPLAYS, DecisionOutcome, Parked
from remedy.parked.selection import Chosen, Stores, with_options, with_stores
from remedy.parked.tables import group_table
from remedy.runtime.auditing import os_user, with_by
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line
from remedy.screen_tables import print_table

RATE = 50
"""Pieces a second. Workers take them up worst first and within every limit; the pauses keep the wake-ups of ten
thousand pieces from delaying all other work."""

_AT_ONCE = 25
"""Up to this many need no pause and no progress bar."""


What = Literal["replay", "discard"]
_DONE: Mapping[What, str] = {"replay": "replayed", "discard": "discarded"}


@dataclass(frozen=True, slots=True)
class ParkedDecision:
    """What to do with the chosen work. `again` lifts the limit on replays; `now` is in Unix seconds."""

    what: What
    chosen: Chosen
    who: str
    rate: int
    dry_run: bool
    as_json: bool
    yes: bool
    again: bool = False

    @property
    def asks(self) -> bool:
        """Whether a person is shown what was chosen, and asked. A replay by complete names needs no question."""
        return not (self.dry_run or self.yes or (self.what == "replay" and self.chosen.exact))

    @property
    def shows_words(self) -> bool:
        """Whether the groups of what was chosen are shown, with the words of refusals."""
        return self.asks or (self.dry_run and not self.as_json and not self.chosen.exact)


def _with_change_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object for each piece."),
        click.option("--yes", is_flag=True, help="Do it without asking."),
        click.option("--dry-run", is_flag=True, help="Say what would be done, and leave it parked."),
        with_by,
        click.option(
            "--rate", type=click.IntRange(1, 10_000), default=RATE, show_default=True, help="Pieces a second."
        ),
        click.option("--all", "everything", is_flag=True, help="All that is parked."),
        with_options,
    ):
        command = option(command)
    return command


@click.command()
@_with_change_options
@click.option("--again", is_flag=True, help=f"Also what was replayed {MOST_REPLAYS} times within thirty days already.")
def replay(*, everything: bool, chosen: Chosen, again: bool, **given: bool) -> None:
    """Take parked work up again: by NAME, by a pattern (`*`, `?`), by options, or --all.

    A worker looks at it at once, and parks it again if it still does not work. Unless only whole names are given, it
    first says what that is, and asks. What was replayed five times within thirty days stays parked: mend what keeps it
    from working, or say --again. So does what is to be done in a tracker that mappings.yaml does not name.

    Exit codes: 0 all of it was taken up; 1 a name is not parked, or stays parked; 130 you said no.
    """
    _carry_out(_order("replay", chosen, everything=everything, again=again, **given))


@click.command()
@_with_change_options
def discard(*, everything: bool, chosen: Chosen, **given: bool) -> None:
    """Give parked work up for good, by your decision: by NAME, by a pattern (`*`, `?`), by options, or --all.

    It always asks first, unless --yes. A discarded delivery is shredded.

    Exit codes: 0 all of it was given up; 1 a name is not parked; 130 you said no.
    """
    _carry_out(_order("discard", chosen, everything=everything, **given))


def _order(what: What, chosen: Chosen, *, everything: bool, **given: bool) -> ParkedDecision:
    if chosen.is_everything and not everything:
        raise click.UsageError(f"say what to {what}: names, options that choose, or --all")
    if everything and not chosen.is_everything:
        raise click.UsageError("--all means all that is parked: it goes with no names and no options that choose")
    return ParkedDecision(what, chosen, **given)  # type: ignore[arg-type]  # click gives each option with the type it declares


def _carry_out(order: ParkedDecision) -> None:
    """Show what was chosen, ask where needed, do it, and print what became of each piece."""
    left, kept = with_stores(lambda stores: _found(stores, order))
    if left and not order.dry_run:
        _ask(order, left)
        outcomes = with_stores(lambda stores: _done(stores, order, left))
    else:
        outcomes = {item.name: DecisionOutcome.DONE for item in left}
    outcomes |= kept
    _report(order, left, outcomes)
    if any(outcome is not DecisionOutcome.DONE for outcome in outcomes.values()):
        raise SystemExit(ExitCode.FAILED)


async def _found(stores: Stores, order: ParkedDecision) -> tuple[list[Parked], dict[str, DecisionOutcome]]:
    """The chosen work to act on, and what stays as it is, with the reason; names that are not parked come last."""
    chosen, gone = order.chosen, await no_longer_named(stores.connection)
    if chosen.exact:
        rows = {name: await stores.parked.one(name) for name in chosen.exact}
    else:
        rows = {item.name: item async for item in stores.parked.listed(chosen.selection(stores.clock()))}
    items = [item for item in rows.values() if item]
    kept = {item.name: why for item in items if (why := _why_kept(order, item, gone))}
    missing = dict.fromkeys((name for name, item in rows.items() if item is None), DecisionOutcome.MISSING)
    left = [item for item in items if item.name not in kept]
    if left and order.shows_words:
        choice = f"parked {order.what} {chosen.text()}"
        await stores.audit.note(stores.audit.entry(AuditAct.READ, order.who, choice=choice, count=len(left)))
    return left, kept | missing


def _why_kept(order: ParkedDecision, item: Parked, gone: AbstractSet[str]) -> DecisionOutcome | None:
    return why_not_replayed(item, gone, again=order.again) if order.what == "replay" else None


def _ask(order: ParkedDecision, items: list[Parked]) -> None:
    """Show what was chosen and ask, where that is to be done. Raises Abort."""
    if not order.asks:
        return
    print_table(group_table(grouped(items, "error"), "error"), err=True)
    warning = "" if order.what == "replay" else "Discarded work is not done. A discarded delivery is shredded. "
    click.confirm(f"{warning}{order.what.capitalize()} {len(items)}?", abort=True, err=True)


async def _done(stores: Stores, order: ParkedDecision, items: list[Parked]) -> dict[str, DecisionOutcome]:
    """Do it, at the allowed rate. The audit has a line before that, and one for each piece, added with what is done."""
    choice, act = order.chosen.text(), AuditAct(order.what)
    begun = await stores.audit.note(stores.audit.entry(act, order.who, choice=choice, count=len(items)))
    outcomes: dict[str, DecisionOutcome] = {}
    try:
        with progress(Console(stderr=True), len(items)) as bar:
            task = bar.add_task(order.what, total=len(items))
            began = time.monotonic()
            for number, item in enumerate(items):
                if number and number % _AT_ONCE == 0:
                    await asyncio.sleep(max(0.0, began + number / order.rate - time.monotonic()))
                piece = stores.audit.entry(AuditAct(_DONE[order.what]), order.who, piece=item.name, of=begun.id)
                outcomes[item.name] = await _change(order)(stores, item.name, stores.audit.line(piece))
                bar.advance(task)
    finally:  # also after Ctrl-C, or when Redis goes away meanwhile
        done = Counter(outcomes.values())[DecisionOutcome.DONE]
        _log(order, count=done, total=len(items))
        await stores.audit.chain()
    return outcomes


def _change(order: ParkedDecision) -> Callable[[Stores, str, bytes], Awaitable[DecisionOutcome]]:
    if order.what == "discard":
        return lambda stores, name, line: stores.parked.discard(name, stores.clock(), audit=line)
    most = None if order.again else MOST_REPLAYS
    return lambda stores, name, line: stores.parked.replay(name, stores.clock(), most=most, audit=line)


def progress(console: Console, count: int) -> Progress:
    """A bar for long work at a terminal; nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_interactive or count <= _AT_ONCE)


def _log(order: ParkedDecision, *, count: int, total: int) -> None:
    """One line on standard error in the form of a process's log, for who collects that; nothing for a person there."""
    if sys.stderr.isatty():
        return
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        keep_known,
        structlog.processors.JSONRenderer(),
    ]
    logger = structlog.wrap_logger(structlog.WriteLogger(sys.stderr), processors=processors)
    with contextlib.suppress(OSError, ValueError):  # nobody reads it; the audit in Redis has it too
        logger.info("parked_work_decided", action=order.what, by=order.who, user=os_user(), count=count, total=total)


def _report(order: ParkedDecision, left: list[Parked], outcomes: Mapping[str, DecisionOutcome]) -> None:
    done = f"would be {_DONE[order.what]}" if order.dry_run else _DONE[order.what]
    if order.as_json:
        for name, outcome in outcomes.items():
            click.echo(json.dumps(_json(order, name, outcome)))
    elif order.chosen.exact:
        for name, outcome in outcomes.items():
            print_line(f"{name}: {_word(outcome, done)}")
    else:
        if order.dry_run and left:
            print_table(group_table(grouped(left, "error"), "error"))
        for outcome, count in sorted(Counter(outcomes.values()).items()):
            print_line(f"{count} {_word(outcome, done)}")
        if not outcomes:
            print_line("Nothing that is parked fits.")


def _json(order: ParkedDecision, name: str, outcome: DecisionOutcome) -> dict[str, object]:
    done = outcome is DecisionOutcome.DONE and not order.dry_run
    line: dict[str, object] = {"name": name, "found": outcome is not DecisionOutcome.MISSING, "done": done}
    return {**line, "why": WHY_LEFT[outcome]} if outcome in WHY_LEFT else line


def _word(outcome: DecisionOutcome, done: str) -> str:
    advice = ", or say --again" if outcome is DecisionOutcome.TOO_OFTEN else ""
    return f"{left_words(outcome) or done}{advice}"
