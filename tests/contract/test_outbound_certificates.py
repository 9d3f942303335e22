"""A worker takes changed certificates of OUTBOUND_CA_FILE while it runs: for SchoolScan, and for both trackers."""

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from remediation.domain.errors import OutsideError
from remediation.mapping.reading.loading import Loaded
from remedy.runtime import polling
from remedy.runtime.assembly import open_outside, worker_files
from remedy.runtime.reload import Follower
from tests.certificates import Authority

MAPPINGS = """
version: 1
districts:
  lakeside:
    schoolscan:
      url: <server>/v1
      token: {env: TEST_TOKEN}
      webhook: {secrets: [{env: TEST_TOKEN}]}
trackers:
  jira:
    kind: jira
    url: <server>/jira
    auth: {basic: {user: a@example.test, password: {env: TEST_TOKEN}}}
  servicenow:
    kind: servicenow
    url: <server>
    auth: {basic: {user: svc, password: {env: TEST_TOKEN}}}
rules:
  - name: all
    tickets: {jira: {project: SEC}}
templates: {summary: exposed, body: exposed}
"""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate hangs up."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def asked(authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """What a server was asked for whose certificate is of this authority."""
    seen: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("localhost"))
    with _Server(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        address = f"https://localhost:{server.server_address[1]}"
        (tmp_path / "mappings.yaml").write_text(MAPPINGS.replace("<server>", address))
        monkeypatch.setenv("TEST_TOKEN", "test-only-token")
        monkeypatch.setattr(polling, "POLL_SECONDS", 0.02)
        yield seen
        server.shutdown()
        thread.join()


async def ask_all(loaded: Loaded) -> None:
    async with open_outside(loaded) as outside:
        with pytest.raises(OutsideError):
            await outside.accounts["lakeside"].finding("fnd_1")
        for tracker in outside.trackers.values():
            with pytest.raises(OutsideError):
                await tracker.whoami()


async def test_changed_certificates_are_taken_and_a_broken_file_is_refused(
    asked: list[str], authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "trusted.pem"
    file.write_bytes(Authority(tmp_path, "another one").file.read_bytes())
    monkeypatch.setenv("OUTBOUND_CA_FILE", str(file))
    follower = Follower(tmp_path / "mappings.yaml", partial(worker_files, outbound_ca=file), time.time)
    await ask_all(follower.first())
    assert asked == []
    taken = asyncio.Event()

    async def take(loaded: Loaded) -> None:
        await ask_all(loaded)
        taken.set()

    async with follower.following(take), asyncio.timeout(20):
        file.write_text("no certificate")
        while not follower.problems:  # noqa: ASYNC110 - files have no event to wait for
            await asyncio.sleep(0.02)
        assert "OUTBOUND_CA_FILE" in follower.problems[0]
        assert not taken.is_set()
        file.write_bytes(authority.file.read_bytes())
        await taken.wait()
        while follower.problems:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
    hosts = {address.split("?")[0].split("/")[1] for address in asked}
    assert hosts == {"v1", "jira", "api"}
