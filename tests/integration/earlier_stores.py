"""A store that an earlier version of this program wrote, and the world outside that it belongs to.

Each file in stores/ is all that lay in Redis after `play`, as the version of that day left it: written by its own code
and never by hand. `pytest tests/integration/test_earlier_stores.py --write-store NAME` writes the one of the code at
hand. A file is kept for as long as somebody may have a store of its version.
"""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from remediation.deliveries.events import SCHOOLSCAN
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Risk, Ticket, TicketState
from remediation.sealing import Keyring
from remediation.store.deliveries.readings import scan_ref
from tests.integration.offices import Office
from tests.stand_ins import LATER, MemoryTracker
from workers.jobs.deliveries import read_delivery
from workers.jobs.scans import page_scan

STORES = Path(__file__).parent / "stores"
KEYRING = Keyring.parse("k10d3f3f8:y0xDbs92L0J0vUqzBdPDi/vPz9Ym/C8gCowG5ds8vqU=")
"""Opens what is sealed in the files, and seals nothing else anywhere."""

RESOLVED, ACCEPTED, REFUSED, GIVEN_UP, UNANSWERED, PUT_OFF, NEW = (
    CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(1, 8)
)
SCAN = scan_ref("lakeside", "scan_1")
SCANNED = [CaseKey("lakeside", CaseKind.FINDING, f"found_{number}") for number in range(5)]
PAGE = 2
_BASE64 = "base64:"
ACCEPTED_FOR = 86_400.0
NO = Refused("jira", "customfield_10010: is required", status=400)


async def play(office: Office) -> None:
    """One case in each state that a store must keep, a scan of which one page is listed, and two deliveries.

    NEW is only what the last delivery, which nobody has read, is about.
    """
    for key in (RESOLVED, ACCEPTED, REFUSED, GIVEN_UP, UNANSWERED, PUT_OFF, NEW):
        office.source.findings[key.id] = Finding(key.id, Status.OPEN, Severity.HIGH, detected_at=LATER)
    for key in SCANNED:
        found = Finding(key.id, Status.OPEN, Severity.LOW, scan_id="scan_1", detected_at=LATER)
        office.source.findings[key.id] = found
    await _end(office)
    office.jira.troubles.once("create", NO, NO)
    for key in (REFUSED, GIVEN_UP):
        await _look(office, key)
    await office.context.parked.discard(f"{GIVEN_UP.ref}/open:jira", office.clock())
    await office.work()
    office.jira.troubles.once("created", TryLater("jira", "no answer", ambiguous=True))
    await _look(office, UNANSWERED)
    for tracker in (office.snow, office.jira):
        tracker.troubles.once("create", TryLater(tracker.name, "busy"))
    await _look(office, PUT_OFF)
    await _accept(office, "evt_scan", {"type": "scan.completed", "data": {"scan_id": "scan_1"}})
    await read_delivery(office.arq_context, "evt_scan")
    await page_scan(office.arq_context, SCAN)
    await _accept(office, "evt_bad", {"type": "finding.critical", "data": 7})
    await read_delivery(office.arq_context, "evt_bad")
    await _accept(office, "evt_new", {"type": "finding.critical", "data": {"finding_id": NEW.id}})


async def _end(office: Office) -> None:
    """Two cases come to an end: one is mended, of one the risk is accepted for a day."""
    for key in (RESOLVED, ACCEPTED):
        await _look(office, key)
    for tracker, ticket in tickets_of(office, RESOLVED):
        tracker.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    until = datetime.fromtimestamp(office.clock() + ACCEPTED_FOR, UTC)
    for tracker, ticket in tickets_of(office, ACCEPTED):
        tracker.accept_risk(ticket.id, Risk("the page goes with the old site", until))
    for key in (RESOLVED, ACCEPTED):
        await _look(office, key)


def tickets_of(office: Office, key: CaseKey) -> list[tuple[MemoryTracker, Ticket]]:
    """Every ticket of the case that there really is, each with the tracker that it is in."""
    return [(tracker, ticket) for tracker in (office.snow, office.jira) for ticket in tracker.of(key.mark)]


async def _look(office: Office, key: CaseKey) -> None:
    await office.mark(key)
    await office.work()


async def _accept(office: Office, event_id: str, body: dict[str, Any]) -> None:
    sent = json.dumps({"id": event_id, **body}).encode()
    await office.context.inbox.accept(event_id, SCHOOLSCAN, "lakeside", sent, office.clock())


async def written(redis: Redis) -> list[dict[str, Any]]:
    """Everything in this Redis, a row for each key, in order. Bytes that are no text are in base64, with its name."""
    return [await _row(redis, key) for key in sorted(await redis.keys("*"))]


def rows_of(path: Path) -> list[dict[str, Any]]:
    """What a file holds."""
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """A file that holds these."""
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


async def load(redis: Redis, rows: list[dict[str, Any]]) -> None:
    """These rows, and nothing else, into this Redis."""
    await redis.flushall()
    for row in rows:
        await _put(redis, _bytes(row["key"]), row["type"], row["value"])
        if row["ttl"] > 0:
            await redis.pexpire(_bytes(row["key"]), row["ttl"])


async def _row(redis: Any, key: bytes) -> dict[str, Any]:
    kind = (await redis.type(key)).decode()
    match kind:
        case "string":
            value: Any = _text(await redis.get(key) or b"")
        case "hash":
            value = {_text(name): _text(each) for name, each in sorted((await redis.hgetall(key)).items())}
        case "set":
            value = [_text(each) for each in sorted(await redis.smembers(key))]
        case "zset":
            value = {_text(member): score for member, score in await redis.zrange(key, 0, -1, withscores=True)}
        case "stream":
            entries = await redis.xrange(key)
            value = {_text(at): {_text(name): _text(each) for name, each in fields.items()} for at, fields in entries}
        case other:
            raise ValueError(f"nothing of ours is kept as a {other}")
    return {"key": _text(key), "type": kind, "ttl": await redis.pttl(key), "value": value}


async def _put(redis: Any, key: bytes, kind: str, value: Any) -> None:
    match kind:
        case "string":
            await redis.set(key, _bytes(value))
        case "hash":
            await redis.hset(key, mapping={_bytes(name): _bytes(each) for name, each in value.items()})
        case "set":
            await redis.sadd(key, *map(_bytes, value))
        case "zset":
            await redis.zadd(key, {_bytes(member): score for member, score in value.items()})
        case "stream":
            for at, fields in value.items():
                await redis.xadd(key, {_bytes(name): _bytes(each) for name, each in fields.items()}, id=_bytes(at))
        case other:
            raise ValueError(f"nothing of ours is kept as a {other}")


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        return _BASE64 + base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.removeprefix(_BASE64)) if text.startswith(_BASE64) else text.encode()
