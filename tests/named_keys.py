"""The keys in Redis that docs/redis-keys.md names, by the beginning of each."""

import re
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "docs" / "redis-keys.md"
_ROW = re.compile(r"^\| (`(?:remedy|arq):[^|]*`) \|", re.MULTILINE)

_TEXT = _PAGE.read_text(encoding="utf-8")


def _names_below(heading: str) -> tuple[str, ...]:
    """The names in the first column of the table below this heading."""
    section = _TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return tuple(name for cell in _ROW.findall(section) for name in re.findall(r"`([^`]+)`", cell))


NAMED = _names_below("Every key")
"""One that ends with a colon is the beginning of many."""

STAYS = _names_below("What stays")
"""Those that have no end, each with the reason. One that ends with a colon is the beginning of many."""


def name_of(key: str, names: tuple[str, ...] = NAMED) -> str | None:
    """The name on the page that this key has, the longest of several; None where it has none."""
    fitting = (name for name in names if key == name or (name.endswith(":") and key.startswith(name)))
    return max(fitting, key=len, default=None)


def is_named(key: str) -> bool:
    """Whether the page has this key."""
    return name_of(key) is not None
