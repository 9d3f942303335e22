"""JSON from outside, read strictly: what two readers could understand differently is refused."""

import json
import math
import re
from collections import Counter
from enum import Enum
from itertools import accumulate
from typing import Any

from remediation.domain.errors import Unreadable

DEEPEST = 64
"""Nested objects and lists that a valid delivery may have."""

_LONGEST_INTEGER = 18
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""A string, or the unfinished rest of one at the end. It always matches at a quote, so that no byte is read twice."""
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class Repeated(Enum):
    """Stands for the value of a key that an object has twice: nobody can say which one was meant.

    Code that reads the key sees a value of the wrong type; a repetition in a part that nobody reads does no harm.
    """

    KEY = "repeated key"


def parse(body: bytes) -> object:
    """The JSON value of `body`: UTF-8 without a byte order mark, no NaN or Infinity, at most DEEPEST levels.

    Integers of more than 18 digits and floats too large for a float stay text. A lone surrogate stays what it is.
    Raises Unreadable.
    """
    if _depth(body) > DEEPEST:
        raise Unreadable("the body is nested too deeply")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("the body is not UTF-8") from None
    try:
        value: object = _DECODER.decode(text)
    except ValueError:
        raise Unreadable("the body is not JSON") from None
    return value


def at(tree: object, *path: str) -> object:
    """The value at `path`; None where there is none. A repeated key on the way is returned as it is: malformed."""
    for step in path:
        if not isinstance(tree, dict):
            return tree if isinstance(tree, Repeated) else None
        tree = tree.get(step)
    return tree


def _depth(body: bytes) -> int:
    """How deep brackets outside of strings are nested; 0 where there are not enough of them to count.

    Known before parsing, because the parser recurses on the C stack.
    """
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return 0  # so many cannot be nested too deeply, wherever they are
    steps = (_STEPS[byte] for byte in _STRING.sub(b"", body) if byte in _STEPS)
    return max(accumulate(steps), default=0)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        members |= {key: Repeated.KEY for key, count in Counter(key for key, _ in pairs).items() if count > 1}
    return members


def _integer(digits: str) -> int | str:
    """Python itself refuses integers of thousands of digits with an error; an id is compared as text anyway."""
    return int(digits) if len(digits.removeprefix("-")) <= _LONGEST_INTEGER else digits


def _float(digits: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else digits


def _refuse_constant(_name: str) -> object:
    raise Unreadable("the body has a number that JSON does not know")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_refuse_constant
)
