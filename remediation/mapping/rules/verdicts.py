"""What is known of rules before any finding is seen: which kinds of finding one may take, and which it always takes.

Kinds are told apart by district, severity, domain_type and status. A set of them is a whole number with one bit for
each kind, so that a thousand rules over thousands of kinds take milliseconds. Conditions on site, path and age may hold
or not; what follows is computed as in three-valued logic.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from remediation.domain.findings import DomainType
from remediation.domain.status import Severity, Status
from remediation.mapping.config.rules import Match


class Kind(NamedTuple):
    """A kind of finding."""

    district: str
    severity: Severity
    domain_type: DomainType
    status: Status


class Reach(NamedTuple):
    """The kinds of which a rule may take findings, and the kinds of which it takes every finding."""

    may: int
    must: int


class Kinds:
    """Some kinds of finding, and the sets of them that conditions name."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self.kinds = kinds
        self.all = (1 << len(kinds)) - 1
        self._having: dict[tuple[str, str], int] = {}
        for number, kind in enumerate(kinds):
            for word, value in zip(Kind._fields, kind, strict=True):
                self._having[word, value] = self._having.get((word, value), 0) | 1 << number

    def having(self, word: str, values: Iterable[str]) -> int:
        """The kinds that have one of these values."""
        found = 0
        for value in values:
            found |= self._having.get((word, value), 0)
        return found

    def of(self, which: int) -> list[Kind]:
        """The kinds in a set."""
        return [kind for number, kind in enumerate(self.kinds) if which >> number & 1]

    def reach(self, match: Match) -> Reach:
        """The reach of a rule with these conditions."""
        plain = self.plain(match)
        reach = Reach(plain, 0 if is_particular(match) else plain)
        if match.any_of is not None:
            inner = self._either(match.any_of)
            reach = Reach(reach.may & inner.may, reach.must & inner.must)
        if match.none_of is not None:
            inner = self._either(match.none_of)
            reach = Reach(reach.may & ~inner.must, reach.must & ~inner.may)
        return reach

    def plain(self, match: Match) -> int:
        """The kinds that fit the conditions on kinds alone, without `any` and `not`."""
        found = self.all
        for word in Kind._fields:
            if (values := getattr(match, word)) is not None:
                found &= self.having(word, values)
        return found

    def _either(self, sets: Iterable[Match]) -> Reach:
        reach = Reach(0, 0)
        for inner in sets:
            own = self.reach(inner)
            reach = Reach(reach.may | own.may, reach.must | own.must)
        return reach


def is_particular(match: Match) -> bool:
    """Whether it depends on more than the kind."""
    return any(getattr(match, word) is not None for word in _PARTICULAR)


_PARTICULAR = Match.model_fields.keys() - {*Kind._fields, "any_of", "none_of"}
"""The conditions that may hold for one finding of a kind and not for another. A new condition is one of them."""
