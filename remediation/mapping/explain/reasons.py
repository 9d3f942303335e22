"""Why a rule takes a subject: every condition that was tested, with what it takes and what the subject has.

The conditions are evaluated by the same tests as in matching; only the words for people are here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remediation.domain.findings import Finding
from remediation.domain.subjects import Subject
from remediation.mapping.config.rules import Match, Rule
from remediation.mapping.config.words import duration_text
from remediation.mapping.rules.matching import Facts, facts_of, tests_of

_NOTHING = "(not known)"
_SETS = {"any": "at least one of these", "not": "none of these"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule: what it takes, what the subject has, and whether that fits.

    `sets` are what stands inside of `any` and `not`: sets of conditions, in each of which all must hold.
    """

    name: str
    wanted: str
    value: str
    held: bool
    sets: tuple[tuple["Condition", ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One rule that was tried. Without conditions it takes everything."""

    rule: str
    conditions: tuple[Condition, ...]

    @property
    def held(self) -> bool:
        """Whether every condition held, so that the rule takes the subject."""
        return _all_hold(self.conditions)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The rule that takes a subject, or None; and every rule that was tried until then, in order."""

    rule: Rule | None
    trials: tuple[Trial, ...]


def explained(rules: Sequence[Rule], subject: Subject, at: datetime) -> Explanation:
    """Why the first of the rules whose conditions all hold takes the subject, or why none does.

    Rules of another kind are not tried.
    """
    facts, trials = facts_of(subject, at), []
    said = subject.detail.words if isinstance(subject.detail, Finding) else {}
    for rule in rules:
        if rule.kind is not subject.key.kind:
            continue
        trial = Trial(rule.name, _conditions(rule.match, facts, said))
        trials.append(trial)
        if trial.held:
            return Explanation(rule, tuple(trials))
    return Explanation(None, tuple(trials))


def _conditions(match: Match, facts: Facts, said: Mapping[str, str]) -> tuple[Condition, ...]:
    return tuple(
        _set_condition(word, match, facts, said, held=test(facts))
        if word in _SETS
        else Condition(word, _wanted(match, word), _value(word, facts, said), test(facts))
        for word, test in tests_of(match)
    )


def _set_condition(word: str, match: Match, facts: Facts, said: Mapping[str, str], *, held: bool) -> Condition:
    inner = (match.any_of if word == "any" else match.none_of) or ()
    sets = tuple(_conditions(each, facts, said) for each in inner)
    count = sum(_all_hold(each) for each in sets)
    return Condition(word, _SETS[word], f"{count} of {len(sets)}", held, sets)


def _all_hold(conditions: Sequence[Condition]) -> bool:
    return all(condition.held for condition in conditions)


def _wanted(match: Match, word: str) -> str:
    if match.age is not None and word == "age":
        bounds = (("over", match.age.over), ("under", match.age.under))
        return " and ".join(f"{name} {duration_text(span)}" for name, span in bounds if span is not None)
    return ", ".join(getattr(match, word))


def _value(word: str, facts: Facts, said: Mapping[str, str]) -> str:
    value = getattr(facts, word)
    if isinstance(value, timedelta):
        return _rounded(value)
    if isinstance(value, tuple):
        return ", ".join(value) or _NOTHING
    raw = said.get(word)
    return _NOTHING if value is None else f"{value} ({raw})" if raw else str(value)


def _rounded(span: timedelta) -> str:
    """A span in the two largest of its units, as `12d 3h`; negative where it has not begun."""
    minutes, sign = abs(span) // timedelta(minutes=1), "-" if span < timedelta(0) else ""
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{sign}{days}d {hours}h" if days else f"{sign}{hours}h {minutes}m"
