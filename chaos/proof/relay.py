"""Relays: what stands between our processes and another system, and plants canaries in all that comes from there."""

import asyncio
import contextlib
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import h11
import httpx2

from chaos.proof.canaries import Canaries, kind_of
from chaos.proof.planting import Answer, Fields, Planting, Sign, without
from sandbox.wire.server import stop_accepting

_CHUNK = 1 << 16
_WITHIN = 30.0
_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive", "accept-encoding")
_CURSOR = re.compile(rb'("(?:nextPageToken|next_cursor)":\s*")([^"]+)"')


@dataclass(slots=True)
class Relay:
    """Passes requests on to `target` and its answers back, planted. `heard` has every request as it came in.

    Where it stands before the receiver, `sign` is given: then the requests are planted, and signed anew.
    """

    system: str
    canaries: Canaries
    target: str = ""
    sign: Callable[[str], tuple[str, Sign] | None] | None = None
    heard: list[bytes] = field(default_factory=list)
    answered: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    address: str = ""
    _cursors: dict[bytes, bytes] = field(default_factory=dict)

    @contextlib.contextmanager
    def running(self) -> Iterator["Relay"]:
        """Listen while this is open; `address` is where."""
        listening, stop = threading.Event(), asyncio.Event()
        loop = asyncio.new_event_loop()

        async def listen() -> None:
            async with httpx2.AsyncClient(timeout=_WITHIN, trust_env=False) as client:
                server = await asyncio.start_server(partial(self._talk, client), "127.0.0.1", 0)
                self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
                listening.set()
                await stop.wait()
                await stop_accepting(server)
                talks = asyncio.all_tasks() - {asyncio.current_task()}
                for task in talks:
                    task.cancel()
                await asyncio.gather(*talks, return_exceptions=True)
                await asyncio.sleep(0)  # what was closed just now lets go of its socket in the next turn

        thread = threading.Thread(target=loop.run_until_complete, args=(listen(),), daemon=True)
        thread.start()
        try:
            listening.wait(_WITHIN)
            yield self
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(_WITHIN)
            loop.close()

    async def _talk(
        self, client: httpx2.AsyncClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            async for request, body in _requests(connection, reader):
                self._hear(request, body)
                answer = await self._passed_on(client, request, body)
                writer.write(_written(connection, answer))
                await writer.drain()
                if connection.our_state is not h11.DONE:
                    break
                connection.start_next_cycle()
        except (h11.ProtocolError, httpx2.HTTPError, OSError, asyncio.CancelledError):
            writer.transport.abort()  # as the system behind did
        finally:
            writer.close()

    def _hear(self, request: h11.Request, body: bytes) -> None:
        told = b"".join(b"%b: %b\r\n" % pair for pair in request.headers)
        self.heard.append(b"%b %b\r\n%b\r\n%b" % (request.method, request.target, told, body))

    async def _passed_on(self, client: httpx2.AsyncClient, request: h11.Request, body: bytes) -> Answer:
        method, target = request.method.decode(), request.target
        headers: Fields = without(list(request.headers), _HOP)
        for planted, real in self._cursors.items():
            target, body = target.replace(planted, real), body.replace(planted, real)
        path = target.decode().partition("?")[0]
        if self.sign and body:
            headers, body = self._delivery(path, headers, body)
        answer = await client.request(method, self.target + target.decode(), headers=headers, content=body)
        fields: Fields = without(list(answer.headers.raw), _HOP)
        self.answered += 1
        self.statuses[answer.status_code] += 1
        if self.sign or path.startswith("/_sandbox"):
            return Answer(answer.status_code, b"", fields, answer.content)
        planting = Planting(self.canaries, self.system, kind_of(method, path, answer.status_code))
        given = planting.answer(answer.status_code, fields, answer.content)
        return replace(given, body=self._with_cursors(planting, given.body))

    def _delivery(self, path: str, headers: Fields, body: bytes) -> tuple[Fields, bytes]:
        """A delivery to this path, planted and signed anew. One of nobody that we know stays as it is."""
        found = self.sign(path) if self.sign else None
        if found is None:
            return headers, body
        system, sign = found
        planting = Planting(self.canaries, system, f"delivery {path.rpartition('/')[2]}")
        body = planting.json(body)
        signed = sign(body)
        more = [
            *without(planting.headers(), ("Link", "Server", "Set-Cookie")),
            (b"traceparent", planting.at("header traceparent").encode()),
            (b"baggage", f"{planting.at('name in baggage')}={planting.at('header baggage')}".encode()),
        ]
        proofs = [(name.encode(), value.encode()) for name, value in signed.items()]
        return [*without(headers, signed), *proofs, *more], body

    def _with_cursors(self, planting: Planting, body: bytes) -> bytes:
        """Where a list goes on, as a canary that we know again."""

        def instead(found: re.Match[bytes]) -> bytes:
            planted = f"{planting.at('a cursor')}-{found[2].decode()}".encode()
            self._cursors[planted] = found[2]
            return found[1] + planted + b'"'

        return _CURSOR.sub(instead, body)


async def _requests(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> AsyncIterator[tuple[h11.Request, bytes]]:
    """Each request that comes over a connection, with its body."""
    request, body = None, b""
    while True:
        event = connection.next_event()
        match event:
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(_CHUNK))
            case h11.Request():
                request, body = event, b""
            case h11.Data():
                body += bytes(event.data)
            case h11.EndOfMessage() if request is not None:
                yield request, body
            case _:
                return


def _written(connection: h11.Connection, answer: Answer) -> bytes:
    has_body = answer.status not in {204, 304}
    headers = [*answer.headers, *([(b"Content-Length", str(len(answer.body)).encode())] if has_body else [])]
    response = h11.Response(status_code=answer.status, headers=headers, reason=answer.reason)
    parts = [connection.send(response), connection.send(h11.Data(answer.body if has_body else b""))]
    return b"".join(part or b"" for part in (*parts, connection.send(h11.EndOfMessage())))
