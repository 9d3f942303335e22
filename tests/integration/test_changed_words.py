"""What a table in docs/operations.md says of living cases whose trackers' words or rules become others, tried."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.sealing import Keyring
from remediation.store.cases.dependents import living_cases
from remediation.store.keys import APPOINTMENTS
from remediation.store.server.connection import Connection
from tests.integration.changing_files import NORTH, SOUTH, ChangingWorld, File, Sites, open_sites
from tests.stand_ins import RealClock


@dataclass(frozen=True, slots=True)
class Edited(File):
    """A file in which some words are others."""

    words: Mapping[str, str] = field(default_factory=dict)

    def text(self, sites: Sites) -> str:
        written = File.text(self, sites)
        for before, after in self.words.items():
            assert before in written
            written = written.replace(before, after)
        return written


class World(ChangingWorld):
    """Both cases have all their tickets."""

    async def edit(self, words: Mapping[str, str]) -> None:
        """The file has other words, and nobody has looked since."""
        await self.take(Edited(words=words))

    def status_of(self, key: CaseKey) -> Status:
        return self.books[key.district].findings["fnd_1"].status

    async def close_as(self, reason: Reason) -> None:
        """A person closes the south's ticket for this reason."""
        (ticket,) = self.standing(SOUTH)
        self._jira(ticket).close_as_person(ticket, reason)  # type: ignore[arg-type]  # of a ticket they need the id
        await self.look_at(SOUTH)

    async def rule_of(self, key: CaseKey) -> str:
        return (await self.record(key)).memory.rule


@pytest.fixture(scope="module")
def clock() -> RealClock:
    return RealClock()


@pytest.fixture(scope="module")
def sites(clock: RealClock) -> Iterator[Sites]:
    with open_sites(clock) as sites:
        yield sites


@pytest.fixture
async def world(connection: Connection, keyring: Keyring, sites: Sites, clock: RealClock) -> AsyncIterator[World]:
    sites.begin_again()
    world = World(connection, keyring, sites, clock)
    with capture_logs():
        await world.begin()
        yield world


async def test_states_that_mean_something_else_are_read_so_with_the_next_look(world: World) -> None:
    states = "states: {'1': open, '2': done, '3': in_progress, '6': done, '7': done, '8': done}"
    (ticket,) = [each for each in world.standing(NORTH) if each.site == "snow"]
    world.work_as_person(ticket)
    await world.look_at(NORTH)
    await world.edit({"context: {kind": f"context: {{reopen_state: '1', {states}, kind"})
    assert (await world.record(NORTH)).memory.tickets["context"] is TicketState.IN_PROGRESS
    await world.look_at(NORTH)
    assert (await world.record(NORTH)).memory.tickets["context"] is TicketState.DONE


async def test_a_resolution_that_has_been_dealt_with_means_what_it_meant(world: World) -> None:
    await world.close_as(Reason.FIXED)
    assert world.status_of(SOUTH) is Status.RESOLVED
    await world.edit({"jira-south: {kind": "jira-south: {resolutions: {Done: not_solved}, kind"})
    await world.look_at(SOUTH)
    assert world.status_of(SOUTH) is Status.RESOLVED
    world.work_as_person(world.standing(SOUTH)[0])
    await world.look_at(SOUTH)
    await world.close_as(Reason.FIXED)
    assert world.status_of(SOUTH) is Status.REVIEWING, "a new closing means what the word means now"


async def test_an_end_of_accepted_risks_counts_from_the_next_look_on(world: World) -> None:
    await world.close_as(Reason.ACCEPTED_RISK)
    assert world.status_of(SOUTH) is Status.ACCEPTED_RISK
    assert await world.redis.zscore(APPOINTMENTS, SOUTH.ref) is None
    await world.edit({"defaults: {": "defaults: {accept: {at_most: 1d}, "})
    assert await world.redis.zscore(APPOINTMENTS, SOUTH.ref) is None
    await world.look_at(SOUTH)
    assert await world.redis.zscore(APPOINTMENTS, SOUTH.ref) is not None
    await world.rounds(2 * 86_400.0)
    assert world.status_of(SOUTH) is Status.REVIEWING


async def test_another_rule_takes_the_cases_of_one_that_is_gone_once_they_are_looked_at(world: World) -> None:
    await world.edit({"name: south": "name: renamed"})
    assert (await world.rule_of(SOUTH), (await living_cases(world.connection))["south"]) == ("south", 1)
    await world.look_at(SOUTH)
    assert (await world.rule_of(SOUTH), "south" in await living_cases(world.connection)) == ("renamed", False)


async def test_what_a_rule_that_is_gone_said_goes_on_counting_and_no_defaults_instead(world: World) -> None:
    gone = "  - {name: south, match: {district: south}, tickets: {jira-south: {project: SEC}}}\n"
    await world.edit({gone: "", "defaults: {": "defaults: {outcomes: {duplicate: reviewing}, "})
    await world.close_as(Reason.DUPLICATE)
    assert world.status_of(SOUTH) is Status.RESOLVED
