"""Senders: each delivery is signed, posted, and posted again until it is taken, as SchoolScan would do."""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from chaos.journal import ACCEPTED, Attempt, Delivery, Journal
from remediation.deliveries.signatures import SignatureFormat, sign
from sandbox.secrets import DISTRICT, ENVIRONMENT

ANSWER_SECONDS = 10.0
"""After this long without an answer a sender takes the connection for broken."""

_PAUSE = 0.05
_LONGEST_PAUSE = 0.5
_POLL = 0.01


class _Line:
    """One connection to one receiver, kept open between deliveries."""

    def __init__(self, address: str) -> None:
        split = urlsplit(address)
        self._host, self._port = str(split.hostname), int(split.port or 80)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> str:
        """The status of the answer. Raises OSError, EOFError, ValueError or TimeoutError where there is none."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._streams is not None and self._streams[0].at_eof():
                    self.close()  # the receiver has hung up since the last answer
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._host, self._port)
                reader, writer = self._streams
                writer.write(self._request(body))
                return await self._answer(reader)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    def _request(self, body: bytes) -> bytes:
        secret = ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"]
        signed = b"".join(
            b"%b: %b\r\n" % pair for pair in sign(body, secret, SignatureFormat.TIMESTAMPED, time.time(), "")
        )
        head = (
            f"POST /webhooks/schoolscan/{DISTRICT} HTTP/1.1\r\nhost: {self._host}\r\ncontent-type: application/json\r\n"
        )
        return head.encode() + signed + b"content-length: %d\r\n\r\n" % len(body) + body

    async def _answer(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(
            (line.partition(":")[2] for line in head.split("\r\n") if line.startswith("content-length:")), "0"
        )
        await reader.readexactly(int(length))
        if "connection: close" in head:
            self.close()
        return head.split(" ", 2)[1]


class Flow:
    """Deliveries on their way, several at once, in a thread of their own for as long as this is open.

    `addresses` are the receivers, asked in turn; what one does not take, the next is asked to. A delivery is given up
    after `patience` seconds. `pause` is between one sender's deliveries.
    """

    def __init__(
        self,
        journal: Journal,
        addresses: Sequence[str],
        deliveries: Iterable[Delivery],
        *,
        senders: int = 8,
        pause: float = 0.0,
        patience: float = 90.0,
    ) -> None:
        self.taken = 0
        self._journal = journal
        self._addresses = addresses
        self._deliveries = iter(deliveries)
        self._senders = senders
        self._pause = pause
        self._patience = patience
        self._turn = itertools.count()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def finish(self) -> None:
        """Wait until everything was sent."""
        self._thread.join()

    @property
    def is_over(self) -> bool:
        """Whether everything was sent."""
        return not self._thread.is_alive()

    def goes_on(self, count: int, seconds: float = 60.0) -> bool:
        """Wait until so many more deliveries were taken. False: they were not, in that time."""
        wanted, deadline = self.taken + count, time.monotonic() + seconds
        while self.taken < wanted and not self.is_over and time.monotonic() < deadline:
            time.sleep(_POLL)
        return self.taken >= wanted

    def _run(self) -> None:
        try:
            asyncio.run(self._send_all())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for this one
            self._failure = error

    async def _send_all(self) -> None:
        await asyncio.gather(*(self._send() for _ in range(self._senders)))

    async def _send(self) -> None:
        lines = [_Line(address) for address in self._addresses]
        try:
            for delivery in self._deliveries:
                await self._deliver(lines, delivery)
                if self._stopping.is_set():
                    return
                await asyncio.sleep(self._pause)
        finally:
            for line in lines:
                line.close()

    async def _deliver(self, lines: Sequence[_Line], delivery: Delivery) -> None:
        for pause in self._pauses():
            began, started = time.time(), time.perf_counter()
            try:
                answer = await lines[next(self._turn) % len(lines)].post(delivery.body)
            except (OSError, EOFError, ValueError, IndexError, TimeoutError, asyncio.LimitOverrunError) as error:
                answer = type(error).__name__
            self._journal.note(delivery, Attempt(began, time.perf_counter() - started, answer))
            if answer == ACCEPTED:
                self.taken += 1
                return
            await asyncio.sleep(pause)

    def _pauses(self) -> Iterator[float]:
        """How long to wait before each repeat; ends when it is time to give up."""
        deadline, pause = time.monotonic() + self._patience, _PAUSE
        while time.monotonic() < deadline and not self._stopping.is_set():
            yield pause
            pause = min(pause * 1.5, _LONGEST_PAUSE)
