"""How bad something is, as the first word of a line: what the status and the doctor show."""

from collections.abc import Iterator, Mapping, Sequence

from remediation.read_model.status.levels import Level
from remedy.screen_lines import coloured, filled

_SIGNS: Mapping[Level, tuple[str, str]] = {
    Level.OK: ("ok  ", "green"),
    Level.WARNING: ("warn", "yellow"),
    Level.FAILURE: ("FAIL", "red"),
}


def signed_lines(level: Level, words: Sequence[str], width: int | None, *, indent: int = 0, hang: int = 0) -> list[str]:
    """The words behind the sign of a level, each in lines of at most `width` columns; None where nothing limits them.

    All lines but the first are indented as far as the words; `hang` is by how much more those that a line goes on in.
    """
    sign, colour = _SIGNS[level]
    start = indent + len(sign) + 1
    first, *rest = _folded(words, width, start, hang)
    return [f"{' ' * indent}{coloured(sign, colour)} {first[start:]}", *rest]


def _folded(words: Sequence[str], width: int | None, start: int, hang: int) -> Iterator[str]:
    for each in words:
        line = f"{' ' * start}{each}"
        yield from [line] if width is None else filled(line, width, start + hang)
