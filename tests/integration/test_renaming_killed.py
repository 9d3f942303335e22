"""A worker dies at any command to the store: while it opens tickets and tells of them, or finds a tracker renamed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from remediation.domain.status import Status
from remediation.domain.tickets import TicketState
from remediation.queue import WORK_QUEUE
from remediation.sealing import Keyring
from remediation.store.cases.entries import Unnamed
from remediation.store.keys import LEASE
from remediation.store.server.connection import Connection
from tests.integration.offices import KEY
from tests.integration.test_unnamed_trackers import Changing

OF_OPENING, OF_RENAMING = range(1, 19), range(1, 12)
"""At which of the commands of one look the worker dies: there are so many, those in pipelines not counted."""


class Died(BaseException):
    """The process is gone: nothing that follows is done."""


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Changing:
    return Changing(connection, keyring)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


async def dies(office: Changing, number: int, *, done: bool, work: Callable[[], Awaitable[Any]]) -> None:
    """Do this work, and die at this command to the store, before it or with it done."""
    came = 0
    redis = office.redis
    ask: Callable[..., Any] = redis.execute_command

    async def dying(*words: Any, **options: Any) -> Any:
        nonlocal came
        came += 1
        if came > number or (came == number and not done):
            raise Died
        answer = await ask(*words, **options)
        if came == number:
            raise Died
        return answer

    # Whoever waits for a script whose message died is cancelled.
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Died, asyncio.CancelledError):
        patch.setattr(redis, "execute_command", dying)
        await work()
    await redis.delete(LEASE + KEY.ref, WORK_QUEUE)
    assert came >= number, "a look needs fewer commands now"


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("number", OF_OPENING)
async def test_a_death_while_tickets_are_opened_and_told_of_loses_nothing(
    office: Changing, number: int, *, done: bool
) -> None:
    await dies(office, number, done=done, work=office.look)
    await office.look()
    await office.later()
    assert (len(office.tickets()), office.status()) == (2, Status.REVIEWING)
    assert await office.context.timeline.read(KEY.ref)
    assert await office.context.todo.dirty() == 0


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("number", OF_RENAMING)
async def test_a_death_while_a_tracker_is_renamed_loses_no_ticket_and_opens_none(
    office: Changing, number: int, *, done: bool
) -> None:
    await office.look()
    told = await office.context.timeline.read(KEY.ref)
    tracker = office.jira.called("tracker")
    office.names(office.snow, tracker, tracker="jira")
    await dies(office, number, done=done, work=office.look)
    await office.look()
    await office.later()
    record = await office.record()
    assert (set(record.links), record.intents) == ({"snow", "tracker"}, {})
    assert len([*office.snow.of(KEY.mark), *tracker.of(KEY.mark)]) == 2
    now = await office.context.timeline.read(KEY.ref)
    assert len(now) >= len(told)
    assert not [entry for entry in now if isinstance(entry, Unnamed)]
    for book, ticket in ((office.snow, office.in_snow()), (tracker, tracker.of(KEY.mark)[0])):
        book.change(ticket.id, TicketState.DONE)
    await office.look()
    assert (office.status(), await office.context.todo.dirty()) == (Status.RESOLVED, 0)
