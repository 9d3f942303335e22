"""What is allowed and yet probably not meant: rules that never take anything, findings that no rule takes, and so on.

Nothing here is a guess: what is warned of is certain. Not everything that is certain is found.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import Problem
from remediation.domain.findings import DomainType
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason
from remediation.mapping.config.paths import covers, fixed_beginning
from remediation.mapping.config.policies import PolicyWords
from remediation.mapping.config.rules import CODE_WORDS, Age, Match, Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.checks.idle_choices import idle_choices
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import Complaint, Steps, key_text
from remediation.mapping.rules.coverage import STATUSES, Kind, Kinds, is_particular, kinds_of
from remediation.mapping.rules.matching import patterns_of, place_of_code

ValueT = TypeVar("ValueT")

_MOST_NAMED = 3


def warnings_of(loaded: Loaded) -> tuple[Problem, ...]:
    """Every warning, in the order of the file."""
    mappings = loaded.mappings
    kinds = kinds_of(mappings)
    complaints = [
        *_never_taking(mappings, kinds),
        *_gaps(mappings, kinds),
        *_doubts(mappings),
        *_idle_feeds(mappings, kinds),
    ]
    complaints += [*idle_choices(loaded), *_outcomes_that_say_half(loaded)]
    problems = [loaded.positions.problem(loaded.where, complaint) for complaint in complaints]
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message)))


def _never_taking(mappings: Mappings, kinds: Kinds) -> Iterator[Complaint]:
    taken, particular = 0, _Particular()
    takers: list[_Taker] = []
    for number, rule in enumerate(mappings.rules):
        reach, what = kinds.reach(rule), _ONE_OF[rule.kind]
        before = list(particular.covering(rule)) if reach.may & ~taken else []
        left = reach.may & ~taken
        for taker in before:
            left &= ~taker.kinds
        if not kinds.having("of", [rule.kind]):
            yield Complaint(("rules", number, "name"), f"can never take {what}: no district has a feed of incidents")
        elif not reach.may:
            yield Complaint(("rules", number, "name"), f"can never take {what}: {_why_not(mappings, rule, kinds)}")
        elif not left:
            culprits = [taker.rule for taker in [*takers, *before] if taker.kinds & reach.may]
            yield Complaint(("rules", number, "name"), f"can never take {what}: {_all_taken_by(culprits)}")
        if reach.must & ~taken:
            takers.append(_Taker(rule, reach.must & ~taken))
            taken |= reach.must
        elif is_particular(rule.match) and rule.match.any_of is None and rule.match.none_of is None:
            particular.add(_Taker(rule, kinds.plain(rule)))


_ONE_OF = {CaseKind.FINDING: "a finding", CaseKind.INCIDENT: "an incident"}


def _why_not(mappings: Mappings, rule: Rule, kinds: Kinds) -> str:
    """Why no kind is left to a rule: districts that it names may have no feed."""
    named, feeding = rule.match.district, {kind.district for kind in kinds.kinds if kind.of is CaseKind.INCIDENT}
    if (
        rule.kind is CaseKind.INCIDENT
        and named
        and feeding.isdisjoint(named)
        and mappings.districts.keys() >= set(named)
    ):
        return "no district that it names has a feed of incidents"
    return "its conditions exclude each other"


@dataclass(frozen=True, slots=True)
class _Taker:
    """A rule, and the kinds of which it surely takes all that fits its site, path, age and codes."""

    rule: Rule
    kinds: int


class _Particular:
    """Earlier rules that take only certain sites, paths, ages and codes; found by a site and a path's beginning."""

    def __init__(self) -> None:
        self._shelves: dict[tuple[str | None, tuple[str, ...]], list[_Taker]] = {}

    def add(self, taker: _Taker) -> None:
        """Remember a rule."""
        match = taker.rule.match
        beginnings = {fixed_beginning(glob) for glob in match.path or ("/**",)}
        for shelf in product(_places(match) or (None,), beginnings):
            self._shelves.setdefault(shelf, []).append(taker)

    def covering(self, rule: Rule) -> Iterator[_Taker]:
        """The rules of the same kind whose sites, paths, ages and codes take in all that this rule leaves."""
        match = rule.match
        firsts = [codes[0] for word in CODE_WORDS if (codes := _codes(match, word))]
        places = (None, *(_wider(match.site[0]) if match.site else firsts))
        folders = fixed_beginning(match.path[0]) if match.path else ()
        beginnings = [folders[:number] for number in range(len(folders) + 1)]
        for shelf in product(places, beginnings):
            for taker in self._shelves.get(shelf, ()):
                if taker.rule.kind is rule.kind and _takes_in(taker.rule.match, match):
                    yield taker


def _places(match: Match) -> list[str]:
    """The sites or the codes of one word that a rule names, each once; none where it names neither."""
    codes = next((found for word in CODE_WORDS if (found := _codes(match, word))), [])
    return list(dict.fromkeys(match.site or codes))


def _codes(match: Match, word: str) -> list[str]:
    return [place_of_code(word, code) for code in getattr(match, word) or ()]


def _takes_in(wide: Match, narrow: Match) -> bool:
    return (
        _each(wide.site, narrow.site, lambda one, other: one in _wider(other))
        and _each(wide.path, narrow.path, covers)
        and _older_and_younger(wide.age, narrow.age)
        and all(_each(getattr(wide, word), getattr(narrow, word), str.__eq__) for word in CODE_WORDS)
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
    """Findings that no rule takes. Most incidents need no ticket: of them, nothing is a gap."""
    taken = kinds.having("of", [CaseKind.INCIDENT])
    for rule in mappings.rules:
        taken |= kinds.reach(rule).may
    for gap in _summed_up(kinds.of(kinds.all & ~taken)):
        yield Complaint(("rules",), f"no rule takes {_gap_text(gap, mappings)}", "key")


def _idle_feeds(mappings: Mappings, kinds: Kinds) -> Iterator[Complaint]:
    """Feeds whose incidents no rule takes, and links of which nobody could tell to which incident they lead."""
    wanted = kinds.having("of", [CaseKind.INCIDENT])
    taken = 0
    for rule in mappings.rules:
        taken |= kinds.reach(rule).may & wanted
    reached = {kind.district for kind in kinds.of(taken)}
    for name, district in mappings.districts.items():
        where: Steps = ("districts", name, "incidents")
        if district.incidents and name not in reached:
            yield Complaint(where, "is read for nothing: no rule takes incidents of this district", "key")
        if len({feed.incident_link for feed in district.incidents.values()}) > 1:
            message = "has feeds with different incident_link: an incident does not tell its feed, so none is written"
            yield Complaint(where, message, "key")


@dataclass(frozen=True, slots=True)
class _Gap:
    """Findings that no rule takes: every combination of these values."""

    districts: tuple[str, ...]
    severities: tuple[Severity, ...]
    domain_types: tuple[DomainType, ...]
    statuses: tuple[Status, ...]


def _summed_up(kinds: Iterable[Kind]) -> list[_Gap]:
    """As few gaps as it takes: what differs in one thing only is one gap."""
    gaps = [
        _Gap((each.district,), (each.severity,), (each.domain_type,), (each.status,))
        for each in kinds
        if each.severity is not None and each.domain_type is not None
    ]
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
