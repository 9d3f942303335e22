"""Drills, as they are kept while they are played: what SchoolScan keeps of a real finding, in our own words alone.

One that is over stays resolved whatever is written to it, for a day: until then a tracker may still report our own last
change of its ticket, and a look must find that all is done. All of it goes thirty days after the last one began.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from remediation.domain.cases.records import CaseKey, CaseKind, key_of_ref
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.store.keys import DRILLS
from remediation.store.server.connection import Connection, passing_errors

KEPT = timedelta(days=30)
AFTER = timedelta(days=1)
"""How long a drill is kept once it is over."""

_MORE = ("status", "changed", "over")
"""What is kept beside a drill's row: written by others than the row, so each has a field of its own."""


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill. `over_at` (Unix seconds) is when it was taken back; None while it is played."""

    key: CaseKey
    finding: Finding
    over_at: float | None = None


class Drills:
    """The drills of all districts. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(self, key: CaseKey, finding: Finding, now: float) -> None:
        """Keep a new drill. It is open. Forgets those that are over for long. `now` is Unix seconds."""
        row = {"severity": finding.severity, "type": finding.domain_type, "site": finding.site, "at": now}
        old = [each.key.ref for each in await self.listed() if _is_old(each, now)]
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                for ref in old:
                    pipe.hdel(DRILLS, ref, *(_field(ref, what) for what in _MORE))
                pipe.hset(DRILLS, key.ref, json.dumps(row))
                pipe.pexpire(DRILLS, KEPT // timedelta(milliseconds=1))
                await pipe.execute()

    async def drill(self, key: CaseKey) -> Drill | None:
        """The drill of this case; None where there is none."""
        names = [key.ref, *(_field(key.ref, what) for what in _MORE)]
        row, status, changed, over = await self._connection.ask(self._connection.redis.hmget(DRILLS, names))
        return _drill(key, row, status, changed, over) if row else None

    async def listed(self) -> list[Drill]:
        """Every drill that is kept, by its reference."""
        kept: Mapping[bytes, bytes] = await self._connection.ask(self._connection.redis.hgetall(DRILLS))
        named = {name.decode(): value for name, value in kept.items()}
        found = [
            _drill(key, row, *(named.get(_field(ref, what)) for what in _MORE))
            for ref, row in sorted(named.items())
            if (key := key_of_ref(ref)) is not None and key.kind is CaseKind.FINDING
        ]
        return [each for each in found if each is not None]

    async def set_status(self, key: CaseKey, status: Status, now: float) -> None:
        """Set its status, as SchoolScan would for a finding."""
        values = {_field(key.ref, "status"): str(status), _field(key.ref, "changed"): str(now)}
        await self._connection.ask(self._connection.redis.hset(DRILLS, mapping=values))

    async def end(self, key: CaseKey, now: float) -> None:
        """Take it back: it is resolved, and stays so. The first time counts."""
        await self._connection.ask(self._connection.redis.hsetnx(DRILLS, _field(key.ref, "over"), str(now)))


def _field(ref: str, what: str) -> str:
    return f"{ref}|{what}"


def _is_old(drill: Drill, now: float) -> bool:
    return drill.over_at is not None and drill.over_at < now - AFTER.total_seconds()


def _drill(key: CaseKey, row: bytes, status: bytes | None, changed: bytes | None, over: bytes | None) -> Drill | None:
    """None for a row that this version cannot read."""
    try:
        written = json.loads(row)
        finding = Finding(
            key.id,
            Status(status.decode()) if status else Status.OPEN,
            Severity(written["severity"]),
            DomainType(written["type"]),
            title="A test of remedy",
            url=f"https://{written['site']}/remedy-test",
            site=written["site"],
            detected_at=_moment(float(written["at"])),
            updated_at=_moment(float(changed or written["at"])),
        )
    except (KeyError, TypeError, ValueError):
        return None
    if not over:
        return Drill(key, finding)
    return Drill(key, replace(finding, status=Status.RESOLVED, updated_at=_moment(float(over))), float(over))


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
