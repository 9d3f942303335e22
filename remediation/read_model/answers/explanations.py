"""Which rule takes a finding and why, as an answer that the console shows: nothing of the finding but codes. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import msgspec

from remediation.domain.findings import Finding
from remediation.domain.subjects import Subject
from remediation.mapping.explain.in_step import in_step
from remediation.mapping.explain.reasons import Condition, Trial
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.rules.coverage import kinds_of
from remediation.read_model.rules.conditions import CONDITION_NAMES, OF_ONE_DISTRICT, district_words
from remediation.read_model.rules.explanations import ExplainedSubject, explained_subject
from remediation.read_model.rules.previews import Asked, Previews
from remediation.read_model.wording import count_words
from remediation.rulebook import MappingsRulebook

_SHOWN = frozenset({"district", "severity", "domain_type", "status", "age", "any", "not"})
"""The conditions of which it is shown what the finding has. Where its page is, is none of them."""


class AnsweredCondition(msgspec.Struct, frozen=True):
    """A condition that was tested. `found` is what the finding has, empty where that is not shown.

    `depth` says how far inside of `any` and `not` it stands.
    """

    name: str
    wanted: str
    found: str
    held: bool
    depth: int = 0


class AnsweredTrial(msgspec.Struct, frozen=True):
    """A rule that was tried, by its number in the file, and whether it takes the finding.

    Without conditions it takes everything.
    """

    number: int
    rule: str
    held: bool
    conditions: tuple[AnsweredCondition, ...]


class AnsweredTicket(msgspec.Struct, frozen=True):
    """A ticket that the finding would get: where, and what says how urgent it is, by the tracker's own fields."""

    tracker: str
    kind: str
    place: str
    urgency: tuple[tuple[str, str], ...] = ()


class ExplainAnswer(msgspec.Struct, frozen=True, tag="explanation"):
    """Why a rule takes a finding, or none does, as of `at` (Unix seconds).

    `trials` are the rules that were tried and may take anything of its district, `others` how many were tried that
    cannot. `rules` is the digest of the mappings.yaml that counted.
    """

    district: str
    finding: str
    at: float
    status: str
    severity: str
    rules: str
    rule: str
    verdict: str
    case: str
    trials: tuple[AnsweredTrial, ...]
    others: int
    opening: str = ""
    tickets: tuple[AnsweredTicket, ...] = ()
    then: tuple[str, ...] = ()


def explain_answer(loaded: Loaded, subject: Subject, at: datetime) -> ExplainAnswer:
    """The explanation for a finding as it is read now."""
    shown = explained_subject(Previews(loaded), Asked(_without_words(subject), at))
    rule, key = shown.explanation.rule, subject.key
    trials = tuple(_trials(loaded, shown))
    return ExplainAnswer(
        district=key.district,
        finding=key.id,
        at=at.timestamp(),
        status=subject.status,
        severity=subject.severity,
        rules=loaded.digest,
        rule=rule.name if rule else "",
        verdict=shown.verdict,
        case=shown.case,
        trials=trials,
        others=len(shown.explanation.trials) - len(trials),
        opening=shown.opening if shown.previews else "",
        tickets=tuple(_tickets(loaded, shown)),
        then=tuple(in_step(rule, rule.kind)) if rule and shown.previews else (),
    )


def _without_words(subject: Subject) -> Subject:
    """The subject without words of SchoolScan's that we do not know: they may be anything."""
    detail = subject.detail
    return replace(subject, detail=replace(detail, words={})) if isinstance(detail, Finding) else subject


def _trials(loaded: Loaded, shown: ExplainedSubject) -> Iterator[AnsweredTrial]:
    kinds, district = kinds_of(loaded.mappings), shown.asked.key.district
    own, rules = kinds.having("district", [district]), loaded.mappings.rules
    numbers = {rule.name: number for number, rule in enumerate(rules, 1)}
    for trial in shown.explanation.trials:
        number = numbers[trial.rule]
        if trial.held or kinds.reach(rules[number - 1]).may & own:
            yield _trial(number, trial, frozenset({district}))


def _trial(number: int, trial: Trial, districts: frozenset[str]) -> AnsweredTrial:
    return AnsweredTrial(number, trial.rule, trial.held, tuple(_conditions(trial.conditions, districts)))


def _conditions(
    conditions: tuple[Condition, ...], districts: frozenset[str], depth: int = 0
) -> Iterator[AnsweredCondition]:
    for each in conditions:
        found = each.value if each.name in _SHOWN else ""
        name = CONDITION_NAMES[each.name]
        yield AnsweredCondition(name, _wanted(each, districts), found, each.held, depth)
        for inner in each.sets:
            yield from _conditions(inner, districts, depth + 1)


def _wanted(condition: Condition, districts: frozenset[str]) -> str:
    """What is taken; of what tells of a district, how many words there are."""
    words = condition.wanted.split(", ")
    if condition.sets:
        return ""
    if condition.name in OF_ONE_DISTRICT:
        return count_words(len(words), "word") + " of the rule"
    return district_words(words, districts) if condition.name == "district" else condition.wanted


def _tickets(loaded: Loaded, shown: ExplainedSubject) -> Iterator[AnsweredTicket]:
    ruling = MappingsRulebook(loaded.mappings).ruling(shown.asked.subject, shown.asked.at)
    for preview in shown.previews:
        urgency = tuple(sorted((name, str(value)) for name, value in ruling.urgency(preview.tracker).items()))
        yield AnsweredTicket(preview.tracker, preview.kind, preview.draft.place, urgency)
