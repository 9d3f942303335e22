"""Whether this receiver lives and may get deliveries, and what it has counted: the answers to probes and Prometheus.

Operators see problems in full, senders words of a fixed list.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from receiver.stopping import STOPPING

_STORE = "store"
"""The word for senders: Redis does not take deliveries, or would not keep them."""

_TROUBLE = "trouble"
"""The word for senders: deliveries are taken, and a person must correct something."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is wrong.

    `problems` prevent deliveries from being taken; `troubles` do not, and a person must correct them.
    """

    problems: Sequence[str] = ()
    troubles: Sequence[str] = ()

    @property
    def is_ready(self) -> bool:
        """Whether deliveries can be taken."""
        return not self.problems

    def details(self) -> dict[str, Any]:
        """Every problem and trouble, with names, values and paths."""
        return {"ready": self.is_ready, "problems": [*self.problems, *self.troubles]}

    def words(self) -> dict[str, Any]:
        """The same, in words of a fixed list."""
        words = [STOPPING if problem == STOPPING else _STORE for problem in self.problems[:1]]
        words += [_TROUBLE for _ in self.troubles[:1]]
        return {"ready": self.is_ready, "problems": words}


class SharedQuestion:
    """Runs a check once for all callers that ask at the same time: anybody may ask, as often as they like."""

    def __init__(self, ask: Callable[[], Awaitable[Readiness]]) -> None:
        self._ask = ask
        self._asking: asyncio.Task[Readiness] | None = None

    async def __call__(self) -> Readiness:
        """The answer of the check that is running now, or of a new one."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._answer())
        return await asyncio.shield(self._asking)

    async def _answer(self) -> Readiness:
        return await self._ask()


async def livez(_request: Request) -> Response:
    """200 while the process runs. It depends on nothing else, because a restart would not bring Redis back."""
    return PlainTextResponse("alive\n")


async def readyz(request: Request) -> Response:
    """200 where Redis answers, takes writes and keeps them; 503 otherwise, and from the beginning of a stop.

    Problems are named by words of a fixed list.

    A refused mappings.yaml is only reported: every receiver has the same file, and if none were ready no delivery would
    come in, although the earlier accounts are still valid.
    """
    readiness = await request.app.state.readiness()
    return JSONResponse(readiness.words(), status_code=200 if readiness.is_ready else 503)


async def readyz_in_full(request: Request) -> Response:
    """The same answer with every problem in full, on a port that senders do not reach."""
    readiness = await request.app.state.readiness()
    return JSONResponse(readiness.details(), status_code=200 if readiness.is_ready else 503)


async def metrics(request: Request) -> Response:
    """All metrics, in Prometheus's text format."""
    await request.app.state.refresh()
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)
