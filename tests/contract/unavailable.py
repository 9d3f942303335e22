"""A server that answers every request with 503, and asking all outside systems once."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from remediation.domain.errors import OutsideError
from remediation.mapping.reading.loading import Loaded
from remedy.runtime.assembly import open_outside

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
    url: <server>/
    auth: {basic: {user: svc, password: {env: TEST_TOKEN}}}
rules:
  - name: all
    tickets: {jira: {project: SEC}}
templates: {summary: exposed, body: exposed}
"""
"""One district and both trackers; `<server>` is the address of all three."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A server that is running: its port, and what it was asked for so far."""

    port: int
    asked: list[str] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate hangs up."""


@contextlib.contextmanager
def unavailable(tls: ssl.SSLContext | None = None) -> Iterator[Unavailable]:
    """The server, on a loopback port, with TLS where a context is given; until the end."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            started.asked.append(self.path)
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    with _Server(("127.0.0.1", 0), Answers) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        started = Unavailable(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield started
        server.shutdown()
        thread.join()


async def ask_all(loaded: Loaded) -> None:
    """Ask SchoolScan and each tracker for something that each refuses, or that does not reach them."""
    async with open_outside(loaded) as outside:
        with pytest.raises(OutsideError):
            await outside.accounts["lakeside"].finding("fnd_1")
        for tracker in outside.trackers.values():
            with pytest.raises(OutsideError):
                await tracker.whoami()
