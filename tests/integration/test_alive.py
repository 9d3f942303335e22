"""What a container's health check asks: whether the process beside it answers /livez."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from remedy.runtime.http.alive import main


class Alive(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(type(self).status if self.path == "/livez" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Alive) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


PORTS = ("RECEIVER_PORT", "WORKER_PORT", "CONSOLE_PORT")


@pytest.mark.parametrize("role", PORTS)
def test_a_process_that_answers_is_alive(role: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PORTS:
        monkeypatch.setenv(name, str(port) if name == role else "1")
    assert main() == 0


class OnIpv6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@pytest.mark.parametrize("host", ["::", "::1"])
def test_a_process_is_asked_where_it_listens(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with OnIpv6(("::1", 0), Alive) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        monkeypatch.setenv("RECEIVER_HOST", host)
        monkeypatch.setenv("RECEIVER_PORT", str(server.server_address[1]))
        monkeypatch.setenv("WORKER_PORT", "1")
        assert main() == 0
        server.shutdown()


def test_where_nothing_answers_nothing_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PORTS:
        monkeypatch.setenv(name, "1")
    assert main() == 1


def test_a_process_that_says_what_has_died_in_it_is_not_alive(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Alive, "status", 503)
    for name in ("RECEIVER_PORT", "WORKER_PORT"):
        monkeypatch.setenv(name, str(port))
    assert main() == 1
