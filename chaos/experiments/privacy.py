"""Whether a word of another system is anywhere but where it may be."""

from chaos.experiment import Experiment, Outcome
from chaos.figures import figures
from chaos.proof.proof import prove
from chaos.proof.ways import SOME_STATUSES, STATUSES
from chaos.world import World

_MOST_TOLD = 20


def words_are_planted(world: World, times: int) -> Outcome:
    """The proof, in a world of its own: its long form where each system fails in more than a few ways.

    `times` is in how many ways each system fails.
    """
    proof = prove(world.chance.randint(0, 2**31), whole=times > len(SOME_STATUSES))
    world.remarks += map(str, proof.leaks)
    counted = {"canaries": proof.canaries, "answers full of them": proof.answers, "ways": len(proof.ways)}
    notes = (f"{len(proof.places)} places searched", *map(str, proof.leaks[:_MOST_TOLD]))
    return Outcome(counted, figures(world), notes=notes, zeros={"leaks": len(proof.leaks)})


EXPERIMENTS = (
    Experiment(
        "privacy",
        "a canary in every word of every other system, searched for in all that ours write, store, send and show",
        words_are_planted,
        len(SOME_STATUSES),
        len(STATUSES),
    ),
)
