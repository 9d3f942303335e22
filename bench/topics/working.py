"""B3 and B5: what a worker's looks cost beside their bare calls, how many it does, and how many requests they take."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from bench.bare import Order, Outcome, make_calls
from bench.effort import Effort
from bench.processes import cpu_seconds
from bench.report import Line, Report, median_ratio
from bench.system import System, open_system
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.store.cases.todo import Todo
from remediation.store.server.connection import Connection
from sandbox.secrets import DISTRICT

REQUESTS_OF_A_NEW_CASE = 7
"""One read of the finding, a search and a create in each tracker, Jira's link to the finding, and the note."""

MOST_NEW, MOST_LOOK = 2.0, 1.8
LEAST_RATE = 150

_CASES_A_SAMPLE = 10
_CLEAR_SECONDS = 5.0
_SILENCE_SECONDS = 0.5
_CRITICAL = {"severity": "critical", "domain_type": "direct_pii"}


@dataclass(slots=True)
class Rounds:
    """One value for each round: milliseconds of the worker's processor time, cases a second, requests of a new case."""

    new_ms: list[float] = field(default_factory=list)
    look_ms: list[float] = field(default_factory=list)
    new_rate: list[float] = field(default_factory=list)
    look_rate: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    bare: list[Outcome] = field(default_factory=list)


def measure(effort: Effort) -> Report:
    """Rounds of new cases, the same calls bare, and looks at the same cases, in turn; a first round warms up."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Report:
    rounds, count = Rounds(), effort.samples * _CASES_A_SAMPLE
    async with open_system() as system:
        await _round(system, Rounds(), _CASES_A_SAMPLE)
        for _ in range(effort.rounds):
            await _round(system, rounds, count)
    figures = {**asdict(rounds), "cases": count}
    return Report("working", _lines(rounds), figures, "ms of processor time", _bars(rounds))


async def _round(system: System, rounds: Rounds, count: int) -> None:
    await system.keep_clear_of_polls(_CLEAR_SECONDS)
    ids, others = (system.outside.add_findings([_CRITICAL] * count) for _ in range(2))
    system.forget_requests()
    spent, rate = await _looked_at(system, ids)
    asked = sum(len(system.journal(name)) for name in system.stage.outside)
    rounds.new_ms.append(spent)
    rounds.new_rate.append(rate)
    rounds.requests.append(asked / count)
    outside = system.stage.outside
    order = Order(outside["schoolscan"], outside["servicenow"], outside["jira"], others)
    rounds.bare.append(await asyncio.to_thread(make_calls, order))
    spent, rate = await _looked_at(system, ids)
    rounds.look_ms.append(spent)
    rounds.look_rate.append(rate)


async def _looked_at(system: System, ids: Sequence[str]) -> tuple[float, float]:
    """Have these cases looked at. Returns what each cost the worker, and how many there were a second.

    It includes what the trackers' webhooks about it cost: they come in before the end is seen.
    """
    keys = [CaseKey(DISTRICT, CaseKind.FINDING, each) for each in ids]
    began, spent = time.perf_counter(), cpu_seconds(system.worker.pid)
    await Todo(Connection(system.redis)).mark([(key, None) for key in keys], time.time())
    await system.settle()
    seconds = time.perf_counter() - began
    await asyncio.sleep(_SILENCE_SECONDS)
    await system.settle()
    return (cpu_seconds(system.worker.pid) - spent) / len(ids) * 1000, len(ids) / seconds


def _lines(rounds: Rounds) -> tuple[Line, ...]:
    bare_new, bare_look = [each.new_ms for each in rounds.bare], [each.look_ms for each in rounds.bare]
    new, look = median_ratio(rounds.new_ms, bare_new), median_ratio(rounds.look_ms, bare_look)
    rate, requests = median(rounds.new_rate), round(median(rounds.requests), 1)
    return (
        Line("B3", "anchor: the calls of a new case, bare", f"{median(bare_new):.1f} ms CPU"),
        Line("B3", "a new case with two tickets", f"{median(rounds.new_ms):.1f} ms CPU"),
        Line("B3", "the new case / its bare calls", f"{new:.2f}", f"≤ {MOST_NEW:.2f}", new <= MOST_NEW),
        Line("B3", "requests of a new case", f"{requests:.1f}", "7", requests == REQUESTS_OF_A_NEW_CASE),
        Line("B3", "new cases, one worker", f"{rate:.0f}/s", f"≥ {LEAST_RATE}/s", rate >= LEAST_RATE),
        Line("B5", "anchor: the reads of a look, bare", f"{median(bare_look):.1f} ms CPU"),
        Line("B5", "a look that finds nothing to do", f"{median(rounds.look_ms):.1f} ms CPU"),
        Line("B5", "the look / its bare reads", f"{look:.2f}", f"≤ {MOST_LOOK:.2f}", look <= MOST_LOOK),
        Line("B5", "looks that find nothing to do, one worker", f"{median(rounds.look_rate):.0f}/s"),
    )


def _bars(rounds: Rounds) -> dict[str, float]:
    return {
        "new case, bare": median(each.new_ms for each in rounds.bare),
        "new case": median(rounds.new_ms),
        "look, bare": median(each.look_ms for each in rounds.bare),
        "look": median(rounds.look_ms),
    }
