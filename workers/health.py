"""A worker's own /livez and /metrics: arq's health key is shared by all workers, so it tells nothing of one."""

from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope


async def health_app(scope: Scope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Plain ASGI: GET /livez answers while the event loop turns, GET /metrics what was counted, else 404."""
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path == "/livez":
        status, kind, body = HTTPStatus.OK, "text/plain", b"alive\n"
    elif path == "/metrics":
        status, kind, body = HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()
    else:
        status, kind, body = HTTPStatus.NOT_FOUND, "text/plain", b"Not Found\n"
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
