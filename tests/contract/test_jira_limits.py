"""Jira's limits over the wire: which of Cloud's three was met, and what is in a bucket of Data Center's."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from remediation.domain.errors import BudgetSpent, TryLater, Waiting
from remediation.outbound.metering import SaidLimit, metered_by
from remediation.trackers.jira.tracker import Jira
from tests.contract.jira_world import JiraWorld, jira_world
from tests.contract.meters import NotingMeter
from tests.contract.tracker_suite import mark_of

MARK = mark_of("fnd_1")


@pytest.fixture(scope="module")
def cloud() -> Iterator[JiraWorld]:
    with jira_world("cloud") as world:
        yield world


@asynccontextmanager
async def connected(world: JiraWorld) -> AsyncIterator[Jira]:
    tracker = world.connect()
    yield tracker
    await tracker.close()
    world.settings(limits={})


async def test_a_burst_limit_is_about_one_method_of_one_endpoint(cloud: JiraWorld) -> None:
    async with connected(cloud) as tracker:
        ticket = await tracker.create(cloud.draft(MARK))
        cloud.settings(limits={"burst": 0})
        with metered_by(meter := NotingMeter()), pytest.raises(TryLater) as caught:
            await tracker.read(ticket.id)
    assert meter.said == [SaidLimit("burst-GET-issue.id", closed=1.0)]
    assert caught.value.waiting is Waiting.OURS


async def test_a_limit_on_the_writes_to_one_issue_names_the_issue(cloud: JiraWorld) -> None:
    async with connected(cloud) as tracker:
        ticket = await tracker.create(cloud.draft(MARK))
        cloud.settings(limits={"issue_writes": 0})
        with metered_by(meter := NotingMeter()):
            await tracker.read(ticket.id)
            with pytest.raises(TryLater):
                await tracker.comment(ticket.id, "Done")
    (said,) = meter.said
    assert said.scope == f"issue-{ticket.id}"
    assert said.closed in {1.0, 2.0}


async def test_of_a_quota_each_answer_says_what_remains_and_its_end_closes_all(cloud: JiraWorld) -> None:
    async with connected(cloud) as tracker:
        ticket = await tracker.create(cloud.draft(MARK))
        cloud.settings(limits={"quota": 1})
        with metered_by(meter := NotingMeter(["all"])):
            await tracker.read(ticket.id)
            with pytest.raises(TryLater) as caught:
                await tracker.read(ticket.id)
    assert [(each.scope, each.limit, each.remaining) for each in meter.said] == [("all", 1, 0), ("all", None, None)]
    assert meter.counted == [("all",), ("all",)]
    assert caught.value.waiting is Waiting.LIMIT
    assert caught.value.after is not None
    assert 0 < caught.value.after <= 3600


async def test_of_a_bucket_each_answer_says_how_much_is_in_it() -> None:
    with jira_world("data_center") as world:
        async with connected(world) as tracker:
            ticket = await tracker.create(world.draft(MARK))
            world.settings(limits={"bucket": 2, "fill": 1, "interval": 3600})
            with metered_by(meter := NotingMeter(["all"])):
                for _ in range(2):
                    await tracker.read(ticket.id)
                with pytest.raises(TryLater):
                    await tracker.read(ticket.id)
    assert meter.said[:2] == [SaidLimit("all", 2, 3600.0, 1, 3600.0, remaining=left) for left in (1, 0)]
    assert meter.said[2].closed is not None


async def test_what_has_no_room_is_not_sent_and_nothing_is_left_behind(cloud: JiraWorld) -> None:
    no_room = BudgetSpent("jira", "jira/all", after=60.0, behind=60.0)
    async with connected(cloud) as tracker:
        cloud.asked()
        with metered_by(NotingMeter(no_room=no_room)), pytest.raises(BudgetSpent) as caught:
            await tracker.create(cloud.draft(MARK))
    assert cloud.ours() == []
    assert not caught.value.ambiguous
