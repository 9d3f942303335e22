"""Every measurement in its shortest form, for real. What a busy machine measures is told and judged by nobody."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.__main__ import TOPICS

pytestmark = pytest.mark.timeout(300)

REPOSITORY = Path(__file__).parents[2]
HEADINGS = ["goal", "what", "measured", "wanted", "verdict"]


def rows_of(printed: str) -> list[list[str]]:
    """The cells of the table that was printed."""
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in printed.splitlines() if row.startswith("| ")]


def numbers_in(figures: Any) -> Iterator[float]:
    """Every raw value, however deep it lies."""
    if isinstance(figures, dict):
        figures = list(figures.values())
    if isinstance(figures, list):
        assert figures
        for each in figures:
            yield from numbers_in(each)
    else:
        yield figures


@pytest.mark.parametrize("topic", TOPICS)
def test_each_measurement_measures_prints_its_table_and_keeps_its_figures(topic: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "bench", topic, "--trial", "--results", str(tmp_path)]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    headings, rule, *rows = rows_of(done.stdout)
    assert headings == HEADINGS
    assert {*"".join(rule)} == {"-"}
    kept = json.loads((tmp_path / f"{topic}.json").read_text(encoding="utf-8"))
    assert (kept["topic"], kept["conditions"]["effort"]) == (topic, "trial")
    assert rows == [[line[heading] for heading in HEADINGS] for line in kept["lines"]]
    assert all(line["measured"] for line in kept["lines"])
    assert all(math.isfinite(value) for value in numbers_in(kept["figures"]))
    picture = ET.parse(tmp_path / f"{topic}.svg").getroot()  # noqa: S314 - our own picture
    assert len(picture.findall(".//{*}rect")) >= len(kept["bars"]) > 0
