"""Senders that do not stop: signed deliveries from several threads, and what each of them was answered."""

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx2

from tests.e2e.scene import Scene, critical, delivered
from tests.e2e.watching import becomes, eventually

SENDERS = 4
_PAUSE = 0.01


class Burst:
    """Deliveries about these findings, each an event of its own. `taken` are the ids of those answered 202."""

    def __init__(self, scene: Scene, findings: Sequence[str]) -> None:
        self.taken: list[str] = []
        self.answers: Counter[str] = Counter()
        self._scene = scene
        self._findings = itertools.cycle(findings)
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send for as long as this is open."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in self._threads:
                thread.join()

    def goes_on(self, count: int) -> None:
        """Wait until so many more deliveries were taken."""
        wanted = len(self.taken) + count
        eventually(lambda: len(self.taken) >= wanted)

    def was_not_in_vain(self) -> None:
        """Wait until each delivery that was taken is done, and until the rest has come to rest."""
        self._scene.comes_to_rest(60)
        becomes(
            lambda: Counter(self._scene.row(each).get("state", b"lost") for each in self.taken),
            Counter({b"done": len(self.taken)}),
        )

    def _send(self) -> None:
        while not self._stopping.is_set():
            event_id = f"evt_{uuid.uuid4().hex}"
            try:
                answer = delivered(self._scene.stage.receiver_address, critical(next(self._findings), event_id))
            except httpx2.HTTPError as error:
                self.answers[type(error).__name__] += 1
            else:
                self.answers[str(answer.status_code)] += 1
                if answer.status_code == httpx2.codes.ACCEPTED:
                    self.taken.append(event_id)
            time.sleep(_PAUSE)
