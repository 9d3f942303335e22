"""A district whose sites are scanned, with the people who work on the tickets that come of it."""

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from chaos.scan_judge import Care, Deed, Everything, FindingSeen, ScanSeen, TicketSeen, Wrong, entries_of, wrongs
from chaos.world import World
from remediation.domain.cases.records import CaseKey, CaseKind
from sandbox.secrets import sites_of
from sandbox.stage.systems import Outside, SeenTicket

T = TypeVar("T")

BOTH = ("jira", "servicenow")
RULES: Sequence[Mapping[str, Any]] = (
    {
        "name": "metadata-by-site",
        "match": {"domain_type": "metadata"},
        "group_by": ["domain_type", "site"],
        "tickets": {"jira": None},
    },
    {
        "name": "small-groups-by-site",
        "match": {"domain_type": "reidentification"},
        "group_by": ["site"],
        "tickets": dict.fromkeys(BOTH),
    },
    {"name": "mended", "match": {"domain_type": "directory_info"}, "verify": "scan", "tickets": {"jira": None}},
    {"name": "others", "tickets": {"servicenow": None}},
)
"""The rules of the experiment: what is grouped, in one tracker and in both, what is verified, and all else."""

_CARES: Mapping[str, tuple[Care, tuple[str, ...]]] = {
    "metadata": (Care.GROUPED, ("jira",)),
    "reidentification": (Care.GROUPED, BOTH),
    "directory_info": (Care.VERIFIED, ("jira",)),
}
_ELSE = (Care.OWN, ("servicenow",))
_MARKUP = re.compile(r"\\(?=[^\w\s])|\u200b")
"""What a reader of a description does not see."""

_IS_DONE = {"6", "7", "8"}
_FEW = ("metadata", "metadata", "reidentification", "directory_info", "vendor_exposure")


@dataclass(slots=True)
class ScannedDistrict:
    """One district of the stage. `exposed` are the findings, of all districts, that a scan would find again.

    `played` are the scans that were not started by us, and `former` the findings and scans of a play before this one,
    of which nothing is demanded.
    """

    world: World
    name: str
    exposed: set[str]
    deeds: list[Deed] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    played: set[str] = field(default_factory=set)
    former: frozenset[str] = frozenset()

    @classmethod
    def at(cls, world: World, name: str, exposed: set[str]) -> "ScannedDistrict":
        """A district that may have findings of a play before."""
        outside = world.outside.of(name)
        former = frozenset(each["id"] for each in (*outside.findings(), *outside.scans()))
        return cls(world, name, exposed, former=former)

    @property
    def outside(self) -> Outside:
        """The outside world as the district has it."""
        return self.world.outside.of(self.name)

    # what happens

    def scan_much(self, count: int) -> None:
        """A scan of one of its sites finds so many things, most of which share tickets."""
        each_tenth = ("directory_info", "reidentification", "vendor_exposure")
        kinds = [each_tenth[n // 10 % 3] if n % 10 == 0 else "metadata" for n in range(count)]
        self._scan(self.world.chance.choice(sites_of(self.name)), kinds)

    def find_silently(self, count: int) -> None:
        """SchoolScan finds so many things and tells nobody: a backfill will."""
        kinds = [self.world.chance.choice(_FEW) for _ in range(count)]
        site = self.world.chance.choice(sites_of(self.name))
        order = {"district": self.name, "site": site, "findings": _drafts(kinds)}
        self._exposing(self.world.outside.control("schoolscan", "POST", "findings", json=order)["findings"], kinds)
        self.done["found silently"] += count

    def change_something(self) -> None:
        """Somebody does one of the things that people do, or one more scan comes."""
        deeds: list[Callable[[], None]] = [self._scan_again, self._resolve_there, self._let_a_scan_fail]
        closes: list[Callable[[], None]] = [self._close_group, self._close_mended, self._close_other]
        self.world.chance.choice([*deeds, *closes, *closes, self._reopen, self._reopen])()

    def _scan_again(self) -> None:
        """One more scan finds a few new things, and some of what was done with is there again."""
        chance, site = self.world.chance, self.world.chance.choice(sites_of(self.name))
        done_with = [each.id for each in self._findings() if each.status == "resolved" and each.site == site]
        again = chance.sample(done_with, k=min(len(done_with), chance.randint(0, 2)))
        self._scan(site, [chance.choice(_FEW) for _ in range(chance.randint(1, 5))], again)
        self.done["found again"] += len(again)

    def _scan(self, site: str, kinds: Sequence[str], again: Sequence[str] = ()) -> None:
        order = {"district": self.name, "site": site, "findings": _drafts(kinds), "find_again": list(again)}
        played = self.world.outside.control("schoolscan", "POST", "scans", json=order)
        self.played.add(played["scan_id"])
        self._exposing(played["findings"], kinds)
        self.done["scans"] += 1

    def _exposing(self, findings: Iterable[str], kinds: Sequence[str]) -> None:
        new = {name for name, kind in zip(findings, kinds, strict=False) if _CARES.get(kind, _ELSE)[0] is Care.VERIFIED}
        self._expose(self.exposed | new)

    def _expose(self, exposed: set[str]) -> None:
        self.exposed.update(exposed)
        self.exposed.intersection_update(exposed)
        self._set(scan_finds_again=sorted(self.exposed))

    def _set(self, **settings: Any) -> None:
        self.world.outside.control("schoolscan", "PATCH", "settings", json=settings)

    def _let_a_scan_fail(self) -> None:
        self._set(scan_fails=1)

    def _resolve_there(self) -> None:
        """Somebody resolves a finding in SchoolScan's own pages, which tells of it."""
        fitting = [
            each.id for each in self._findings() if each.status == "reviewing" and each.care is not Care.VERIFIED
        ]
        for finding_id in self._one_of(fitting):
            self.outside.review_finding(finding_id, status="resolved")
            self.done["resolved in SchoolScan"] += 1

    def _close_group(self) -> None:
        """Somebody closes the tickets of a group."""
        for mark in self._one_of(self._marks(is_active=True, is_group=True)):
            self._turn(mark, closes=True)
            self.done["groups closed"] += 1

    def _close_mended(self) -> None:
        """Somebody closes the ticket of a finding that a scan verifies, and has mended it, or believes so."""
        for finding in self._own(Care.VERIFIED):
            if self.world.chance.random() < 2 / 3:
                self._expose(self.exposed - {finding.id})
            self._turn(finding.mark, closes=True)
            self.done["mended"] += 1

    def _close_other(self) -> None:
        for finding in self._own(Care.OWN):
            self._turn(finding.mark, closes=True)
            self.done["others closed"] += 1

    def _own(self, care: Care) -> list[FindingSeen]:
        active = set(self._marks(is_active=True, is_group=False))
        return self._one_of([each for each in self._findings() if each.care is care and each.mark in active])

    def _reopen(self) -> None:
        """Somebody opens the tickets of a case again that people have closed."""
        closed = set(self._marks(is_active=False)) & {each.mark for each in self.deeds}
        for mark in self._one_of(sorted(closed)):
            self._turn(mark, closes=False)
            self.done["opened again"] += 1

    def _turn(self, mark: str, *, closes: bool) -> None:
        """Close or open the tickets of a case, one after the other."""
        for carried, ticket in self.outside.all_tickets():
            if carried == mark and ticket.is_active == closes:
                since = time.time()
                if closes:
                    self.outside.resolve_as_priya(ticket)
                else:
                    self.outside.reopen_as_priya(ticket)
                self.deeds.append(self._deed(ticket, mark, since, closes=closes))

    def _deed(self, ticket: SeenTicket, mark: str, since: float, *, closes: bool) -> Deed:
        until, now = time.time(), {each.id: each for each in self._tickets()}
        listed = frozenset(now[ticket.id].listed) if ticket.id in now else frozenset()
        return Deed(closes, ticket.id, mark, ticket.tracker, since, until, listed)

    def _marks(self, *, is_active: bool, is_group: bool | None = None) -> list[str]:
        """The marks of cases all of whose tickets are active, or none is; of groups, of others, or of both."""
        states: dict[str, set[bool]] = {}
        for mark, ticket in self.outside.all_tickets():
            if mark.startswith(f"remedy:{self.name}:finding:") and is_group in {None, ":group-" in mark}:
                states.setdefault(mark, set()).add(ticket.is_active)
        return sorted(mark for mark, found in states.items() if found == {is_active})

    def _one_of(self, fitting: Sequence[T]) -> list[T]:
        """One of these, in a list; none where there is none."""
        return [self.world.chance.choice(fitting)] if fitting else []

    # what is seen

    def wrongs(self) -> Iterator[Wrong]:
        """Whatever is wrong, when everything is at rest."""
        audits = self.world.outside.control("schoolscan", "GET", "audits", params={"district": self.name})
        findings = [replace(each, entries=entries_of(audits[each.id], _moment)) for each in self._findings()]
        yield from wrongs(Everything(findings, self._tickets(), self._scans(), self.deeds))

    @property
    def cases(self) -> list[CaseKey]:
        """The case of each finding, and of each scan's summary."""
        findings = [CaseKey(self.name, CaseKind.FINDING, each.id) for each in self._findings()]
        return [*findings, *(CaseKey(self.name, CaseKind.SUMMARY, each.id) for each in self._scans())]

    @property
    def left(self) -> list[CaseKey]:
        """The summaries of scans from which later scans have taken findings."""
        audits = self.world.outside.control("schoolscan", "GET", "audits", params={"district": self.name})
        scans = {entry["note"] for trail in audits.values() for entry in trail if entry["by"] == "scan"}
        known = {each.id for each in self._scans()}
        return [CaseKey(self.name, CaseKind.SUMMARY, each) for each in sorted(scans & known)]

    @property
    def is_scanning(self) -> bool:
        """Whether a scan runs."""
        return any(each.status == "running" for each in self._scans())

    @property
    def ticket_count(self) -> int:
        """How many tickets of the district there are."""
        return len(self._tickets())

    def _findings(self) -> list[FindingSeen]:
        shown = (each for each in self.outside.findings() if each["id"] not in self.former)
        return [self._finding(each) for each in shown]

    def _finding(self, shown: Mapping[str, Any]) -> FindingSeen:
        care, trackers = _CARES.get(shown["domain_type"], _ELSE)
        return FindingSeen(
            shown["id"],
            CaseKey(self.name, CaseKind.FINDING, shown["id"]).mark,
            care,
            frozenset(trackers),
            shown["status"],
            shown["severity"],
            shown["domain_type"],
            shown["url"].split("/")[2],
            shown["scan_id"],
            _moment(shown["detected_at"]),
        )

    def _scans(self) -> list[ScanSeen]:
        return [
            ScanSeen(
                each["id"],
                CaseKey(self.name, CaseKind.SUMMARY, each["id"]).mark,
                each["domain"],
                each["status"],
                _moment(each["started_at"]),
                _moment(each["completed_at"]) if "completed_at" in each else math.inf,
                is_ours=each["id"] not in self.played,
            )
            for each in self.outside.scans()
            if each["id"] not in self.former
        ]

    def _tickets(self) -> list[TicketSeen]:
        """Every ticket of the district in both trackers."""
        found = []
        for record in self.world.outside.control("servicenow", "GET", "records/incident"):
            fields = record["values"]
            is_active = fields["state"] not in _IS_DONE
            mark, text = fields["correlation_id"], fields["description"]
            found.append(TicketSeen(mark, "servicenow", fields["sys_id"], is_active, text))
        for issue in self.world.outside.control("jira", "GET", "issues"):
            fields = issue["fields"]
            is_active = fields["status"]["statusCategory"]["key"] != "done"
            marks = [label for label in fields["labels"] if label.startswith("remedy:")]
            text = _MARKUP.sub("", fields["description"] or "")
            found += [TicketSeen(mark, "jira", issue["id"], is_active, text) for mark in marks]
        return [each for each in found if each.mark.startswith(f"remedy:{self.name}:") and not self._is_former(each)]

    def _is_former(self, ticket: TicketSeen) -> bool:
        return ticket.mark.rpartition(":")[2] in self.former


def _drafts(kinds: Sequence[str]) -> list[dict[str, str]]:
    severities = ("low", "medium", "high", "critical")
    return [{"domain_type": kind, "severity": severities[n % 4]} for n, kind in enumerate(kinds)]


def _moment(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
