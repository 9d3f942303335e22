"""How reconciling tells what it found: a bar while it waits, lines or JSON for what came of it, and a summary."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from remediation.domain.cases.records import CaseKind, kind_of_ref
from remediation.domain.errors import OutsideError, TryLater
from remediation.ports import SourceKey
from remediation.read_model.cases.words import (
    done_words,
    doubt_words,
    step_words,
    time_words,
    to_do_words,
    unnamed_words,
)
from remediation.read_model.incidents import LEFT_OUT
from remediation.read_model.wording import count_words
from remediation.redaction import terminal
from remediation.store.cases.entries import Doubted
from remediation.store.cases.standings import Stand
from remedy.reconcile.forecast import Forecast
from remedy.reconcile.wait import WaitOutcome
from remedy.runtime.failures import ExitCode, exit_code_of
from remedy.screen_lines import for_reader, print_line

NotListed = Mapping[str, OutsideError]
"""Why systems could not be listed to their end, by name."""

_CODES = {
    "unseen": ExitCode.UNREACHABLE,
    "put_off": ExitCode.UNREACHABLE,
    "waiting": ExitCode.UNREACHABLE,
    "refused": ExitCode.REFUSED,
    "change": ExitCode.FAILED,
    "held_up": ExitCode.FAILED,
    "parked": ExitCode.FAILED,
}
_WEIGHTIEST_FIRST = (ExitCode.UNREACHABLE, ExitCode.REFUSED, ExitCode.FAILED)
"""What was not seen may hide anything, and is the first to be told."""


_LEFT_NAMES = {CaseKind.FINDING: "{}", CaseKind.INCIDENT: "incidents:{}"}
_LEFT_WORDS = {CaseKind.FINDING: "left out: no id that can be used", CaseKind.INCIDENT: LEFT_OUT}


class Screen:
    """Where results and remarks go: results to stdout, how it goes to stderr."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._progress: Progress | None = None

    def say(self, words: str) -> None:
        """A remark for whoever waits."""
        if self._progress is not None:
            told = for_reader(terminal(words), sys.stderr)
            self._progress.console.print(told, markup=False, highlight=False, soft_wrap=True)
        elif not self.as_json:
            print_line(words, err=True)

    def result(self, shown: dict[str, Any], lines: Iterable[str]) -> None:
        """One result."""
        if self.as_json:
            click.echo(json.dumps(shown))
            return
        with self._without_bar():
            for line in lines:
                print_line(line)

    def end(
        self,
        not_listed: NotListed,
        left_out: Mapping[SourceKey, int],
        shown: dict[str, Any],
        lines: Iterable[str],
        codes: AbstractSet[ExitCode] = frozenset(),
    ) -> ExitCode:
        """The summary, which systems could not be listed, and what was left out; returns the exit code that counts."""
        missed = {which: count for which, count in sorted(left_out.items()) if count}
        names = {_LEFT_NAMES[kind].format(district): count for (district, kind), count in missed.items()}
        incomplete = {"not_listed": not_listed_json(not_listed), "left_out": names}
        self.result({**shown, **incomplete}, [*not_listed_lines(not_listed), *left_out_lines(missed), *lines])
        told = codes | {exit_code_of(error) for error in not_listed.values()}
        return next((code for code in _WEIGHTIEST_FIRST if code in told), ExitCode.DONE)

    @contextmanager
    def bar(self, words: str, total: int | None, *, timed: bool = False) -> Iterator["Bar"]:
        """A bar on a terminal; nothing anywhere else. `timed`: it tells how long it takes, and not how much is done."""
        console = Console(stderr=True)
        if self.as_json or not console.is_interactive:
            yield Bar()
            return
        columns = (TextColumn(words), BarColumn(), TimeElapsedColumn() if timed else MofNCompleteColumn())
        with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
            self._progress = progress
            yield Bar(progress, progress.add_task(words, total=total))
            self._progress = None

    @contextmanager
    def _without_bar(self) -> Iterator[None]:
        """Within it the bar is not shown: results go to standard output, which may be the same terminal or a file."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


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
    """How many cases ended in which way, and how many of them each system held up, or refused to tell of."""

    counts: Counter[str] = field(default_factory=Counter)
    held_up_by: Counter[str] = field(default_factory=Counter)
    refused_by: Counter[str] = field(default_factory=Counter)

    def add(self, word: str, held_up_by: Sequence[str] = (), refused_by: Sequence[str] = ()) -> None:
        """One more case ended so, because of these systems."""
        self.counts.update(["cases", word])
        self.held_up_by.update(held_up_by)
        self.refused_by.update(refused_by)

    @property
    def codes(self) -> set[ExitCode]:
        """What each way to end has to say to scripts."""
        return {_CODES[word] for word in self.counts.keys() & _CODES.keys()}

    def line(self, words: dict[str, str]) -> str:
        """The summary in words; what did not happen is left out."""
        parts = [text.format(self.counts[name]) for name, text in words.items() if self.counts[name]]
        told = f"{count_words(self.counts['cases'], 'case')} looked at: {', '.join(parts) or 'none'}."
        for by, counts in (("Held up by", self.held_up_by), ("Refused by", self.refused_by)):
            if counts:
                told += f" {by} {', '.join(f'{name} ({count})' for name, count in sorted(counts.items()))}."
        return told

    def json(self) -> dict[str, Any]:
        """The summary for programs."""
        return {"summary": dict(self.counts), "held_up_by": dict(sorted(self.held_up_by.items()))}


def left_out_lines(left_out: Mapping[SourceKey, int]) -> Iterator[str]:
    """How many findings and incidents of which district are left out, and why."""
    for (district, kind), count in left_out.items():
        yield f"{district}: {count_words(count, kind)} {_LEFT_WORDS[kind]}"


def not_listed_lines(not_listed: NotListed) -> Iterator[str]:
    """The systems that could not be listed, for people."""
    for name, error in sorted(not_listed.items()):
        when = "run this again once it answers" if isinstance(error, TryLater) else "see to it, and run this again"
        status = f"{error.status}: " if error.status else ""
        yield f"INCOMPLETE: {name} could not be listed ({status}{error.words}); {when}"


def not_listed_json(not_listed: NotListed) -> dict[str, Any]:
    """The systems that could not be listed, for programs."""
    return {
        name: {"error": exit_code_of(error).name.lower(), "status": error.status, "message": error.words}
        for name, error in sorted(not_listed.items())
    }


def forecast_word(forecast: Forecast) -> str:
    """In which of six ways a forecast ends."""
    if forecast.failures:
        may_pass = any(isinstance(error, TryLater) for error in forecast.failures.values())
        return "unseen" if may_pass else "refused"
    if forecast.steps or any(doubt.is_news for doubt in forecast.doubts):
        return "change"
    if forecast.unnamed:
        return "held_up"
    return "parked" if forecast.parked else "well"


def systems_of(forecast: Forecast) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The systems that may tell of the case later, and those that refuse to."""
    failures = forecast.failures or {}
    held_up_by = tuple(name for name, error in failures.items() if isinstance(error, TryLater))
    return held_up_by, tuple(name for name in failures if name not in held_up_by)


def forecast_lines(forecast: Forecast) -> Iterator[str]:
    """A forecast for people."""
    ref, kind = forecast.ref, kind_of_ref(forecast.ref)
    for doubt in forecast.doubts:
        yield f"{ref}: {doubt_words(Doubted.of(doubt, 0.0))}"
    for step in forecast.steps:
        yield f"{ref}: would {step_words(step, kind)}"
    for name, error in sorted((forecast.failures or {}).items()):
        when = "come again later" if isinstance(error, TryLater) else "it is not worth repeating"
        yield f"{ref}: cannot be told, {name} could not be asked ({error.words}); {when}"
    if forecast.unnamed:
        yield f"{ref}: held up: {unnamed_words(forecast.unnamed)}"
    for name in forecast.parked:
        yield f"{ref}: parked: {to_do_words(name, kind)}; see remedy parked show {ref}/{name}"


def forecast_json(forecast: Forecast) -> dict[str, Any]:
    """A forecast for programs."""
    failures = {name: type(error).__name__ for name, error in (forecast.failures or {}).items()}
    plan = msgspec.to_builtins(forecast.steps)
    doubts = {doubt.link.tracker: doubt.evidence.value for doubt in forecast.doubts}
    told = {"case": forecast.ref, "plan": plan, "parked": list(forecast.parked), "failures": failures}
    return {**told, "doubts": doubts, "unnamed": list(forecast.unnamed)}


def outcome_word(outcome: WaitOutcome) -> str:
    """In which of six ways a case ends."""
    if outcome.standing.stand is not Stand.SETTLED:
        return "put_off" if outcome.standing.stand is Stand.PUT_OFF else "waiting"
    if outcome.standing.parked:
        return "parked"
    if outcome.standing.unnamed:
        return "held_up"
    return "changed" if outcome.done or outcome.doubted else "well"


def outcome_lines(outcome: WaitOutcome) -> Iterator[str]:
    """An outcome for people."""
    ref, standing, kind = outcome.ref, outcome.standing, kind_of_ref(outcome.ref)
    for doubted in outcome.doubted:
        yield f"{ref}: {doubt_words(doubted)}"
    if outcome.done:
        yield f"{ref}: {'; '.join(done_words(each, kind) for each in outcome.done)}"
    for name in standing.parked:
        yield f"{ref}: parked: {to_do_words(name, kind)}; see remedy parked show {ref}/{name}"
    if standing.unnamed:
        yield f"{ref}: held up: {unnamed_words(standing.unnamed)}"
    if standing.stand is Stand.PUT_OFF:
        by = f" by {', '.join(outcome.held_up_by)}" if outcome.held_up_by else ""
        why = f" ({outcome.because})" if outcome.because else ""
        yield f"{ref}: put off{by} until {time_words(standing.due)} UTC{why}; see remedy case show {ref}"
    elif standing.stand is not Stand.SETTLED:
        yield f"{ref}: not looked at yet"


def outcome_json(outcome: WaitOutcome, word: str) -> dict[str, Any]:
    """An outcome for programs."""
    done = [{"action": each.action, "ticket": each.ticket} for each in outcome.done]
    parked, held_up_by = list(outcome.standing.parked), list(outcome.held_up_by)
    doubts = {each.tracker: each.evidence for each in outcome.doubted}
    told = {"case": outcome.ref, "outcome": word, "done": done, "parked": parked, "held_up_by": held_up_by}
    return {**told, "doubts": doubts, "unnamed": list(outcome.standing.unnamed)}
