"""What confirming a selection will do, before anything is done: to how many things of which groups, and what stays."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remediation.operations.parked_decisions import ParkedAct, ParkedOrder, kept_back
from remediation.operations.selected import PieceOutcome, SelectedWork, of_decision
from remediation.operations.stores import OperationStores
from remediation.read_model.parked.work import error_text
from remediation.store.console.selections import SelectedAct
from remediation.store.parked.of_cases import parked_of_cases


@dataclass(frozen=True, slots=True)
class SelectionEffect:
    """How many things have their turn, by what they have in common, and how many stay, by why.

    `parked` is how much parked work of cases that are looked at is taken up with them.
    """

    doing: Mapping[str, int]
    staying: Mapping[PieceOutcome, int]
    parked: int = 0

    @property
    def count(self) -> int:
        """How many things have their turn."""
        return sum(self.doing.values())


async def effect_of(stores: OperationStores, work: SelectedWork) -> SelectionEffect:
    """What would be done now. Changes nothing. Raises StoreUnavailable."""
    return await (_of_cases if work.act.is_of_cases else _of_parked)(stores, work)


async def _of_parked(stores: OperationStores, work: SelectedWork) -> SelectionEffect:
    rows = {item.name: item for item in await stores.parked.facts(work.names)}
    order = ParkedOrder(ParkedAct(work.act), work.who, work.choice, again=work.again)
    kept = {name: of_decision(why) for name, why in (await kept_back(stores, order, rows.values())).items()}
    stay = {name: PieceOutcome.MISSING for name in work.names if name not in rows} | kept
    stay |= {name: PieceOutcome.FORBIDDEN for name, item in rows.items() if not work.allows(item.district)}
    return SelectionEffect(_counted(error_text(item) for name, item in rows.items() if name not in stay), _why(stay))


async def _of_cases(stores: OperationStores, work: SelectedWork) -> SelectionEffect:
    known = await parked_of_cases(stores.connection, work.names)
    stay = {ref: PieceOutcome.MISSING for ref in work.names if ref not in known}
    stay |= {ref: PieceOutcome.FORBIDDEN for ref in work.names if not work.allows(_district(ref))}
    left = [ref for ref in known if ref not in stay]
    parked = sum(known[ref] for ref in left) if work.act is SelectedAct.RETRY else 0
    return SelectionEffect(_counted(map(_district, left)), _why(stay), parked)


def _district(ref: str) -> str:
    return ref.partition(":")[0]


def _counted(names: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(names).most_common())


def _why(stay: Mapping[str, PieceOutcome]) -> Mapping[PieceOutcome, int]:
    return dict(Counter(stay.values()).most_common())
