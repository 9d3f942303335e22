"""What is done with a selection: one thing after another, each checked again when its turn comes."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remediation.operations.case_looks import look_again
from remediation.operations.pacing import Pace
from remediation.operations.parked_decisions import ParkedAct, ParkedOrder, deciding, kept_back
from remediation.operations.purging.deletion import Deletion
from remediation.operations.purging.survey import survey
from remediation.operations.purging.target import target_of_case
from remediation.operations.stores import OperationStores
from remediation.read_model.cases.retries import case_retry
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.todo import Todo
from remediation.store.console.selections import SelectedAct
from remediation.store.console.tasks import ConsoleTask, ConsoleTasks
from remediation.store.deliveries.parked import DecisionOutcome


class PieceOutcome(StrEnum):
    """What became of one thing."""

    DONE = "done"
    MISSING = "missing"
    """It is not there any more: somebody else was quicker, or a worker did it meanwhile."""
    TOO_OFTEN = "too_often"
    UNNAMED = "unnamed"
    HELD = "held"
    """A worker looked at the case all the time."""
    FORBIDDEN = "forbidden"
    """Who ordered it may not do it in its district, or not any more."""


def of_decision(outcome: DecisionOutcome) -> PieceOutcome:
    """What became of a parked piece."""
    return PieceOutcome(outcome.name.lower())


Became = AsyncGenerator[tuple[str, PieceOutcome]]
"""What became of each thing, by its name, as it is done. Who closes it ends it between two things."""


@dataclass(frozen=True, slots=True)
class SelectedWork:
    """What is to be done with which things, and who ordered it.

    `allows` says of a district ("" for what belongs to none) whether they may do it there, at the moment of the call:
    it is asked when each thing has its turn. `again` lifts the limit on replays.
    """

    act: SelectedAct
    who: str
    choice: str
    names: Sequence[str]
    allows: Callable[[str], bool]
    again: bool = False


def carried_out(stores: OperationStores, work: SelectedWork, pace: Pace) -> Became:
    """Do it, at this pace. Each thing has its line of the audit, in the step that does it.

    What raises StoreUnavailable leaves the rest as it was.
    """
    match work.act:
        case SelectedAct.REPLAY:
            return _parked(stores, work, ParkedAct.REPLAY, pace)
        case SelectedAct.DISCARD:
            return _parked(stores, work, ParkedAct.DISCARD, pace)
        case SelectedAct.RETRY:
            return _cases(stores, work, _looked_at, pace)
        case SelectedAct.PURGE:
            return _cases(stores, work, _deleted, pace)


async def stop_once(stores: OperationStores, task: ConsoleTask, who: str) -> bool:
    """Have a task end between two things. Returns whether it runs.

    The audit has a line of who was the first to want that, added in the step that marks it. Raises StoreUnavailable.
    """
    choice = f"{task.act} by {task.who}: {task.choice}"
    line = stores.audit.line(stores.audit.entry(AuditAct.STOP_TASK, who, piece=task.id, choice=choice))
    runs = await ConsoleTasks(stores.connection).stop(task.id, who, line)
    await stores.audit.chain()
    return runs


async def _parked(stores: OperationStores, work: SelectedWork, act: ParkedAct, pace: Pace) -> Became:
    order = ParkedOrder(act, work.who, work.choice, again=work.again)
    rows = {item.name: item for item in await stores.parked.facts(work.names)}
    kept = await kept_back(stores, order, rows.values())
    left = []
    for name in work.names:
        if name not in rows:
            yield name, PieceOutcome.MISSING
        elif not work.allows(rows[name].district):
            yield name, PieceOutcome.FORBIDDEN
        elif name in kept:
            yield name, of_decision(kept[name])
        else:
            left.append(name)
    if not left:
        return
    async with deciding(stores, order, len(left)) as decide:
        for name in left:
            await pace.turn()
            is_allowed = work.allows(rows[name].district)
            yield name, of_decision(await decide(name)) if is_allowed else PieceOutcome.FORBIDDEN


_OneCase = Callable[[OperationStores, SelectedWork, str], Awaitable[PieceOutcome]]


async def _cases(stores: OperationStores, work: SelectedWork, done: _OneCase, pace: Pace) -> Became:
    for ref in work.names:
        await pace.turn()
        is_allowed = work.allows(ref.partition(":")[0])
        yield ref, await done(stores, work, ref) if is_allowed else PieceOutcome.FORBIDDEN


async def _looked_at(stores: OperationStores, work: SelectedWork, ref: str) -> PieceOutcome:
    record = await Todo(stores.connection).record(ref)
    found = record and await case_retry(stores.connection, stores.keyring, record.key, again=work.again)
    if not found:
        return PieceOutcome.MISSING
    await look_again(stores, found, work.who, again=work.again)
    return PieceOutcome.DONE


async def _deleted(stores: OperationStores, work: SelectedWork, ref: str) -> PieceOutcome:
    record = await Todo(stores.connection).record(ref)
    if record is None:
        return PieceOutcome.MISSING
    found = await survey(await target_of_case(stores.connection, record.key), stores)
    deleted = await Deletion(stores, work.who, f"--case {ref}").carry_out(found)
    return PieceOutcome.HELD if deleted.held else PieceOutcome.DONE
