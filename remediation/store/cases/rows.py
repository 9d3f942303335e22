"""A case's row in Redis, read and written. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from remediation.domain.cases import CaseKey, CaseKind, CaseRecord, Closing, Intent, Link, Memory, ref_of_mark
from remediation.domain.findings import FindingStatus, Severity
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.store.cases.policies import policy_that, said_of


def key_in(ref: str, case_id: str) -> CaseKey:
    """The key of a row: its reference tells the district and the kind, and the row itself the id."""
    district, kind, _ = ref.split(":", 2)
    return CaseKey(district, CaseKind(kind), case_id)


def record_of(ref: str, row: dict[str, bytes]) -> CaseRecord:
    """A case's row, read."""
    links = {name: _link(name, row) for name in _names(row, "link")}
    intents = {name: _intent(name, row) for name in _names(row, "intent")}
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
        overtaken=int(row.get("overtaken", 0)),
        waits_for=row.get("waits_for", b"").decode(),
        unnamed=frozenset(filter(None, row.get("unnamed", b"").decode().split(","))),
        born=int(row.get("born", 0)) / 1000,
        home=row.get("home", b"").decode(),
        members={name: int(row[f"member:{name}"]) for name in _names(row, "member")},
        rested={name: int(row[f"rested:{name}"]) for name in _names(row, "rested")},
    )


def _names(row: dict[str, bytes], kind: str) -> list[str]:
    return [field.partition(":")[2] for field in row if field.startswith(f"{kind}:")]


def _intent(tracker: str, row: dict[str, bytes]) -> Intent:
    return Intent(tracker, float(row[f"intent:{tracker}"]), row.get(f"place:{tracker}", b"").decode())


def _link(tracker: str, row: dict[str, bytes]) -> Link:
    """A link, and what is known besides of its ticket; a link that an earlier version made has nothing besides."""
    ticket_id, key, url = json.loads(row[f"link:{tracker}"])
    more = json.loads(row.get(f"tie:{tracker}", b"{}"))
    if more.get("ticket") != ticket_id:  # an earlier version, beside this one, has tied the case to another
        return Link(tracker, ticket_id, key, url)
    unmarked, site = bool(more.get("unmarked")), more.get("site", "")
    born = more.get("born", 0) / 1000
    return Link(tracker, ticket_id, key, url, created=more.get("created"), unmarked=unmarked, site=site, born=born)


def link_of(ticket: Ticket, site: str = "", born: float = 0.0) -> Link:
    """The link to a ticket, as the ticket was read on this site, in a store that began then."""
    created = ticket.created_at.timestamp() if ticket.created_at else None
    is_unmarked = ref_of_mark(ticket.mark) is None
    return Link(ticket.tracker, ticket.id, ticket.key, ticket.url, created, is_unmarked, site, born)


def link_json(link: Link) -> tuple[str, str]:
    """A link on its way to Redis: what every version reads, and what is known besides."""
    more: dict[str, object] = {
        "ticket": link.ticket_id,
        "created": link.created,
        "site": link.site,
        "born": round(link.born * 1000),
    }
    return json.dumps([link.ticket_id, link.ticket_key, link.url]), json.dumps(
        more | ({"unmarked": True} if link.unmarked else {})
    )


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
        "closings": {name: [each.reason, each.word, each.meant] for name, each in memory.closings.items()},
        "closed": {name: each.ticket_id for name, each in memory.closings.items() if each.ticket_id},
        "ends": {name: each.until for name, each in memory.closings.items() if each.has_end},
        "left_over": dict(memory.left_over),
    }
    if memory.said is not None:
        kept["said"] = said_of(memory.said)
    return json.dumps(kept | {name: value for name, value in more.items() if value})


def memory_of(text: bytes) -> Memory:
    """A memory on its way back; one that an earlier version wrote has less."""
    kept = json.loads(text)
    return Memory(
        finding=FindingStatus(kept["finding"]) if kept["finding"] else None,
        tickets={tracker: TicketState(state) for tracker, state in kept["tickets"].items()},
        doing=frozenset(kept.get("doing", ())),
        planned_at=FindingStatus(kept["planned_at"]) if kept.get("planned_at") else None,
        severity=Severity(kept["severity"]) if kept.get("severity") else None,
        rule=kept.get("rule", ""),
        said=policy_that(kept.get("rule", ""), kept["said"]) if "said" in kept else None,
        wrote=kept.get("wrote", {}),
        told=frozenset(kept.get("told", ())),
        conflict_at=kept.get("conflict_at"),
        closings={name: _closing(name, kept) for name in kept.get("closings", {})},
        left_over=kept.get("left_over", {}),
    )


def _closing(name: str, kept: Mapping[str, Any]) -> Closing:
    """How the ticket there was closed; an end that is null is one that nobody could read."""
    reason, word, meant = kept["closings"][name]
    ends, ticket_id = kept.get("ends", {}), kept.get("closed", {}).get(name, "")
    is_unread = name in ends and ends[name] is None
    return Closing(Reason(reason), word, Reason(meant) if meant else None, ticket_id, ends.get(name), is_unread)
