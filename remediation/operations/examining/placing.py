"""Where in mappings.yaml the word stands that an answer of an outside system is about. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from remediation.domain.errors import Problem
from remediation.mapping.explain.inspections import Inspection, InspectionOutcome
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import Positions, Steps


@dataclass(frozen=True, slots=True)
class PlacedInspection:
    """An inspection, and the place in the file of the word that it is about."""

    inspection: Inspection
    path: Steps
    problem: Problem

    @property
    def order(self) -> tuple[int, int]:
        """Line and column."""
        return self.problem.line, self.problem.column


def placed(loaded: Loaded, inspections: Iterable[Inspection]) -> list[PlacedInspection]:
    """Each answer once, in the order of the file."""
    book = _Book(loaded.positions)
    answers = (_placed(loaded, book, each) for each in inspections)
    return sorted(dict.fromkeys(answers), key=lambda answer: answer.order)


class _Book:
    """Where a word is written: in the rule itself, or in `defaults`."""

    def __init__(self, positions: Positions) -> None:
        self._below: dict[Steps, dict[str, str | int]] = {}
        for steps in positions.values:
            if steps:
                self._below.setdefault(steps[:-1], {})[str(steps[-1]).lower()] = steps[-1]

    def written(self, steps: Steps) -> Steps:
        """The path of the word in the file; the given path where it is not written."""
        return next(filter(None, map(self._found, _ways(steps))), steps)

    def _found(self, steps: Steps) -> Steps | None:
        """The path as it is written: keys in their own case; one word for all severities."""
        found: Steps = ()
        for number, step in enumerate(steps):
            below = self._below.get(found, {})
            if str(step).lower() not in below:
                is_one_for_all = not below and number == len(steps) - 1
                return found if is_one_for_all else None
            found = (*found, below[str(step).lower()])
        return found


def _ways(steps: Steps) -> Iterator[Steps]:
    """The places where a rule's word may be written, the nearest first."""
    yield steps
    match steps:
        case ("rules", int(number), "tickets", tracker, "due", *words):
            yield ("rules", number, "due", *words)
            yield ("defaults", "tickets", tracker, "due", *words)
            yield ("defaults", "due", *words)
        case ("rules", _, "tickets", tracker, _, *_):
            yield ("defaults", "tickets", tracker, *steps[4:])
        case _:
            pass


def _placed(loaded: Loaded, book: _Book, inspection: Inspection) -> PlacedInspection:
    path = book.written(inspection.where)
    says = "cannot be told: " if inspection.outcome is InspectionOutcome.UNKNOWN else ""
    advice = f"; {inspection.advice}" if inspection.advice else ""
    return PlacedInspection(inspection, path, loaded.problem(path, f"{says}{inspection.message}{advice}"))
