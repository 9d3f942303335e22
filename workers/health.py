"""A worker's own /livez, /readyz and /metrics. arq's health key belongs to all workers, so it says nothing of one."""

import json
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

Answer = tuple[HTTPStatus, str, bytes]


Refresh = Callable[[], Awaitable[None]]


Ask = Callable[[], Awaitable[Sequence[str]]]


Words = Callable[[], Sequence[str]]


async def _nothing() -> None:
    """Read nothing before metrics are shown."""


def _none() -> Sequence[str]:
    """The default: no part of the process has ended, and nothing is reported."""
    return ()


def create_health_app(
    problems: Ask, refresh: Refresh = _nothing, dead: Words = _none, told: Words = _none
) -> ASGI3Application:
    """The ASGI application for probes and Prometheus.

    `refresh` runs before each answer of /metrics, to read what other processes may have changed. `problems` returns why
    the worker does not work, and what a person must correct although it works. `dead` returns at once which parts of
    the process have ended although the process runs. `told` returns what /readyz also shows, and what does not make the
    worker unready.

    GET /livez 200, or 503 with what is dead, and no answer while the event loop is stuck; GET /readyz 200, or 503 with
    the problems; GET /metrics the metrics; anything else 404.
    """

    async def health_app(scope: Scope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        status, kind, body = await _answer(scope["path"], (problems, told), refresh, dead)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return health_app


async def _answer(path: str, asked: tuple[Ask, Words], refresh: Refresh, dead: Words) -> Answer:
    match path:
        case "/livez":
            return _liveness(dead())
        case "/readyz":
            problems, told = asked
            return _readiness(await problems(), told())
        case "/metrics":
            await refresh()
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()
        case _:
            return HTTPStatus.NOT_FOUND, "text/plain", b"Not Found\n"


def _liveness(dead: Sequence[str]) -> Answer:
    body = "".join(f"{each}\n" for each in dead or ("alive",)).encode()
    return HTTPStatus.SERVICE_UNAVAILABLE if dead else HTTPStatus.OK, "text/plain", body


def _readiness(problems: Sequence[str], told: Sequence[str]) -> Answer:
    body = json.dumps({"ready": not problems, "problems": [*problems, *told]}).encode()
    return HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK, "application/json", body
