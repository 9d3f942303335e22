"""The type that a sender gives an event: one that we know, one that we do not know, or none. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from remediation.domain.errors import Unreadable

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """A well-formed event of a type that we do not know. It has no effect, and nobody needs to act.

    Senders have many more types than we need, and add new ones. The type is not kept: it is the sender's text.
    """


def kind_in(word: object, kinds: Mapping[str, Kind]) -> Kind | UnknownEvent:
    """Our word for the type. Raises Unreadable where it is not one word of letters, digits and `_.:/-`."""
    if not isinstance(word, str):
        raise Unreadable("the body names no event type")
    if not _TYPE.fullmatch(word):
        raise Unreadable("the event type is not one")
    return kinds.get(word, UnknownEvent())
