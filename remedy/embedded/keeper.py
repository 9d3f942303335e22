"""Restarts the embedded server when it dies, a limited number of times; after that the process ends and says so.

It dies by kill -9, and by itself where its disk is full: because every write must be on disk before it is answered,
Valkey ends rather than run on without. Clients handle that like any restart of Redis.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import structlog

from remediation.domain.errors import ConfigurationError, StoreEnded
from remedy.embedded.server import EmbeddedServer
from remedy.runtime.restarts import PAUSES, WITHIN, Restarts

logger = structlog.get_logger()


def end_process() -> None:
    """Ask our own process to end, as Kubernetes or a person would."""
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def kept(
    server: EmbeddedServer,
    stop: Callable[[], None] = end_process,
    *,
    pauses: tuple[float, ...] = PAUSES,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Restart the server whenever it dies, while this context is open.

    When that is given up, `stop` is called from another thread, and leaving the context raises StoreEnded, whatever
    else ended it. `clock` is monotonic, in seconds.
    """
    keeper = _Keeper(server, stop, pauses, clock)
    thread = threading.Thread(target=keeper.keep, name="embedded_keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        keeper.ending.set()
        if keeper.has_given_up:
            raise StoreEnded(
                f"the embedded server ended {len(pauses) + 1} times within {WITHIN / 60:.0f} minutes: "
                f"is its disk full? {server.folder / 'valkey.log'} may say why"
            )


class _Keeper:
    def __init__(
        self,
        server: EmbeddedServer,
        stop: Callable[[], None],
        pauses: tuple[float, ...],
        clock: Callable[[], float],
    ) -> None:
        self._server = server
        self._stop = stop
        self._restarts = Restarts(clock, pauses)
        self.ending = threading.Event()
        self.has_given_up = False

    def keep(self) -> None:
        """Wait for each death of the server, and restart it."""
        while True:
            status = self._server.wait()
            if self.ending.is_set():
                return
            logger.error("embedded_server_died", **_how(status))
            if not self._started_again():
                return

    def _started_again(self) -> bool:
        """Whether the server runs again; False where that was given up or is no longer wanted."""
        while (pause := self._restarts.next_pause()) is not None:
            if self.ending.wait(pause):
                return False
            try:
                self._server.start_again()
            except (ConfigurationError, OSError) as error:
                logger.error("embedded_server_not_started", error=type(error).__name__)  # noqa: TRY400 - no trace helps
            else:
                logger.warning("embedded_server_started_again", count=self._restarts.recent)
                return True
        if not self.ending.is_set():
            self.has_given_up = True
            logger.critical("embedded_server_given_up", count=self._restarts.recent)
            self._stop()
        return False


def _how(status: int) -> dict[str, int]:
    return {"signal": -status} if status < 0 else {"status": status}
