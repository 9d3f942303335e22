"""Signals to a process, and its end after SIGTERM: in time, whatever hangs, and with exit code 0."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from receiver.stopping import Stop
from remediation.logs import flush_logs
from remediation.settings import Settings
from remediation.store.server.connection import CANCEL_PAUSE
from remedy.runtime.http.serving import HttpServer

STOPS_WITHIN = 4.0
"""Seconds after COMPLETION_WAIT in which a process ends in any case: less than the chart's least margin (5), after
which Kubernetes kills. Usually the rest takes a fraction of one."""

_ENDS_BY_ITSELF = 0.5
"""Seconds for threads that have nothing more to do."""

logger = structlog.get_logger()


def on_stop(stop: Callable[[], object]) -> None:
    """Call `stop` on SIGTERM and Ctrl-C, each time, from now on."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def until_open() -> None:
    """Until everything is open, a stop cancels this task: no request or job is in hand yet.

    The task is cancelled repeatedly, because one cancellation may be lost (see remediation/store/server/connection.py).
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def insist() -> None:
        if task is not None and not task.done():
            task.cancel()
            loop.call_later(CANCEL_PAUSE, insist)

    on_stop(insist)


def on_hangup(reload: Callable[[], None], stop: Callable[[], None]) -> None:
    """Call `reload` on SIGHUP; or `stop` where it means that the terminal, and with it the logs' reader, is gone."""
    had_terminal = sys.stderr.isatty()

    def hung_up() -> None:
        if had_terminal and not sys.stderr.isatty():
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stderr.fileno())
            stop()
        else:
            reload()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)


class ServersStop:
    """Ends a process's servers. The first call waits for requests, a second one waits for nothing.

    `event` is the name of the log line about its beginning.
    """

    def __init__(self, settings: Settings, stop: Stop, servers: Sequence[HttpServer], event: str) -> None:
        self._settings = settings
        self._stop = stop
        self._servers = servers
        self._event = event
        self._ending: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        """Become unready; accept requests until none comes any more; then finish those in hand."""
        if self._ending is not None:
            self._leave(0)
            return
        logger.info(self._event)
        self._stop.begin(self._settings.completion_wait)
        end_at_last(self._settings)
        self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        await self._stop.silence()
        self._leave(self._stop.left)

    def _leave(self, seconds: float) -> None:
        self._stop.begin(seconds)
        for server in self._servers:
            server.leave(self._stop.left)


def end_at_last(settings: Settings) -> None:
    """From the beginning of a stop: end the process when its time is over, because a thread or Redis may hang.

    Not where the embedded server is a child of this process: it would stay behind.
    """
    if settings.redis_url is not None:
        timer = threading.Timer(settings.completion_wait + STOPS_WITHIN, _end_now, ["stop_cut_short"])
        timer.daemon = True
        timer.start()


def leave() -> None:
    """At the very end: end the process now if threads still work although nothing waits for their results.

    Python would wait for them. They wait for a tracker's answer that nobody will read; what they do there is written
    down.
    """
    deadline = time.monotonic() + _ENDS_BY_ITSELF
    others = [each for each in threading.enumerate() if each is not threading.current_thread() and not each.daemon]
    for thread in others:
        thread.join(max(0.0, deadline - time.monotonic()))
    if left := sum(thread.is_alive() for thread in others):
        _end_now("threads_left", count=left)


def _end_now(event: str, **said: int) -> None:
    logger.warning(event, **said)
    flush_logs()
    os._exit(0)
