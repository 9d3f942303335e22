"""Each source has connections of its own: one that hangs takes none from the others, and has no more than these."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from remediation.domain.errors import OutsideError
from remediation.mapping.reading.loading import loaded_of
from remediation.sources.connections import CONNECTIONS
from remedy.runtime.assembly import open_outside

DISTRICT = """
  {name}:
    schoolscan:
      url: {url}/v1
      token: {{env: TEST_TOKEN}}
      webhook: {{secrets: [{{env: TEST_TOKEN}}]}}
"""
REST = """
trackers:
  jira:
    kind: jira
    url: http://localhost:9/jira
    auth: {basic: {user: a@example.test, password: {env: TEST_TOKEN}}}
rules:
  - name: all
    tickets: {jira: {project: SEC}}
templates: {summary: exposed, body: exposed}
"""
FINDING = b'{"id":"fnd_1","status":"open","severity":"high","domain_type":"direct_pii"}'


@contextlib.asynccontextmanager
async def api(*, answers: bool, dialed: list[int]) -> AsyncIterator[str]:
    """A SchoolScan that gives each request the same answer, or none."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialed.append(1)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                if answers:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(FINDING), FINDING))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_source_that_hangs_takes_no_connection_away_from_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TOKEN", "test-only-token")
    dialed: list[int] = []
    async with api(answers=False, dialed=dialed) as hanging, api(answers=True, dialed=[]) as sound:
        districts = DISTRICT.format(name="hanging", url=hanging) + DISTRICT.format(name="sound", url=sound)
        async with open_outside(loaded_of(f"version: 1\ndistricts:{districts}{REST}", "mappings.yaml")) as outside:
            stuck = [asyncio.create_task(outside.accounts["hanging"].finding("fnd_1")) for _ in range(3 * CONNECTIONS)]
            async with asyncio.timeout(10):
                while len(dialed) < CONNECTIONS:  # noqa: ASYNC110 - it happens in the other server
                    await asyncio.sleep(0.01)
                assert (await outside.accounts["sound"].finding("fnd_1")).id == "fnd_1"
            assert len(dialed) == CONNECTIONS
            for task in stuck:
                task.cancel()
            with contextlib.suppress(OutsideError):
                await asyncio.gather(*stuck, return_exceptions=True)
