"""A call to a tracker that is given up ends whatever its thread waits for, over real sockets."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from remediation.trackers.connecting import RepeatingAdapter
from remediation.trackers.threads import Call
from tests.contract.tracker_world import nobody_listens
from tests.left_open import noting_what_is_left_open

TIMEOUTS = (5.0, 5.0)
"""Seconds: longer than any of these tests may take."""
PACE = 0.02

Serve = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return path


@contextlib.contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """A server for one connection, in a thread; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                serve(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(5)


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


def trickle(text: bytes) -> Serve:
    """Write this byte by byte once something came in, for as long as anybody is there."""

    def serve(connection: socket.socket) -> None:
        connection.recv(10_000)
        for at in range(len(text)):
            connection.sendall(text[at : at + 1])
            time.sleep(PACE)

    return serve


def behind_tls(certificate: Path, serve: Serve) -> Serve:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            serve(encrypted)

    return wrapped


LONG_HEADERS = trickle(b"HTTP/1.1 200 OK\r\n" + b"X-Header: value\r\n" * 1000)
ENDLESS = trickle(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 10_000)
"""No length is told: where its connection ends, the body is a whole one."""
CHUNKS = trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 1000)
TUNNEL = trickle(b"HTTP/1.1 200 OK\r\n" + b"X-Header: value\r\n" * 1000)


def asking(call: Call, address: str, certificate: Path, proxy: str = "") -> Future[requests.Response]:
    """Ask in a thread of its own, as a part of the call."""
    answer: Future[requests.Response] = Future()

    def ask() -> None:
        with requests.Session() as session, call.running():
            session.trust_env, session.verify = False, str(certificate)
            session.proxies = {"http": proxy, "https": proxy} if proxy else {}
            for scheme in ("http://", "https://"):
                session.mount(scheme, RepeatingAdapter(2))
            try:
                answer.set_result(session.get(address, timeout=TIMEOUTS))
            except requests.RequestException as error:
                answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer


def ended_by_giving_up(address: str, certificate: Path, proxy: str = "") -> None:
    call = Call()
    answer = asking(call, address, certificate, proxy)
    time.sleep(0.3)
    assert not answer.done()
    started = time.monotonic()
    call.give_up()
    assert isinstance(answer.exception(5), requests.RequestException)
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("serve", [say_nothing, LONG_HEADERS, ENDLESS, CHUNKS])
def test_an_answer_in_the_clear_ends(serve: Serve, certificate: Path) -> None:
    with listening(serve) as port:
        ended_by_giving_up(f"http://127.0.0.1:{port}/", certificate)


@pytest.mark.parametrize("serve", [say_nothing, LONG_HEADERS, ENDLESS, CHUNKS])
def test_an_answer_under_tls_ends(serve: Serve, certificate: Path) -> None:
    with listening(behind_tls(certificate, serve)) as port:
        ended_by_giving_up(f"https://localhost:{port}/", certificate)


def test_a_handshake_ends(certificate: Path) -> None:
    with listening(say_nothing) as port:
        ended_by_giving_up(f"https://localhost:{port}/", certificate)


def test_a_proxy_that_opens_the_way_byte_by_byte_is_left(certificate: Path) -> None:
    with listening(TUNNEL) as port:
        ended_by_giving_up("https://tracker.example/", certificate, f"http://127.0.0.1:{port}")


def test_what_is_given_up_sends_nothing_more(certificate: Path) -> None:
    call = Call()
    call.give_up()
    with pytest.raises(requests.ConnectionError, match="nobody waits"):
        asking(call, nobody_listens(), certificate).result(5)


def test_a_call_leaves_nothing_open_and_ends_no_connection_that_it_did_not_give_up(certificate: Path) -> None:
    answer = trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with noting_what_is_left_open() as left, listening(answer) as port:
        call = Call()
        assert asking(call, f"http://127.0.0.1:{port}/", certificate).result(5).text == "ok"
        call.give_up()
    assert left == []
