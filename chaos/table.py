"""One table of what was injected and what came of it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.experiment import Experiment, Outcome

HEADINGS = (
    "experiment",
    "injected",
    "accepted",
    "tickets",
    "lost",
    "twice",
    "unsettled",
    "other",
    "settled after",
    "took",
)


@dataclass(frozen=True, slots=True)
class Played:
    """One experiment that was played. `outcome` is None where it broke off; `error` says with what."""

    experiment: Experiment
    outcome: Outcome | None
    seconds: float
    error: str = ""

    @property
    def sound(self) -> bool:
        """Whether it was played to its end, something was injected, and every figure that must be 0 is."""
        return self.outcome is not None and self.outcome.sound


def table(played: Iterable[Played]) -> str:
    """A Markdown table with a line for each experiment."""
    rows = [HEADINGS, *(_row(each) for each in played)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_line(row, widths) for row in (rows[0], rule, *rows[1:]))


def remarks(played: Iterable[Played]) -> str:
    """What each experiment is, what was injected one by one, and the times that were measured."""
    return "\n".join(f"- {each.experiment.name}: {'; '.join(_remarks(each))}" for each in played)


def as_json(played: Iterable[Played]) -> list[dict[str, Any]]:
    """Everything, for other programs. The seed and the machine are told by whoever calls."""
    return [
        {
            "experiment": each.experiment.name,
            "what": each.experiment.what,
            "seconds": round(each.seconds, 1),
            "sound": each.sound,
            "error": each.error,
            "injected": dict(each.outcome.injected) if each.outcome else {},
            "figures": each.outcome.figures.as_dict() if each.outcome else {},
            "zeros": dict(each.outcome.zeros) if each.outcome else {},
            "goals": [str(goal) for goal in each.outcome.goals] if each.outcome else [],
            "notes": list(each.outcome.notes) if each.outcome else [],
        }
        for each in played
    ]


def _row(each: Played) -> tuple[str, ...]:
    if each.outcome is None:
        return (each.experiment.name, "BROKE OFF", *[""] * (len(HEADINGS) - 3), f"{each.seconds:.0f} s")
    found = each.outcome.figures
    zeros = (
        found.lost,
        found.twice,
        found.unsettled,
        found.dishonest + found.defects + sum(each.outcome.zeros.values()),
    )
    counts = (each.outcome.injections, found.accepted, found.tickets, *zeros)
    times = (f"{found.settle_seconds:.1f} s", f"{each.seconds:.0f} s")
    return (each.experiment.name, *(f"{count:,}" for count in counts), *times)


def _remarks(each: Played) -> Iterable[str]:
    yield each.experiment.what
    if each.outcome is None:
        yield f"BROKE OFF: {each.error}"
        return
    yield ", ".join(f"{count} {name}" for name, count in each.outcome.injected.items())
    yield from (str(goal) for goal in each.outcome.goals)
    yield from each.outcome.notes
    yield from (f"{count} {name}" for name, count in each.outcome.zeros.items())
    found = each.outcome.figures
    if found.parked:
        yield f"{found.parked} parked at the end"
    if found.dishonest or found.defects:
        yield f"{found.dishonest} answers that must not be, {found.defects} unforeseen errors in logs"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"
