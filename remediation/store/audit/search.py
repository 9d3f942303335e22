"""Lines found by when they were written: the trail has no index, and its times ascend almost."""

from collections.abc import AsyncIterator, Iterable, Sequence

from remediation.store.audit.chain import Line, line_in
from remediation.store.keys import AUDIT_TRAIL
from remediation.store.server.connection import Connection

WITHIN_SECONDS = 60
_WITHIN_MS = 1_000 * WITHIN_SECONDS
"""How far a line's time may be from the time that is known, and how far times of lines may be out of order: a line is
chained some seconds after its look, behind those of other workers."""

_MOST_AROUND = 5_000
"""Lines that are read around one moment, at the most."""

_AT_ONCE = 500


async def lines_about(connection: Connection, ref: str, moments: Iterable[float]) -> list[Line]:
    """The lines about the case from around these moments (Unix seconds), oldest first. Raises StoreUnavailable.

    They are found by halving, so their number decides little about how long it takes.
    """
    found: dict[str, Line] = {}
    until = 0
    for at in sorted(int(moment * 1000) for moment in moments):
        if at + _WITHIN_MS <= until:
            continue  # the lines around the moment before have it, too
        until = at + _WITHIN_MS
        for line in await _around(connection, at - _WITHIN_MS, until):
            if line.entry.case == ref:
                found[line.place] = line
    return sorted(found.values(), key=lambda line: (line.chain, line.number))


async def lines_since(connection: Connection, since: float) -> AsyncIterator[Line]:
    """The lines that were written since a moment (Unix seconds), newest first. Raises StoreUnavailable."""
    place, since_ms = "+", int(since * 1000)
    while rows := await connection.ask(connection.redis.xrevrange(AUDIT_TRAIL, max=place, count=_AT_ONCE)):
        lines = _lines(rows)
        for line in lines:
            if line.entry.at >= since_ms:
                yield line
        if lines and lines[-1].entry.at < since_ms - _WITHIN_MS:
            break
        place = f"({rows[-1][0].decode()}"


async def place_from(connection: Connection, at: float) -> str:
    """The place of the first line that is not older than a moment (Unix seconds); empty where there is none.

    Raises StoreUnavailable. Lines around it may be out of order by WITHIN_SECONDS.
    """
    at_ms, last, found = int(at * 1000), await _one(connection, "xrevrange", "+"), ""
    while last is not None and (first := await _one(connection, "xrange", f"{last.chain}-0")) is not None:
        if first.entry.at < at_ms:
            is_newer = last.entry.at >= at_ms
            return f"{last.chain}-{await _number_at(connection, first, last, at_ms)}" if is_newer else found
        found = first.place
        last = await _one(connection, "xrevrange", f"({first.place}")
    return found


async def _around(connection: Connection, since: int, until: int) -> list[Line]:
    """The lines of this span of time (Unix ms)."""
    last = await _one(connection, "xrevrange", "+")
    while last is not None:
        first = await _one(connection, "xrange", f"{last.chain}-0")
        if first is None:
            break
        if first.entry.at <= since or (before := await _one(connection, "xrevrange", f"({first.place}")) is None:
            return await _read(connection, last.chain, await _number_at(connection, first, last, since), since, until)
        if before.entry.at < since:
            return await _read(connection, first.chain, first.number, since, until)
        last = before
    return []


async def _number_at(connection: Connection, first: Line, last: Line, since: int) -> int:
    """The number of the first line of a chain that is not older than `since`."""
    low, high = first.number, last.number
    while low < high:
        middle = (low + high) // 2
        line = await _one(connection, "xrange", f"{first.chain}-{middle}")
        if line is None or line.chain != first.chain or line.entry.at >= since:
            high = middle
        else:
            low = max(line.number, middle) + 1
    return low


async def _read(connection: Connection, chain: int, number: int, since: int, until: int) -> list[Line]:
    """The lines from this one on until one is later than the span and its slack."""
    found: list[Line] = []
    place = f"{chain}-{number}"
    for _ in range(_MOST_AROUND // _AT_ONCE):
        rows = await connection.ask(connection.redis.xrange(AUDIT_TRAIL, min=place, count=_AT_ONCE))
        lines = _lines(rows)
        found += [line for line in lines if since <= line.entry.at <= until]
        if len(rows) < _AT_ONCE or (lines and lines[-1].entry.at > until + _WITHIN_MS):
            break
        place = f"({rows[-1][0].decode()}"
    return found


async def _one(connection: Connection, command: str, place: str) -> Line | None:
    """The first line from a place on (xrange), or the last one up to there (xrevrange)."""
    redis = connection.redis
    asked = (
        redis.xrange(AUDIT_TRAIL, min=place, count=1)
        if command == "xrange"
        else redis.xrevrange(AUDIT_TRAIL, max=place, count=1)
    )
    return next(iter(_lines(await connection.ask(asked))), None)


def _lines(rows: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[Line]:
    lines = []
    for name, fields in rows:
        try:
            lines.append(line_in(name.decode(), fields.get(b"l", b"")))
        except ValueError:
            continue
    return lines
