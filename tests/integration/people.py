"""Where people are: an SMTP server and a web server that take what they are sent, refuse it, or hang."""

import asyncio
import contextlib
import email
import email.policy
import json
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any


@dataclass(slots=True)
class Mailbox:
    """A mail server that speaks as much of SMTP as a sender needs. `refuses` are recipients that it does not take.

    With `starts_tls` it takes mail only after STARTTLS.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    refuses_sign_in: bool = False
    starts_tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?from=remedy@example.org&to=desk@example.org"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(b"220 mail.example\r\n")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            match word:
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    raw = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append(email.message_from_bytes(raw[:-5], policy=email.policy.default))
                    writer.write(b"250 taken\r\n")
                case "RCPT" if any(each in line for each in self.refuses):
                    writer.write(b"550 nobody here\r\n")
                case "EHLO":
                    starts = b"250-STARTTLS\r\n" if self.starts_tls else b""
                    writer.write(b"250-mail.example\r\n" + starts + b"250 AUTH PLAIN\r\n")
                case "STARTTLS" if self.starts_tls:
                    writer.write(b"220 begin\r\n")
                    await writer.drain()
                    await writer.start_tls(self.starts_tls)
                    continue
                case "MAIL" if self.starts_tls and writer.get_extra_info("ssl_object") is None:
                    writer.write(b"530 encrypt first\r\n")
                case "AUTH":
                    writer.write(b"535 not you\r\n" if self.refuses_sign_in else b"235 you\r\n")
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 fine\r\n")
            await writer.drain()


@dataclass(slots=True)
class Hook:
    """A web server that takes what is posted, or answers `status`, or for `hangs` answers a byte now and then."""

    port: int = 0
    status: int = 200
    hangs: bool = False
    posted: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/test-only-hook-token"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        body = await reader.readexactly(length)
        self.asked += 1
        if self.hangs:
            with contextlib.suppress(OSError):
                for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1_000:
                    writer.write(bytes([letter]))
                    await writer.drain()
                    await asyncio.sleep(0.5)
            return
        if self.status < 300:
            self.posted.append(json.loads(body))
        away = b"Location: http://127.0.0.1:9/\r\n" if 300 <= self.status < 400 else b""
        writer.write(b"HTTP/1.1 %d Said\r\n%bContent-Length: 0\r\nConnection: close\r\n\r\n" % (self.status, away))
        await writer.drain()


@contextlib.asynccontextmanager
async def listening(place: Mailbox | Hook, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """The server, for as long as this is open; with `tls`, encrypted from the start."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
                await place.talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", place.port, ssl=tls)
    place.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@contextlib.contextmanager
def listening_aside(*places: Mailbox | Hook) -> Iterator[None]:
    """The same in a thread of its own, for tests that call commands."""
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for place in places:
                await stack.enter_async_context(listening(place))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
