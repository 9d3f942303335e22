"""Pictures of the console in the documentation: each is shown, described, and small."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = re.findall(r"!\[([^]]*)\]\(console/([a-z-]+\.png)\)", (DOCS / "console.md").read_text(encoding="utf-8"))
LARGEST = 60_000


def test_each_picture_is_on_the_page_once_and_says_what_it_shows() -> None:
    assert sorted(name for _, name in SHOWN) == sorted(path.name for path in (DOCS / "console").iterdir())
    assert [name for words, name in SHOWN if len(words) < 20] == []


def test_no_picture_is_larger_than_a_page_may_be() -> None:
    sizes = {path.name: path.stat().st_size for path in (DOCS / "console").iterdir()}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
