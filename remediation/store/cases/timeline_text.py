"""The text of a timeline: a line for each entry, without what follows from the line before. Pure.

A line is one of these. The members are those of the entry's JSON object, without braces and without `at`:

- `.kind members`: told together with the entry before. It has the same `at`, and the next id.
- `later told kind members`: its `at` is so many ms later than the one before (at first than 1970), and the time of
  its id so many ms later than its `at`; the number of its id follows after `/` where it is not the next one. `told` is
  empty for what is told now: the server notes when that is, in front of the whole text.
- `=id kind object`: an entry of another shape, as a later version may have.

Other times of an entry are in ms after its `at`.
"""

import re
from collections.abc import Iterable

Line = tuple[str, str, bytes]
"""An entry: its id (empty as long as nobody knows it), its kind, and the rest as JSON."""

_SHAPE = re.compile(rb'\{"at":(-?\d{1,15}(?:\.\d{1,3})?)(?:,(.+))?\}')
_TIME = re.compile(rb'"(marked_at|until|look_at)":(-?\d{1,15}(?:\.\d{1,3})?)(?=[,}]|\Z)')
_LATER = re.compile(rb'"(marked_at|until|look_at)":(-?\d{1,19})(?=[,}]|\Z)')


def text_of(lines: Iterable[Line]) -> bytes:
    """These entries as a text, oldest first."""
    texts: list[bytes] = []
    last_id, last_at = "", 0
    for entry_id, kind, wire in lines:
        if found := _SHAPE.fullmatch(wire):
            at = _ms(found[1])
            is_together = bool(texts) and at == last_at and entry_id == _following(last_id)
            head = "." if is_together else f"{at - last_at} {_told(entry_id, at, last_id)} "
            texts.append(b"%s%s %s\n" % (head.encode(), kind.encode(), _relative(found[2] or b"", at)))
            last_at = at
        else:
            texts.append(b"=%s %s %s\n" % (entry_id.encode(), kind.encode(), wire))
        last_id = entry_id
    return b"".join(texts)


def lines_of(text: bytes, told_at: int) -> list[Line]:
    """The entries of a text, oldest first; those without a time were told at this moment (ms)."""
    lines: list[Line] = []
    at = 0
    for each in text.splitlines():
        last_id = lines[-1][0] if lines else ""
        if each.startswith(b"="):
            name, kind, wire = each[1:].split(b" ", 2)
            entry_id = name.decode() or id_at(told_at, last_id)
        elif each.startswith(b"."):
            kind, members = each[1:].split(b" ", 1)
            entry_id, wire = _following(last_id), _whole(members, at)
        else:
            later, told, kind, members = each.split(b" ", 3)
            at += int(later)
            entry_id, wire = _told_id(told.decode(), at, last_id, told_at), _whole(members, at)
        lines.append((entry_id, kind.decode(errors="replace"), wire))
    return lines


def id_at(moment: int, last_id: str) -> str:
    """The id of an entry of this moment (ms), after the one with that id; that is empty where there is none before."""
    last_moment, last_number = place_of(last_id)
    return f"{moment}-{last_number + 1 if last_id and last_moment == moment else 0}"


def place_of(entry_id: str) -> tuple[int, int]:
    """Where an id stands among others: its time (ms) and its number."""
    moment, _, number = entry_id.partition("-")
    return int(moment or 0), int(number or 0)


def _following(entry_id: str) -> str:
    """The next id of the same time; what is told now stays without."""
    return id_at(place_of(entry_id)[0], entry_id) if entry_id else ""


def _told(entry_id: str, at: int, last_id: str) -> str:
    if not entry_id:
        return ""
    moment, number = place_of(entry_id)
    return f"{moment - at}" if entry_id == id_at(moment, last_id) else f"{moment - at}/{number}"


def _told_id(told: str, at: int, last_id: str, told_at: int) -> str:
    if not told:
        return id_at(told_at, last_id)
    after, _, number = told.partition("/")
    moment = at + int(after)
    return f"{moment}-{number}" if number else id_at(moment, last_id)


def _relative(members: bytes, at: int) -> bytes:
    return _TIME.sub(lambda found: b'"%s":%d' % (found[1], _ms(found[2]) - at), members)


def _whole(members: bytes, at: int) -> bytes:
    others = _LATER.sub(lambda found: b'"%s":%s' % (found[1], _seconds(at + int(found[2]))), members)
    return b'{"at":%s%s}' % (_seconds(at), b"," + others if others else b"")


def _ms(seconds: bytes) -> int:
    return round(float(seconds) * 1000)


def _seconds(ms: int) -> bytes:
    return repr(ms / 1000).encode()
