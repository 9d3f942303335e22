"""Pages of the audit: its lines, newest first, and what can be said of the whole trail without reading it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from remediation.domain.cases.records import key_of_ref
from remediation.read_model.audit import AuditFilter
from remediation.read_model.status.levels import Level
from remediation.read_model.wording import age_words, by_count, count_words
from remediation.store.audit.chain import Line, place_in
from remediation.store.audit.entries import AuditEntry
from remediation.store.audit.search import WITHIN_SECONDS, place_from
from remediation.store.audit.trail import AuditGlance, AuditTrail
from remediation.store.server.connection import Connection

MOST_LINES_LOOKED_AT = 500
"""Lines that one page looks at: some hundredths of a second. Where few of them fit, a page may be short."""

_AT_ONCE = 250
_PLACE = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
_UNCHAINED_SECONDS = 60.0
"""What waits longer to be chained is told as a trouble: workers chain every few seconds."""


@dataclass(frozen=True, slots=True)
class AuditPlace:
    """Before which line a page begins."""

    place: str

    @classmethod
    def parse(cls, text: str) -> "AuditPlace":
        """The place that `str` wrote. Raises ValueError."""
        if not _PLACE.fullmatch(text) or not 0 < max(place_in(text)) < 2**64:
            raise ValueError("no place")
        return cls(text)

    def __str__(self) -> str:
        """The place as a cursor."""
        return self.place


@dataclass(frozen=True, slots=True)
class AuditLinePage:
    """Lines, newest first. `after` is where the next page begins; None at the end."""

    lines: tuple[Line, ...]
    after: AuditPlace | None


def is_about(entry: AuditEntry, districts: frozenset[str] | None) -> bool:
    """Whether a line is about a case of one of these districts; always where they are None."""
    if districts is None:
        return True
    return any(each.partition(":")[0] in districts for each in (entry.case, entry.piece) if ":" in each)


def case_of(entry: AuditEntry) -> str:
    """The case that a line is about, or a piece of which it is about; empty for none."""
    if entry.case:
        return entry.case
    ref = entry.piece.partition("/")[0]
    return ref if key_of_ref(ref) else ""


async def audit_page(
    connection: Connection,
    trail: AuditTrail,
    wanted: AuditFilter,
    districts: frozenset[str] | None,
    limit: int,
    after: AuditPlace | None = None,
) -> AuditLinePage:
    """At most `limit` lines before a place: all that are wanted, or those about cases of `districts`.

    Raises StoreUnavailable.
    """
    place = after.place if after else await _begins(connection, wanted)
    found: list[Line] = []
    looked_at = 0
    last: AuditPlace | None = None
    lines = trail.latest(place, _AT_ONCE, first=limit + 1)  # as a rule that is the page, and whether one follows
    async for line in lines:
        entry = line.entry
        if wanted.since is not None and 0 < entry.at / 1000 < wanted.since - WITHIN_SECONDS:
            break  # a line of another version, which cannot be read, has no time
        if len(found) == limit or looked_at == MOST_LINES_LOOKED_AT:
            return AuditLinePage(tuple(found), last)
        looked_at, last = looked_at + 1, AuditPlace(line.place)
        if wanted.takes(entry, trail.keys) and is_about(entry, districts):
            found.append(line)
    return AuditLinePage(tuple(found), None)


async def _begins(connection: Connection, wanted: AuditFilter) -> str:
    """The place before which the newest wanted line is; empty for the end of the trail."""
    return "" if wanted.until is None else await place_from(connection, wanted.until + WITHIN_SECONDS)


def standing_lines(glance: AuditGlance, now: float) -> Iterator[tuple[Level, str]]:
    """What can be said of the trail, each with how bad it is. Only `remedy audit verify` proves every line."""
    if not glance.last:
        yield Level.OK, "There is no line yet: the first chain begins when something is done."
    elif glance.ends_well:
        yield Level.OK, f"It ends with line {place_in(glance.last)[1]:,}, as its head says."
    else:
        yield Level.FAILURE, "It does not end as its head says: remedy audit verify tells which line is bent."
    for kind, at in sorted(glance.bends.items(), key=lambda each: -each[1]):
        says = (
            f"While lines were chained, the end was found bent ({kind.replace('_', ' ')}), {age_words(now - at)} ago."
        )
        yield Level.FAILURE, says
    if glance.unknown_keys:
        keys = ", ".join(sorted(glance.unknown_keys))
        yield Level.WARNING, f"Lines are signed under a data key that is not here, and cannot be proven: {keys}."
    if glance.waits.count:
        count = glance.waits.count
        says = f"{count_words(count, 'line')} {by_count(count, 'waits', 'wait')} to be chained."
        yield Level.WARNING if glance.waits.age(now) > _UNCHAINED_SECONDS else Level.OK, says
