"""Findings and incidents for the commands: from a file, from standard input, or from SchoolScan. Reads only."""

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from remediation.domain.errors import ConfigurationError, NotFound, Problem, Unreadable
from remediation.domain.findings import Finding
from remediation.mapping.explain.incident_samples import SampleIncident, samples_of
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import read_secret
from remediation.read_model.wording import count_words
from remediation.settings import environ
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.transport import Spending, freely
from remediation.sources.schoolscan.words import finding_of, json_of
from remedy.runtime.calls.budgets import open_budgets
from remedy.runtime.calls.outbound import outbound

STANDARD_INPUT = Path("-")
_A_FINDING = "a JSON object with an id, as SchoolScan's API gives it"


def finding_in(path: Path) -> Finding:
    """The one finding of a file, as SchoolScan's API gives it. Raises ConfigurationError."""
    where, raw = _name(path), _bytes(path)
    if not raw.strip():
        raise _unusable(where, f"is empty: it must be {_A_FINDING}")
    try:
        value = json_of(raw)
    except Unreadable:
        raise _unusable(where, f"is not JSON: it must be {_A_FINDING}") from None
    if len(members := list(_members(value))) != 1 or members[0] is not value:
        raise _unusable(where, f"is a list of {count_words(len(members), 'finding')}: take one out of it, {_A_FINDING}")
    try:
        return finding_of(value)
    except Unreadable:
        raise _unusable(where, f"is not a finding: it must be {_A_FINDING}") from None


def findings_in(path: Path) -> list[Finding]:
    """The findings of a file: a JSON array, SchoolScan's own list, or one finding a line. Raises ConfigurationError."""
    where, raw = _name(path), _bytes(path)
    try:
        members = list(_members(json_of(raw)))
    except Unreadable:
        return list(_lines(raw, where))
    found = []
    for number, member in enumerate(members):
        try:
            found.append(finding_of(member))
        except Unreadable:
            raise _unusable(where, f"entry {number} is not a finding: it has no id") from None
    return found


def incident_in(path: Path) -> SampleIncident:
    """The one incident of a file. Raises ConfigurationError."""
    found = incidents_in(path)
    if len(found) != 1:
        raise ConfigurationError([Problem(_name(path), f"has {count_words(len(found), 'incident')} in place of one")])
    return found[0]


def incidents_in(path: Path) -> list[SampleIncident]:
    """The incidents of a file: a list of maps of words, or one such map, in JSON or YAML. Raises ConfigurationError."""
    where = _name(path)
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError([Problem(where, "is not UTF-8 text")]) from None
    return samples_of(text, where)


@contextlib.asynccontextmanager
async def open_source(loaded: Loaded, district: str, spending: Spending = freely) -> AsyncIterator[SchoolScan]:
    """The client of the district's account, while this context is open. Reads its token and no other secret.

    Its requests are sent within `spending`.
    """
    account = loaded.mappings.districts[district].schoolscan
    try:
        token = read_secret(account.token, environ())
    except ConfigurationError as error:
        steps = ("districts", district, "schoolscan", "token")
        problems = [loaded.problem(steps, f"{problem.where} {problem.message}") for problem in error.problems]
        raise ConfigurationError(problems) from None
    way = outbound()
    async with way.open_client() as client:
        yield way.source(district, account, token, client, spending)


async def finding_from(loaded: Loaded, district: str, finding_id: str) -> Finding:
    """The finding as SchoolScan shows it now. Raises NotFound, TryLater or Refused."""
    async with open_budgets() as spending_of, open_source(loaded, district, spending_of(district)) as source:
        try:
            return await source.finding(finding_id)
        except NotFound as error:
            raise NotFound(error.system, "there is no such finding", status=error.status) from None


async def findings_from(loaded: Loaded, district: str) -> list[Finding]:
    """Every finding of the district, page by page. Raises TryLater or Refused."""
    async with open_budgets() as spending_of, open_source(loaded, district, spending_of(district)) as source:
        return [finding async for finding in source.findings({})]


def _members(value: object) -> Iterator[object]:
    match value:
        case list():
            yield from value
        case {"data": list(members)}:
            yield from members
        case _:
            yield value


def _lines(raw: bytes, where: str) -> Iterator[Finding]:
    for number, line in enumerate(raw.splitlines(), 1):
        if line.strip():
            try:
                yield finding_of(json_of(line))
            except Unreadable:
                message = "is not a finding: a JSON object with an id, as SchoolScan's API gives it"
                raise ConfigurationError([Problem(where, message, number, 1)]) from None


def _bytes(path: Path) -> bytes:
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(str(path), f"cannot be read: {error.strerror}") from None


def _name(path: Path) -> str:
    return "standard input" if path == STANDARD_INPUT else str(path)


def _unusable(where: str, message: str) -> ConfigurationError:
    return ConfigurationError([Problem(where, message)])
