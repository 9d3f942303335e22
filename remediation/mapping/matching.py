"""Which rule takes a finding: the first whose conditions all hold. Indexed: a thousand rules cost little."""

from collections.abc import Iterator, Sequence

from remediation.findings import DomainType, Finding, Severity
from remediation.mapping.rules import Match, Rule

_ANYWHERE = "*"

_Question = tuple[str, Severity, DomainType]


class Matcher:
    """The rules, ready to be asked. Safe to share: its memory of questions only ever grows, to a bounded size."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._districts = frozenset(name for rule in rules for name in rule.match.district or ())
        self._first_by_site: dict[_Question, dict[str, int]] = {}

    def rule_for(self, finding: Finding, district: str) -> Rule | None:
        """The rule that takes this finding of this district, or None where no rule does."""
        named = district if district in self._districts else ""  # rules cannot tell the others apart
        question = (named, finding.severity, finding.domain_type)
        first = self._first_by_site.get(question)
        if first is None:
            first = self._first_by_site[question] = self._index(question)
        found = [first[pattern] for pattern in _patterns_of(finding.site) if pattern in first]
        return self._rules[min(found)] if found else None

    def _index(self, question: _Question) -> dict[str, int]:
        """The first rule for each site pattern, among the rules that hold for all else; none after one for any site."""
        first: dict[str, int] = {}
        for number, rule in enumerate(self._rules):
            if _holds(rule.match, question):
                for pattern in rule.match.site or (_ANYWHERE,):
                    first.setdefault(pattern, number)
            if _ANYWHERE in first:
                break
        return first


def _holds(match: Match, question: _Question) -> bool:
    district, severity, domain_type = question
    return (
        (match.district is None or district in match.district)
        and (match.severity is None or severity in match.severity)
        and (match.domain_type is None or domain_type in match.domain_type)
    )


def _patterns_of(site: str | None) -> Iterator[str]:
    """Every pattern that this host fits: itself, what is above it with a star, and anything at all."""
    yield _ANYWHERE
    if site:
        yield site
        labels = site.split(".")
        for number in range(1, len(labels)):
            yield f"*.{'.'.join(labels[number:])}"
