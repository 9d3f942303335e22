"""What schools wrote, changed and deleted in a feed of incidents, and which tickets must follow from it."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from operator import itemgetter
from typing import Any

from chaos.world import World
from remediation.domain.cases.records import CaseKind
from remediation.domain.walks import SchoolYear
from sandbox.secrets import DISTRICT
from sandbox.stage.processes import WEAPON

TRACKERS = ("jira", "servicenow")
"""Those that the rule of the stage names for a referral with a weapon."""

_ACTIONS = ("CONF", "CALL", "DET")
_YEAR = SchoolYear(8, 1)
MARKS = f"remedy:{DISTRICT}:{CaseKind.INCIDENT}:"
"""The marks of incidents' tickets begin so."""


@dataclass(slots=True)
class Reported:
    """An incident as people left it. `is_closed`: somebody has closed its tickets; `is_silent`: it is not listed.

    `is_quiet`: it was never deleted. `is_moving`: it was deleted or came back since everything was at rest.
    `is_unsure`: Redis was wiped while it was deleted or moving, so that nobody knows why its tickets are closed.
    """

    is_taken: bool
    is_deleted: bool = False
    is_closed: bool = False
    is_silent: bool = False
    is_quiet: bool = True
    is_moving: bool = False
    is_unsure: bool = False


@dataclass(slots=True)
class School:
    """Everybody who writes incidents of the stage's feed or works on their tickets, with what must follow from it."""

    world: World
    incidents: dict[str, Reported] = field(default_factory=dict)
    former: frozenset[str] = frozenset()
    """Incidents of a play before this one, of which nothing is demanded."""

    pending: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    """How often each thing was done."""

    forgotten_at: list[float] = field(default_factory=list)
    """When Redis was wiped (Unix seconds)."""

    @classmethod
    def at(cls, world: World) -> "School":
        """A school whose feed may have incidents of a play before."""
        school = cls(world)
        school.former = frozenset(each["uuid"] for each in school._listed())
        return school

    def write_year(self, count: int) -> None:
        """Write so many incidents of the school year until today."""
        today = datetime.now(UTC).date()
        first, _ = _YEAR.around(today)
        for number in range(count):
            self.report(first + (today - first) * number // max(count - 1, 1))

    def report(self, day: date | None = None) -> None:
        """Write an incident: one that the rule takes, one that is still pending, or one without a weapon."""
        kind, weapons = self.world.chance.choice([("referral", [WEAPON])] * 2 + [("pending", [WEAPON]), ("minor", [])])
        on = {"date": day.isoformat()} if day else {}
        uuid = self.world.outside.report_incident(type=kind, offenders=[{"weapons": weapons}], **on)
        self.incidents[uuid] = Reported(is_taken=kind == "referral")
        if kind == "pending":
            self.pending.append(uuid)

    def change_something(self) -> None:
        """Somebody does one of the things that people do."""
        deeds: list[Callable[[], None]] = [self.report, self._change, self._refer, self._delete, self._undelete]
        self.world.chance.choice([*deeds, self._bounce, self._close])()

    def be_silent_about(self) -> None:
        """Let the feed list an incident no more that has its tickets."""
        for uuid in self._some(lambda each: each.is_taken and not each.is_deleted and not each.is_closed):
            self._do(uuid, "withhold")
            self.incidents[uuid].is_silent = True

    def shrink(self) -> None:
        """Let the list become shorter right after some page was read, and longer again when it is `whole`."""
        order = {"after_page": self.world.chance.randint(1, 2), "withhold": 2}
        self.world.outside.control("incident_feed", "POST", "moves", json=order)

    def whole(self) -> None:
        """List everything again that an order has withheld; what the feed was silent about stays so."""
        self.world.outside.control("incident_feed", "DELETE", "moves")
        for each in self._listed():
            if each["withheld"] and not (each["uuid"] in self.incidents and self.incidents[each["uuid"]].is_silent):
                self._do(each["uuid"], "restore")

    def forgotten(self) -> None:
        """Redis was wiped just now."""
        self.forgotten_at.append(time.time())
        for each in self.incidents.values():
            each.is_unsure |= each.is_deleted or each.is_moving

    def rested(self) -> None:
        """Every change was noticed, and what follows from it was done."""
        for each in self.incidents.values():
            each.is_moving = False

    # what must follow

    def wrongs(self) -> Iterator[tuple[str, str]]:
        """What is wrong, when everything is at rest: lost, twice or apart, and of which incident."""
        found: dict[str, list[tuple[str, bool]]] = {}
        for mark, ticket in self.world.outside.all_tickets():
            if mark.startswith(MARKS):
                found.setdefault(mark.removeprefix(MARKS), []).append((ticket.tracker, ticket.is_active))
        for uuid, reported in self.incidents.items():
            if wrong := wrong_with(reported, found.pop(uuid, [])):
                yield wrong, uuid
        yield from (("apart", uuid) for uuid in found if uuid not in self.former)

    @property
    def taken(self) -> int:
        """How many incidents must have had tickets."""
        return sum(each.is_taken and not each.is_deleted for each in self.incidents.values())

    # deeds

    def _change(self) -> None:
        for uuid in self._some(lambda each: each.is_taken):
            actions = self.world.chance.sample(_ACTIONS, k=self.world.chance.randint(0, len(_ACTIONS)))
            self._patch(uuid, {"offenders": [{"weapons": [WEAPON], "actions": actions}]})
            self.done["changed"] += 1

    def _refer(self) -> None:
        if self.pending:
            uuid = self.pending.pop(0)
            self._do(uuid, "refer")
            self.incidents[uuid].is_taken = True
            self.done["referred"] += 1

    def _bounce(self) -> None:
        for uuid in self._some(lambda _: True):
            self._do(uuid, "bounce")

    def _delete(self) -> None:
        for uuid in self._some(lambda each: not each.is_deleted and not each.is_closed and not each.is_silent):
            self._do(uuid, "delete")
            self._moved(uuid, is_deleted=True)
            self.done["deleted"] += 1

    def _undelete(self) -> None:
        for uuid in self._some(lambda each: each.is_deleted):
            self._do(uuid, "undelete")
            self._moved(uuid, is_deleted=False)
            self.done["returned"] += 1

    def _moved(self, uuid: str, *, is_deleted: bool) -> None:
        reported = self.incidents[uuid]
        reported.is_deleted, reported.is_quiet, reported.is_moving = is_deleted, False, True

    def _close(self) -> None:
        """Somebody closes both tickets of an incident."""
        active: dict[str, list[Any]] = {}
        for mark, ticket in self.world.outside.all_tickets():
            if ticket.is_active:
                active.setdefault(mark.removeprefix(MARKS), []).append(ticket)
        for uuid in self._some(lambda each: each.is_quiet and not each.is_closed and not each.is_silent):
            tickets = active.get(uuid, [])
            if len(tickets) == len(TRACKERS):
                for ticket in tickets:
                    self.world.outside.resolve_as_priya(ticket)
                self.incidents[uuid].is_closed = True
                self.done["closed"] += 1

    def _some(self, fits: Callable[[Reported], bool]) -> list[str]:
        """One of the incidents that fit, in a list; none where none does."""
        fitting = [uuid for uuid, each in self.incidents.items() if fits(each)]
        return [self.world.chance.choice(fitting)] if fitting else []

    def _do(self, uuid: str, what: str) -> None:
        self.world.outside.control("incident_feed", "POST", f"incidents/{uuid}/{what}")

    def _patch(self, uuid: str, changes: Mapping[str, Any]) -> None:
        self.world.outside.control("incident_feed", "PATCH", f"incidents/{uuid}", json=changes)

    def _listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.world.outside.control("incident_feed", "GET", "incidents")
        return found


def wrong_with(reported: Reported, tickets: list[tuple[str, bool]]) -> str:
    """What is wrong with these tickets (tracker, is it active) of an incident; empty where nothing is. Pure."""
    trackers, active = sorted(tracker for tracker, _ in tickets), [tracker for tracker, at_work in tickets if at_work]
    if len(set(trackers)) < len(trackers):
        return "twice"
    if not reported.is_taken:
        return "apart" if tickets else ""
    if reported.is_deleted:
        return "apart" if active else ""
    if trackers != list(TRACKERS):
        return "lost"
    wanted = [] if reported.is_closed else list(TRACKERS)
    return "" if reported.is_unsure or sorted(active) == wanted else "apart"


def overlaps(requests: Iterable[Mapping[str, Any]], forgotten: Sequence[float] = ()) -> int:
    """How many requests for pages came while another one was in hand. Pure.

    A request that is under way when Redis is wiped (`forgotten`, in Unix seconds) is one that nobody knows of.
    """
    found, until = 0, 0.0
    pages = (each for each in requests if each["path"].endswith("/incidents.xml"))
    for each in sorted(pages, key=itemgetter("at")):
        at, ended_at = each["at"], math.inf if each["ended_at"] is None else each["ended_at"]
        found += at < until
        until = max(until, min(ended_at, *(moment for moment in forgotten if moment > at), math.inf))
    return found
