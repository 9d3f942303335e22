"""Finds work that kills its workers: work that was begun and not ended is counted in Redis, across processes.

A worker that takes work up notes that in Redis. Every end that the process itself reaches (done, put off, parked,
cancelled, a lost lease) deletes the note; kill -9 and a lack of memory do not. Work that dead workers left a few times
in a row is a suspect, and is tried alone: one suspect at a time in each process. So work that was only in hand when a
worker died is soon cleared, and only the work that kills its workers reaches the limit.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remediation.domain.errors import Poison, StoreUnavailable
from remediation.store.server.connection import Connection
from remediation.store.terms import MOST_CRASHES

TURN_SECONDS = 5.0
"""How long a suspect waits in its worker for its turn to be tried alone; after that the sweep brings it again."""

_MOST_WAITING = 8
"""The most suspects that wait in one process: while they wait, other jobs cannot run in their place."""

_REPAY_SECONDS = 1.0
"""How long a job waits for Redis to report its end. Otherwise that is reported later."""

_SUSPECT = b"suspect"


@dataclass(frozen=True, slots=True)
class Crashes:
    """How often in a row work was begun and did not end, and when (Unix seconds) the first and last of these began."""

    count: int = 0
    first: float = 0.0
    last: float = 0.0

    def check(self) -> None:
        """Raises Poison where there are too many: the work is not begun again until a person says so."""
        if self.count >= MOST_CRASHES:
            spans = (datetime.fromtimestamp(at, tz=UTC) for at in (self.first, self.last))
            first, last = (f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in spans)
            raise Poison(f"{self.count} times in a row the worker died over it: first begun {first}, last {last}")


@dataclass(frozen=True, slots=True)
class Taken:
    """Work that was taken up: the token of this beginning, the row, and how often the work had crashed."""

    token: str
    row: dict[str, bytes]
    crashes: Crashes


class CrashCounter:
    """Takes work up and lets go of it. A process has one crash counter for all its stores."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun: dict[str, str] = {}
        self._owed: dict[str, tuple[str, ...]] = {}
        self._turn = asyncio.Lock()
        self._trial = ""
        self._waiting = 0

    async def take(
        self, script: str, name: str, ref: str, now: float, *rest: str | int, patient: bool = True
    ) -> Taken | None:
        """Run a script that takes up the work called `name`. None: nothing is to be done, or not now.

        The script's arguments are the reference, a token, now (ms), whether the work would be tried alone, and `rest`.
        Unless `patient`, a suspect whose turn has not come does not wait for it. Raises StoreUnavailable.
        """
        await self._repay()
        token = secrets.token_hex(8)
        head = (ref, token, int(now * 1000))
        answer = await self._asked(script, name, token, (*head, 0, *rest))
        if answer == _SUSPECT and (patient or not self._turn.locked()) and await self._turn_comes():
            self._trial = token
            try:
                answer = await self._asked(script, name, token, (*head, 1, *rest))
            finally:
                if token not in self._begun:
                    self._pass_turn_on(token)
        return _taken(token, answer) if isinstance(answer, list) else None

    async def take_together(self, now: float, *rest: str | int) -> tuple[str, Sequence[Any]]:
        """Take up some deliveries that wait. Returns the token of this beginning, and the reply of the script.

        Its arguments are a token, now (ms) and `rest`. Raises StoreUnavailable; then what it took up is left to others.
        """
        await self._repay()
        token = secrets.token_hex(8)
        try:
            return token, await self._connection.run("take_deliveries", token, int(now * 1000), *rest)
        except BaseException:  # the answer is lost
            self._owe_together(token, now, at_once=True)
            raise

    async def let_go_together(self, token: str, now: float, *, at_once: bool) -> None:
        """Report the end of what was taken up together and is not finished. Never raises.

        `at_once`: another worker is to take it up now; otherwise the sweep brings it again.
        """
        self._owe_together(token, now, at_once=at_once)
        await self._repay()

    def ended(self, token: str) -> None:
        """Note that a script has written the end of the work, and with it has deleted the note in Redis."""
        self._begun.pop(token, None)

    async def let_go(self, token: str) -> None:
        """Report the end of the work for this process. Never raises: what Redis does not take now is reported later."""
        self._pass_turn_on(token)
        name = self._begun.pop(token, None)
        if name is not None:
            self._owed[token] = ("let_go", name, token)
            await self._repay()

    async def _asked(self, script: str, name: str, token: str, args: tuple[str | int, ...]) -> object:
        self._begun[token] = name
        try:
            answer: object = await self._connection.run(script, *args)
        except BaseException:  # the answer is lost, so the work may count as taken up: its end is reported
            self._owed[token] = ("let_go", self._begun.pop(token), token)
            raise
        if not isinstance(answer, list):
            self.ended(token)
        return answer

    async def _repay(self) -> None:
        """Report to Redis the ends that it did not take before."""
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(_REPAY_SECONDS):
                for token, (script, *args) in tuple(self._owed.items()):
                    await self._connection.run(script, *args)
                    self._owed.pop(token, None)

    def _owe_together(self, token: str, now: float, *, at_once: bool) -> None:
        self._owed[token] = ("let_go_deliveries", token, str(int(now * 1000)), "1" if at_once else "")

    async def _turn_comes(self) -> bool:
        if self._waiting >= _MOST_WAITING:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def _pass_turn_on(self, token: str) -> None:
        if self._trial == token:
            self._trial = ""
            self._turn.release()


def _taken(token: str, answer: list[bytes]) -> Taken:
    row, crashes = row_with_crashes(answer)
    return Taken(token, row, crashes)


def row_with_crashes(answer: Sequence[bytes]) -> tuple[dict[str, bytes], Crashes]:
    """Returns the row of work that was taken up, and how often it had crashed, from the reply of a script."""
    row = {answer[i].decode(): answer[i + 1] for i in range(0, len(answer), 2)}
    count, first, last = (int(row.pop(field, b"0") or 0) for field in ("crashes", "crashed_first", "crashed_last"))
    return row, Crashes(count, first / 1000, last / 1000)
