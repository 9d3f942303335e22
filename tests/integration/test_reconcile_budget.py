"""Reconciling with the real adapters over HTTP: each list is read once, for each costs some of a budget."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection
from tests.contract.jira_world import jira_world
from tests.contract.servicenow_world import servicenow_world
from tests.contract.tracker_suite import World
from tests.integration.offices import Office
from tests.integration.reconciling import found, walk_of

KEYS = [CaseKey("lakeside", CaseKind.FINDING, f"fnd_{number}") for number in range(3)]
WORLDS = [servicenow_world, partial(jira_world, "cloud"), partial(jira_world, "data_center")]


@pytest.mark.parametrize("age", [timedelta(minutes=1), timedelta(days=7), timedelta(days=9000)])
@pytest.mark.parametrize("opened", WORLDS, ids=["servicenow", "jira_cloud", "jira_data_center"])
async def test_a_trackers_list_is_read_once(
    connection: Connection, keyring: Keyring, opened: Callable[[], AbstractContextManager[World]], age: timedelta
) -> None:
    with opened() as world:
        tracker = world.connect()
        office = Office(connection, keyring, trackers={world.name: tracker})
        office.clock.now = datetime.now(UTC).timestamp()
        office.source.findings.clear()
        for key in KEYS:
            await tracker.create(world.draft(key.mark))
        world.wait_searchable()
        before = len(world.requests())
        candidates = await found(walk_of(office, datetime.now(UTC) - age))
        await tracker.close()
        assert {each.key for each in candidates} == set(KEYS)
        assert len(world.requests()) - before == 1
