"""The conditions of `match`, each compiled once into a test of the facts of one finding."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.mapping.config.paths import path_of, pattern_of
from remediation.mapping.config.rules import Age, Match

ANY_SITE = "*"

Test = Callable[["Facts"], bool]


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that conditions test. `sites` is every pattern that the host fits; None is a fact that is not known."""

    district: str
    severity: Severity
    domain_type: DomainType
    status: Status
    site: str | None
    sites: tuple[str, ...]
    path: str | None
    age: timedelta | None


def facts_of(finding: Finding, district: str, at: datetime) -> Facts:
    """The facts of a finding at a moment."""
    return Facts(
        district=district,
        severity=finding.severity,
        domain_type=finding.domain_type,
        status=finding.status,
        site=finding.site,
        sites=patterns_of(finding.site),
        path=path_of(finding.url),
        age=age_of(finding.detected_at, at),
    )


def age_of(detected_at: datetime | None, at: datetime) -> timedelta | None:
    """How long ago it was first detected. A time without an offset is UTC."""
    return None if detected_at is None else at - aware(detected_at)


def aware(moment: datetime) -> datetime:
    """The time with its offset; without one it is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def patterns_of(site: str | None) -> tuple[str, ...]:
    """Every pattern that this host fits: any host, itself, and each parent domain with a star."""
    if not site:
        return (ANY_SITE,)
    labels = site.split(".")
    above = (f"*.{'.'.join(labels[number:])}" for number in range(1, len(labels)))
    return (ANY_SITE, site, *above)


def tests_of(match: Match) -> tuple[tuple[str, Test], ...]:
    """Each condition that is written, with its word in mappings.yaml. All must hold."""
    return tuple(_tests(match))


def holds(match: Match, facts: Facts) -> bool:
    """Whether all conditions hold."""
    return all(test(facts) for _, test in _tests(match))


def _tests(match: Match) -> Iterator[tuple[str, Test]]:
    for word in ("district", "severity", "domain_type", "status"):
        if (words := getattr(match, word)) is not None:
            yield word, _one_of(word, frozenset(words))
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
