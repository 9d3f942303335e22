"""Pages for tests: written as text, read in one go or in pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

from remediation.domain.incidents import Incident
from remediation.sources.incident_feed.parsing import PageParser


@dataclass(frozen=True, slots=True)
class Read:
    """All that a parser has to say of a page."""

    incidents: list[Incident]
    parser: PageParser

    @property
    def problem(self) -> str | None:
        return self.parser.problem


def page(*members: str, root: str = 'count="1" page="1" total-pages="1"') -> bytes:
    """A page with these elements in its root."""
    return f"<incidents {root}>{''.join(members)}</incidents>".encode()


def member(inside: str = "", attributes: str = 'uuid="u-1"') -> str:
    return f"<incident {attributes}>{inside}</incident>"


def read(body: bytes, chunks: Sequence[int] = ()) -> Read:
    """The page, fed in chunks of these sizes, and its rest at once."""
    incidents: list[Incident] = []
    parser = PageParser(UTC, incidents.append)
    for chunk in _cut(body, chunks):
        parser.feed(chunk)
    parser.end()
    return Read(incidents, parser)


def read_one(inside: str = "", attributes: str = 'uuid="u-1"') -> Incident:
    """The incident of a page that has one, and no flaws."""
    done = read(page(member(inside, attributes)))
    assert done.problem is None
    assert not done.parser.flaws
    (incident,) = done.incidents
    return incident


def _cut(body: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield body[start : start + size]
        start += size
    yield body[start:]
