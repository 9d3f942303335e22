"""Behind nginx, HAProxy and Caddy, as docs/proxies.md sets them up, a sender sees the receiver's answers, never 502."""

import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from bench.processes import environment_for, running
from bench.senders.deliveries import PATH, SECRET, Deliveries
from remediation.deliveries.signatures import SignatureFormat, sign
from remedy.embedded.server import EmbeddedServer
from tests.e2e.proxies import KINDS, Proxy, asks_for_a_certificate, in_front
from tests.integration.guarded_server import Talk

pytestmark = pytest.mark.timeout(240)

STRICT = {"MAX_BODY_BYTES": "1024", "MAX_URL_BYTES": "256", "MAX_HEADER_BYTES": "1024"}
"""A receiver with lower limits than the proxy's: what is over them reaches it, and is refused there."""

SHORT = {"IDLE_SECONDS": "3"}
"""A tenth of what is shipped, as is beside it the time for which proxies keep connections to it (KEPT)."""

KEPT: Mapping[str, Mapping[str, str]] = {
    "nginx": {"keepalive_timeout 20s;  ": "keepalive_timeout 2s;  "},
    "haproxy": {},
    "caddy": {"keepalive 20s": "keepalive 2s"},
}

LIMITED: Mapping[str, Mapping[str, str]] = {
    "nginx": {"rate=100r/s": "rate=1r/m", "burst=500": "burst=1"},
    "haproxy": {"sc_http_req_rate(0) gt 500": "sc_http_req_rate(0) gt 2"},
    "caddy": {},
}
"""Lower limits of rates, where a proxy has them."""

STREAMING = {"proxy_redirect off;": "proxy_request_buffering off;"}
"""nginx hands bodies on as they come, as HAProxy and Caddy do."""

FRONTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    **{name: (name, {}) for name in KINDS},
    "nginx, streaming": ("nginx", STREAMING),
}
BODY = b'{"type": "finding.critical", "data": {"finding_id": "fnd_1"}}'


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="remedy-"))  # short: there are sockets in it
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def receivers(folder: Path) -> Iterator[Mapping[str, str]]:
    """The addresses of one as it is shipped, and of one with low limits whose Redis is away."""
    away = EmbeddedServer(folder / "away")
    with EmbeddedServer(folder / "redis") as redis:
        usual = environment_for(folder, redis.url)
        with away:
            strict = environment_for(folder, away.url)
            one = running("usual", ("remedy", "run", "receiver"), folder, usual)
            other = running("strict", ("remedy", "run", "receiver"), folder, {**strict, **STRICT})
            third = running("short", ("remedy", "run", "receiver"), folder, {**usual, **SHORT})
            with one as first, other as second, third as last:
                programs = {"usual": first, "strict": second, "short": last}
                addresses = {name: each.address("receiver_listens") for name, each in programs.items()}
                away.__exit__(None, None, None)
                yield addresses


@pytest.fixture(scope="module", params=FRONTS)
def front(request: pytest.FixtureRequest) -> tuple[str, Mapping[str, str]]:
    return FRONTS[request.param]


@pytest.fixture(scope="module")
def proxy(front: tuple[str, Mapping[str, str]], receivers: Mapping[str, str]) -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory() as own, in_front(front[0], receivers["usual"], Path(own), front[1]) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def strict(front: tuple[str, Mapping[str, str]], receivers: Mapping[str, str]) -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory() as own, in_front(front[0], receivers["strict"], Path(own), front[1]) as proxy:
        yield proxy


def signed(body: bytes, secret: str = SECRET) -> list[bytes]:
    """The lines of headers that a sender adds."""
    headers = sign(body, secret, SignatureFormat.TIMESTAMPED, time.time(), "msg_1")
    return [b"content-type: application/json", *(b"%b: %b" % pair for pair in headers)]


def post(body: bytes, *lines: bytes, path: str = PATH, method: str = "POST") -> bytes:
    head = [f"{method} {path} HTTP/1.1".encode(), b"host: localhost", b"content-length: %d" % len(body), *lines]
    return b"\r\n".join([*head, b"", body])


def chunked(*chunks: bytes, lines: list[bytes], trailers: bytes = b"") -> list[bytes]:
    """The same with a body in chunks, which are pieces of their own."""
    head = [f"POST {PATH} HTTP/1.1".encode(), b"host: localhost", b"transfer-encoding: chunked", *lines]
    parts = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    return [b"\r\n".join([*head, b"", b""]), *parts, b"0\r\n" + trailers + b"\r\n"]


def answered(proxy: Proxy, *parts: bytes, pause: float = 0.0) -> Talk:
    """What is said to this on a connection of its own."""
    return proxy.dial().send(*parts, pause=pause).answer()


def padded(size: int) -> bytes:
    """A delivery of so many bytes that can be read."""
    return BODY[:-1] + b', "more": "' + b"x" * (size - len(BODY) - 12) + b'"}'


# What the proxy lets pass, as the receiver answers it.


def test_a_sender_s_own_client_gets_202(proxy: Proxy) -> None:
    with httpx2.Client(verify=proxy.context) as client:
        for _ in range(3):
            signature = sign(BODY, SECRET, SignatureFormat.TIMESTAMPED, time.time(), "msg_1")
            headers = [(b"content-type", b"application/json"), *signature]
            assert client.post(proxy.address + PATH, content=BODY, headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (lambda: post(BODY, *signed(BODY, "test-only-wrong")), 401),
        (lambda: post(BODY, b"content-type: application/json"), 401),
        (lambda: post(BODY, *signed(BODY), path="/webhooks/schoolscan/nobody"), 404),
        (lambda: post(b"x" * 100_000, path="/webhooks/schoolscan/nobody"), 404),
        (lambda: post(b"", path=PATH, method="GET"), 405),
        (lambda: post(b"x" * 100_000, path=PATH, method="PUT"), 405),
        (lambda: post(BODY, b"content-type: text/plain"), 415),
        (lambda: post(b"x" * 100_000, b"content-type: text/plain"), 415),
    ],
)
def test_what_the_receiver_refuses_is_refused_with_its_own_status(
    proxy: Proxy, made: Callable[[], bytes], status: int
) -> None:
    assert answered(proxy, made()).statuses == [status]


@pytest.mark.parametrize("path", ["/readyz", "/%72eadyz", "/livez", "/webhooks/../readyz", "/", "/metrics"])
def test_nothing_but_webhooks_is_published(proxy: Proxy, path: str) -> None:
    assert answered(proxy, post(b"", path=path, method="GET")).statuses == [404]


def test_a_path_is_compared_decoded(proxy: Proxy) -> None:
    assert answered(proxy, post(BODY, *signed(BODY), path=PATH.replace("w", "%77", 1))).statuses == [202]


@pytest.mark.parametrize("token", [b"h2c", b"websocket"])
def test_an_upgrade_that_is_asked_for_does_no_harm(proxy: Proxy, token: bytes) -> None:
    asks = [b"connection: Upgrade, HTTP2-Settings", b"upgrade: " + token, b"http2-settings: AAMAAABkAAQAAP__"]
    assert answered(proxy, post(BODY, *signed(BODY), *asks)).statuses == [202]


def test_a_body_in_chunks_is_taken(proxy: Proxy) -> None:
    assert answered(proxy, *chunked(BODY[:9], BODY[9:], lines=signed(BODY)), pause=0.01).statuses == [202]


def test_trailers_do_no_harm(proxy: Proxy) -> None:
    kind, signature = signed(BODY)
    trailer = signature + b"\r\n"
    assert answered(proxy, *chunked(BODY, lines=[kind, signature], trailers=b"x-more: 1\r\n")).statuses == [202]
    for lines in ([kind], [kind, b"trailer: x-schoolscan-signature"]):
        assert answered(proxy, *chunked(BODY, lines=lines, trailers=trailer)).statuses == [401]


def test_requests_that_are_sent_ahead_are_all_answered(proxy: Proxy) -> None:
    client = proxy.dial().send(post(BODY, *signed(BODY)) * 3)
    said = b""
    deadline = time.monotonic() + 5
    while said.count(b"HTTP/1.1 202 ") < 3 and time.monotonic() < deadline:
        said += client.socket.recv(65_536)
    assert said.count(b"HTTP/1.1 202 ") == 3


def test_no_sender_is_asked_for_a_certificate(proxy: Proxy) -> None:
    assert not asks_for_a_certificate(proxy)


# What is too much.


def test_the_largest_body_is_taken_and_one_byte_more_is_413(proxy: Proxy) -> None:
    for size, status in ((262_144, 202), (262_145, 413)):
        body = padded(size)
        assert len(body) == size
        assert answered(proxy, post(body, *signed(body))).statuses == [status]
        parts = [body[:100_000], body[100_000:]]
        assert answered(proxy, *chunked(*parts, lines=signed(body))).statuses == [status]


@pytest.mark.parametrize("size", [2_000, 200_000])
def test_a_body_that_only_the_receiver_finds_too_large_is_413(strict: Proxy, size: int) -> None:
    body = padded(size)
    for _ in range(5):
        assert answered(strict, post(body, *signed(body))).statuses == [413]
        pieces = [body[at : at + 1_000] for at in range(0, size, 1_000)]
        assert answered(strict, *chunked(*pieces, lines=signed(body))).statuses == [413]


def test_a_length_of_many_digits_is_400_or_413(proxy: Proxy) -> None:
    request = post(BODY, *signed(BODY)).replace(b"content-length: %d" % len(BODY), b"content-length: " + b"9" * 30)
    assert answered(proxy, request).statuses[0] in {400, 413}


def test_a_long_address_is_414(proxy: Proxy, strict: Proxy) -> None:
    assert answered(proxy, post(BODY, *signed(BODY), path=PATH + "?" + "a" * 5_000)).statuses == [414]
    assert answered(strict, post(BODY, *signed(BODY), path=PATH + "?" + "a" * 300)).statuses == [414]


def test_a_large_head_is_431_or_what_the_proxy_says_for_it(proxy: Proxy, strict: Proxy) -> None:
    more = [b"x-more: " + b"a" * 1_000] * 24
    assert answered(proxy, post(BODY, *signed(BODY), *more)).statuses[0] in {400, 431}
    assert answered(strict, post(BODY, *signed(BODY), *more[:2])).statuses == [431]


def test_what_is_no_http_is_400(proxy: Proxy) -> None:
    assert answered(proxy, b"POST / HTTP/1.1\r\nhost: localhost\r\nno header\r\n\r\n").statuses == [400]


# When Redis is away, and when connections are reused.


def test_a_receiver_without_redis_says_503_and_when_to_come_again(strict: Proxy) -> None:
    talk = answered(strict, post(BODY, *signed(BODY)))
    assert talk.statuses == [503]
    assert b"retry-after: 5" in talk.said.lower()


def test_deliveries_on_one_connection_are_all_taken(proxy: Proxy) -> None:
    client, deliveries = proxy.dial(), Deliveries(proxy.address, "kept")
    for _ in range(10):
        assert client.send(deliveries.request(time.time())).answer().statuses == [202]


def test_whoever_comes_too_often_is_told_so_with_503_and_when_to_come_again(
    front: tuple[str, Mapping[str, str]], receivers: Mapping[str, str]
) -> None:
    name, changed = front
    if not LIMITED[name]:
        pytest.skip(f"{name} limits no rates by itself")
    with (
        tempfile.TemporaryDirectory() as own,
        in_front(name, receivers["usual"], Path(own), {**changed, **LIMITED[name]}) as proxy,
    ):
        talks = [answered(proxy, post(BODY, *signed(BODY))) for _ in range(6)]
    assert {status for talk in talks for status in talk.statuses} == {202, 503}
    assert all(b"retry-after: 5" in talk.said.lower() for talk in talks if talk.statuses == [503])


def test_a_kept_connection_that_ends_costs_no_sender_an_answer(
    front: tuple[str, Mapping[str, str]], receivers: Mapping[str, str]
) -> None:
    """What is kept open is used again just when the proxy, or the receiver, may be about to close it."""
    name, changed = front
    changed = {**changed, **KEPT[name]}
    seen: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as own, in_front(name, receivers["short"], Path(own), changed) as proxy:

        def delivers(pause: float) -> None:
            deliveries = Deliveries(proxy.address, f"idle{pause}")
            for _ in range(2):
                seen.update(proxy.dial().send(deliveries.request(time.time())).answer().statuses)
                time.sleep(pause)

        threads = [threading.Thread(target=delivers, args=(1.9 + number / 20,)) for number in range(25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == {202: 50}
