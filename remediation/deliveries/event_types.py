"""The type that a sender gives an event: one of ours, one that is none of ours, or no type at all. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from remediation.domain.errors import Unreadable

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """A sound event of a type that we do not know: nothing follows from it, and nobody has to do anything about it.

    Senders have many more types than we need, and get new ones. What it is called is not kept: it is the sender's text.
    """


def kind_in(word: object, kinds: Mapping[str, Kind]) -> Kind | UnknownEvent:
    """Our word for the type. Raises Unreadable where it is not one word of letters, digits and `_.:/-`."""
    if not isinstance(word, str):
        raise Unreadable("the body names no event type")
    if not _TYPE.fullmatch(word):
        raise Unreadable("the event type is not one")
    return kinds.get(word, UnknownEvent())
