"""A case's row in Redis, read and written. Pure.

A hash with a value of more than 64 bytes takes three times the room of one without, and a server that we do not
configure decides that. So what is long is packed: what is known of a ticket (`tie:`), and the memory, which lies in
pieces (`memory`, `memory:1`, …). Rows that an earlier version wrote have both as JSON.

A memory has what the rule of the case said: that still counts after mappings.yaml has lost the rule. A million cases
have it, so only what differs from the defaults is written.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from remediation.domain.actions import ActionName
from remediation.domain.cases.closings import Closing
from remediation.domain.cases.members import SET_SINCE, UNLISTED, KnownMember
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Intent, Link, Memory, ref_of_mark
from remediation.domain.cases.verification import ScanVerdict, Verification
from remediation.domain.policy import FOR_EVER, KEPT_OPEN, Acceptance, Policy, ResolveWhen
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Ticket, TicketChange, TicketState
from remediation.store.packing import Form, packed, unpacked


def key_in(ref: str, case_id: str) -> CaseKey:
    """The key of a row: the reference has the district and the kind, the row has the id."""
    district, kind, _ = ref.split(":", 2)
    return CaseKey(district, CaseKind(kind), case_id)


def record_of(ref: str, row: dict[str, bytes]) -> CaseRecord:
    """The record that a case's row holds."""
    names = _names(row)
    given_up = _actions(names["given_up"])
    return CaseRecord(
        key=key_in(ref, row["id"].decode()),
        links={name: _link(name, row) for name in names["link"]},
        intents={name: _intent(name, row) for name in names["intent"]},
        memory=memory_of(_memory_in(row)) if "memory" in row else Memory(),
        parked=_actions(names["parked"]) | given_up,
        again=_actions(names["again"]),
        given_up=given_up,
        attempts=int(row.get("attempts", 0)),
        overtaken=int(row.get("overtaken", 0)),
        waits_for=row.get("waits_for", b"").decode(),
        unnamed=frozenset(filter(None, row.get("unnamed", b"").decode().split(","))),
        born=int(row.get("born", 0)) / 1000,
        forgotten=int(row.get("forgotten", 0)) / 1000,
        ended=_ended(row, names["given_up"]),
        came_due=float(row["came_due"]) / 1000 if "came_due" in row else None,
        home=row.get("home", b"").decode(),
        members={name: int(row[f"member:{name}"]) for name in names["member"]},
        known={name: KnownMember.parse(row[f"seen:{name}"].decode()) for name in names["seen"]},
        verification=_verification(row),
        joined={name: row[f"joined:{name}"] == SET_SINCE.encode() for name in names["joined"]},
        unlisted=frozenset(name for name in names["joined"] if row[f"joined:{name}"] == UNLISTED.encode()),
    )


def _names(row: dict[str, bytes]) -> defaultdict[str, list[str]]:
    """By kind (`link`) the names of the fields that there may be several of (`link:jira`)."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for field in row:
        kind, colon, name = field.partition(":")
        if colon:
            found[kind].append(name)
    return found


def _actions(names: Iterable[str]) -> frozenset[ActionName]:
    return frozenset(map(ActionName.parse, names))


def _ended(row: dict[str, bytes], given_up: Iterable[str]) -> float | None:
    """When the case came to its end: not before a person gave up the last action that was parked."""
    if "ended" not in row:
        return None
    return max(int(row["ended"]), *(int(row[f"given_up:{name}"]) / 1000 for name in given_up), 0.0)


def _intent(tracker: str, row: dict[str, bytes]) -> Intent:
    return Intent(tracker, float(row[f"intent:{tracker}"]), row.get(f"place:{tracker}", b"").decode())


def _verification(row: Mapping[str, bytes]) -> Verification | None:
    kept = {name: row.get(f"verify:{name}", b"").decode() for name in VERIFICATION_FIELDS}
    if not kept["claim"]:
        return None
    since, tries, told = (int(kept[name] or 0) for name in ("since", "tries", "told"))
    verdict = ScanVerdict(kept["verdict"]) if kept["verdict"] else None
    return Verification(kept["claim"], since, tries, told, verdict, kept["scan"], kept["site"])


VERIFICATION_FIELDS = ("claim", "since", "tries", "told", "verdict", "scan", "site")
"""The fields of a row, behind `verify:`, that say how far the verification of the case is."""


def _memory_in(row: Mapping[str, bytes]) -> bytes:
    """A memory as JSON, from its pieces. Raises ValueError where it is in a form that this version does not know."""
    kept = row["memory"]
    if kept.startswith(b"{"):  # pieces are left over then: an earlier version, beside this one, has written over one
        return kept
    return unpacked(_pieces(row))


def _pieces(row: Mapping[str, bytes]) -> bytes:
    kept, number = row.get("memory", b""), 1
    while (piece := row.get(f"memory:{number}")) is not None:
        kept, number = kept + piece, number + 1
    return kept


def memory_digest(row: Mapping[bytes, bytes]) -> str:
    """The SHA-1 of all pieces of a row's memory: another one where it was written anew."""
    pieces = _pieces({name.decode(): value for name, value in row.items()})
    return hashlib.sha1(pieces, usedforsecurity=False).hexdigest()


def memory_kept(kept: bytes) -> Memory:
    """A memory from its pieces in one. Raises ValueError where it is in a form that this version does not know."""
    return memory_of(kept if kept.startswith(b"{") else unpacked(kept))


def _link(tracker: str, row: Mapping[str, bytes]) -> Link:
    """A link, and what else is known of its ticket."""
    ticket_id, key, *earlier = json.loads(row[f"link:{tracker}"])
    if earlier:
        return _earlier_link(tracker, row)
    created, born, is_unmarked, site, address = json.loads(unpacked(row[f"tie:{tracker}"]))
    url = address[0] if isinstance(address, list) else _whole(address, ticket_id, key, site)
    return Link(tracker, ticket_id, key, url, created=created, unmarked=is_unmarked, site=site, born=born / 1000)


def _earlier_link(tracker: str, row: Mapping[str, bytes]) -> Link:
    """A link that an earlier version made: it may have nothing besides."""
    ticket_id, key, url = json.loads(row[f"link:{tracker}"])
    tie = row.get(f"tie:{tracker}", b"{}")
    more = json.loads(tie) if tie.startswith(b"{") else {}
    if more.get("ticket") != ticket_id:  # an earlier version, beside this one, has tied the case to another
        return Link(tracker, ticket_id, key, url)
    unmarked, site = bool(more.get("unmarked")), more.get("site", "")
    born = more.get("born", 0) / 1000
    return Link(tracker, ticket_id, key, url, created=more.get("created"), unmarked=unmarked, site=site, born=born)


def links_to_pack(record: CaseRecord, row: Mapping[str, bytes]) -> dict[str, str | bytes]:
    """The fields, as they are kept now, of links that an earlier version wrote."""
    fields: dict[str, str | bytes] = {}
    for name, link in record.links.items():
        if len(json.loads(row[f"link:{name}"])) > 2:  # noqa: PLR2004 - an id and a key
            fields[f"link:{name}"], fields[f"tie:{name}"] = link_wire(link)
    return fields


def link_of(ticket: Ticket, site: str = "", born: float = 0.0) -> Link:
    """The link to a ticket that was read on this site, in a store that was first used at `born` (Unix seconds)."""
    created = ticket.created_at.timestamp() if ticket.created_at else None
    is_unmarked = ref_of_mark(ticket.mark) is None
    return Link(ticket.tracker, ticket.id, ticket.key, ticket.url, created, is_unmarked, site, born)


def link_wire(link: Link) -> tuple[str, bytes]:
    """A link as it is stored: which ticket it is, as the scripts read it, and what else is known of the ticket."""
    more = [link.created, round(link.born * 1000), link.unmarked, link.site, _shortened(link)]
    return _compact([link.ticket_id, link.ticket_key]), packed(_compact(more).encode(), Form.ROW)


def change_wire(change: TicketChange, key: CaseKey) -> tuple[str, ...]:
    """A ticket's change as the scripts take it, with the case that it marks."""
    return change.ticket_id, change.version, key.ref, key.id, change.opened_as


def _shortened(link: Link) -> str | list[str]:
    """A ticket's address without what is kept beside it; whole, in a list, where that would not come back."""
    parts = {"{site}": link.site, "{id}": _last_of(link.ticket_id), "{key}": link.ticket_key}
    short = link.url
    for word, text in parts.items():
        if text:
            short = short.replace(text, word)
    is_same = _whole(short, link.ticket_id, link.ticket_key, link.site) == link.url
    return short if is_same else [link.url]


def _whole(short: str, ticket_id: str, key: str, site: str) -> str:
    return short.replace("{key}", key).replace("{id}", _last_of(ticket_id)).replace("{site}", site)


def _last_of(ticket_id: str) -> str:
    """An id without the place that it names."""
    return ticket_id.rpartition("/")[2]


def memory_wire(memory: Memory) -> bytes:
    """A memory as it is stored."""
    return packed(memory_json(memory).encode(), Form.ROW)


def memory_json(memory: Memory) -> str:
    """A memory as JSON."""
    kept: dict[str, object] = {"finding": memory.finding, "tickets": dict(memory.tickets)}
    if memory.doing:
        kept |= {"doing": sorted(map(str, memory.doing)), "planned_at": memory.planned_at}
    more = {
        "closed_at": dict(memory.closed_at) if memory.doing else {},
        "severity": memory.severity,
        "rule": memory.rule,
        "wrote": {tracker: dict(fields) for tracker, fields in memory.wrote.items() if fields},
        "told": sorted(memory.told),
        "conflict_at": memory.conflict_at,
        "closings": {name: [each.reason, each.word, each.meant] for name, each in memory.closings.items()},
        "closed": {name: each.ticket_id for name, each in memory.closings.items() if each.ticket_id},
        "ends": {name: each.until for name, each in memory.closings.items() if each.has_end},
        "left_over": dict(memory.left_over),
        "listed": dict(memory.listed),
        "attached": dict(memory.attached),
    }
    if memory.said is not None:
        kept["said"] = said_of(memory.said)
    return _compact(kept | {name: value for name, value in more.items() if value})


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def memory_of(text: bytes) -> Memory:
    """A memory from its JSON; one that an earlier version wrote lacks fields."""
    kept = json.loads(text)
    return Memory(
        finding=Status(kept["finding"]) if kept["finding"] else None,
        tickets={tracker: TicketState(state) for tracker, state in kept["tickets"].items()},
        doing=frozenset(map(ActionName.parse, kept.get("doing", ()))),
        planned_at=Status(kept["planned_at"]) if kept.get("planned_at") else None,
        closed_at=kept.get("closed_at", {}),
        severity=Severity(kept["severity"]) if kept.get("severity") else None,
        rule=kept.get("rule", ""),
        said=policy_that(kept.get("rule", ""), kept["said"]) if "said" in kept else None,
        wrote=kept.get("wrote", {}),
        told=frozenset(kept.get("told", ())),
        conflict_at=kept.get("conflict_at"),
        closings={name: _closing(name, kept) for name in kept.get("closings", {})},
        left_over=kept.get("left_over", {}),
        listed=kept.get("listed", {}),
        attached=kept.get("attached", {}),
    )


def _closing(name: str, kept: Mapping[str, Any]) -> Closing:
    """How a ticket was closed; an end that is null could not be read."""
    reason, word, meant = kept["closings"][name]
    ends, ticket_id = kept.get("ends", {}), kept.get("closed", {}).get(name, "")
    is_unread = name in ends and ends[name] is None
    return Closing(Reason(reason), word, Reason(meant) if meant else None, ticket_id, ends.get(name), is_unread)


_YES: Mapping[str, Callable[[Policy], bool]] = {
    "any": lambda policy: policy.resolve_when is ResolveWhen.ANY,
    "reason": lambda policy: policy.acceptance.reason_required,
    "expiry": lambda policy: policy.acceptance.expiry_required,
    "close": lambda policy: policy.closes_gone,
    "copy": lambda policy: policy.copies_closing_words,
    "names": lambda policy: policy.names_people,
    "quote": lambda policy: policy.quotes_people,
    "verify": lambda policy: policy.verifies,
}
"""A word for each choice that is stored only where the rule made it."""


def said_of(policy: Policy) -> dict[str, object]:
    """What the rule says about existing tickets, as JSON has it; spans are in seconds. Empty for most rules."""
    within, longest = policy.reopen_within, policy.acceptance.at_most
    said: dict[str, object] = {
        "yes": [word for word, says in _YES.items() if says(policy)] or None,
        "within": None if within == FOR_EVER else int(within.total_seconds()),
        "at_most": None if longest is None else int(longest.total_seconds()),
        "kept": None if policy.kept_open == KEPT_OPEN else sorted(policy.kept_open),
    }
    return {word: value for word, value in said.items() if value is not None}


def policy_that(rule: str, said: Mapping[str, Any]) -> Policy:
    """The policy of a rule that said this and takes the case no more."""
    yes, within, longest = frozenset(said.get("yes", ())), said.get("within"), said.get("at_most")
    return Policy(
        rule=rule,
        resolve_when=ResolveWhen.ANY if "any" in yes else ResolveWhen.ALL,
        reopen_within=FOR_EVER if within is None else timedelta(seconds=within),
        kept_open=frozenset(map(Reason, said["kept"])) if "kept" in said else KEPT_OPEN,
        acceptance=Acceptance(
            "reason" in yes, "expiry" in yes, None if longest is None else timedelta(seconds=longest)
        ),
        closes_gone="close" in yes,
        copies_closing_words="copy" in yes,
        names_people="names" in yes,
        quotes_people="quote" in yes,
        verifies="verify" in yes,
        is_former=True,
    )
