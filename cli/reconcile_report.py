"""How reconciling tells what it found: a bar while it waits, lines or JSON for what came of it, and a summary."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.case_words import done_words, step_words, time_words, to_do_words
from cli.reconcile_forecast import Forecast
from cli.reconcile_wait import Outcome
from remediation.errors import TryLater
from remediation.redaction import terminal
from remediation.store.standings import Stand


class Screen:
    """Where results and remarks go: results to stdout, how it goes to stderr."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._progress: Progress | None = None

    def say(self, words: str) -> None:
        """A remark for whoever waits."""
        if self._progress is not None:
            self._progress.console.print(terminal(words), markup=False, highlight=False)
        elif not self.as_json:
            click.echo(terminal(words), err=True)

    def result(self, shown: dict[str, Any], lines: Iterable[str]) -> None:
        """One result."""
        if self.as_json:
            click.echo(json.dumps(shown))
            return
        for line in lines:
            click.echo(terminal(line))

    @contextmanager
    def bar(self, words: str, total: int | None) -> Iterator["Bar"]:
        """A bar on a terminal; nothing anywhere else."""
        if self.as_json or not sys.stderr.isatty():
            yield Bar()
            return
        columns = (TextColumn(words), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            self._progress = progress
            yield Bar(progress, progress.add_task(words, total=total))
            self._progress = None


@dataclass(frozen=True, slots=True)
class Bar:
    """How far it is."""

    progress: Progress | None = None
    task: Any = None

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        if self.progress is not None:
            self.progress.advance(self.task, count)


@dataclass(slots=True)
class Tally:
    """How many cases ended in which way."""

    counts: Counter[str] = field(default_factory=Counter)

    def line(self, words: dict[str, str]) -> str:
        """The summary in words; what did not happen is left out."""
        parts = [text.format(self.counts[name]) for name, text in words.items() if self.counts[name]]
        return f"{self.counts['cases']} cases looked at: {', '.join(parts) or 'none'}."


def forecast_word(forecast: Forecast) -> str:
    """In which of five ways a forecast ends."""
    if forecast.failures:
        may_pass = any(isinstance(error, TryLater) for error in forecast.failures.values())
        return "unseen" if may_pass else "refused"
    if forecast.steps:
        return "change"
    return "parked" if forecast.parked else "well"


def forecast_lines(forecast: Forecast) -> Iterator[str]:
    """A forecast for people."""
    for step in forecast.steps:
        yield f"{forecast.ref}: would {step_words(step)}"
    for name, error in sorted((forecast.failures or {}).items()):
        when = "come again later" if isinstance(error, TryLater) else "it is not worth repeating"
        yield f"{forecast.ref}: cannot be told, {name} could not be asked ({error.words}); {when}"
    for name in forecast.parked:
        yield f"{forecast.ref}: parked: {to_do_words(name)}; see remedy parked show {forecast.ref}/{name}"


def forecast_json(forecast: Forecast) -> dict[str, Any]:
    """A forecast for programs."""
    failures = {name: type(error).__name__ for name, error in (forecast.failures or {}).items()}
    plan = msgspec.to_builtins(forecast.steps)
    return {"case": forecast.ref, "plan": plan, "parked": list(forecast.parked), "failures": failures}


def outcome_word(outcome: Outcome) -> str:
    """In which of five ways a case ends."""
    if outcome.standing.stand is not Stand.SETTLED:
        return "put_off" if outcome.standing.stand is Stand.PUT_OFF else "waiting"
    if outcome.standing.parked:
        return "parked"
    return "changed" if outcome.done else "well"


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """An outcome for people."""
    ref, standing = outcome.ref, outcome.standing
    if outcome.done:
        yield f"{ref}: {'; '.join(done_words(each) for each in outcome.done)}"
    for name in standing.parked:
        yield f"{ref}: parked: {to_do_words(name)}; see remedy parked show {ref}/{name}"
    if standing.stand is Stand.PUT_OFF:
        yield f"{ref}: put off until {time_words(standing.due)} UTC; remedy case show {ref} says why"
    elif standing.stand is not Stand.SETTLED:
        yield f"{ref}: not looked at yet"


def outcome_json(outcome: Outcome, word: str) -> dict[str, Any]:
    """An outcome for programs."""
    done = [{"action": each.action, "ticket": each.ticket} for each in outcome.done]
    return {"case": outcome.ref, "outcome": word, "done": done, "parked": list(outcome.standing.parked)}
