"""Globs over the paths of pages: `/board/**`. Compiled once; a pattern cannot make a match slow.

Before a path is compared, percent signs are decoded, repeated slashes become one, a slash at its end is removed, and
upper and lower case count as the same: people write the address of one page in all these ways.
"""

import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit

_ANY_DEPTH = "**"
_LONGEST_PATH = 2_000
_LONGEST_GLOB = 200
_MOST_GLOBS = 10_000
_SLASHES = re.compile("/+")
_WILD = re.compile(r"\*+|\?")
_MOST_WILD = 12
"""The most stars and question marks in a glob: each costs time."""


def glob_of(written: str) -> str:
    """`written`, if it is a glob over paths. ValueError says what is allowed."""
    if not written.startswith("/"):
        raise ValueError("must be a path that begins with a slash, such as /board/**")
    if any(_ANY_DEPTH in segment and segment != _ANY_DEPTH for segment in written.split("/")):
        raise ValueError("** stands for any number of whole folders, between slashes: /board/**/minutes")
    if len(written) > _LONGEST_GLOB or len(_WILD.findall(written)) > _MOST_WILD:
        raise ValueError(f"must have at most {_LONGEST_GLOB} characters and {_MOST_WILD} wildcards")
    return written


def path_of(url: str | None) -> str | None:
    """The path of a page's address in the form that globs are compared with; None where there is no address."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    return _normal(unquote(parts.path[:_LONGEST_PATH])) if parts.netloc else None


@lru_cache(maxsize=_MOST_GLOBS)
def pattern_of(glob: str) -> re.Pattern[str]:
    """The pattern whose `fullmatch` matches exactly the paths that the glob takes.

    The text between two stars is matched where it is first found, without backtracking (atomic groups): so the time
    grows only with the length of the path, whatever the glob is.
    """
    runs: list[list[str]] = [[]]
    for segment in _segments(glob):
        if segment == _ANY_DEPTH:
            runs.append([])
        else:
            runs[-1].append(segment)
    return re.compile(_first_run(runs) + "".join(_later_run(run) for run in runs[1:-1]) + _last_run(runs))


def fixed_beginning(glob: str) -> tuple[str, ...]:
    """The folders that every path of the glob begins with."""
    fixed: list[str] = []
    for segment in _segments(glob):
        if _WILD.search(segment):
            break
        fixed.append(segment)
    return tuple(fixed)


def beginnings_of(path: str, most: int) -> list[tuple[str, ...]]:
    """Every beginning of a path in whole folders, the empty one first; at most `most` folders deep."""
    segments = tuple(_segments(path))[:most]
    return [segments[:number] for number in range(len(segments) + 1)]


def covers(wide: str, narrow: str) -> bool:
    """Whether `wide` certainly takes every path that `narrow` takes. False also where this is not easily decided."""
    wide, narrow = _normal(wide), _normal(narrow)
    if wide in {narrow, "/**"}:
        return True
    if not _WILD.search(narrow):
        return bool(pattern_of(wide).fullmatch(narrow))
    fixed, below = fixed_beginning(wide), f"/{_ANY_DEPTH}"
    is_folder = wide.endswith(below) and not _WILD.search(wide.removesuffix(below))
    return is_folder and fixed_beginning(narrow)[: len(fixed)] == fixed


def _normal(path: str) -> str:
    return _SLASHES.sub("/", f"/{path}").rstrip("/").lower()


def _segments(path: str) -> list[str]:
    return [segment for segment in _normal(path).split("/") if segment]


def _first_run(runs: list[list[str]]) -> str:
    return "".join(f"/{_segment(each)}" for each in runs[0])


def _later_run(run: list[str]) -> str:
    if not run:
        return ""
    return f"(?>(?:/[^/]*)*?{''.join(f'/{_segment(each)}(?=/|$)' for each in run)})"


def _last_run(runs: list[list[str]]) -> str:
    """Any number of folders, and the last run of the glob at the end of the path."""
    if len(runs) == 1:
        return ""
    folders = "".join(f"/{_segment(each)}" for each in runs[-1])
    return f"(?:/[^/]*)*{folders}" if folders else "(?:/[^/]*)*"


def _segment(segment: str) -> str:
    """One folder's name; `*` is any run of characters, `?` is one."""
    pieces = [re.escape(piece).replace(r"\?", "[^/]") for piece in re.split(r"\*", segment)]
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:-1] if piece)
    return f"{pieces[0]}{middle}[^/]*{pieces[-1]}"
