"""What a case waits for when somebody has it looked at now, and what of that a look does not pass by."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from remediation.domain.cases.records import CaseKey, CaseRecord
from remediation.read_model.cases.words import time_words, to_do_words, waiting_words
from remediation.read_model.parked.work import WHY_LEFT, left_words, why_not_replayed
from remediation.sealing import Keyring
from remediation.store.budgets.learned import budget_waited_for
from remediation.store.cases.dependents import no_longer_named
from remediation.store.cases.standings import Stand, Standing, Standings
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.parked import DecisionOutcome, Parked, ParkedWork
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems, SystemTrouble


@dataclass(frozen=True, slots=True)
class ParkedPiece:
    """A parked piece of the case; `why` says why it stays parked, and is None where it is taken up again."""

    parked: Parked
    why: DecisionOutcome | None


@dataclass(frozen=True, slots=True)
class CaseRetry:
    """A case before it is looked at. `trouble` is that of the system that it waits for, as far as it is in trouble.

    `budget` is the limit within which it waits for its turn; empty where it waits for none. `has_worker` says whether
    any worker is at work.
    """

    key: CaseKey
    standing: Standing
    trouble: SystemTrouble | None
    budget: str
    pieces: tuple[ParkedPiece, ...]
    has_worker: bool

    @property
    def taken_up(self) -> tuple[Parked, ...]:
        """The parked pieces that are taken up again."""
        return tuple(each.parked for each in self.pieces if each.why is None)


async def case_retry(connection: Connection, keyring: Keyring, key: CaseKey, *, again: bool) -> CaseRetry | None:
    """What is known of the case; None where nothing is. `again` lifts the limit on replays. Raises StoreUnavailable."""
    record = await Todo(connection).record(key.ref)
    if record is None:
        return None
    standings, gone, parked = Standings(connection), await no_longer_named(connection), ParkedWork(connection, keyring)
    found = await parked_of_case(parked, record)
    troubles = {each.system: each for each in await Systems(connection).in_trouble()}
    return CaseRetry(
        key,
        (await standings.of([key.ref]))[0],
        troubles.get(record.waits_for),
        await budget_waited_for(connection, key.ref),
        tuple(ParkedPiece(each, why_not_replayed(each, gone, again=again)) for each in found),
        await standings.anybody_at_work(),
    )


async def parked_of_case(parked: ParkedWork, record: CaseRecord) -> list[Parked]:
    """What is parked of a case and waits for a person's decision, by name. Raises StoreUnavailable."""
    names = sorted(f"{record.key.ref}/{action}" for action in record.undecided)
    return [piece for name in names if (piece := await parked.one(name)) is not None]


def retry_lines(retry: CaseRetry) -> Iterator[str]:
    """What it waits for, and what becomes of that."""
    if retry.standing.stand is Stand.HELD:
        yield "it is being looked at right now: another look follows"
    if retry.standing.stand is Stand.PUT_OFF and not retry.budget:
        yield f"it was put off until {time_words(retry.standing.due)} UTC"
    if retry.trouble is not None:
        words = f"{retry.trouble.system}: {waiting_words(retry.trouble)}"
        yield f"{words}; it is asked again, and puts the case off again if it does not do what is asked"
    if retry.budget:
        yield f"it waits for its turn within the limit {retry.budget}: no turn comes sooner, and none is lost"
    for piece in retry.pieces:
        what = to_do_words(piece.parked.action or "look", retry.key.kind)
        yield f"{what}: {left_words(piece.why) if piece.why is not None else 'parked, and taken up again'}"


def retry_json(retry: CaseRetry, *, done: bool) -> dict[str, Any]:
    """The same for programs; `done` says whether the case was marked."""
    return {
        "case": retry.key.ref,
        "done": done,
        "stood": retry.standing.stand,
        "waits_for": retry.trouble.system if retry.trouble else None,
        "budget": retry.budget or None,
        "parked": [
            {"name": each.parked.name, "done": done and each.why is None, "why": WHY_LEFT.get(each.why)}
            if each.why is not None
            else {"name": each.parked.name, "done": done}
            for each in retry.pieces
        ],
        "has_worker": retry.has_worker,
    }
