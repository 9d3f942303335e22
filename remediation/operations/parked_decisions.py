"""A person's decisions about parked work: each piece is taken up again or given up, with its line of the audit."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from remediation.operations.pacing import Pace
from remediation.operations.stores import OperationStores
from remediation.read_model.parked.work import why_not_replayed
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.dependents import no_longer_named
from remediation.store.deliveries.parked import MOST_REPLAYS, DecisionOutcome, Parked


class ParkedAct(StrEnum):
    """What somebody decides about a piece of parked work."""

    REPLAY = "replay"
    DISCARD = "discard"

    @property
    def done(self) -> AuditAct:
        """How the audit calls one piece of it."""
        return AuditAct.REPLAYED if self is ParkedAct.REPLAY else AuditAct.DISCARDED


@dataclass(frozen=True, slots=True)
class ParkedOrder:
    """What is to be done, who decides it, and how the choice was put. `again` lifts the limit on replays."""

    act: ParkedAct
    who: str
    choice: str
    again: bool = False


async def kept_back(stores: OperationStores, order: ParkedOrder, items: Iterable[Parked]) -> dict[str, DecisionOutcome]:
    """Those of the pieces that stay parked whatever was ordered, by name, and why. Raises StoreUnavailable."""
    if order.act is ParkedAct.DISCARD:
        return {}
    gone = await no_longer_named(stores.connection)
    return {item.name: why for item in items if (why := why_not_replayed(item, gone, again=order.again))}


Decide = Callable[[str], Awaitable[DecisionOutcome]]
"""Decides about the piece of a name, and returns what became of it."""


@asynccontextmanager
async def deciding(stores: OperationStores, order: ParkedOrder, count: int) -> AsyncIterator[Decide]:
    """What decides about a piece, for `count` pieces.

    The audit has a line of the whole before that, and one for each piece, added in the step that does it. Raises
    StoreUnavailable, as each decision does.
    """
    audit, act = stores.audit, AuditAct(order.act)
    begun = await audit.note(audit.entry(act, order.who, choice=order.choice, count=count))

    async def decide(name: str) -> DecisionOutcome:
        piece = audit.entry(order.act.done, order.who, piece=name, of=begun.id)
        return await _decide(stores, order, name, audit.line(piece))

    try:
        yield decide
    finally:  # also after Ctrl-C, or when Redis goes away meanwhile
        await audit.chain()


async def decided(
    stores: OperationStores, order: ParkedOrder, names: Sequence[str], pace: Pace
) -> AsyncGenerator[tuple[str, DecisionOutcome]]:
    """Decide about these pieces, one after another, and return what became of each as it is done.

    Whoever closes the iterator ends it between two pieces. Raises StoreUnavailable: the rest then stays as it was.
    """
    async with deciding(stores, order, len(names)) as decide:
        for name in names:
            await pace.turn()
            yield name, await decide(name)


async def _decide(stores: OperationStores, order: ParkedOrder, name: str, line: bytes) -> DecisionOutcome:
    if order.act is ParkedAct.DISCARD:
        return await stores.parked.discard(name, stores.clock(), audit=line)
    most = None if order.again else MOST_REPLAYS
    return await stores.parked.replay(name, stores.clock(), most=most, audit=line)
