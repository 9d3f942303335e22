"""What an experiment is, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chaos.figures import Figures
from chaos.world import World


@dataclass(frozen=True, slots=True)
class Goal:
    """A time that was measured, and the one that is wanted. Times of a busy machine are told, and fail nothing."""

    what: str
    seconds: float
    wanted: float

    def __str__(self) -> str:
        verdict = "" if self.seconds <= self.wanted else ", NOT met"
        return f"{self.what} {self.seconds:.1f} s (≤ {self.wanted:.0f} s{verdict})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was injected and how often, what came of it, and what else was seen. `zeros` must be 0 as well."""

    injected: Mapping[str, int]
    figures: Figures
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()
    zeros: Mapping[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether something was injected, and every figure that must be 0 is."""
        return self.injections > 0 and self.figures.sound and not any(self.zeros.values())

    @property
    def injections(self) -> int:
        """How many faults there were."""
        return sum(self.injected.values())


@dataclass(frozen=True, slots=True)
class Experiment:
    """One way to break it. `play(world, times)` breaks it so many times and counts.

    `short` and `long` are how often; 0 where it has no place in the short form.
    """

    name: str
    what: str
    play: Callable[[World, int], Outcome] = field(repr=False)
    short: int
    long: int

    def times(self, scale: float, *, short: bool) -> int:
        """How often, in the short form or in the long one at a scale."""
        return self.short if short else max(1, round(self.long * scale))
