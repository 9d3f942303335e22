"""The proof as a whole: play everything, read every place, and judge."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.proof.judging import Allowance, Leak, leaks_in, needed
from chaos.proof.places import everything
from chaos.proof.setting import open_setting
from chaos.proof.ways import happen


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found, and over how much: how many canaries, which ways and places, and which allowances were needed."""

    leaks: Sequence[Leak]
    canaries: int
    answers: int
    ways: Sequence[str]
    places: Sequence[str]
    needed: Sequence[Allowance]


def prove(seed: int, *, whole: bool, **environment: str) -> Proof:
    """Play and search. The long form is `whole`; `environment` is added to that of all processes."""
    with open_setting(seed, **environment) as setting:
        happen(setting, whole=whole)
        places = everything(setting)
        return Proof(
            leaks_in(places, setting.canaries),
            len(setting.canaries.planted),
            sum(relay.answered for relay in setting.relays.values()),
            tuple(setting.ways),
            tuple(places),
            tuple(needed(places, setting.canaries)),
        )
