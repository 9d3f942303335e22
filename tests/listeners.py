"""Stand-ins for what listens to a process: a collector of traces (OTLP over HTTP) and Sentry (envelopes)."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.wire.server import serve

PROJECT = "7"
KEY = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span as it arrived. Ids are in hexadecimal digits; `error` is whether its status says so."""

    name: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    attributes: dict[str, Any]
    error: bool
    process: dict[str, Any]


@dataclass(slots=True)
class Collector:
    """All that arrived: as bytes, and read. `headers` are those of the last request."""

    address: str = ""
    bodies: list[bytes] = field(default_factory=list)
    spans: list[SeenSpan] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def named(self, name: str) -> list[SeenSpan]:
        return [span for span in self.spans if span.name == name]

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.headers = dict(request.headers)
        self.bodies.append(body)
        self.spans += spans_of(body)
        return Response(b"", media_type="application/x-protobuf")


@dataclass(slots=True)
class SentryStandIn:
    """All envelopes that arrived, and the events in them."""

    dsn: str = ""
    bodies: list[bytes] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.append(body)
        self.events += events_of(body)
        return JSONResponse({"id": "0" * 32})


@contextmanager
def open_collector() -> Iterator[Collector]:
    collector = Collector()
    with serve(Starlette(routes=[Route("/v1/traces", collector.take, methods=["POST"])])) as collector.address:
        yield collector


@contextmanager
def open_sentry() -> Iterator[SentryStandIn]:
    sentry = SentryStandIn()
    with serve(Starlette(routes=[Route(f"/api/{PROJECT}/envelope/", sentry.take, methods=["POST"])])) as address:
        sentry.dsn = f"{address.replace('://', f'://{KEY}@')}/{PROJECT}"
        yield sentry


def events_of(body: bytes) -> Iterator[dict[str, Any]]:
    """The events in an envelope."""
    lines = body.split(b"\n")
    for header, payload in zip(lines[1::2], lines[2::2], strict=False):
        if json.loads(header).get("type") == "event":
            yield json.loads(payload)


def spans_of(body: bytes) -> Iterator[SeenSpan]:
    """The spans that a collector was sent in one request."""
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        process = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert not span.events, "no exception is recorded, and nothing else happens inside a span"
                assert not span.status.message
                yield SeenSpan(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    tuple(link.trace_id.hex() for link in span.links),
                    _attributes(span.attributes),
                    span.status.code == span.status.STATUS_CODE_ERROR,
                    process,
                )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
