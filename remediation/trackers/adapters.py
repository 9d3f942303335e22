"""The adapter of each kind of tracker: what its package offers to the code that builds processes.

A kind's row in the table names a module, which is imported when the first tracker of that kind is opened. So a process
that calls no tracker, such as the receiver, loads no tracker's library.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from remediation.domain.tickets import Draft
from remediation.mapping.config.routing import TicketWords
from remediation.mapping.config.trackers.kinds import KINDS
from remediation.mapping.config.trackers.tracker_settings import TrackerSettings
from remediation.ports import Inspector, Tracker


@dataclass(frozen=True, slots=True)
class Preview:
    """One ticket that would be opened.

    `words` are what the file says of it, for comparing; `sent` has body and labels as the tracker would get them.
    `requests` are the bodies that the adapter would send, in order. `closing` are the fields that closing it sets.
    """

    tracker: str
    kind: str
    draft: Draft
    words: TicketWords
    sent: TicketWords
    requests: tuple[Mapping[str, object], ...]
    closing: Mapping[str, object] = field(default_factory=dict)


ConfigT_contra = TypeVar("ConfigT_contra", bound=TrackerSettings, contravariant=True)


class Adapter(Protocol[ConfigT_contra]):
    """What a kind's module has under the name ADAPTER. It keeps nothing open, and sends nothing by itself.

    `name` is the tracker's in mappings.yaml, `secret` the one behind `config.secret`, `largest_answer` how many bytes
    of an answer are taken.
    """

    def tracker(self, name: str, config: ConfigT_contra, secret: str, *, largest_answer: int) -> Tracker:
        """The tracker that a worker uses. It sends nothing until it is asked something, and is closed by the caller."""
        ...

    def inspector(self, name: str, config: ConfigT_contra, secret: str, *, largest_answer: int) -> Inspector:
        """The inspector that compares the tracker with mappings.yaml. It is closed by the caller."""
        ...

    def preview(self, name: str, draft: Draft) -> Preview:
        """The ticket of this draft as `create` would open it. Pure."""
        ...

    def sign_in_advice(self, config: ConfigT_contra) -> str:
        """What else may keep an account out whose secret is right, for `remedy doctor`; empty where nothing does."""
        ...


def adapter_of(config: TrackerSettings) -> Adapter[TrackerSettings]:
    """The adapter of this tracker's kind."""
    adapter: Adapter[TrackerSettings] = importlib.import_module(KINDS[config.sender.name].adapter).ADAPTER
    return adapter
