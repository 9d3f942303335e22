"""The proxy of the fault suite keeps its own promises: otherwise its figures would be about something else."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from chaos.proxy import Fault, Kind, Proxy
from tests.left_open import noting_what_is_left_open

REPLY = b"+carried out\r\n"


class Server:
    """Answers every line, and remembers it."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while line := connection.recv(1 << 16):
                self.seen.append(line)
                connection.sendall(b"-NOSCRIPT\r\n" if b"first" in line else REPLY)


@contextmanager
def proxied() -> Iterator[tuple[Server, Proxy]]:
    server = Server()
    port = server.listener.getsockname()[1]
    with server.listener, Proxy(partial(asyncio.open_connection, "127.0.0.1", port)).running() as proxy:
        yield server, proxy


def asked(proxy: Proxy, *lines: bytes, timeout: float = 5.0) -> list[bytes]:
    """The replies over one connection; the last is empty where it was cut."""
    replies = []
    with socket.create_connection(("127.0.0.1", proxy.port), timeout) as connection:
        for line in lines:
            connection.sendall(line)
            try:
                replies.append(connection.recv(1 << 16))
            except ConnectionError:
                replies.append(b"")
    return replies


def test_without_a_fault_everything_passes() -> None:
    with proxied() as (server, proxy):
        assert asked(proxy, b"SCRIPT 1", b"SCRIPT 2") == [REPLY, REPLY]
        assert (server.seen, proxy.happened) == ([b"SCRIPT 1", b"SCRIPT 2"], 0)


@pytest.mark.parametrize(
    ("kind", "replies", "arrives"),
    [("cut_before", [b""], False), ("cut_after", [b""], True), ("half", [REPLY[: len(REPLY) // 2]], True)],
)
def test_a_cut_comes_before_or_after_the_request_is_carried_out(
    kind: Kind, replies: list[bytes], *, arrives: bool
) -> None:
    with proxied() as (server, proxy):
        proxy.order(Fault(kind, b"SCRIPT"))
        assert asked(proxy, b"PING") == [REPLY]
        assert asked(proxy, b"SCRIPT") == replies
        assert (b"SCRIPT" in server.seen, proxy.happened) == (arrives, 1)
        assert asked(proxy, b"SCRIPT") == [REPLY]


def test_a_delayed_request_is_carried_out_and_a_swallowed_one_is_not() -> None:
    with proxied() as (server, proxy):
        proxy.order(Fault("delay", b"SCRIPT", seconds=0.05))
        assert asked(proxy, b"SCRIPT late") == [REPLY]
        proxy.order(Fault("stall", b"SCRIPT", seconds=0.05))
        assert asked(proxy, b"SCRIPT never") == [b""]
        assert server.seen == [b"SCRIPT late"]


def test_a_reply_that_says_nothing_was_carried_out_is_passed_on() -> None:
    with proxied() as (_, proxy):
        proxy.order(Fault("cut_after", b"SCRIPT"))
        assert asked(proxy, b"SCRIPT first", b"SCRIPT again") == [b"-NOSCRIPT\r\n", b""]
        assert proxy.happened == 1


def test_a_fault_happens_as_often_as_ordered() -> None:
    with proxied() as (_, proxy):
        proxy.order(Fault("cut_before", b"SCRIPT", times=2))
        assert [asked(proxy, b"SCRIPT")[0] for _ in range(3)] == [b"", b"", REPLY]


def test_an_address_that_moves_leads_new_connections_elsewhere_and_leaves_the_old_where_they_are() -> None:
    other = Server()
    with (
        proxied() as (server, proxy),
        other.listener,
        socket.create_connection(("127.0.0.1", proxy.port), 5) as old,
    ):
        old.sendall(b"one")
        assert old.recv(1 << 16) == REPLY
        proxy.lead_to(partial(asyncio.open_connection, "127.0.0.1", other.listener.getsockname()[1]))
        assert asked(proxy, b"two") == [REPLY]
        old.sendall(b"three")
        assert old.recv(1 << 16) == REPLY
    assert (server.seen, other.seen) == ([b"one", b"three"], [b"two"])


def knock(port: int, ended: threading.Event) -> None:
    """Connect, and be gone, again and again."""
    while not ended.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"PING\r\n")


def test_a_proxy_that_ends_while_connections_arrive_leaves_none_to_the_collector() -> None:
    with noting_what_is_left_open() as left:
        for _ in range(10):
            ended = threading.Event()
            with proxied() as (_, proxy):
                visitors = [threading.Thread(target=knock, args=(proxy.port, ended)) for _ in range(3)]
                for visitor in visitors:
                    visitor.start()
                time.sleep(0.02)
            ended.set()
            for visitor in visitors:
                visitor.join()
    assert left == []
