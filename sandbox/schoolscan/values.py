"""The things a SchoolScan stand-in is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Clock = Callable[[], float]
"""Unix seconds."""

Scope = Literal["read-only", "scan-trigger", "admin"]
SCOPES: tuple[Scope, ...] = ("read-only", "scan-trigger", "admin")
"""Each one may do what those before it may."""


class ApiError(Exception):
    """An answer that is no success: HTTP status, the vendor's code and its message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


class FileRefused(Exception):
    """An answer of the store of files that is no success: HTTP status and its own word for why."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Account:
    """A customer: its tokens with their scopes, and the domains that it has registered."""

    district: str
    tokens: Mapping[str, Scope]
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that SchoolScan tells a district, and the body it says it with."""

    district: str
    id: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Kept:
    """A finding, whose it is, and its audit trail."""

    district: str
    finding: dict[str, Any]
    audit: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """A scan, whose it is, and what it will find. One that `fails` finds nothing."""

    district: str
    scan: dict[str, Any]
    planned: tuple[dict[str, Any], ...] = ()
    find_again: tuple[str, ...] = ()
    fails: bool = False

    @property
    def is_running(self) -> bool:
        """It has neither ended nor been cancelled."""
        return bool(self.scan["status"] == "running")


def written(moment: float) -> str:
    """Unix seconds as the API writes a date and time."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
