"""Every client goes through the proxy that the environment names: SchoolScan's and both trackers'."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from remediation.domain.errors import OutsideError
from remediation.mapping.reading.loading import loaded_of
from remedy.runtime.assembly import open_outside

MAPPINGS = """
version: 1
districts:
  lakeside:
    schoolscan:
      url: http://localhost:9/v1
      token: {env: TEST_TOKEN}
      webhook: {secrets: [{env: TEST_TOKEN}]}
trackers:
  jira:
    kind: jira
    url: http://localhost:9/jira
    auth: {basic: {user: a@example.test, password: {env: TEST_TOKEN}}}
  servicenow:
    kind: servicenow
    url: http://localhost:9/
    auth: {basic: {user: svc, password: {env: TEST_TOKEN}}}
rules:
  - name: all
    tickets: {jira: {project: SEC}}
templates: {summary: exposed, body: exposed}
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses that a proxy was asked for."""
    seen: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        monkeypatch.setenv("OUTBOUND_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("TEST_TOKEN", "test-only-token")
        yield seen
        server.shutdown()
        thread.join()


async def test_every_client_goes_through_the_proxy(asked: list[str]) -> None:
    async with open_outside(loaded_of(MAPPINGS, "mappings.yaml")) as outside:
        with pytest.raises(OutsideError):
            await outside.accounts["lakeside"].finding("fnd_1")
        for tracker in outside.trackers.values():
            with pytest.raises(OutsideError):
                await tracker.whoami()
    hosts = {address.split("?")[0] for address in asked}
    assert {address for address in hosts if address.startswith("http://localhost:9/v1/findings/")}
    assert {address for address in hosts if address.startswith("http://localhost:9/jira/rest/api/2/myself")}
    assert {address for address in hosts if address.startswith("http://localhost:9/api/now/")}
