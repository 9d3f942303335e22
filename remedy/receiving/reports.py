"""What one of several receivers tells the process above it: its counts, and whether it can take deliveries.

Both ends of a pair of connected sockets: a question and an answer are one line of JSON each, and the end of the stream
is the death of the other side.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import structlog
from prometheus_client import REGISTRY, Metric
from prometheus_client.samples import Sample

from remediation.readiness import Readiness
from remediation.store.server.connection import cancel_until_done

logger = structlog.get_logger()

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of a report. One of a receiver with a hundred districts has about a tenth of a megabyte."""


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What a process counts, and what is wrong with it."""

    metrics: Sequence[Metric]
    readiness: Readiness

    @classmethod
    def now(cls, readiness: Readiness) -> Self:
        """The report of this process."""
        return cls(list(REGISTRY.collect()), readiness)

    def line(self) -> bytes:
        """The report as one line."""
        told = {
            "metrics": [_written(each) for each in self.metrics],
            "problems": list(self.readiness.problems),
            "troubles": list(self.readiness.troubles),
        }
        return json.dumps(told).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        """The report that `line` wrote."""
        told = json.loads(line)
        return cls([_read(*each) for each in told["metrics"]], Readiness(told["problems"], told["troubles"]))


_Written = tuple[str, str, str, list[tuple[str, dict[str, str], float]]]


def _written(metric: Metric) -> _Written:
    samples = [(sample.name, dict(sample.labels), sample.value) for sample in metric.samples]
    return metric.name, metric.documentation, metric.type, samples


def _read(name: str, documentation: str, kind: str, samples: Iterable[tuple[str, dict[str, str], float]]) -> Metric:
    metric = Metric(name, documentation, kind)
    metric.samples = [Sample(name, labels, value) for name, labels, value in samples]
    return metric


class Reporting(Protocol):
    """Makes a report of this process."""

    async def __call__(self, *, of_store: bool) -> ProcessReport:
        """`of_store`: with what Redis keeps, which is the same for all processes."""


@contextlib.asynccontextmanager
async def answering(channel: socket.socket, report: Reporting, stop: Callable[[], None]) -> AsyncIterator[None]:
    """Answer the questions that come while this context is open. Where the process that asks is gone, `stop`."""
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    task = asyncio.create_task(_answer(reader, writer, report, stop))
    try:
        yield
    finally:
        await cancel_until_done(task)
        writer.close()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, report: Reporting, stop: Callable[[], None]
) -> None:
    with contextlib.suppress(ConnectionError):
        while question := await reader.readline():
            number, of_store = json.loads(question)
            writer.write(b"%d " % number + (await report(of_store=of_store)).line())
            await writer.drain()
    logger.warning("process_above_is_gone")
    stop()


class Channel:
    """The other end: asks one process, one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()
        self._asked = 0

    @classmethod
    async def of(cls, end: socket.socket) -> Self:
        """The channel that has this end."""
        return cls(*await asyncio.open_unix_connection(sock=end, limit=LONGEST_LINE))

    async def ask(self, *, of_store: bool) -> ProcessReport:
        """The process's report. Raises ConnectionError where it is gone. May be cancelled."""
        async with self._turn:
            if self._writer.is_closing():
                raise ConnectionResetError("the process is gone")
            self._asked += 1
            self._writer.write(json.dumps([self._asked, of_store]).encode() + b"\n")
            while line := await self._reader.readline():
                number, _, report = line.partition(b" ")
                if int(number) == self._asked:  # otherwise it answers a question that nobody waits for any more
                    return ProcessReport.of_line(report)
        raise ConnectionResetError("the process is gone")

    def close(self) -> None:
        """The process sees the end of the stream."""
        self._writer.close()
