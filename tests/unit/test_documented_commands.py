"""What documents tell people to type is what the command takes: every word of it is read as it would be when typed."""

from pathlib import Path

import click
import pytest

from tests.documented_commands import PAGES, fenced_commands, inline_commands, options_of, resolved

TYPED = [
    # docs/adding-an-event.md adds finding.reopened: there is none yet
    [word.replace("finding.reopened", "finding.critical") for word in words]
    for page in PAGES
    for words in fenced_commands(page)
]
_FILES = {".json", ".jsonl", ".yaml", ".csv", ".pdf", ".html"}


@pytest.mark.parametrize("words", TYPED, ids="-".join)
def test_a_command_that_is_to_be_typed_is_one_that_click_takes(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for word in words:
        if Path(word).suffix in _FILES and not Path(word).is_absolute():
            Path(word).touch()  # a file that the page has made before
    command, called, rest = resolved(words)
    if isinstance(command, click.Group):
        assert rest == [], called
        return
    with command.make_context(called, rest, parent=click.Context(click.Group("remedy"))) as context:
        assert context.command is command


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_a_command_that_a_sentence_names_is_there_with_its_options(page: Path) -> None:
    for words in inline_commands(page):
        command, called, rest = resolved(words)
        options = {word.partition("=")[0].rstrip(",.") for word in rest if word.startswith("--")}
        assert options <= options_of(command), called


def test_the_pages_have_commands_to_look_at() -> None:
    assert len(TYPED) > 40
    assert sum(len(list(inline_commands(page))) for page in PAGES) > 400
