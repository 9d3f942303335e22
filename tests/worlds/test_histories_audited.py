"""The audit of a case: one line about each change of its status, and about each ticket, wherever a worker dies."""

from collections import Counter
from collections.abc import Iterable

import pytest

from remediation.store.audit.chain import NO_PROOF, Head, chained
from tests.worlds.agreement import OPEN, RESOLVED, REVIEWING
from tests.worlds.histories import ALL, GATES, at_rest, closed, opened, says
from tests.worlds.world import AUDIT_KEYS, World


def audited(world: World, verbs: Iterable[str]) -> Counter[str]:
    """The actions of these kinds about which the audit has lines, each as often as it has."""
    lines = chained(Head(1, 0, AUDIT_KEYS.first, NO_PROOF), world.shelves.audit, AUDIT_KEYS, 1).lines
    actions = (each.action for line in lines for each in line.entry.did)
    return Counter(action for action in actions if action.partition(":")[0] in verbs)


def changed(world: World) -> Counter[str]:
    """The changes of the finding's status that SchoolScan was sent."""
    return Counter(f"patch:{status}" for _, status, _ in world.source.updates)


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("gate", GATES)
async def test_a_new_finding_has_one_line_about_each_ticket_and_its_status(gate: int, *, killed: bool) -> None:
    world = World(ALL)
    await world.look_broken_off(gate, killed=killed)
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})
    assert audited(world, ["open"]) == Counter(["open:snow", "open:jira"])
    assert audited(world, ["patch"]) == changed(world)


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("gate", GATES)
async def test_a_finding_that_people_solve_has_one_line_about_that(gate: int, *, killed: bool) -> None:
    world = await opened(ALL)
    world.happen(closed("snow"))
    world.happen(closed("jira"))
    await world.look_broken_off(gate, killed=killed)
    assert (await at_rest(world))[0] == RESOLVED
    assert audited(world, ["patch"]) == changed(world) == Counter(["patch:reviewing", "patch:resolved"])


@pytest.mark.parametrize("gate", GATES)
async def test_a_finding_that_is_found_again_has_one_line_about_each_ticket_that_is_brought_back(gate: int) -> None:
    world = await opened(ALL)
    world.happen(closed("snow"))
    world.happen(closed("jira"))
    await at_rest(world)
    world.happen(says(OPEN))
    await world.look_broken_off(gate, killed=True)
    assert await at_rest(world) == (REVIEWING, {"snow", "jira"})
    assert audited(world, ["patch"]) == changed(world)
    assert audited(world, ["reopen"]) == Counter(["reopen:snow", "reopen:jira"])
