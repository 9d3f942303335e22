"""What lies in one Redis, in memory: the shelves on which stand-ins of the stores keep their things."""

import itertools
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TypeVar

from remediation.domain.actions import ActionName
from remediation.domain.cases.renaming import renamed_action
from remediation.domain.tickets import TicketChange
from remediation.store.cases.todo import Lease
from remediation.store.deliveries.parked import Parked
from remediation.store.terms import GRACE_MS

Answer = TypeVar("Answer")


_KEPT = ("rows", "dirty", "appointments", "seen", "tickets", "cursors", "parked", "told", "woken", "audit")
"""What a backup holds; the leases in it have run out when it is restored."""


async def _no_gate() -> None:
    """Nothing happens between a call and what it does."""


@dataclass(slots=True)
class Shelves:
    """What lies in one Redis. Times are in milliseconds, as there.

    Every call of a store passes `gate` before it does anything and after it; in between nothing else happens. A lease
    ends only when it is let go, or by `lapse`: no time passes here.
    """

    gate: Callable[[], Awaitable[None]] = _no_gate
    rows: dict[str, dict[str, bytes]] = field(default_factory=dict)
    dirty: dict[str, int] = field(default_factory=dict)
    leases: dict[str, str] = field(default_factory=dict)
    appointments: dict[str, int] = field(default_factory=dict)
    seen: dict[tuple[str, str], str] = field(default_factory=dict)
    tickets: dict[tuple[str, str], str] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)
    noted: dict[str, list[tuple[str, TicketChange]]] = field(default_factory=dict)
    told: dict[str, list[tuple[str, str, bytes]]] = field(default_factory=lambda: defaultdict(list))
    woken: set[str] = field(default_factory=set)
    audit: list[bytes] = field(default_factory=list)
    born: int | None = None
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def call(self, work: Callable[[], Answer]) -> Answer:
        """Do this between two gates."""
        await self.gate()
        answer = work()
        await self.gate()
        return answer

    def wipe(self) -> None:
        """All is lost."""
        self.restore(Shelves())

    def copy(self) -> "Shelves":
        """A backup: what lies here now."""
        return Shelves(**{name: deepcopy(getattr(self, name)) for name in _KEPT})

    def restore(self, backup: "Shelves") -> None:
        """Another server goes on with what lay here when the backup was taken."""
        for name in _KEPT:
            setattr(self, name, deepcopy(getattr(backup, name)))
        self.leases.clear()
        self.noted.clear()
        self.born = None

    def lapse(self, ref: str) -> None:
        """The worker that held the case has died, and its lease has run out."""
        self.leases.pop(ref, None)

    def note_line(self, line: bytes) -> None:
        """A line of the audit waits to be chained; an empty one is none."""
        self.audit += [line] if line else []

    def row(self, ref: str) -> dict[str, bytes]:
        return self.rows.setdefault(ref, {})

    def holds(self, lease: Lease) -> bool:
        return self.leases.get(lease.ref) == lease.token

    def write(self, ref: str, **fields: str | bytes | int) -> None:
        texts = {name: value if isinstance(value, bytes) else str(value).encode() for name, value in fields.items()}
        self.row(ref).update(texts)

    def add(self, ref: str, name: str) -> None:
        row = self.row(ref)
        row[name] = str(int(row.get(name, 0)) + 1).encode()

    def drop(self, ref: str, *names: str) -> None:
        row = self.row(ref)
        for name in names:
            row.pop(name, None)

    def mark(self, ref: str, case_id: str, now: int, band: int, cause: str) -> None:
        self.add(ref, "gen")
        self.row(ref).setdefault("id", case_id.encode())
        band = band if band >= 0 else int(self.row(ref).get("band", 0))
        self.write(ref, cause=cause, marked_at=now, band=band)
        if ref in self.leases:
            self.dirty[ref] = min(self.dirty.get(ref, now + GRACE_MS), now + GRACE_MS)
        else:
            self.dirty[ref] = now + GRACE_MS
            self.wake(ref)

    def is_as_opened(self, ref: str, tracker: str, ticket_id: str, opened_as: str) -> bool:
        """Whether a look has opened the ticket, and nobody has read more of it than what is told."""
        if not opened_as or f"opened:{tracker}" not in self.row(ref):
            return False
        return bool(json.loads(self.row(ref).get(f"link:{tracker}", b"[]")) == [ticket_id, opened_as])

    def echoes(self, ref: str, own: Mapping[tuple[str, str], str]) -> int:
        """How many marks of a case that is let go are echoes; 0 where one of those that were noted is not."""
        told = self.noted.pop(ref, [])
        is_echo = (
            own.get((tracker, each.ticket_id)) == each.version
            or self.is_as_opened(ref, tracker, each.ticket_id, each.opened_as)
            for tracker, each in told
        )
        return len(told) if all(is_echo) else 0

    def rename_tracker(self, ref: str, former: str, name: str) -> None:
        """What is kept of a case's tracker is kept under another name; what is there under that counts."""
        row = self.row(ref)
        link, other = row.pop(f"link:{former}", None), row.get(f"link:{name}")
        tie, at, place, _ = (row.pop(f"{kind}:{former}", None) for kind in ("tie", "intent", "place", "opened"))
        if link is not None:
            ticket_id = json.loads(link)[0]
            if other is None:
                row |= {f"link:{name}": link} | ({f"tie:{name}": tie} if tie else {})
            elif json.loads(other)[0] != ticket_id:
                row.setdefault(f"intent:{name}", b"0")
            self.tickets.setdefault((name, ticket_id), self.tickets.pop((former, ticket_id), ref))
        if at is not None and float(row.get(f"intent:{name}", b"-1")) < float(at):
            row.pop(f"place:{name}", None)
            row |= {f"intent:{name}": at} | ({f"place:{name}": place} if place else {})
        for field_name in [each for each in row if each.startswith(("parked:", "again:", "given_up:"))]:
            kept_as, _, action = field_name.partition(":")
            other_action = str(renamed_action(ActionName.parse(action), {former: name}))
            if other_action != action:
                row.setdefault(f"{kept_as}:{other_action}", row.pop(field_name))
                if (piece := self.parked.pop(f"{ref}/{action}", None)) is not None:
                    self.parked.setdefault(f"{ref}/{other_action}", replace(piece, name=f"{ref}/{other_action}"))

    def expect_ticket(self, ref: str, tracker: str) -> None:
        if f"link:{tracker}" not in self.row(ref):
            self.row(ref).setdefault(f"intent:{tracker}", b"0")

    def expect_others(self, ref: str, tracker: str, ids: Iterable[str], listed: Collection[str]) -> None:
        links = {name.removeprefix("link:"): each for name, each in self.row(ref).items() if name.startswith("link:")}
        linked = {json.loads(each)[0] for name, each in links.items() if name == tracker or name not in listed}
        if {*ids} - linked:
            self.row(ref).setdefault(f"intent:{tracker}", b"0")

    def look_at_tied(self, tracker: str, ticket_id: str, ref: str, now: int, cause: str) -> None:
        tied = self.tickets.get((tracker, ticket_id))
        if tied is not None and tied != ref and (case_id := self.rows.get(tied, {}).get("id")):
            self.mark(tied, case_id.decode(), now, -1, cause)

    def wake(self, ref: str) -> None:
        """A wake-up that waits is enough."""
        self.woken.add(ref)


def milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
