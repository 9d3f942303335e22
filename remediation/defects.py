"""What may be told of an unforeseen error: its class, those of its causes, and the lines of ours that it came through.

Its text may quote what it was raised over (a title, an address, a body), so no place has it: neither logs, traces and
reports, nor parked work, nor a terminal.
"""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MOST_FRAMES = 5
_MOST_TRACED = 20
"""Lines of each error in the chain of a trace: the innermost ones."""
_MOST_LINES = 80
_OWN_ROOT = Path(__file__).resolve().parent.parent
_OWN_PACKAGES = frozenset({"bench", "chaos", "console", "remedy", "receiver", "remediation", "sandbox", "workers"})


def with_causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, then its causes as a stack trace would show them."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def class_names(error: BaseException) -> Iterator[str]:
    """The class of the exception, then those of its causes; a group also names its members."""
    for each in with_causes(error):
        name = type(each).__name__
        if isinstance(each, BaseExceptionGroup):
            name += f"({','.join(type(member).__name__ for member in each.exceptions)})"
        yield name


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of ours that an exception came through. `path` begins at the repository's root."""

    path: str
    function: str
    line: int


def own_frames(error: BaseException) -> list[Frame]:
    """The frames that are ours, the innermost last."""
    walked = ((Path(frame.f_code.co_filename), frame, line) for frame, line in traceback.walk_tb(error.__traceback__))
    return [
        Frame(str(path.relative_to(_OWN_ROOT)), frame.f_code.co_name, line)
        for path, frame, line in walked
        if _is_own(path)
    ]


def own_lines(error: BaseException) -> list[str]:
    """`path:line` of the innermost frames that are ours; where none is, of the innermost frame of all."""
    own = [f"{frame.path}:{frame.line}" for frame in own_frames(error)]
    frames = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return own[-_MOST_FRAMES:] or [f"{path.name}:{line}" for path, line in frames[-1:]]


def words_of_defect(error: BaseException) -> str:
    """The error in one line, for people."""
    return f"a defect of remedy's own: {'<-'.join(class_names(error))} at {', '.join(own_lines(error)) or '?'}"


def trace_of(error: BaseException) -> str:
    """Where an error of our own happened, for developers: its class, then those of its causes, each with its lines.

    There are at most 80 lines; where there are more, the last ones are left out.
    """
    lines: list[str] = []
    for each, name in zip(with_causes(error), class_names(error), strict=True):
        frames = [f"  {frame.path}:{frame.line}, in {frame.function}" for frame in own_frames(each)][-_MOST_TRACED:]
        lines += [f"caused by {name}" if lines else name, *(frames or [f"  {line}" for line in own_lines(each)])]
    return "\n".join(lines[:_MOST_LINES])


def _is_own(path: Path) -> bool:
    return path.is_relative_to(_OWN_ROOT) and path.relative_to(_OWN_ROOT).parts[0] in _OWN_PACKAGES
