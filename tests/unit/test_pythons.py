"""The Pythons that are taken: said in several places, and the same in all of them (tests/contract has the scripts')."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

import remedy

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "Makefile"])
def test_the_documents_name_what_is_taken(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    assert set(re.findall(r"Python (3\.\d+ to 3\.\d+)", text)) == {"3.11 to 3.14"}


def test_linters_and_locks_hold_for_the_oldest() -> None:
    tools = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert tools["ruff"]["target-version"] == "py{}{}".format(*remedy.OLDEST)
    assert "--python-version {}.{} ".format(*remedy.OLDEST) in (REPOSITORY / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("version", [remedy.OLDEST, remedy.NEWEST, sys.version_info[:2]])
def test_a_python_that_is_taken_is_told_nothing(version: tuple[int, int]) -> None:
    assert remedy.unsuitable(version) == ""


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 15), (4, 0)])
def test_an_older_or_newer_python_is_told_what_to_do_in_one_line(version: tuple[int, int]) -> None:
    said = remedy.unsuitable(version)
    assert said.startswith("error: remedy takes Python 3.11 to 3.14, and ")
    assert f" is {version[0]}.{version[1]}. " in said
    assert said.endswith("`make setup` makes one.")
    assert "\n" not in said
