"""The keys in Redis that docs/redis-keys.md names, by the beginning of each."""

import re
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "docs" / "redis-keys.md"
_ROW = re.compile(r"^\| (`(?:remedy|arq):[^|]*`) \|", re.MULTILINE)

NAMED = tuple(
    name for cell in _ROW.findall(_PAGE.read_text(encoding="utf-8")) for name in re.findall(r"`([^`]+)`", cell)
)
"""One that ends with a colon is the beginning of many."""


def is_named(key: str) -> bool:
    """Whether the page has this key."""
    return any(key == name or (name.endswith(":") and key.startswith(name)) for name in NAMED)
