"""What the command line says of SchoolScan, and how options are made that say where something is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from remediation.redaction import terminal

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
Option = Callable[[Any], Any]
"""A decorator that gives a command one option."""

Options = Mapping[str, Any]
"""Every option about a system by its name in Python; None for what was not said."""

SCHOOLSCAN = "https://api.schoolscan.ai/v1"


def text_option(name: str, metavar: str, words: str) -> Option:
    """An option with a text."""
    return click.option(name, metavar=metavar, help=words)


def are_about(options: Options, kind: str) -> bool:
    """Whether one of the options about this kind of system was said."""
    return any(value for word, value in options.items() if word == kind or word.startswith(f"{kind}_"))


def fields_of(options: Options, option: str) -> list[tuple[str, str]]:
    """The names and values of an option that is said several times. Raises UsageError."""
    found = []
    for said in options[option.removeprefix("--").replace("-", "_")]:
        name, _, value = said.partition("=")
        if not name.strip() or not value.strip():
            raise click.BadParameter(f"{terminal(said)}: write NAME=VALUE", param_hint=option)
        found.append((name.strip(), value.strip()))
    return found


def secret_options(name: str, usual: str, what: str) -> tuple[Option, Option]:
    """The two options that say where a secret is. None takes the secret itself."""
    return (
        click.option(f"{name}-env", metavar="NAME", help=f"Environment variable with {what}.  [default: {usual}]"),
        click.option(
            f"{name}-file", metavar="PATH", type=click.Path(path_type=Path), help=f"File with {what}, instead."
        ),
    )


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where a secret is said to be: `option` is the beginning of the two options, `usual` the usual variable."""

    option: str
    env: str | None
    path: Path | None
    usual: str

    @property
    def is_said(self) -> bool:
        """Whether one of the options was used."""
        return self.env is not None or self.path is not None


def place_of(options: Options, option: str, usual: str) -> SecretPlace:
    """What the two options of a secret say."""
    word = option.removeprefix("--").replace("-", "_")
    return SecretPlace(option, options.get(f"{word}_env"), options.get(f"{word}_file"), usual)


TOKEN = ("--schoolscan-token", "SCHOOLSCAN_TOKEN")
WEBHOOK_SECRET = ("--schoolscan-webhook-secret", "SCHOOLSCAN_WEBHOOK_SECRET")

OF_SCHOOLSCAN: tuple[Option, ...] = (
    text_option("--district", "NAME", "Our name for the district: a part of its webhook's address."),
    text_option("--schoolscan", "URL", f"Address of SchoolScan's API.  [default: {SCHOOLSCAN}]"),
    *secret_options(*TOKEN, "SchoolScan's token"),
    *secret_options(*WEBHOOK_SECRET, "what SchoolScan signs its deliveries with"),
    text_option("--finding-link", "URL", "Address of a finding's page for people, with {id} in it."),
)


def with_options(options: tuple[Option, ...]) -> Callable[[CommandT], CommandT]:
    """A decorator that gives a command all of these, in their order."""

    def decorated(command: CommandT) -> CommandT:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated
