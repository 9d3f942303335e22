"""How histories of one case are told: what people did, what failed, how it must end.

Each is played in a whole world in memory, whose judge sees every write; at the end everything comes to rest.
"""

from dataclasses import replace
from datetime import timedelta

from remediation.domain.policy import Acceptance, Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.tickets import Reason
from tests.worlds.agreement import RESOLVED, REVIEWING
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import HORIZON, Change, Trouble
from tests.worlds.world import World

ALL = Policy("every-finding", ("snow", "jira"))
ANY = replace(ALL, resolve_when=ResolveWhen.ANY)
NEVER = replace(ALL, reopen_within=timedelta(0))
STRICT = Acceptance(reason_required=True, expiry_required=True)
ALONE = replace(ALL, trackers=("snow",))
GATES = range(1, 46)


async def opened(policy: Policy = ALL) -> World:
    """A world in which the tickets are open, and nothing is left to do."""
    world = World(policy)
    await world.look()
    assert (world.picture().status, world.is_clean) == (REVIEWING, True)
    return world


async def forgotten(policy: Policy) -> World:
    """A world in which the finding was resolved, its tickets closed, and Redis lost."""
    world = await opened(policy)
    await noticed(world, says(RESOLVED))
    world.wipe()
    await world.look()
    await world.later(HORIZON)
    return world


async def noticed(world: World, *changes: Change) -> None:
    """All of this happens, and then a worker looks."""
    for change in changes:
        world.happen(change)
    await world.look()


def says(status: str) -> Change:
    """A word of SchoolScan's."""
    return Change(SCHOOLSCAN, status)


def closed(name: str, reason: Reason = Reason.FIXED) -> Change:
    return Change(name, "closed", reason)


def accepted(name: str, why: str = "nobody sees it", days: float | None = 5.0) -> Change:
    return Change(name, "closed", Reason.ACCEPTED_RISK, why, days)


def reopened(name: str) -> Change:
    return Change(name, "reopened")


def deleted(name: str) -> Change:
    return Change(name, "deleted")


def busy(where: str, call: str, *, lasting: bool = False) -> Trouble:
    return Trouble(where, call, "busy", lasting)


def refused(where: str, call: str, *, lasting: bool = False) -> Trouble:
    return Trouble(where, call, "refused", lasting)


async def at_rest(world: World) -> tuple[Status, set[str]]:
    """Where the finding stands and which tickets are active, once everything has come to rest."""
    await world.rest()
    assert world.judge.wrongs == []
    assert (world.is_clean, world.on_the_list()) == (True, (set(), set()))
    before = world.written()
    await world.look()
    assert (world.written(), world.judge.wrongs) == (before, [])
    return world.picture().status, world.picture().active


def comments(world: World, name: str, word: str) -> int:
    return sum(word in text for kept in world.books[name].books.values() for text in kept.comments)
