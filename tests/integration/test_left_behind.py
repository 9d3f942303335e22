"""What a change of mappings.yaml leaves behind is named: real adapters and rules, and real stand-ins over HTTP."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey
from remediation.mapping.reading.loading import loaded_of
from remediation.sealing import Keyring
from remediation.store.cases.links import Owners, linked_cases
from remediation.store.keys import CASE, DISTRICTS, TICKETS
from remediation.store.server.connection import Connection
from remedy.reconcile.forecast import forecasts
from remedy.reconcile.left_behind import LeftBehind, LeftKind, left_behind
from remedy.reconcile.report import forecast_json, forecast_lines, forecast_word
from remedy.reconcile.strays import Strays
from remedy.reconcile.walk import BEGINNING, Walk
from tests.integration.changing_files import NORTH, SOUTH, ChangingWorld, File, Sites, open_sites
from tests.integration.reconciling import Asleep
from tests.stand_ins import RealClock

FIRST = File()


class World(ChangingWorld):
    """Its first file has been taken, and both cases have all their tickets."""

    async def close_all(self, key: CaseKey) -> None:
        for ticket in self.standing(key):
            self.close_as_person(ticket)
        await self.look_at(key)

    async def dry_run(self) -> tuple[dict[str, Any], list[LeftBehind]]:
        """What would be done about each case, by its word, and what is left behind."""
        owners = Owners(self.context.todo, self.context.rulebook)
        walk = Walk(self.context.sources, self.trackers, owners, BEGINNING, self.clock, print, Asleep())
        told = {each.ref: each async for each in forecasts(walk, self.context.rulebook)}
        mappings = loaded_of(self.file.text(self.sites), "mappings.yaml").mappings
        return told, await left_behind(self.connection, mappings, walk.strays)

    async def left(self) -> list[tuple[str, ...]]:
        """The same in short: kind, tracker, name, how many, and whether it is in step."""
        return [
            (each.kind, each.tracker, each.name, str(each.count), "in step" if each.in_step else "missed")
            for each in (await self.dry_run())[1]
        ]


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


async def test_a_file_that_has_all_of_it_leaves_nothing_behind(world: World) -> None:
    told, left = await world.dry_run()
    assert left == []
    assert {forecast_word(each) for each in told.values()} == {"well"}
    await world.take(replace(FIRST, web="jira-site"))
    assert (await world.dry_run())[1] == [], "the tracker names its former name"


async def test_a_tracker_that_is_not_named_holds_its_cases_up_until_they_are_at_rest(world: World) -> None:
    await world.take(replace(FIRST, has_web=False))
    told, (left,) = await world.dry_run()
    assert (left.kind, left.name, left.count, left.in_step) == (LeftKind.TRACKER, "jira-web", 1, False)
    assert "1 case has tickets in jira-web" in left.line
    assert "formerly" in left.advice
    assert {ref: forecast_word(each) for ref, each in told.items()} == {NORTH.ref: "held_up", SOUTH.ref: "well"}
    assert forecast_json(told[NORTH.ref])["unnamed"] == ["jira-web"]
    (line,) = forecast_lines(told[NORTH.ref])
    assert line.startswith(f"{NORTH.ref}: held up: mappings.yaml does not name jira-web")
    await world.take(FIRST)
    await world.close_all(NORTH)
    await world.take(replace(FIRST, has_web=False))
    told, (left,) = await world.dry_run()
    assert (left.kind, left.in_step, forecast_word(told[NORTH.ref])) == (LeftKind.TRACKER, True, "well")


async def test_an_unfinished_create_in_a_tracker_that_is_not_named_holds_its_case_up(world: World) -> None:
    row, former = f"{CASE}{NORTH.ref}", "jira-old"
    await world.connection.ask(world.redis.hset(row, f"intent:{former}", str(world.clock())))
    told, _ = await world.dry_run()
    assert (forecast_word(told[NORTH.ref]), told[NORTH.ref].unnamed) == ("held_up", (former,))
    await world.look_at(NORTH)
    assert await world.left() == [("tracker", former, former, "1", "missed")]


async def test_a_district_that_is_not_named_leaves_its_cases_behind(world: World) -> None:
    await world.take(replace(FIRST, has_north=False))
    rule = ("rule", "", "north", "1", "in step")
    assert await world.left() == [("district", "", "north", "1", "missed"), rule]
    await world.take(FIRST)
    await world.close_all(NORTH)
    await world.take(replace(FIRST, has_north=False))
    assert await world.left() == [("district", "", "north", "1", "in step")], "its tickets were closed before"


async def test_tickets_in_another_project_or_table_than_a_rule_names_are_named_and_in_step(world: World) -> None:
    await world.take(replace(FIRST, web_project="WEB", privacy_project="SEC"))
    assert await world.left() == [
        ("project", "jira-privacy", "WEB", "1", "in step"),
        ("project", "jira-web", "SEC", "1", "in step"),
    ]
    await world.take(replace(FIRST, table="sn_si_incident"))
    assert await world.left() == [], "the file names the former table"
    text = world.file.text(world.sites).replace("former_tables: {incident: {}}", "former_tables: {}")
    mappings = loaded_of(text, "mappings.yaml").mappings
    (left,) = await left_behind(world.connection, mappings, Strays())
    assert (left.kind, left.name, left.tracker, left.count, left.in_step) == (
        LeftKind.TABLE,
        "incident",
        "context",
        1,
        True,
    )


async def test_a_table_of_which_nobody_says_what_its_states_mean_is_missed(world: World) -> None:
    await world.connection.ask(world.redis.hset(TICKETS + "context", f"u_privacy/{'a' * 32}", NORTH.ref))
    assert await world.left() == [("table", "context", "u_privacy", "1", "missed")]


async def test_a_rule_that_is_gone_is_named_with_the_cases_that_go_by_it(world: World) -> None:
    await world.take(replace(FIRST, rule="renamed"))
    assert await world.left() == [("rule", "", "north", "1", "in step")]


async def test_tickets_to_which_no_rule_sends_are_named_and_missed_once_redis_has_forgotten_them(world: World) -> None:
    await world.take(replace(FIRST, has_rule=False))
    reach = [("reach", name, "north", "1", "in step") for name in ("context", "jira-privacy", "jira-web")]
    assert await world.left() == [*reach, ("rule", "", "north", "1", "in step")]
    await world.wipe()
    await world.rounds(1.0)
    assert await world.left() == [
        ("mark", "context", "north", "1", "missed"),
        ("mark", "jira-privacy", "north", "1", "missed"),
        ("mark", "jira-web", "north", "1", "missed"),
    ]


async def test_marks_of_a_district_that_was_never_named_here_may_be_another_installations(world: World) -> None:
    await world.wipe()
    await world.take(replace(FIRST, has_north=False))
    found = [each for each in await world.left() if each[0] == "mark"]
    assert [(name, state) for _, _, name, _, state in found] == [("north", "in step")] * 3
    await world.connection.ask(world.redis.hset(DISTRICTS, "north", "0"))
    assert {state for kind, *_, state in await world.left() if kind == "mark"} == {"missed"}


async def test_counting_stops_and_says_so(world: World) -> None:
    await world.take(replace(FIRST, has_north=False))
    mappings = loaded_of(world.file.text(world.sites), "mappings.yaml").mappings
    left, *_ = await left_behind(world.connection, mappings, Strays(), most=1)
    assert (left.kind, left.at_least, "there are more" in left.line) == (LeftKind.DISTRICT, True, True)


async def test_a_page_of_links_leaves_out_what_no_case_has_any_more(world: World) -> None:
    await world.connection.ask(
        world.redis.hset(TICKETS + "context", mapping={"gone": NORTH.ref, "other": "x:finding:1"})
    )
    links = [each async for page in linked_cases(world.connection, "context") for each in page]
    assert [(each.ref, each.district, each.at_rest) for each in links] == [(NORTH.ref, "north", False)]
