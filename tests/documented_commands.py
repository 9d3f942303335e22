"""The commands that the documents tell people to type."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from remedy.main import main

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "helm" / "README.md"])
"""All pages but the decisions, which keep the words of their time."""

_FENCED = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ANY_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_TYPED = re.compile(r"(?:^\$|--|-T \w+|worker)(?: [A-Z_]+=\S+)* remedy ([^#|\n]*)", re.MULTILINE)
_INLINE = re.compile(r"`remedy ([^`]+)`")
_END = re.compile(r"[|…;<>]| \(|\[")


def fenced_commands(page: Path) -> list[list[str]]:
    """What a page's consoles have after `remedy`, word by word, up to a pipe or a comment."""
    blocks = "\n".join(_FENCED.findall(page.read_text(encoding="utf-8"))).replace("\\\n", " ")
    return [_without_redirection(shlex.split(line)) for line in _TYPED.findall(blocks)]


def _without_redirection(words: list[str]) -> list[str]:
    return words[: words.index(">")] if ">" in words else words


def inline_commands(page: Path) -> Iterator[list[str]]:
    """What a page names amid its sentences, up to what is left out or may be left out."""
    for text in _INLINE.findall(_ANY_FENCE.sub("", page.read_text(encoding="utf-8"))):
        words = _END.split(" ".join(text.split()))[0].split()
        if words:
            yield words


def resolved(words: list[str]) -> tuple[click.Command, str, list[str]]:
    """The command that the words name, what it is called, and the words that are left for it.

    Raises AssertionError where a group has no such command.
    """
    command: click.Command = main
    called: list[str] = []
    rest = list(words)
    if rest[:1] == ["--context"]:
        del rest[:2]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"remedy {' '.join(called)} has no {rest[0]}"
        command = found
        called.append(rest.pop(0))
    return command, " ".join(called), rest


def options_of(command: click.Command) -> set[str]:
    """Every option that a command takes."""
    return {option for each in command.params for option in [*each.opts, *each.secondary_opts]} | {"--help"}
