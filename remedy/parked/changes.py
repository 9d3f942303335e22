"""`remedy parked replay` and `discard`: a person's decisions about parked work, each with a line in the audit."""

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from remediation.logs import keep_known
from remediation.operations.pacing import AT_ONCE, RATE, Pace
from remediation.operations.parked_decisions import ParkedAct, ParkedOrder, decided, kept_back
from remediation.operations.stores import OperationStores
from remediation.read_model.parked.work import WHY_LEFT, grouped, left_words
from remediation.store.audit.entries import AuditAct
from remediation.store.deliveries.parked import MOST_REPLAYS, DecisionOutcome, Parked
from remedy.parked.selection import Chosen, with_options, with_stores
from remedy.parked.tables import group_table
from remedy.runtime.auditing import os_user, with_by
from remedy.runtime.failures import ExitCode
from remedy.screen_lines import print_line
from remedy.screen_tables import print_table


@dataclass(frozen=True, slots=True)
class ParkedDecision:
    """What to do with the chosen work. `again` lifts the limit on replays; `now` is in Unix seconds."""

    act: ParkedAct
    chosen: Chosen
    who: str
    rate: int
    dry_run: bool
    as_json: bool
    yes: bool
    again: bool = False

    @property
    def order(self) -> ParkedOrder:
        """The decision as the audit tells it."""
        return ParkedOrder(self.act, self.who, self.chosen.text(), again=self.again)

    @property
    def done(self) -> str:
        """What a piece is called about which it was decided: replayed, discarded."""
        return str(self.act.done)

    @property
    def asks(self) -> bool:
        """Whether a person is shown what was chosen, and asked. A replay by complete names needs no question."""
        return not (self.dry_run or self.yes or (self.act is ParkedAct.REPLAY and self.chosen.exact))

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
    _carry_out(_order(ParkedAct.REPLAY, chosen, everything=everything, again=again, **given))


@click.command()
@_with_change_options
def discard(*, everything: bool, chosen: Chosen, **given: bool) -> None:
    """Give parked work up for good, by your decision: by NAME, by a pattern (`*`, `?`), by options, or --all.

    It always asks first, unless --yes. A discarded delivery is shredded.

    Exit codes: 0 all of it was given up; 1 a name is not parked; 130 you said no.
    """
    _carry_out(_order(ParkedAct.DISCARD, chosen, everything=everything, **given))


def _order(act: ParkedAct, chosen: Chosen, *, everything: bool, **given: bool) -> ParkedDecision:
    if chosen.is_everything and not everything:
        raise click.UsageError(f"say what to {act}: names, options that choose, or --all")
    if everything and not chosen.is_everything:
        raise click.UsageError("--all means all that is parked: it goes with no names and no options that choose")
    return ParkedDecision(act, chosen, **given)  # type: ignore[arg-type]  # click gives each option with the type it declares


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


async def _found(stores: OperationStores, order: ParkedDecision) -> tuple[list[Parked], dict[str, DecisionOutcome]]:
    """The chosen work to act on, and what stays as it is, with the reason; names that are not parked come last."""
    chosen = order.chosen
    if chosen.exact:
        rows = {name: await stores.parked.one(name) for name in chosen.exact}
    else:
        rows = {item.name: item async for item in stores.parked.listed(chosen.selection(stores.clock()))}
    items = [item for item in rows.values() if item]
    kept = await kept_back(stores, order.order, items)
    missing = dict.fromkeys((name for name, item in rows.items() if item is None), DecisionOutcome.MISSING)
    left = [item for item in items if item.name not in kept]
    if left and order.shows_words:
        choice = f"parked {order.act} {chosen.text()}"
        await stores.audit.note(stores.audit.entry(AuditAct.READ, order.who, choice=choice, count=len(left)))
    return left, kept | missing


def _ask(order: ParkedDecision, items: list[Parked]) -> None:
    """Show what was chosen and ask, where that is to be done. Raises Abort."""
    if not order.asks:
        return
    print_table(group_table(grouped(items, "error"), "error"), err=True)
    warning = "" if order.act is ParkedAct.REPLAY else "Discarded work is not done. A discarded delivery is shredded. "
    click.confirm(f"{warning}{order.act.capitalize()} {len(items)}?", abort=True, err=True)


async def _done(stores: OperationStores, order: ParkedDecision, items: list[Parked]) -> dict[str, DecisionOutcome]:
    """Do it, at the allowed rate, with a bar."""
    outcomes: dict[str, DecisionOutcome] = {}
    try:
        with progress(Console(stderr=True), len(items)) as bar:
            task = bar.add_task(order.act, total=len(items))
            names = [item.name for item in items]
            async with contextlib.aclosing(decided(stores, order.order, names, Pace(order.rate))) as pieces:
                async for name, outcome in pieces:
                    outcomes[name] = outcome
                    bar.advance(task)
    finally:  # also after Ctrl-C, or when Redis goes away meanwhile
        done = Counter(outcomes.values())[DecisionOutcome.DONE]
        _log(order, count=done, total=len(items))
    return outcomes


def progress(console: Console, count: int) -> Progress:
    """A bar for long work at a terminal; nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_interactive or count <= AT_ONCE)


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
        logger.info(
            "parked_work_decided", action=str(order.act), by=order.who, user=os_user(), count=count, total=total
        )


def _report(order: ParkedDecision, left: list[Parked], outcomes: Mapping[str, DecisionOutcome]) -> None:
    done = f"would be {order.done}" if order.dry_run else order.done
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
