"""Whether this receiver lives and may get deliveries, and what it has counted: the answers to probes and Prometheus.

Operators see problems in full, senders words of a fixed list.
"""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response


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
