"""A district's account for one command, and its refusals in words that say what to do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from remediation.domain.errors import NotFound, OutsideError, TryLater
from remediation.mapping.reading.loading import load_mappings
from remediation.read_model.rules.previews import district_of
from remediation.settings import load_settings
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.downloads import AddressExpired
from remedy.findings import open_source
from remedy.runtime.calls.budgets import open_budgets

ResultT = TypeVar("ResultT")

_SCOPE = "the token's scope does not allow it (SchoolScan has read-only, scan-trigger and admin: see its settings page)"


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """A district's account at SchoolScan, and its name in mappings.yaml."""

    district: str
    api: SchoolScan


def named_district(name: str | None) -> str:
    """The district that is meant: the given one, or the only one. Raises ConfigurationError."""
    return district_of(load_mappings(load_settings().mappings_path), name)


def with_account(district: str, use: Callable[[NamedAccount], Awaitable[ResultT]]) -> ResultT:
    """What `use` returns for the account of the district. Raises ConfigurationError, and what `use` raises.

    What it asks for comes out of the budgets that workers share.
    """
    loaded = load_mappings(load_settings().mappings_path)

    async def work() -> ResultT:
        async with open_budgets() as spending_of, open_source(loaded, district, spending_of(district)) as api:
            return await use(NamedAccount(district, api))

    return asyncio.run(work())


@contextlib.contextmanager
def explaining(*, missing: str = "", ambiguous: str = "") -> Iterator[None]:
    """Within it, a refusal of SchoolScan's says besides what it means here, and when to come again.

    `missing` is for what is not found; `ambiguous` for a write of which nobody knows whether it was done.
    """
    try:
        yield
    except OutsideError as error:
        if says := _meaning(error, missing, ambiguous):
            raise _explained(error, says) from None
        raise


def _meaning(error: OutsideError, missing: str, ambiguous: str) -> str:
    match error:
        case AddressExpired():
            return ""
        case NotFound():
            return missing
        case TryLater(ambiguous=True) if ambiguous:
            return ambiguous
        case TryLater(after=float() | int() as after):
            return f"come again in {after:.0f} s"
        case _:
            return _SCOPE if error.status == HTTPStatus.FORBIDDEN else ""


def _explained(error: OutsideError, says: str) -> OutsideError:
    words, status, request_id = f"{error.words}; {says}", error.status, error.request_id
    if not isinstance(error, TryLater):
        return type(error)(error.system, words, status=status, request_id=request_id)
    return TryLater(
        error.system,
        words,
        after=error.after,
        ambiguous=error.ambiguous,
        status=status,
        request_id=request_id,
        waiting=error.waiting,
    )
