"""Commands of the documents that only read are run as they stand there, with the names of the small school."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from remedy.runtime.failures import ExitCode
from tests.documented_commands import PAGES, fenced_commands, resolved
from tests.integration.small_school import SmallSchool, small_school

READS = {
    *("audit list", "audit verify", "case list", "case show", "case plan", "context list", "deliveries list", "doctor"),
    *("incidents list", "incidents show", "keys list", "mappings check", "mappings explain", "mappings diff"),
    *("mappings test", "parked list", "parked show", "report accepted-risks", "report sla", "scans list", "scans show"),
    *("status", "webhooks list"),
}
"""Commands that only read; of all others, those that the page gives `--dry-run`."""


def reading(words: list[str]) -> bool:
    is_new = "finding.reopened" in words  # the event that docs/adding-an-event.md adds
    return (resolved(words)[1] in READS or "--dry-run" in words) and words[0] != "--context" and not is_new


COMMANDS = sorted({tuple(words) for page in PAGES for words in fenced_commands(page) if reading(words)})


@pytest.fixture(scope="module")
def school(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSchool]:
    with small_school(tmp_path_factory.mktemp("school"), redis_url) as school:
        file = school.path.read_text(encoding="utf-8")
        for name in ("old.yaml", "new.yaml", "new-mappings.yaml", "restricted.yaml"):
            (school.path.parent / name).write_text(file, encoding="utf-8")
        (school.path.parent / "finding.json").write_text('{"id": "fnd_1", "severity": "critical"}', encoding="utf-8")
        (school.path.parent / "audit.jsonl").write_text(school.shown("audit", "export").text, encoding="utf-8")
        yield school


def told_in(words: tuple[str, ...], school: SmallSchool) -> list[str]:
    """The words, with names of the small school in place of those of the page."""
    text = "\0".join(words)
    for pattern, name in (
        (r"\bfnd_\w+", school.findings[0]),
        (r"\bSEC-\d+", "SEC-1"),
        (r"\bscan_\w+", school.scan),
        (r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", school.incident),
        (r"\bwww\.lakeside\.example\b", "lakeside.example"),
    ):
        text = re.sub(pattern, name, text)
    return text.split("\0")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_reading_command_of_a_page_works_as_it_stands_there(words: tuple[str, ...], school: SmallSchool) -> None:
    for written in Path().glob("*.html"):
        written.unlink()
    for written in Path().glob("*.csv"):
        written.unlink()
    shown = school.shown(*told_in(words, school))
    assert shown.exit_code in {ExitCode.DONE, ExitCode.FAILED}, shown.text
    assert re.search(r"^error: \S", shown.text, re.MULTILINE) is None


def test_many_commands_are_run() -> None:
    assert len(COMMANDS) > 20
