"""What the peers have in common: FastAPI verifies a delivery, and hands it to a queue unless it is a repeat."""

import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from redis.asyncio import Redis

LISTENS = "anchor_listens"
KEPT_SECONDS = 30 * 24 * 3600
"""How long a delivery's id is known."""

Enqueue = Callable[[str, bytes], Awaitable[object]]
"""Puts a delivery, by its id, into a queue that is on the disk when this returns."""


def serve(path: str, secret: str, opened: AbstractAsyncContextManager[Enqueue]) -> None:
    """Take deliveries at `path`, until the process is killed. The address is printed as one line of JSON."""
    kept: dict[str, Enqueue] = {}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with opened as kept["enqueue"]:
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.post(path, status_code=202)
    async def take(request: Request) -> Response:
        body = await request.body()
        if not _is_signed(request, body, secret):
            return Response(status_code=401)
        await kept["enqueue"](json.loads(body)["id"], body)
        return Response(status_code=202)

    with socket.create_server(("127.0.0.1", 0)) as bound:
        print(json.dumps({"event": LISTENS, "address": f"http://127.0.0.1:{bound.getsockname()[1]}"}), flush=True)
        config = uvicorn.Config(app, loop="uvloop", http="httptools", log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[bound])


def _is_signed(request: Request, body: bytes, secret: str) -> bool:
    moment, _, digest = request.headers["x-schoolscan-signature"].removeprefix("t=").partition(",v1=")
    signed = hmac.digest(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hex()
    return hmac.compare_digest(signed, digest)


async def is_new(redis: Redis, delivery: str) -> bool:
    """Whether this id comes for the first time. For queues that do not tell repeats themselves."""
    return bool(await redis.set(f"delivery:{delivery}", 1, nx=True, ex=KEPT_SECONDS))
