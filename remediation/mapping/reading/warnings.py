"""What is allowed and yet probably not meant: rules that never take a finding, findings that no rule takes, and so on.

Nothing here is a guess: what is warned of is certain. Not everything that is certain is found.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from remediation.domain.errors import Problem
from remediation.domain.findings import DomainType
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason
from remediation.mapping.config.paths import covers, fixed_beginning
from remediation.mapping.config.policies import PolicyWords
from remediation.mapping.config.rules import Age, Match, Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.idle_choices import idle_choices
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import Complaint, Steps, key_text
from remediation.mapping.rules.coverage import STATUSES, Kind, Kinds, is_particular, kinds_of
from remediation.mapping.rules.matching import patterns_of

ValueT = TypeVar("ValueT")

_MOST_NAMED = 3


def warnings_of(loaded: Loaded) -> tuple[Problem, ...]:
    """Every warning, in the order of the file."""
    mappings = loaded.mappings
    kinds = kinds_of(mappings)
    complaints = [*_never_taking(mappings.rules, kinds), *_gaps(mappings, kinds), *_doubts(mappings)]
    complaints += [*idle_choices(loaded), *_outcomes_that_say_half(loaded)]
    problems = [loaded.positions.problem(loaded.where, complaint) for complaint in complaints]
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message)))


def _never_taking(rules: Sequence[Rule], kinds: Kinds) -> Iterator[Complaint]:
    taken, particular = 0, _Particular()
    takers: list[_Taker] = []
    for number, rule in enumerate(rules):
        reach = kinds.reach(rule.match)
        before = list(particular.covering(rule.match)) if reach.may & ~taken else []
        left = reach.may & ~taken
        for taker in before:
            left &= ~taker.kinds
        if not reach.may:
            yield Complaint(("rules", number, "name"), "can never take a finding: its conditions exclude each other")
        elif not left:
            culprits = [taker.rule for taker in [*takers, *before] if taker.kinds & reach.may]
            yield Complaint(("rules", number, "name"), f"can never take a finding: {_all_taken_by(culprits)}")
        if reach.must & ~taken:
            takers.append(_Taker(rule, reach.must & ~taken))
            taken |= reach.must
        elif is_particular(rule.match) and rule.match.any_of is None and rule.match.none_of is None:
            particular.add(_Taker(rule, kinds.plain(rule.match)))


@dataclass(frozen=True, slots=True)
class _Taker:
    """A rule, and the kinds of finding of which it takes all that fit its site, path and age."""

    rule: Rule
    kinds: int


class _Particular:
    """Earlier rules that take the findings of certain sites, paths and ages; found by a site and a path's beginning."""

    def __init__(self) -> None:
        self._shelves: dict[tuple[str | None, tuple[str, ...]], list[_Taker]] = {}

    def add(self, taker: _Taker) -> None:
        """Remember a rule."""
        match = taker.rule.match
        beginnings = {fixed_beginning(glob) for glob in match.path or ("/**",)}
        for shelf in product(dict.fromkeys(match.site or (None,)), beginnings):
            self._shelves.setdefault(shelf, []).append(taker)

    def covering(self, match: Match) -> Iterator[_Taker]:
        """The rules whose sites, paths and ages include those of these conditions."""
        sites = (None, *(_wider(match.site[0]) if match.site else ()))
        folders = fixed_beginning(match.path[0]) if match.path else ()
        beginnings = [folders[:number] for number in range(len(folders) + 1)]
        for shelf in product(sites, beginnings):
            for taker in self._shelves.get(shelf, ()):
                if _takes_in(taker.rule.match, match):
                    yield taker


def _takes_in(wide: Match, narrow: Match) -> bool:
    return (
        _each(wide.site, narrow.site, lambda one, other: one in _wider(other))
        and _each(wide.path, narrow.path, covers)
        and _older_and_younger(wide.age, narrow.age)
    )


def _each(wide: list[str] | None, narrow: list[str] | None, takes_in: Callable[[str, str], bool]) -> bool:
    """Whether each of the narrow patterns lies within one of the wide ones."""
    if wide is None:
        return True
    return narrow is not None and all(any(takes_in(one, other) for one in wide) for other in narrow)


def _wider(site: str) -> tuple[str, ...]:
    """Every pattern that includes all sites of this one."""
    return (site, *patterns_of(site.removeprefix("*."))[2:])


def _older_and_younger(wide: Age | None, narrow: Age | None) -> bool:
    if wide is None or narrow is None:
        return wide is None
    return wide.bounds[0] <= narrow.bounds[0] and narrow.bounds[1] <= wide.bounds[1]


def _all_taken_by(rules: Sequence[Rule]) -> str:
    names = list(dict.fromkeys(key_text(rule.name) for rule in rules))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    which = f"rules {', '.join(names[:_MOST_NAMED])}{more}, which come earlier, take"
    return f"{which if len(names) > 1 else f'rule {names[0]}, which comes earlier, takes'} all that it would"


def _gaps(mappings: Mappings, kinds: Kinds) -> Iterator[Complaint]:
    taken = 0
    for rule in mappings.rules:
        taken |= kinds.reach(rule.match).may
    for gap in _summed_up(kinds.of(kinds.all & ~taken)):
        yield Complaint(("rules",), f"no rule takes {_gap_text(gap, mappings)}", "key")


@dataclass(frozen=True, slots=True)
class _Gap:
    """Findings that no rule takes: every combination of these values."""

    districts: tuple[str, ...]
    severities: tuple[Severity, ...]
    domain_types: tuple[DomainType, ...]
    statuses: tuple[Status, ...]


def _summed_up(kinds: Iterable[Kind]) -> list[_Gap]:
    """The kinds as few gaps: those that differ in one value only are one gap."""
    gaps = [_Gap((each.district,), (each.severity,), (each.domain_type,), (each.status,)) for each in kinds]
    gaps = _merged(gaps, lambda gap: (gap.districts, gap.severities, gap.domain_types))
    gaps = _merged(gaps, lambda gap: (gap.districts, gap.statuses, gap.domain_types))
    gaps = _merged(gaps, lambda gap: (gap.districts, gap.statuses, gap.severities))
    return _merged(gaps, lambda gap: (gap.statuses, gap.severities, gap.domain_types))


def _merged(gaps: Iterable[_Gap], same: Callable[[_Gap], object]) -> list[_Gap]:
    groups: dict[object, list[_Gap]] = {}
    for gap in gaps:
        groups.setdefault(same(gap), []).append(gap)
    return [
        _Gap(
            _all(gap.districts for gap in group),
            _all(gap.severities for gap in group),
            _all(gap.domain_types for gap in group),
            _all(gap.statuses for gap in group),
        )
        for group in groups.values()
    ]


def _all(values: Iterable[tuple[ValueT, ...]]) -> tuple[ValueT, ...]:
    return tuple(dict.fromkeys(value for some in values for value in some))


def _gap_text(gap: _Gap, mappings: Mappings) -> str:
    parts = [
        _part("domain_type", gap.domain_types, DomainType),
        _part("severity", gap.severities, Severity),
        _part("district", gap.districts, mappings.districts),
        _part("status", gap.statuses, STATUSES),
    ]
    said = "; ".join(part for part in parts if part)
    return f"findings of {said}" if said else "any finding"


def _part(word: str, values: Sequence[str], every: Iterable[str]) -> str:
    """`severity low or unknown`; nothing where it is all that there are."""
    if set(values) == set(every):
        return ""
    names = [key_text(str(value)) for value in values]
    return f"{word} {' or '.join(part for part in (', '.join(names[:-1]), names[-1]) if part)}"


def _doubts(mappings: Mappings) -> Iterator[Complaint]:
    for name, tracker in mappings.trackers.items():
        for words, message in tracker.doubts():
            yield Complaint(("trackers", name, *words), message, "key")


def _outcomes_that_say_half(loaded: Loaded) -> Iterator[Complaint]:
    """Rules that set what an unmapped word means, but not what a ticket without any word means."""
    rules = loaded.mappings.rules
    holders: list[tuple[Steps, PolicyWords]] = [(("defaults",), loaded.mappings.defaults)]
    holders += [(("rules", number), rule) for number, rule in enumerate(rules)]
    for steps, words in holders:
        where = (*steps, "outcomes", Reason.UNKNOWN.value)
        is_kept = words.outcomes.get(Reason.UNKNOWN) is Status.REVIEWING
        if is_kept and Reason.NONE not in words.outcomes and where in loaded.positions.keys:
            message = "is only about words that nothing maps: closed without any reason, a ticket resolves its finding"
            yield Complaint(where, f"{message}; write what none means, too")
