"""The channels of one mappings.yaml, ready to be sent by, and what is needed to know what to tell."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from remediation.mapping.config.notifying import NotifyChannel
from remediation.outbound.channels import SendResult
from remediation.read_model.status.overview import InstalledFile


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """A channel, and what sends a title and a text by it."""

    config: NotifyChannel
    send: Callable[[str, str], Awaitable[SendResult]]


def _no_file(_now: float) -> InstalledFile:
    return InstalledFile("", (), ())


@dataclass(frozen=True, slots=True)
class Notifying:
    """All channels by their names; none where mappings.yaml has none.

    `installed` returns what that file names at a moment (Unix seconds), `is_refused` whether it was changed since and
    the worker cannot use the other, `version` is that of this worker, and `districts` are the names of all.
    """

    channels: Mapping[str, OpenChannel] = field(default_factory=dict)
    installed: Callable[[float], InstalledFile] = _no_file
    is_refused: Callable[[], bool] = lambda: False
    version: str = ""
    districts: tuple[str, ...] = ()
