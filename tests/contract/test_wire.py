"""What every stand-in's wire promises, over real HTTP."""

import asyncio
import contextlib
import json
import socket
import time
import warnings
from collections.abc import Iterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.wire.server import FaultyApp, run_servers, serve, stop_accepting
from tests.left_open import noting_what_is_left_open


class Counter:
    """An application that counts what was carried out."""

    def __init__(self) -> None:
        self.done = 0
        self.app = Starlette(
            routes=[
                Route("/things/{name}", self.thing, methods=["GET", "POST"]),
                Route("/page.xml", self.page),
                Route("/_sandbox/own", self.own),
            ]
        )

    async def thing(self, request: Request) -> Response:
        await request.body()
        self.done += 1
        return JSONResponse({"name": request.path_params["name"], "padding": "x" * 1000}, 201)

    async def page(self, _request: Request) -> Response:
        return Response(b'<?xml version="1.0"?><page/>', media_type="application/xml")

    async def own(self, _request: Request) -> Response:
        return JSONResponse({"own": True})


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def client(counter: Counter) -> Iterator[httpx2.Client]:
    with serve(counter.app) as address, httpx2.Client(base_url=address, trust_env=False, timeout=5) as client:
        yield client


def order(client: httpx2.Client, **fault: object) -> None:
    assert client.post("/_sandbox/faults", json=fault).status_code == 204


def test_a_request_without_faults_is_answered_by_the_application(client: httpx2.Client, counter: Counter) -> None:
    answer = client.get("/things/a")
    assert (answer.status_code, answer.json()["name"], counter.done) == (201, "a", 1)


def test_a_journal_keeps_method_path_query_status_agent_and_scheme_but_no_token(client: httpx2.Client) -> None:
    started = time.time()
    client.get("/things/a%2Fb?x=1", headers={"Authorization": "Bearer test-only-secret", "User-Agent": "remedy/0"})
    client.post("/things/c", json={})
    journal = client.get("/_sandbox/requests")
    first, second = journal.json()
    assert (first["method"], first["path"], first["query"]) == ("GET", "/things/a%2Fb", "x=1")
    assert (first["status"], first["user_agent"], first["scheme"]) == (404, "remedy/0", "Bearer")
    assert started - 1 <= first["at"] <= time.time() + 1
    assert (second["method"], second["status"], second["fault"]) == ("POST", 201, None)
    assert "test-only-secret" not in journal.text


def test_a_cleared_journal_is_empty(client: httpx2.Client) -> None:
    client.get("/things/a")
    client.delete("/_sandbox/requests")
    assert client.get("/_sandbox/requests").json() == []


def test_a_control_route_of_the_application_is_reached_and_hit_by_no_fault(client: httpx2.Client) -> None:
    order(client, kind="reset", times=None)
    assert client.get("/_sandbox/own").json() == {"own": True}
    assert client.get("/_sandbox/requests").json() == []


def test_a_slow_fault_delays_the_answer(client: httpx2.Client, counter: Counter) -> None:
    order(client, kind="slow", seconds=0.3)
    started = time.monotonic()
    assert client.get("/things/a").status_code == 201
    assert time.monotonic() - started >= 0.3
    assert counter.done == 1


def test_a_status_fault_answers_with_its_headers_and_carries_nothing_out(
    client: httpx2.Client, counter: Counter
) -> None:
    order(client, kind="status", status=429, headers={"Retry-After": "7"})
    answer = client.post("/things/a", json={})
    assert (answer.status_code, answer.headers["Retry-After"], counter.done) == (429, "7", 0)


def test_an_html_fault_answers_with_a_page_and_carries_nothing_out(client: httpx2.Client, counter: Counter) -> None:
    order(client, kind="html")
    answer = client.get("/things/a")
    assert (answer.status_code, counter.done) == (200, 0)
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("kind", "carried_out"), [("lost_reply", 1), ("half", 1), ("reset", 0), ("hang_up", 0)])
def test_a_broken_connection_is_seen_as_one(
    client: httpx2.Client, counter: Counter, kind: str, carried_out: int
) -> None:
    order(client, kind=kind)
    with pytest.raises(httpx2.TransportError):
        client.post("/things/a", json={})
    assert counter.done == carried_out
    entry = client.get("/_sandbox/requests").json()[0]
    assert (entry["fault"], entry["status"]) == (kind, 201 if carried_out else None)
    assert client.get("/things/a").status_code == 201


@pytest.mark.parametrize("kind", ["lost_reply", "reset"])
def test_a_reset_is_a_real_tcp_reset(client: httpx2.Client, kind: str) -> None:
    order(client, kind=kind)
    address = (client.base_url.host, client.base_url.port or 0)
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1000)


def test_to_hang_up_is_to_close_without_a_word(client: httpx2.Client) -> None:
    order(client, kind="hang_up")
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=5) as connection:
        connection.sendall(b"GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000) == b""


def test_an_idle_connection_is_closed_to_order_and_one_at_work_is_not(client: httpx2.Client) -> None:
    address = (client.base_url.host, client.base_url.port or 0)
    with socket.create_connection(address, timeout=5) as idle, socket.create_connection(address, timeout=5) as busy:
        idle.sendall(b"GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while not received.endswith(b"}"):
            received += idle.recv(10_000)
        order(client, kind="slow", seconds=0.3)
        busy.sendall(b"GET /things/b HTTP/1.1\r\nHost: x\r\n\r\n")
        while len(client.get("/_sandbox/requests").json()) < 2:
            time.sleep(0.01)
        assert client.delete("/_sandbox/connections").status_code == 204
        idle.setblocking(False)
        assert idle.recv(1000) == b"", "it is closed by now"
        assert busy.recv(1000).startswith(b"HTTP/1.1 201")


def received_until_reset(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(10_000):
            received += chunk
        pytest.fail("the connection ended without a reset")
    return received


def test_half_an_answer_is_half_of_its_body_and_then_a_reset(client: httpx2.Client) -> None:
    order(client, kind="half")
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=5) as connection:
        connection.sendall(b"GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n")
        received = received_until_reset(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"201" in head
    assert 0 < len(body) < 1000


@pytest.mark.parametrize("compressed", [False, True])
def test_a_large_answer_has_the_size_that_was_ordered_and_says_the_same(
    client: httpx2.Client, counter: Counter, *, compressed: bool
) -> None:
    order(client, kind="large", size=50_000, gzip=compressed)
    answer = client.get("/things/a")
    assert (answer.status_code, len(answer.content), answer.json()["name"]) == (201, 50_000, "a")
    assert (int(answer.headers["content-length"]) < 5_000) is compressed
    assert counter.done == 1


def test_a_large_answer_in_xml_is_filled_up_behind_its_end(client: httpx2.Client) -> None:
    order(client, kind="large", size=1_000)
    content = client.get("/page.xml").content
    assert (len(content), content.rstrip()) == (1_000, b'<?xml version="1.0"?><page/>')


def test_a_cut_answer_is_half_of_its_body_and_says_that_it_is_whole(client: httpx2.Client, counter: Counter) -> None:
    whole = client.get("/things/a").content
    order(client, kind="cut")
    answer = client.get("/things/a")
    assert (answer.status_code, answer.content) == (201, whole[: len(whole) // 2])
    assert counter.done == 2


def test_a_trickled_answer_comes_byte_by_byte_from_its_first_line_on(client: httpx2.Client) -> None:
    order(client, kind="trickle", seconds=0.01)
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=5) as connection:
        connection.sendall(b"GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n")
        received = [connection.recv(1000) for _ in range(20)]
    assert b"".join(received).startswith(b"HTTP/1.1 201 OK")
    assert max(len(part) for part in received) < 5, "a slow reader may find a few"


def test_a_trickled_answer_is_a_whole_one_in_the_end(client: httpx2.Client) -> None:
    order(client, kind="trickle", seconds=0)
    assert client.get("/things/a").json()["name"] == "a"
    assert client.get("/things/b").json()["name"] == "b"


def test_a_fault_happens_as_often_as_ordered(client: httpx2.Client) -> None:
    order(client, kind="status", status=500, times=2)
    assert [client.get("/things/a").status_code for _ in range(3)] == [500, 500, 201]


def test_an_order_that_comes_in_slowly_is_kept_although_another_fault_ends_meanwhile(client: httpx2.Client) -> None:
    order(client, kind="status", status=429)
    body = json.dumps({"kind": "status", "status": 401}).encode()
    head = b"POST /_sandbox/faults HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=5) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        assert client.get("/things/a").status_code == 429
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 204")
    assert client.get("/things/a").status_code == 401


def test_a_fault_without_an_end_lasts_until_it_is_cleared(client: httpx2.Client) -> None:
    order(client, kind="status", status=500, times=None)
    assert [client.get("/things/a").status_code for _ in range(3)] == [500, 500, 500]
    client.delete("/_sandbox/faults")
    assert client.get("/things/a").status_code == 201


def test_a_fault_hits_only_its_method_and_path(client: httpx2.Client) -> None:
    order(client, kind="status", status=500, method="POST", path="/b$", times=None)
    assert client.get("/things/b").status_code == 201
    assert client.post("/things/a").status_code == 201
    assert client.post("/things/b").status_code == 500


def test_a_fault_hits_only_its_query(client: httpx2.Client) -> None:
    order(client, kind="status", status=500, query="(^|&)page=2(&|$)")
    assert client.get("/things/b?page=1").status_code == 201
    assert client.get("/things/b?size=1&page=2").status_code == 500


@pytest.mark.parametrize(
    "fault",
    [
        [],
        {},
        {"kind": "flood"},
        {"kind": "slow", "path": "("},
        {"kind": "slow", "query": "("},
        {"kind": "slow", "unknown": 1},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(client: httpx2.Client, fault: object) -> None:
    assert client.post("/_sandbox/faults", json=fault).status_code == 400


def test_an_unknown_method_on_a_control_route_is_refused(client: httpx2.Client) -> None:
    assert client.put("/_sandbox/faults").status_code == 405


def test_a_server_stops_while_an_answer_is_held_back_and_a_connection_is_open(counter: Counter) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with serve(counter.app) as address:
            httpx2.post(f"{address}/_sandbox/faults", json={"kind": "slow", "seconds": 60}, trust_env=False)
            host, _, port = address.removeprefix("http://").partition(":")
            connection = socket.create_connection((host, int(port)))
            connection.sendall(b"GET /things/a HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.1)
            started = time.monotonic()
        assert time.monotonic() - started < 5
        connection.close()


def test_a_stopped_server_frees_its_port(counter: Counter) -> None:
    with serve(counter.app) as address:
        port = int(address.rpartition(":")[2])
    with serve(FaultyApp(counter.app), port) as again:
        assert again == address


def test_a_port_that_is_taken_is_an_error(counter: Counter) -> None:
    with serve(counter.app) as address, pytest.raises(OSError, match="in use"):
        serve(counter.app, int(address.rpartition(":")[2])).__enter__()


def test_an_answer_is_not_held_up_by_nagles_algorithm(client: httpx2.Client) -> None:
    client.get("/things/a")
    started = time.monotonic()
    for _ in range(20):
        client.get("/things/a")
    assert time.monotonic() - started < 20 * 0.035


async def test_several_servers_run_in_one_loop() -> None:
    first, second = Counter(), Counter()
    async with run_servers({"first": first.app, "second": second.app}, {"first": 0}) as addresses:
        async with httpx2.AsyncClient(trust_env=False) as client:
            answers = await asyncio.gather(*(client.get(f"{address}/things/a") for address in addresses.values()))
        assert [answer.status_code for answer in answers] == [201, 201]
        assert list(addresses) == ["first", "second"]
    assert (first.done, second.done) == (1, 1)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{addresses['first']}/things/a", trust_env=False)


class Held(asyncio.Protocol):
    """Keeps its transport, to close it later."""

    def __init__(self, held: list[asyncio.Transport]) -> None:
        self.held = held

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.held.append(transport)


@pytest.mark.parametrize("turns", range(6))
async def test_no_connection_accepted_while_a_server_stops_is_left_to_the_collector(turns: int) -> None:
    held: list[asyncio.Transport] = []
    with noting_what_is_left_open() as left:
        server = await asyncio.get_running_loop().create_server(lambda: Held(held), "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname(), 5):
            for _ in range(turns):
                await asyncio.sleep(0)
            await stop_accepting(server)
            for transport in held:
                transport.abort()
            await asyncio.sleep(0)
    assert left == []
