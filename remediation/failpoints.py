"""Named places where a process can be made to break, for fault tests only. They do nothing until they are turned on.

A setting has entries separated by commas: `point=action`, and `seed=NUMBER` for chance.

    stored=kill                   SIGKILL to this process, the first time that it comes there
    intent_written=kill:0.1       each time with this probability
    observed=kill@3               the third time
    remembered=raise              FailpointReached, every time; also raise:0.1 and raise@3
    lease_taken=sleep:2           the whole process stands still for so many seconds; also sleep:2:0.1 and sleep:2@3
"""

import os
import random
import re
import signal
import time
from dataclasses import dataclass, field

from remediation.domain.errors import ConfigurationError, Problem, RemediationError

ON_DELIVERIES = ("verified", "stored", "answered")
ON_READINGS = ("deliveries_taken", "deliveries_finished")
ON_LOOKS = (
    "lease_taken",
    "observed",
    "intent_written",
    "request_sent",
    "reply_received",
    "link_written",
    "finding_patched",
    "remembered",
)
"""In the order in which one look reaches them. `request_sent` lies inside the trackers' libraries, between the last
byte of a create and the first of its answer: the launcher of the fault suite puts it there, no line of ours does."""

ON_FEEDS = ("walk_begun", "page_taken", "page_read", "page_kept", "page_put_off")
"""In the order in which the reading of a feed reaches them; a page is kept or put off."""

ON_SCANS = ("scan_page_read", "scan_page_marked", "count_page_read", "count_page_kept")
"""In the order in which the listing of a scan or of an account, and then the counting for its summary, reach them."""

ON_GROUPS = ("finding_joined", "members_let_in", "members_moved")
"""Where a finding's own case has joined a group's, which then takes it or moves it on to the group's next case."""

ON_VERIFICATIONS = (
    "verification_wanted",
    "verification_begun",
    "verification_asking",
    "verification_scan_started",
    "verification_page_read",
    "verification_told",
)
"""In the order in which the verification of what people mended reaches them; the first lies in a look."""

ON_REPORTS = ("report_wanted", "report_asked", "report_finished", "report_fetched", "report_attached")
"""In the order in which the compliance report of a scan reaches them; all but the second and third lie in a look."""

POINTS: tuple[str, ...] = (
    *(*ON_DELIVERIES, *ON_READINGS, *ON_LOOKS, *ON_FEEDS),
    *(*ON_SCANS, *ON_GROUPS, *ON_VERIFICATIONS, *ON_REPORTS),
)

SETTING = "REMEDY_FAILPOINTS"

_ENTRY = re.compile(
    r"(?P<point>[a-z_]+)="
    r"(?:(?P<action>kill|raise)(?::(?P<chance>[0-9.]+))?|sleep:(?P<seconds>[0-9.]+)(?::(?P<sleep_chance>[0-9.]+))?)"
    r"(?:@(?P<number>[1-9][0-9]*))?"
)
_SEED = re.compile(r"seed=([0-9]{1,18})")
_ALWAYS = 1.0


class FailpointReached(RemediationError):
    """A test asked for an error right here."""


@dataclass(slots=True)
class _Order:
    """What happens at one point, how likely each time, and at which time only (0: at any)."""

    action: str
    chance: float
    number: int
    seconds: float
    came: int = 0

    def is_due(self, chance: random.Random) -> bool:
        self.came += 1
        if self.number and self.came != self.number:
            return False
        return self.chance >= _ALWAYS or chance.random() < self.chance


@dataclass(slots=True)
class _Armed:
    orders: dict[str, _Order] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - repeatable # nosec B311


_armed: _Armed | None = None


def failpoint(name: str) -> None:
    """Break here if that is turned on for this process; otherwise do nothing. Raises FailpointReached."""
    if _armed is not None:
        _reach(_armed, name)


def turn_on(written: str) -> tuple[str, ...]:
    """Break at the points that `written` names from now on; returns their names. Raises ConfigurationError."""
    global _armed  # noqa: PLW0603 - one process, one setting; a failpoint that is off costs one look at this name
    _armed = _read(written)
    return tuple(_armed.orders)


def turn_off() -> None:
    """Break nowhere any more."""
    global _armed  # noqa: PLW0603 - as in turn_on
    _armed = None


def _read(written: str) -> _Armed:
    armed = _Armed()
    for entry in written.split(","):
        if seed := _SEED.fullmatch(entry.strip()):
            armed.chance.seed(int(seed[1]))
            continue
        found = _ENTRY.fullmatch(entry.strip())
        if found is None or found["point"] not in POINTS:
            raise ConfigurationError([Problem(SETTING, "names no failpoint, or nothing that can happen at one")])
        chance = float(found["chance"] or found["sleep_chance"] or _ALWAYS)
        seconds = float(found["seconds"] or 0)
        armed.orders[found["point"]] = _Order(found["action"] or "sleep", chance, int(found["number"] or 0), seconds)
    return armed


def _reach(armed: _Armed, name: str) -> None:
    order = armed.orders.get(name)
    if order is None or not order.is_due(armed.chance):
        return
    if order.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif order.action == "sleep":
        time.sleep(order.seconds)
    else:
        raise FailpointReached(name)
