"""What our own processes are held to, each a process of its own: `python -m bench.anchors <which> [redis url] [port]`.

ceiling   Starlette reads the body and checks its HMAC; stores nothing. Nothing in Python can be faster
guarded   the same on the server with guards, as the receiver has them
enqueue   the same, then JSON and arq's own enqueue_job with the body
worker    an arq worker as it comes
"""

import asyncio
import hashlib
import hmac
import json
import sys

import uvloop
from arq.connections import ArqRedis
from arq.worker import Worker
from redis.asyncio import ConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.senders.deliveries import PATH, SECRET
from remediation.settings import load_settings
from remedy.runtime.http.guarding import receiver_guard
from remedy.runtime.http.serving import address, listener, server

LISTENS = "anchor_listens"
ARRIVED = "anchor:arrived:"
"""+ what the anchor worker's job was given: the key that the job asks for first of all."""


async def ceiling(request: Request) -> Response:
    """204 where the signature is right."""
    return Response(status_code=204 if _is_signed(request, await request.body()) else 401)


async def enqueue(request: Request) -> Response:
    """204 where the signature is right and arq has the body."""
    body = await request.body()
    if not _is_signed(request, body):
        return Response(status_code=401)
    job = await request.app.state.arq.enqueue_job("arrived", body, _job_id=json.loads(body)["id"])
    return Response(status_code=503 if job is None else 204)


def _is_signed(request: Request, body: bytes) -> bool:
    moment, _, digest = request.headers["x-schoolscan-signature"].removeprefix("t=").partition(",v1=")
    signed = hmac.digest(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hex()
    return hmac.compare_digest(signed, digest)


async def arrived(ctx: dict[str, ArqRedis], word: str) -> None:
    """The anchor worker's job: one question to Redis."""
    await ctx["redis"].get(ARRIVED + word)


async def _serve(which: str, redis_url: str, port: int) -> None:
    app = Starlette(
        routes=[Route(PATH, {"ceiling": ceiling, "guarded": ceiling, "enqueue": enqueue}[which], methods=["POST"])]
    )
    if redis_url:
        app.state.arq = ArqRedis(ConnectionPool.from_url(redis_url))
    bound = listener("127.0.0.1", port, which)
    print(json.dumps({"event": LISTENS, "address": address(bound)}), flush=True)
    await server(app, guard=receiver_guard(load_settings()) if which == "guarded" else None).serve([bound])


async def _work(redis_url: str) -> None:
    redis = ArqRedis(ConnectionPool.from_url(redis_url))
    await Worker([arrived], redis_pool=redis, handle_signals=False).async_run()


def main(which: str, redis_url: str = "", port: str = "0") -> None:
    """Run one anchor until it is killed."""
    if which == "worker":
        asyncio.run(_work(redis_url))
    else:
        uvloop.run(_serve(which, redis_url, int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
