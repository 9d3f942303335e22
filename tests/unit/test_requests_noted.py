import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from remediation.domain.errors import OutsideError
from remediation.domain.status import Status
from remediation.outbound.answers import note_request, noting_requests
from remediation.sources.schoolscan.client import SchoolScan
from remediation.trackers.threads import Threads


class Client:
    def close(self) -> None:
        pass


@pytest.fixture
async def threads() -> AsyncIterator[Threads[Client]]:
    threads = Threads("helpdesk", Client, size=2, deadline=5)
    yield threads
    await threads.close()


def test_ids_are_noted_in_their_order_and_once() -> None:
    with noting_requests() as ids:
        for each in ("b", "a", "b", None):
            note_request(each)
    note_request("later")
    assert ids == ["b", "a"]


@pytest.mark.parametrize("text", ["", " ", "a b", "a\n", "<script>", "é", "x" * 101])
def test_what_has_not_the_form_of_an_id_is_not_noted(text: str) -> None:
    with noting_requests() as ids:
        note_request(text)
    assert ids == []


def test_no_more_are_kept_than_anybody_reads() -> None:
    with noting_requests() as ids:
        for number in range(1_000):
            note_request(str(number))
    assert len(ids) == 100


def test_the_inner_of_two_blocks_gets_the_ids_and_an_error_ends_it() -> None:
    with noting_requests() as outer:
        with contextlib.suppress(ValueError), noting_requests() as inner:
            note_request("in")
            raise ValueError
        note_request("out")
    assert (inner, outer) == (["in"], ["out"])


async def test_ids_of_threads_and_of_tasks_come_to_whoever_started_them(threads: Threads[Client]) -> None:
    async def asks(name: str) -> list[str]:
        with noting_requests() as ids:
            await threads.call(lambda _client: note_request(f"{name}-1"))
            await asyncio.gather(*(threads.call(lambda _client: note_request(f"{name}-2")) for _ in range(2)))
        return ids

    found = await asyncio.gather(*(asks(name) for name in ("a", "b", "c")))
    assert found == [["a-1", "a-2"], ["b-1", "b-2"], ["c-1", "c-2"]]


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_what_schoolscan_calls_a_write_is_noted_whatever_it_answers(status: int) -> None:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json={"id": "fnd_1"}, headers={"X-Request-Id": "req_1"})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        account = SchoolScan("lakeside", "https://schoolscan.example", "test-only-token", client=client)
        with noting_requests() as ids, contextlib.suppress(OutsideError):
            await account.update_finding("fnd_1", Status.RESOLVED, "note")
    assert ids == ["req_1"]
