"""May this receiver get deliveries: what is wrong, in full for who operates it and in fixed words for strangers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.stopping import STOPPING

STORE = "store"
"""For strangers: Redis does not take deliveries, or would not keep them."""

TROUBLE = "trouble"
"""For strangers: deliveries are taken, and a person must mend something."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """`problems` are why no delivery can be taken; `troubles` are what a person must mend although they can."""

    problems: Sequence[str] = ()
    troubles: Sequence[str] = ()

    @property
    def is_ready(self) -> bool:
        """Whether deliveries can be taken."""
        return not self.problems

    def details(self) -> dict[str, Any]:
        """Everything, with names, values and paths."""
        return {"ready": self.is_ready, "problems": [*self.problems, *self.troubles]}

    def words(self) -> dict[str, Any]:
        """The same in words of a fixed list."""
        words = [STOPPING if problem == STOPPING else STORE for problem in self.problems[:1]]
        words += [TROUBLE for _ in self.troubles[:1]]
        return {"ready": self.is_ready, "problems": words}


class SharedQuestion:
    """Asks once for all who want to know at the same moment: strangers may want to, as often as they like."""

    def __init__(self, ask: Callable[[], Awaitable[Readiness]]) -> None:
        self._ask = ask
        self._asking: asyncio.Task[Readiness] | None = None

    async def __call__(self) -> Readiness:
        """The answer to a question that was asked after the call before it was answered."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._answer())
        return await asyncio.shield(self._asking)

    async def _answer(self) -> Readiness:
        return await self._ask()
