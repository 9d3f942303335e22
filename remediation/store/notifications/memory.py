"""What one channel has told, and how its last messages went: as a value, and as JSON. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True, slots=True)
class KnownNotice:
    """A notice that is there, or was told. All times are Unix seconds.

    `first` is since when it is there, `told` when it was told last; None where it was not yet. `count` is how much
    there was of it then. `gone` is since when it is not there any more; None while it is.
    """

    first: float
    told: float | None = None
    count: int = 0
    gone: float | None = None


@dataclass(frozen=True, slots=True)
class ChannelMemory:
    """What a channel that is known `since` a moment (Unix seconds) has told, by the keys of the notices.

    `sent` are the tries of the last hour, and `weekly` is the moment for which the last weekly figures were sent.
    `last` is when the last message was taken. Where the last tries were in vain, `failures` counts them, `why` says in
    words of ours how the last one ended, and nothing is sent before `retry_at`.
    """

    since: float
    known: Mapping[str, KnownNotice] = field(default_factory=dict)
    sent: tuple[float, ...] = ()
    weekly: float = 0.0
    last: float | None = None
    failures: int = 0
    why: str = ""
    retry_at: float = 0.0


def memory_wire(memory: ChannelMemory) -> bytes:
    """A memory as it is stored."""
    return msgspec.json.encode(memory)


def memory_of(wire: bytes) -> ChannelMemory | None:
    """A stored memory; None for what this version cannot read."""
    try:
        return msgspec.json.decode(wire, type=ChannelMemory)
    except msgspec.MsgspecError:
        return None
