"""Which rule takes a subject: the first whose conditions all hold. Indexed: a thousand rules cost little."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import assert_never

from remediation.domain.cases.records import CaseKind
from remediation.domain.findings import DomainType, Finding
from remediation.domain.incidents import Incident, IncidentType
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.summaries import ScanSummary
from remediation.mapping.config.paths import beginnings_of, fixed_beginning, path_of, pattern_of
from remediation.mapping.config.rules import CODE_WORDS, Age, Match, Rule
from remediation.mapping.rules.coverage import Kind, Kinds

_ANY_SITE = "*"

_MOST_KINDS = 512
_DEEPEST_FOLDER = 4

Test = Callable[["Facts"], bool]


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that conditions test. A fact that is not known is None, UNKNOWN, or no code.

    A finding has severity, domain_type, site and path; `sites` is every pattern that its host fits. An incident has a
    type and codes, without blanks around them. What the other kind has, it does not.
    """

    kind: CaseKind
    district: str
    status: Status
    age: timedelta | None
    severity: Severity | None = None
    domain_type: DomainType | None = None
    site: str | None = None
    sites: tuple[str, ...] = (_ANY_SITE,)
    path: str | None = None
    type: IncidentType | None = None
    school: tuple[str, ...] = ()
    offense: tuple[str, ...] = ()
    weapon: tuple[str, ...] = ()
    injury: tuple[str, ...] = ()
    action: tuple[str, ...] = ()


def facts_of(subject: Subject, at: datetime) -> Facts:
    """The facts of a subject at a moment."""
    key, age = subject.key, at - aware(subject.detected_at) if subject.detected_at else None
    match subject.detail:
        case Finding() as finding:
            return Facts(
                kind=key.kind,
                district=key.district,
                status=subject.status,
                age=age,
                severity=finding.severity,
                domain_type=finding.domain_type,
                site=finding.site,
                sites=patterns_of(finding.site),
                path=path_of(finding.url),
            )
        case Incident() as incident:
            return Facts(
                kind=key.kind,
                district=key.district,
                status=subject.status,
                age=age,
                type=incident.type,
                school=_trimmed((incident.school,) if incident.school is not None else ()),
                offense=_trimmed(incident.offenses),
                weapon=_trimmed(incident.weapons),
                injury=_trimmed(incident.injuries),
                action=_trimmed(incident.actions),
            )
        case ScanSummary():
            return Facts(kind=key.kind, district=key.district, status=subject.status, age=age)
        case _:
            assert_never(subject.detail)


def _trimmed(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code for each in codes if (code := each.strip()))


def aware(moment: datetime) -> datetime:
    """The time with an offset; a time without one is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def patterns_of(site: str | None) -> tuple[str, ...]:
    """Every pattern that this host fits: any host, itself, and each parent domain with a star."""
    if not site:
        return (_ANY_SITE,)
    labels = site.split(".")
    above = (f"*.{'.'.join(labels[number:])}" for number in range(1, len(labels)))
    return (_ANY_SITE, site, *above)


def tests_of(match: Match) -> tuple[tuple[str, Test], ...]:
    """Each condition that is written, with its word in mappings.yaml. All must hold."""
    return tuple(_tests(match))


def holds(match: Match, facts: Facts) -> bool:
    """Whether all conditions hold."""
    return all(test(facts) for _, test in _tests(match))


def _tests(match: Match) -> Iterator[tuple[str, Test]]:
    for word in ("district", "severity", "domain_type", "status", "type"):
        if (words := getattr(match, word)) is not None:
            yield word, _one_of(word, frozenset(words))
    for word in CODE_WORDS:
        if (codes := getattr(match, word)) is not None:
            yield word, _code(word, frozenset(codes))
    if match.site is not None:
        yield "site", _site(frozenset(match.site))
    if match.path is not None:
        yield "path", _path(tuple(match.path))
    if match.age is not None:
        yield "age", _age(match.age)
    if match.any_of is not None:
        yield "any", _any_of(tuple(_all_of(inner) for inner in match.any_of))
    if match.none_of is not None:
        yield "not", _none_of(tuple(_all_of(inner) for inner in match.none_of))


def _one_of(word: str, words: frozenset[object]) -> Test:
    return lambda facts: getattr(facts, word) in words


def _code(word: str, codes: frozenset[str]) -> Test:
    return lambda facts: not codes.isdisjoint(getattr(facts, word))


def _site(patterns: frozenset[str]) -> Test:
    return lambda facts: not patterns.isdisjoint(facts.sites)


def _path(globs: tuple[str, ...]) -> Test:
    patterns = [pattern_of(glob) for glob in globs]
    return lambda facts: facts.path is not None and any(pattern.fullmatch(facts.path) for pattern in patterns)


def _age(age: Age) -> Test:
    over, under = age.bounds
    return lambda facts: facts.age is not None and over <= facts.age < under


def _all_of(match: Match) -> Test:
    tests = tuple(test for _, test in _tests(match))
    return lambda facts: all(test(facts) for test in tests)


def _any_of(sets: tuple[Test, ...]) -> Test:
    return lambda facts: any(test(facts) for test in sets)


def _none_of(sets: tuple[Test, ...]) -> Test:
    return lambda facts: not any(test(facts) for test in sets)


_Shelf = tuple[str, tuple[str, ...]]
"""A pattern of sites, or a code, and the beginning of a path: a rule needs to be tried only for what fits it."""

_ANYTHING: _Shelf = (_ANY_SITE, ())


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A compiled rule: it takes a subject if all tests hold, which is possible only for one that fits a shelf."""

    rule: Rule
    tests: tuple[Test, ...]
    shelves: frozenset[_Shelf]


_Index = dict[_Shelf, list[int]]


class Matcher:
    """The compiled rules. Safe to share: its cache has a limited size."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._candidates = tuple(
            _Candidate(rule, tuple(test for _, test in tests_of(rule.match)), _shelves(rule.match)) for rule in rules
        )
        self._districts = frozenset(name for rule in rules for name in _districts(rule.match))
        self._depth = max((len(folders) for each in self._candidates for _, folders in each.shelves), default=0)
        self._indexes: dict[Kind, _Index] = {}

    def rule_for(self, subject: Subject, at: datetime) -> Rule | None:
        """The rule that takes this subject at this moment, or None where no rule does."""
        facts = facts_of(subject, at)
        index = self._index(facts)
        folders = beginnings_of(facts.path, self._depth) if facts.path and self._depth else [()]
        found = [index[shelf] for shelf in product(_places(facts), folders) if shelf in index]
        for number in sorted({number for numbers in found for number in numbers}):
            candidate = self._candidates[number]
            if all(test(facts) for test in candidate.tests):
                return candidate.rule
        return None

    def _index(self, facts: Facts) -> _Index:
        """The numbers of the rules that may take subjects of this kind, by their shelves."""
        district = facts.district if facts.district in self._districts else ""  # rules cannot tell the others apart
        kind = Kind(facts.kind, district, facts.status, facts.severity, facts.domain_type, facts.type)
        index = self._indexes.get(kind)
        if index is None:
            if len(self._indexes) >= _MOST_KINDS:
                self._indexes.clear()
            index = self._indexes[kind] = self._indexed(Kinds([kind]))
        return index

    def _indexed(self, kinds: Kinds) -> _Index:
        """Each rule that may take the kind; none after a rule that takes all of the kind."""
        index: _Index = {}
        for number, candidate in enumerate(self._candidates):
            reach = kinds.reach(candidate.rule)
            if reach.may:
                for shelf in (_ANYTHING,) if reach.must else candidate.shelves:
                    index.setdefault(shelf, []).append(number)
            if reach.must:
                break
        return index


def _shelves(match: Match) -> frozenset[_Shelf]:
    """The shelves of a rule: all that it takes fits at least one of them."""
    for word in CODE_WORDS:
        if (codes := getattr(match, word)) is not None:
            return frozenset((place_of_code(word, code), ()) for code in codes)
    own = {(site, folders) for site in match.site or (_ANY_SITE,) for folders in _folders(match)}
    if own == {_ANYTHING} and match.any_of is not None:
        return frozenset(shelf for inner in match.any_of for shelf in _shelves(inner))
    return frozenset(own)


def _places(facts: Facts) -> tuple[str, ...]:
    """The first parts of all shelves that a subject with these facts fits."""
    if facts.kind is CaseKind.FINDING:
        return facts.sites
    return (_ANY_SITE, *(place_of_code(word, code) for word in CODE_WORDS for code in getattr(facts, word)))


def place_of_code(word: str, code: str) -> str:
    """The first part of a shelf for a code; no host name has an equals sign."""
    return f"{word}={code}"


def _folders(match: Match) -> set[tuple[str, ...]]:
    return {fixed_beginning(glob)[:_DEEPEST_FOLDER] for glob in match.path} if match.path else {()}


def _districts(match: Match) -> Iterator[str]:
    """Every district that the conditions name, at any depth."""
    yield from match.district or ()
    for inner in (*(match.any_of or ()), *(match.none_of or ())):
        yield from _districts(inner)
