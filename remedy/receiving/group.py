"""Several receivers behind one port: started, watched, started again where one dies, and told to end together.

This process takes no deliveries itself. It holds the sockets, so that whoever has dialled a receiver that dies waits
for the next one there, and the embedded server where there is one.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.registry import Collector

from receiver.app import create_metrics_app
from remediation.domain.errors import ReceiversEnded
from remediation.readiness import STOPPING, Readiness
from remediation.settings import Settings, environ_itself
from remedy.receiving.metrics import DEATHS, RUNNING
from remedy.receiving.ports import shared_port
from remedy.receiving.reports import Channel, ProcessReport
from remedy.receiving.sums import growing, summed
from remedy.runtime.http.serving import address, listener, server
from remedy.runtime.restarts import WITHIN, Restarts
from remedy.runtime.stopping import STOPS_WITHIN, on_hangup, on_stop

logger = structlog.get_logger()

WATCH_SECONDS = 5.0
"""Seconds between two questions to each process. Where it is killed, what it counted since the last answer is lost."""

HANGS_AFTER = 60.0
"""Seconds without an answer after which a process is killed: as long as Kubernetes waits for a probe of the chart."""

ANSWERS_WITHIN = 3.0
"""Seconds that a scrape or a probe waits for a process: those that it takes to read Redis, and one more."""

_LEAVES = 1.0
"""Seconds in which Prometheus may be answered for the last time."""


class ReceiverProcess:
    """One of the receivers, with its socket; another process takes its place when it dies."""

    def __init__(self, bound: socket.socket, command: Sequence[str]) -> None:
        self.bound = bound
        self.report: ProcessReport | None = None
        """Its last answer; None where this process has not answered yet."""
        self.is_heard = asyncio.Event()
        self._command = command
        self._process: Process | None = None
        self._channel: Channel | None = None
        self._ends = False

    async def run(self) -> int:
        """Start a process and wait until it has ended. Returns its exit code, below 0 for a signal's number."""
        ours, its = socket.socketpair()
        search = os.pathsep.join(each or str(Path.cwd()) for each in sys.path)
        with its:
            descriptors = self.bound.fileno(), its.fileno()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "remedy", *self._command, "--sockets", *map(str, descriptors)),
                env={**environ_itself(), "PYTHONPATH": search},
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C is for the process above, which passes it on
            )
        self._channel = await Channel.of(ours)
        if self._ends:  # it was not there yet when it was told
            self._process.terminate()
        watching = asyncio.create_task(self._watch(self._process))
        try:
            return await self._process.wait()
        finally:
            watching.cancel()
            self._channel.close()
            self._process = self._channel = None

    async def _watch(self, process: Process) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                try:
                    async with asyncio.timeout(HANGS_AFTER):
                        await self.ask()
                except TimeoutError:
                    logger.error("receiver_process_hangs", pid=process.pid)  # noqa: TRY400 - no trace helps
                    process.kill()
                    return
                self.is_heard.set()
                await asyncio.sleep(WATCH_SECONDS)

    async def ask(self, *, of_store: bool = False) -> ProcessReport:
        """Its report. Raises ConnectionError where there is no process."""
        channel = self._channel
        if channel is None:
            raise ConnectionRefusedError("it does not run")
        report = await channel.ask(of_store=of_store)
        if channel is not self._channel:  # it has died meanwhile: what it counted is taken already
            raise ConnectionResetError("the process is gone")
        self.report = report
        return report

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, where it runs and has got as far as to know what that means."""
        self._ends = self._ends or number != signal.SIGHUP
        if self._process is not None and (self.report is not None or number != signal.SIGHUP):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def take_counted(self) -> list[Metric]:
        """What the process that died had counted. The next one begins anew."""
        counted = growing(self.report.metrics) if self.report else []
        self.report = None
        return counted


class ReceiverGroup(Collector):
    """All of the receivers, and their metrics as those of one."""

    def __init__(self, settings: Settings, sockets: Sequence[socket.socket], command: Sequence[str]) -> None:
        self._processes = [ReceiverProcess(each, command) for each in sockets]
        self._stops_within = settings.completion_wait + STOPS_WITHIN
        self._restarts = Restarts(time.monotonic)
        self._stopping = asyncio.Event()
        self._ended_with = 0
        self._gone: list[Metric] = []
        self._above = ProcessCollector(registry=CollectorRegistry())

    async def run(self) -> int:
        """Run until a stop. Returns the exit code: that of the first receiver where it could not start.

        Raises ReceiversEnded where they die again and again.
        """
        first, *others = self._processes
        running = [asyncio.create_task(self._keep(first))]
        heard = asyncio.create_task(first.is_heard.wait())
        await asyncio.wait({*running, heard}, return_when=asyncio.FIRST_COMPLETED)
        heard.cancel()
        running += [asyncio.create_task(self._keep(each)) for each in others if not self._stopping.is_set()]
        await asyncio.gather(*running)
        if self._restarts.is_given_up:
            raise ReceiversEnded(
                f"a receiver ended {self._restarts.recent + 1} times within {WITHIN / 60:.0f} minutes: "
                "their log lines say why, or the system's log of processes that it killed for their memory"
            )
        return self._ended_with

    async def _keep(self, process: ReceiverProcess) -> None:
        """Run one receiver after the other in this place."""
        while not self._stopping.is_set():
            status = await process.run()
            self._gone = summed([self._gone, process.take_counted()])
            if self._stopping.is_set():
                return
            if status > 0 and not self._processes[0].is_heard.is_set():  # it has said what a person must correct
                self._ended_with = status
                self.stop()
                return
            DEATHS.inc()
            logger.error("receiver_process_died", **({"signal": -status} if status < 0 else {"status": status}))
            if (pause := self._restarts.next_pause()) is None:
                logger.critical("receiver_processes_given_up", count=self._restarts.recent)
                self.stop()
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    def stop(self) -> None:
        """Tell all of them to end, each as it would alone. Those that do not are killed. May be called again."""
        if not self._stopping.is_set():
            self._stopping.set()
            for each in self._processes:  # theirs alone from now on: where one ends, the kernel asks another one
                each.bound.close()
            asyncio.get_running_loop().call_later(self._stops_within, self._signal, signal.SIGKILL)
        self._signal(signal.SIGTERM)

    def reload(self) -> None:
        """Have all of them read changed files now."""
        self._signal(signal.SIGHUP)

    def _signal(self, number: signal.Signals) -> None:
        for each in self._processes:
            each.signal(number)

    async def readiness(self) -> Readiness:
        """What is wrong with any of them, each problem once."""
        if self._stopping.is_set():
            return Readiness([STOPPING])
        reports = await asyncio.gather(*(_asked(each) for each in self._processes))
        silent = f"{reports.count(None)} of {len(reports)} receiver processes do not answer"
        told = [each.readiness for each in reports if each is not None]
        problems = [silent] if len(told) < len(reports) else []
        problems += dict.fromkeys(problem for each in told for problem in each.problems)
        return Readiness(problems, tuple(dict.fromkeys(trouble for each in told for trouble in each.troubles)))

    async def refresh(self) -> None:
        """Ask each for what it counts, and the first one that runs for what Redis keeps."""
        teller = next((each for each in self._processes if each.report is not None), None)
        await asyncio.gather(*(_asked(each, of_store=each is teller) for each in self._processes))

    def collect(self) -> list[Metric]:
        """The metrics of all of them, and of those that have died."""
        reports = [each.report.metrics for each in self._processes if each.report is not None]
        RUNNING.set(len(reports))
        return [*RUNNING.collect(), *DEATHS.collect(), *summed([*reports, self._gone, self._above.collect()])]


async def _asked(process: ReceiverProcess, *, of_store: bool = False) -> ProcessReport | None:
    """Its report; None where it does not answer in time."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await process.ask(of_store=of_store)
    return None


async def run_several(count: int, settings: Settings, command: Sequence[str]) -> int:
    """Run so many receivers until a stop. Returns the exit code.

    `command` are the words after `remedy` by which one is run. They have the environment as it is, without what a
    context gives: each reads its context itself, and of that only the secrets that it needs.
    """
    with (
        shared_port(settings.receiver_host, settings.receiver_port, count, "RECEIVER") as sockets,
        listener(settings.metrics_host, settings.metrics_port, "METRICS") as metrics_bound,
    ):
        group, registry = ReceiverGroup(settings, sockets, command), CollectorRegistry()
        registry.register(group)
        shown = server(create_metrics_app(group.refresh, group.readiness, registry))
        on_stop(group.stop)
        on_hangup(group.reload, group.stop)
        logger.info("metrics_listen", address=address(metrics_bound))
        serving = asyncio.create_task(shown.serve([metrics_bound]))
        try:
            return await group.run()
        finally:
            shown.leave(_LEAVES)
            await serving
