"""What would be done about one case if a worker looked at it now, in sentences and as values for programs. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from remediation.domain.cases.records import CaseKey, CaseRecord
from remediation.domain.errors import OutsideError
from remediation.domain.ownership import Evidence
from remediation.domain.policy import Policy
from remediation.look.observing import Snapshot
from remediation.planning import plan
from remediation.read_model.cases.views import NOTHING_KNOWN, Fact, entry_json, given_up_facts, parked_facts
from remediation.read_model.cases.words import doubt_words, step_words, ticket_words, unnamed_words
from remediation.store.cases.entries import Doubted, PlannedStep, Seen, steps_of


@dataclass(frozen=True, slots=True)
class CaseForecast:
    """What was observed of a case, and what would be done. `known`: the store knew it before."""

    key: CaseKey
    known: bool
    snapshot: Snapshot
    seen: Seen
    steps: tuple[PlannedStep, ...]
    parked: frozenset[str]
    given_up: frozenset[str]
    members: tuple[str, ...] = ()


def case_forecast(record: CaseRecord, snapshot: Snapshot, now: float, *, known: bool) -> CaseForecast:
    """The forecast for the case as it is remembered, from what was observed of it at `now` (Unix seconds)."""
    observed = snapshot.observation
    return CaseForecast(
        key=record.key,
        known=known,
        snapshot=snapshot,
        seen=Seen.of(observed.subject, observed.tickets, observed.unseen, now),
        steps=steps_of(plan(observed, snapshot.policy, record, snapshot.at)),
        parked=frozenset(map(str, record.undecided)),
        given_up=frozenset(map(str, record.given_up)),
        members=tuple(sorted(record.members)),
    )


def trouble_words(error: OutsideError) -> str:
    """Why a system was not seen, in its own words."""
    return error.words if error.status is None else f"{error.status}: {error.words}"


def forecast_facts(shown: CaseForecast, trouble: Callable[[OutsideError], str] = trouble_words) -> Iterator[Fact]:
    """What was observed, and what stands in the way; `trouble` says why a system was not seen."""
    if not shown.known:
        yield Fact("memory", f"none: this case {NOTHING_KNOWN}")
    for name in shown.members:
        yield Fact("member", name)
    yield Fact(shown.key.kind, f"{shown.seen.status.replace('_', ' ')}, {shown.seen.severity}")
    yield Fact("rule", _rule_words(shown.snapshot.policy))
    for ticket in shown.seen.tickets:
        yield Fact("ticket", ticket_words(ticket))
    for doubt in shown.snapshot.doubts.values():
        yield Fact("not ours" if not doubt.is_ours else "no mark", doubt_words(Doubted.of(doubt, shown.seen.at)))
    for each in shown.snapshot.strangers:
        yield Fact("not ours", doubt_words(Doubted(shown.seen.at, each.tracker, each.key, Evidence.STRANGER)))
    for name, error in sorted(shown.snapshot.failures.items()):
        yield Fact("not seen", f"{name}: {trouble(error)}")
    if unnamed := shown.snapshot.observation.unnamed:
        yield Fact("held up", unnamed_words(unnamed))
    yield from parked_facts(shown.key, shown.parked)
    yield from given_up_facts(shown.key, shown.given_up)


def plan_lines(shown: CaseForecast) -> Iterator[str]:
    """The steps in their order, with their reasons; where there are none, whether all is well."""
    if not shown.steps:
        in_doubt = shown.snapshot.failures or shown.snapshot.observation.unnamed or shown.parked or shown.given_up
        yield "nothing: all is well" if not in_doubt else "nothing that could be done now"
    for number, step in enumerate(shown.steps, 1):
        yield f"{number}. {step_words(step, shown.key.kind)}"


def _rule_words(policy: Policy) -> str:
    """The rule that counts, and why, where that rule does not take the case."""
    if not policy.rule:
        return "none takes it: what `defaults` say counts"
    return f"none takes it: what {policy.rule} said goes on counting" if policy.is_former else policy.rule


def forecast_json(shown: CaseForecast) -> dict[str, Any]:
    """All of it for programs. Times are ISO 8601."""
    return {
        "case": shown.key.ref,
        "known": shown.known,
        "members": list(shown.members),
        "rule": shown.snapshot.policy.rule,
        "takes_it_no_more": shown.snapshot.policy.is_former,
        "seen": entry_json(shown.seen),
        "failures": {
            name: {"error": type(error).__name__, "status": error.status, "words": error.words}
            for name, error in shown.snapshot.failures.items()
        },
        "unnamed": sorted(shown.snapshot.observation.unnamed),
        "doubts": {name: doubt.evidence.value for name, doubt in sorted(shown.snapshot.doubts.items())},
        "strangers": [{"tracker": each.tracker, "ticket": each.key} for each in shown.snapshot.strangers],
        "parked": sorted(shown.parked),
        "given_up": sorted(shown.given_up),
        "plan": msgspec.to_builtins(shown.steps),
    }
