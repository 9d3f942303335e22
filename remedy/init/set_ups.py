"""Which kinds of tracker can be set up, and what the set-up of each does."""

import asyncio
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import click

from remediation.mapping.config.trackers.kinds import KINDS
from remediation.mapping.writing.new_file import NewTracker
from remediation.mapping.writing.yaml_text import Block
from remedy.init import trackers
from remedy.init.asking import Asker
from remedy.init.credentials import Credential
from remedy.init.existing import WrittenTracker
from remedy.init.options import Option, Options, text_option
from remedy.init.systems import SignedIn
from remedy.runtime.calls.outbound import Outbound


class OpenTracker(SignedIn, Protocol):
    """A tracker that can be asked."""

    @property
    def known(self) -> WrittenTracker:
        """What the file that is there has of it."""
        ...

    @property
    def asked_words(self) -> Block:
        """What the options, or the tracker itself, say of one that the file has: it takes precedence over it."""
        ...

    def proposed(self, runner: asyncio.Runner, asker: Asker) -> NewTracker:
        """The tracker with its words, by what is there and what was chosen of it. Raises ConfigurationError."""
        ...


class TrackerPlan(Protocol):
    """A tracker, as the file has it or is going to have it. Nothing has been asked of it."""

    @property
    def name(self) -> str:
        """Our name for it."""
        ...

    @property
    def credential(self) -> Credential:
        """What it is signed in to with."""
        ...

    def opened(self, way: Outbound, credential: Credential) -> OpenTracker:
        """The tracker, to be asked. The caller closes it."""
        ...


@dataclass(frozen=True, slots=True)
class SetUp:
    """How trackers of one kind are set up. `title` is what people call the kind.

    `options` are those that only this kind has; each begins with the word of the kind. `plan` makes the plan of the
    tracker with an address: it asks how to sign in, where that is not said, and raises ConfigurationError.
    """

    title: str
    options: tuple[Option, ...]
    plan: Callable[[WrittenTracker, Options, Asker, str], TrackerPlan]


def _set_ups() -> dict[str, SetUp]:
    """The set-up of each kind that has one. A kind without is written into the file by hand."""
    modules = {kind: f"{trackers.__name__}.{kind}" for kind in KINDS}
    there = {kind: name for kind, name in modules.items() if importlib.util.find_spec(name)}
    return {kind: importlib.import_module(name).SET_UP for kind, name in there.items()}


SET_UPS = _set_ups()


def options_of(kind: str, set_up: SetUp) -> tuple[Option, ...]:
    """Every option about a kind of tracker."""
    address = text_option(f"--{kind}", "URL", f"Address of {set_up.title}, as a browser has it.")
    name = text_option(f"--{kind}-name", "NAME", f"Our name for it.  [default: {kind}]")
    says = "A field of new tickets, by its name; may be said several times."
    field = click.option(f"--{kind}-field", metavar="NAME=VALUE", multiple=True, help=says)
    reason = text_option(f"--{kind}-risk-reason", "NAME", "The field that says why a risk is accepted, by its name.")
    until = "The field that says until when a risk is accepted, by its name."
    return (address, name, *set_up.options, field, reason, text_option(f"--{kind}-risk-expiry", "NAME", until))


OF_TRACKERS = tuple(option for kind, set_up in SET_UPS.items() for option in options_of(kind, set_up))
"""The options of all kinds."""
