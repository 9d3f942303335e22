"""Is the process alive, may it get deliveries, and what has it counted."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from receiver.stopping import STOPPING
from remediation.store.readiness import store_problems


async def livez(_request: Request) -> Response:
    """The process answers. Depends on nothing else: a restart would not bring Redis back."""
    return PlainTextResponse("alive\n")


async def readyz(request: Request) -> Response:
    """Redis is there, takes writes and keeps them; 503 with the problems otherwise, and as soon as a stop begins.

    A refused mappings.yaml is told and nothing more: every receiver has the same file, and with none of them ready no
    delivery would come in, although the earlier accounts still hold.
    """
    state = request.app.state
    if state.stop.is_begun:
        return JSONResponse({"ready": False, "problems": [STOPPING]}, status_code=503)
    problems = await store_problems(state.connection, allow_weak_durability=state.allow_weak_durability)
    told = {"ready": not problems, "problems": [*problems, *state.troubles()]}
    return JSONResponse(told, status_code=503 if problems else 200)


async def metrics(request: Request) -> Response:
    """Everything counted, in Prometheus's text format."""
    await request.app.state.refresh()
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
