"""A case's row in Redis, read and written. Pure."""

import json

from remediation.cases import CaseKey, CaseKind, CaseRecord, Intent, Link, Memory
from remediation.findings import FindingStatus, Severity
from remediation.tickets import TicketState


def key_in(ref: str, case_id: str) -> CaseKey:
    """The key of a row: its reference tells the district and the kind, and the row itself the id."""
    district, kind, _ = ref.split(":", 2)
    return CaseKey(district, CaseKind(kind), case_id)


def record_of(ref: str, row: dict[str, bytes]) -> CaseRecord:
    """A case's row, read."""
    links = {name: _link(name, row[f"link:{name}"]) for name in _names(row, "link")}
    intents = {name: Intent(name, float(row[f"intent:{name}"])) for name in _names(row, "intent")}
    given_up = frozenset(_names(row, "given_up"))
    return CaseRecord(
        key=key_in(ref, row["id"].decode()),
        links=links,
        intents=intents,
        memory=memory_of(row["memory"]) if "memory" in row else Memory(),
        parked=frozenset(_names(row, "parked")) | given_up,
        again=frozenset(_names(row, "again")),
        given_up=given_up,
        attempts=int(row.get("attempts", 0)),
        born=int(row.get("born", 0)) / 1000,
    )


def _names(row: dict[str, bytes], kind: str) -> list[str]:
    return [field.partition(":")[2] for field in row if field.startswith(f"{kind}:")]


def _link(tracker: str, text: bytes) -> Link:
    ticket_id, key, url = json.loads(text)
    return Link(tracker, ticket_id, key, url)


def memory_json(memory: Memory) -> str:
    """A memory on its way to Redis."""
    kept: dict[str, object] = {"finding": memory.finding, "tickets": dict(memory.tickets)}
    if memory.doing:
        kept |= {"doing": sorted(memory.doing), "planned_at": memory.planned_at}
    more = {
        "severity": memory.severity,
        "rule": memory.rule,
        "wrote": {tracker: dict(fields) for tracker, fields in memory.wrote.items() if fields},
        "told": sorted(memory.told),
        "conflict_at": memory.conflict_at,
    }
    return json.dumps(kept | {name: value for name, value in more.items() if value})


def memory_of(text: bytes) -> Memory:
    """A memory on its way back."""
    kept = json.loads(text)
    return Memory(
        finding=FindingStatus(kept["finding"]) if kept["finding"] else None,
        tickets={tracker: TicketState(state) for tracker, state in kept["tickets"].items()},
        doing=frozenset(kept.get("doing", ())),
        planned_at=FindingStatus(kept["planned_at"]) if kept.get("planned_at") else None,
        severity=Severity(kept["severity"]) if kept.get("severity") else None,
        rule=kept.get("rule", ""),
        wrote=kept.get("wrote", {}),
        told=frozenset(kept.get("told", ())),
        conflict_at=kept.get("conflict_at"),
    )
