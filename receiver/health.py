"""Is the process alive, may it get deliveries, and what has it counted."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response


async def livez(_request: Request) -> Response:
    """The process answers. Depends on nothing else: a restart would not bring Redis back."""
    return PlainTextResponse("alive\n")


async def readyz(request: Request) -> Response:
    """Redis is there, takes writes and keeps them; 503 otherwise, and as soon as a stop begins.

    What is wrong is told in words of a fixed list.

    A refused mappings.yaml is told and nothing more: every receiver has the same file, and with none of them ready no
    delivery would come in, although the earlier accounts still hold.
    """
    readiness = await request.app.state.readiness()
    return JSONResponse(readiness.words(), status_code=200 if readiness.is_ready else 503)


async def readyz_in_full(request: Request) -> Response:
    """The same answer with everything that is wrong, where no stranger comes."""
    readiness = await request.app.state.readiness()
    return JSONResponse(readiness.details(), status_code=200 if readiness.is_ready else 503)


async def metrics(request: Request) -> Response:
    """Everything counted, in Prometheus's text format."""
    await request.app.state.refresh()
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
