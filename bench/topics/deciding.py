"""B6: how fast one process plans, and finds the rule for a finding among a thousand."""

import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from bench.effort import Effort
from bench.report import Line, Report, median_ratio
from bench.senders.deliveries import Deliveries
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Memory
from remediation.domain.findings import DomainType, Finding
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject, subject_of
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.mapping.config.rules import Match, Rule
from remediation.mapping.config.trackers.jira import JiraTicket
from remediation.mapping.rules.matching import Matcher
from remediation.planning import Observation, plan
from sandbox.secrets import DISTRICT

LEAST_PLANS = 100_000
MOST_MATCH_US = 50.0
RULES = 1_000

PLAN = "plans"
YARDSTICK = "anchor: json.loads of a delivery"
MATCH = f"the rule for a finding, of {RULES:,}"
FIRST_MATCH = "the same, first finding of its kind"
SCAN = f"anchor: asking {RULES:,} rules in turn"

_AT = datetime(2026, 4, 15, tzinfo=UTC)
_WANTED = ("servicenow", "jira")
_POLICY = Policy("students-exposed", _WANTED)
_KEY = CaseKey(DISTRICT, CaseKind.FINDING, "fnd_bench")
_ROUND_SHARE = 0.25
"""How much of a round's seconds each of the things here gets: they need no wires to warm up."""

Situation = tuple[Observation, CaseRecord]


def situations() -> tuple[Situation, ...]:
    """One case of each sort: in agreement, new, done, found again, resolved outside, reopened by a person."""
    agreed = Memory(Status.REVIEWING, dict.fromkeys(_WANTED, TicketState.OPEN))
    closed = Memory(Status.RESOLVED, dict.fromkeys(_WANTED, TicketState.DONE))
    return (
        _situation(Status.REVIEWING, TicketState.IN_PROGRESS, agreed),
        _situation(Status.OPEN, None, Memory()),
        _situation(Status.REVIEWING, TicketState.DONE, agreed),
        _situation(Status.OPEN, TicketState.DONE, closed),
        _situation(Status.RESOLVED, TicketState.OPEN, agreed),
        _situation(Status.RESOLVED, TicketState.IN_PROGRESS, closed),
    )


def _situation(status: Status, state: TicketState | None, memory: Memory) -> Situation:
    finding = Finding(_KEY.id, status, Severity.CRITICAL, DomainType.DIRECT_PII)
    tickets = {name: _ticket(name, state) for name in _WANTED} if state else {}
    return Observation(subject_of(_KEY, finding), tickets), CaseRecord(_KEY, memory=memory)


def _ticket(tracker: str, state: TicketState) -> Ticket:
    reason = Reason.FIXED if state is TicketState.DONE else None
    return Ticket(tracker, f"id-{tracker}", "KEY-1", "https://tracker.example/1", state, reason, _KEY.mark)


def rules() -> tuple[Rule, ...]:
    """A thousand rules: one per site, by turns for one severity, for one kind of data, for both, and for anything."""
    severities, kinds = list(Severity), list(DomainType)
    return tuple(
        Rule(
            name=f"rule-{number}", match=_match(number, severities, kinds), tickets={"jira": JiraTicket(project="SEC")}
        )
        for number in range(RULES)
    )


def _match(number: int, severities: Sequence[Severity], kinds: Sequence[DomainType]) -> Match:
    severity = [severities[number % len(severities)]] if number % 2 else None
    kind = [kinds[number % len(kinds)]] if number % 4 > 1 else None
    star = "*." if number % 5 == 0 else ""
    return Match(severity=severity, domain_type=kind, site=[f"{star}school-{number}.example"])


def findings() -> tuple[Finding, ...]:
    """Findings on the sites of those rules, spread over the list, and on sites that no rule names."""
    kinds = itertools.cycle(itertools.product(Severity, DomainType))
    sites = (
        f"www.school-{number}.example" if number % 3 else f"other-{number}.example" for number in range(0, RULES, 7)
    )
    return tuple(
        Finding(f"fnd_{number}", Status.OPEN, severity, kind, site=site)
        for number, (site, (severity, kind)) in enumerate(zip(sites, kinds, strict=False))
    )


def subjects() -> tuple[Subject, ...]:
    """The same findings as the subjects of their cases."""
    return tuple(subject_of(CaseKey(DISTRICT, CaseKind.FINDING, each.id), each) for each in findings())


@dataclass(frozen=True, slots=True)
class Contest:
    """Something to do over and over. `each` is how many of them one call does."""

    name: str
    call: Callable[[], object]
    each: int

    def microseconds(self, seconds: float) -> float:
        """What one takes on average, over about so many seconds."""
        started = time.perf_counter()
        calls = 0
        while (elapsed := time.perf_counter() - started) < seconds:
            self.call()
            calls += 1
        return elapsed / (calls * self.each) * 1e6


def contests() -> tuple[Contest, ...]:
    """Everything that is timed here."""
    seen, ruled, asked = situations(), rules(), subjects()
    matcher = Matcher(ruled)
    body = Deliveries("http://127.0.0.1", "b6").body()
    return (
        Contest(YARDSTICK, lambda: json.loads(body), 1),
        Contest(PLAN, lambda: [plan(observation, _POLICY, record, _AT) for observation, record in seen], len(seen)),
        Contest(SCAN, lambda: [_asked_in_turn(ruled, finding) for finding in findings()[:5]], 5),
        Contest(MATCH, lambda: [matcher.rule_for(subject, _AT) for subject in asked], len(asked)),
        Contest(FIRST_MATCH, lambda: Matcher(ruled).rule_for(asked[0], _AT), 1),
    )


def _asked_in_turn(ruled: Sequence[Rule], finding: Finding) -> Rule | None:
    """The rule for a finding, found by asking one after the other."""
    return next((rule for rule in ruled if _takes(rule.match, finding)), None)


def _takes(match: Match, finding: Finding) -> bool:
    site = finding.site or ""
    return (
        (match.severity is None or finding.severity in match.severity)
        and (match.domain_type is None or finding.domain_type in match.domain_type)
        and (match.site is None or any(site == each or site.endswith(each.removeprefix("*")) for each in match.site))
    )


def measure(effort: Effort) -> Report:
    """Interleaved rounds, all in this process."""
    entries = contests()
    for each in entries:
        each.microseconds(0.05)
    taken: dict[str, list[float]] = {each.name: [] for each in entries}
    for _ in range(effort.rounds):
        for each in entries:
            taken[each.name].append(each.microseconds(effort.seconds * _ROUND_SHARE))
    return Report(
        topic="deciding",
        lines=_lines(taken),
        figures={"us": taken},
        unit="µs each, median",
        bars={name: median(values) for name, values in taken.items()},
    )


def _lines(taken: dict[str, list[float]]) -> tuple[Line, ...]:
    cost = {name: median(values) for name, values in taken.items()}
    plans = 1e6 / cost[PLAN]
    by_yardstick = median_ratio(taken[PLAN], taken[YARDSTICK])
    gain = median_ratio(taken[SCAN], taken[MATCH])
    match = f"{cost[MATCH]:.1f} µs, {gain:.0f} times the anchor's speed"
    return (
        Line("B6", YARDSTICK, f"{cost[YARDSTICK]:.1f} µs"),
        Line(
            "B6", PLAN, f"{plans:,.0f}/s, {by_yardstick:.2f} anchors each", f"≥ {LEAST_PLANS:,}/s", plans >= LEAST_PLANS
        ),
        Line("B6", SCAN, f"{cost[SCAN]:.1f} µs"),
        Line("B6", MATCH, match, f"≤ {MOST_MATCH_US:.0f} µs", cost[MATCH] <= MOST_MATCH_US),
        Line("B6", FIRST_MATCH, f"{cost[FIRST_MATCH]:.1f} µs"),
    )
