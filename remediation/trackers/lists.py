"""The list of a case's findings inside a ticket's description: put there, found again, and left alone where it changed.

The list begins and ends with lines of ours, and the last one has a checksum. So it can be told, also after a loss of
Redis, whether a person has changed it. Around it, everything stays as it is. Trackers write markup in ways of their
own, so only letters and digits count, and no addresses. Pure.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from remediation.domain.tickets import MemberList

_BEGINS = "Findings of this ticket, kept up to date automatically"
_ENDS = "End of the findings"
_ADDRESS = re.compile(r"\[?https?://[^\s\]]*\]?", re.IGNORECASE)
_APART = "\u200b"
"""Markup takes words apart with it, also what would be an address (trackers/jira/text)."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Where the list is in a text, and whether it is as we wrote it."""

    start: int
    end: int
    is_ours: bool


def with_list(
    text: str,
    members: MemberList,
    fits: Callable[[str], bool],
    *,
    known: bool = False,
    rendered: Callable[[str], str] = str,
) -> str | None:
    """Returns the description with the list in it, with as many of its lines as the field has room for.

    `fits` says whether the field takes a text, `rendered` makes markup of a text. `known` is true where the description
    had a list before. Returns None where a person has changed or removed it. A description without room for a list is
    returned as it is.
    """
    block = _block_in(text)
    if (block is None and known) or (block is not None and not block.is_ours):
        return None
    before, after = (text[: block.start], text[block.end :]) if block else (_with_space_below(text), "")

    def whole(count: int) -> str:
        return f"{before}{rendered(_written(members, count))}{after}"

    count = bisect_right(range(len(members.lines) + 1), 0, key=lambda count: 0 if fits(whole(count)) else 1) - 1
    return whole(count) if count >= 0 else text


def _with_space_below(text: str) -> str:
    return f"{text.rstrip()}\n\n" if text.strip() else ""


def _written(members: MemberList, count: int) -> str:
    """The list with the first `count` of its lines, and how many are left out."""
    left_out = len(members.lines) - count
    lines = [f"{_BEGINS}: {members.head}", *members.lines[:count]]
    lines += [f"… and {left_out} more"] if left_out else []
    return "\n".join([*lines, f"{_ENDS} ({_checksum(lines)})"])


def _block_in(text: str) -> _Block | None:
    """The list in a text; one without its last line counts as changed."""
    lines, at, start = text.split("\n"), 0, None
    within: list[str] = []
    for line in lines:
        bare = _bare(line)
        if start is None and bare.startswith(_bare(_BEGINS)):
            start = at
        if start is not None:
            if bare.startswith(_bare(_ENDS)):
                return _Block(start, at + len(line), bare == _bare(_ENDS) + _checksum(within))
            within.append(line)
        at += len(line) + 1
    return None if start is None else _Block(start, len(text), is_ours=False)


def _checksum(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(filter(None, map(_bare, lines))).encode()).hexdigest()[:8]


def _bare(line: str) -> str:
    """What counts of a line."""
    return "".join(sign for sign in _ADDRESS.sub("", line.replace(_APART, "")) if sign.isalnum()).casefold()
