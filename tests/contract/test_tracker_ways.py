"""By which way trackers are reached: through the site, Atlassian's gateway, or a proxy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from remediation.domain.errors import TryLater
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.ports import Tracker
from remediation.trackers.jira.tracker import Jira
from sandbox.jira.stand_in import SERVICE
from tests.contract.jira_world import JiraWorld, jira_world
from tests.contract.servicenow_world import servicenow_world
from tests.contract.tracker_world import World, mark_of

SITE = "https://lakeside.atlassian.example"
SECRET = {"env": "UNUSED"}
CLOUD_ID = "11223344-a1b2-3b33-c444-def123456789"


@asynccontextmanager
async def jira(**config: Any) -> AsyncIterator[Jira]:
    tracker = Jira("jira", JiraTracker.model_validate({"kind": "jira", **config}), SERVICE.token)
    yield tracker
    await tracker.close()


def paths(world: World) -> set[str]:
    return {entry["path"].partition("/rest/")[0] for entry in world.requests() if entry["user_agent"] == "remedy"}


@pytest.mark.parametrize("user", [{"user": SERVICE.email}, {}])
async def test_a_token_with_scopes_goes_to_the_gateway_and_people_to_the_site(user: dict[str, str]) -> None:
    with jira_world("cloud") as world:
        auth = {"scoped": {"cloud_id": CLOUD_ID, "token": SECRET, "gateway": world.address, **user}}
        async with jira(url=SITE, auth=auth) as tracker:
            ticket = await tracker.create(world.draft(mark_of("fnd_1")))
            read = await tracker.read(ticket.id)
        assert ticket.url == read.url == f"{SITE}/browse/{ticket.key}"
        assert paths(world) == {f"/ex/jira/{CLOUD_ID}"}


async def test_requests_to_jira_go_through_the_configured_proxy() -> None:
    with jira_world("data_center") as world:
        config = {"url": "http://127.0.0.1:1", "deployment": "data_center", "auth": {"bearer": SECRET}}
        async with jira(**config, proxy=world.address) as tracker:
            assert await tracker.whoami() == SERVICE.account_id
        async with jira(**config) as tracker:
            with pytest.raises(TryLater, match="no connection"):
                await tracker.whoami()


async def test_requests_to_servicenow_go_through_the_configured_proxy_and_so_do_those_for_tokens() -> None:
    with servicenow_world() as world:
        auth = {"oauth": {"client_id": world.account, "client_secret": SECRET}}
        settings: dict[str, Any] = {"auth": auth, "proxy": world.address, "secret": "test-only-client-secret"}
        async with world.connected(address="http://127.0.0.1:1", **settings) as tracker:
            assert await tracker.whoami() == world.account


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with jira_world("cloud") as world, servicenow_world() as other:
        trackers: list[Tracker] = [JiraWorld(world.address, "cloud").connect(), other.connect()]
        for tracker, account in zip(trackers, (world.account, other.account), strict=True):
            assert await tracker.whoami() == account
            await tracker.close()
