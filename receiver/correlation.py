"""Every request has an id: in its answer, its log lines, its trace, and stored with its delivery.

Plain ASGI: nothing here knows routes, senders or the store.
"""

import secrets
from contextlib import AbstractContextManager, nullcontext

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from remediation import telemetry
from remediation.deliveries.signatures import Headers, by_name
from remediation.log_context import LogContext
from remediation.telemetry import is_request_id

HEADER = b"x-request-id"
_TRACEPARENT = b"traceparent"
_TRACED = "/webhooks"
"""Only deliveries are traced: probes come every few seconds."""


class Correlated:
    """Middleware: gives a request its id, its span, and log lines that carry both."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of ASGI; scopes other than HTTP pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = by_name(scope["headers"])
        request_id = request_id_of(headers)

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (HEADER, request_id.encode())]}
                telemetry.note(status=message["status"])
            await send(message)

        is_traced = scope["path"].startswith(_TRACED)
        with span_of(headers, request_id) if is_traced else nullcontext(), LogContext(**ids_here(request_id)):
            await self._app(scope, receive, answering)


def request_id_of(headers: Headers) -> str:
    """The id that a proxy set, if there is exactly one and it is well-formed; otherwise a new one."""
    given = [value.decode("latin-1") for value in headers.get(HEADER, ())]
    return given[0] if len(given) == 1 and is_request_id(given[0]) else secrets.token_hex(16)


def ids_here(request_id: str) -> dict[str, str]:
    """The ids that the log lines of this request carry, once its span has begun."""
    trace_id = telemetry.trace_id()
    return {"request_id": request_id, "trace_id": trace_id} if trace_id else {"request_id": request_id}


def span_of(headers: Headers, request_id: str) -> AbstractContextManager[None]:
    """The span of a delivery, in a new trace.

    A trace that the request names becomes a link only: otherwise any sender could decide what is recorded.
    """
    role, links = telemetry.Role.SERVER, [value.decode("latin-1") for value in headers.get(_TRACEPARENT, ())[:1]]
    return telemetry.span("receive_request", role=role, links=links, request_id=request_id)
