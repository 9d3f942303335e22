"""Canaries: made-up words, each of which says where it was planted."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

_IDS = re.compile(r"(?<![A-Za-z])(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]+")
"""What differs from one address to the next; an API's version is one of these as well."""

_LETTERS = "bcdfghjkmnpqrstvwx"


class Origin(NamedTuple):
    """Where a canary was planted: whose words they are, in answer to what, and the spot in it (`$.fields.summary`)."""

    system: str
    answer: str
    spot: str

    def __str__(self) -> str:
        return f"{self.system}: {self.answer}: {self.spot}"


def kind_of(method: str, path: str, status: int) -> str:
    """The kind of an answer: `GET /rest/api/*/issue/* 404`."""
    return f"{method} {_IDS.sub('*', path)} {status}"


@dataclass(slots=True)
class Canaries:
    """All that were planted so far. The same origin has the same canary, so that an answer repeats itself.

    A canary is a letter's word of 24 characters at most, of letters, digits and a dash: it fits wherever a code, an
    id, a name of a header, of an element or of a host would.
    """

    mark: str = field(default_factory=lambda: f"zzpii{''.join(secrets.choice(_LETTERS) for _ in range(8))}")
    """How each of them begins; no other run has the same. Of letters: what looks like a number would be scrubbed."""

    planted: dict[Origin, str] = field(default_factory=dict)
    _origins: list[Origin] = field(default_factory=list)

    def at(self, system: str, answer: str, spot: str) -> str:
        """The canary for this origin."""
        origin = Origin(system, answer, spot)
        if origin not in self.planted:
            self._origins.append(origin)
            self.planted[origin] = f"{self.mark}-{len(self._origins)}z"
        return self.planted[origin]

    def origins(self, numbers: Iterable[int]) -> set[Origin]:
        """Where those with these numbers were planted. A number that was never given is one of nobody's."""
        return {
            self._origins[number - 1] if 0 < number <= len(self._origins) else Origin("?", "?", f"number {number}")
            for number in numbers
        }
