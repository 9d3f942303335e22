"""A worker's own /livez, /readyz and /metrics: arq's health key belongs to all workers, so it tells nothing of one."""

import json
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

Answer = tuple[HTTPStatus, str, bytes]


Refresh = Callable[[], Awaitable[None]]


Ask = Callable[[], Awaitable[Sequence[str]]]


async def _nothing() -> None:
    """Read nothing before metrics are shown."""


def create_health_app(problems: Ask, refresh: Refresh = _nothing) -> ASGI3Application:
    """Plain ASGI. `problems` answers why the worker cannot work, and what a person must mend although it works on.

    `refresh` reads anew, each time that metrics are asked for, what others may have changed.

    GET /livez answers while the event loop turns; GET /readyz 200, or 503 with the problems; GET /metrics what was
    counted; anything else 404.
    """

    async def health_app(scope: Scope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        status, kind, body = await _answer(scope["path"], problems, refresh)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return health_app


async def _answer(path: str, problems: Ask, refresh: Refresh) -> Answer:
    match path:
        case "/livez":
            return HTTPStatus.OK, "text/plain", b"alive\n"
        case "/readyz":
            return _readiness(await problems())
        case "/metrics":
            await refresh()
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()
        case _:
            return HTTPStatus.NOT_FOUND, "text/plain", b"Not Found\n"


def _readiness(problems: Sequence[str]) -> Answer:
    body = json.dumps({"ready": not problems, "problems": list(problems)}).encode()
    return HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK, "application/json", body
