"""Whether the console lives and may be asked for pages: the answers to probes, on the port that people reach."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route


async def livez(_request: Request) -> Response:
    """200 while the process runs. It depends on nothing else, because a restart would not bring Redis back."""
    return PlainTextResponse("alive\n")


async def readyz(request: Request) -> Response:
    """200 where Redis answers and takes writes; 503 otherwise, and from the beginning of a stop.

    Problems are named by words of a fixed list: the port for metrics has them in full.
    """
    readiness = await request.app.state.readiness()
    return JSONResponse(readiness.words(), status_code=200 if readiness.is_ready else 503)


ROUTES = [Route("/livez", livez, name="livez"), Route("/readyz", readyz, name="readyz")]
