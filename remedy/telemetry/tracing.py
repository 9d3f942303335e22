"""Traces by OpenTelemetry: only this module knows the package. Imported only where traces are on.

Only what is on an allow list leaves: names of facts that are known here, values that look like an id or a number (as in
logs), and of an exception its class, our own line and the status that a system answered. Nothing is read from the
environment, from which the package would add command line and host: settings say everything.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import unquote

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from remediation.defects import own_lines
from remediation.domain.errors import OutsideError, TryLater
from remediation.logs import harmless
from remediation.settings import Settings
from remediation.telemetry import Fact, Role

ATTRIBUTES: Mapping[str, str] = {
    "status": "http.response.status_code",
    "error": "error.type",
    **{
        name: f"remedy.{name}"
        for name in (
            *("request_id", "delivery", "sender", "district", "tracker", "case", "scan"),
            *("system", "operation", "access", "action", "outcome", "reason", "waiting", "at", "attempt", "count"),
        )
    },
}
"""Every fact that a span may have, and its name there: OpenTelemetry's conventions where they have one."""

QUEUE = 2_048
"""The most spans that wait to be sent. More are dropped: a collector that is away costs no memory."""

SEND_SECONDS = 5.0
"""Seconds until a request to the collector is given up. It runs in a thread of its own, and nothing waits for it."""

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_KINDS = {
    Role.INTERNAL: SpanKind.INTERNAL,
    Role.SERVER: SpanKind.SERVER,
    Role.CONSUMER: SpanKind.CONSUMER,
    Role.CLIENT: SpanKind.CLIENT,
}


class OpenTelemetry:
    """Sends spans to a collector. Fulfils remediation.telemetry.Tracer."""

    def __init__(self, settings: Settings, endpoint: str, role: str, version: str) -> None:
        described = {**_pairs(settings.otel_resource_attributes), "service.name": settings.otel_service_name}
        described |= {"service.version": version, "remedy.process": role}
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.otel_traces_sampler_arg)),
            resource=Resource(described),
            shutdown_on_exit=False,  # it waits for a collector that is away; see remedy/telemetry/switches.py
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                _exporter(settings, endpoint),
                max_queue_size=QUEUE,
                schedule_delay_millis=1_000,
                max_export_batch_size=512,
                export_timeout_millis=SEND_SECONDS * 1000,
            )
        )
        self._tracer = self._provider.get_tracer("remedy", version)

    @contextmanager
    def span(
        self, name: str, role: Role, follows: Sequence[str], links: Sequence[str], facts: Mapping[str, Fact]
    ) -> Iterator[None]:
        """A span around a block; an exception that leaves the block is named in it."""
        parent, others = _parent_of(follows)
        named = [*others, *(context for link in links if (context := _context_of(link)))]
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=_KINDS[role],
            links=[Link(context) for context in named],
            attributes=attributes(facts),
            record_exception=False,  # its message and its stack trace would be sent
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attributes(attributes(_facts_of(error)))
                raise

    def note(self, facts: Mapping[str, Fact]) -> None:
        """Add facts to the innermost span."""
        get_current_span().set_attributes(attributes(facts))

    def traceparent(self) -> str:
        """The innermost span as a traceparent; empty where there is none."""
        context = get_current_span().get_span_context()
        if not context.is_valid:
            return ""
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def close(self) -> None:
        """Send what waits. Takes long where the collector is away, so it is called where nobody waits for it."""
        self._provider.shutdown()


def attributes(facts: Mapping[str, Fact]) -> dict[str, str | int | float | bool]:
    """The facts that may leave, under the names of the conventions."""
    kept = {ATTRIBUTES[name]: harmless(value) for name, value in facts.items() if name in ATTRIBUTES}
    return {name: value for name, value in kept.items() if value is not None and value != ""}


def _facts_of(error: BaseException) -> dict[str, Fact]:
    at = own_lines(error)
    facts: dict[str, Fact] = {"error": type(error).__name__, "at": at[-1] if at else None}
    if isinstance(error, OutsideError):
        facts["status"] = error.status
    if isinstance(error, TryLater):
        facts["waiting"] = str(error.waiting)
    return facts


def _parent_of(follows: Sequence[str]) -> tuple[Context | None, list[SpanContext]]:
    """The parent and the links: the parent is the first recorded one, or else the first."""
    known = [context for text in follows if (context := _context_of(text))]
    if not known:
        return None, []
    parent = next((context for context in known if context.trace_flags.sampled), known[0])
    others = [context for context in known if context is not parent]
    return set_span_in_context(NonRecordingSpan(parent), Context()), others


def _context_of(traceparent: str) -> SpanContext | None:
    """The context in a traceparent of version 00; None where it is malformed."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if not match:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))
    return context if context.is_valid else None


def _exporter(settings: Settings, endpoint: str) -> OTLPSpanExporter:
    session = requests.Session()
    session.trust_env = False  # no proxy, no netrc: a collector is near
    session.hooks["response"].append(_refuse_redirect)
    certificate = settings.otel_exporter_otlp_certificate
    return OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces",
        certificate_file=str(certificate) if certificate else None,
        headers=_pairs(settings.otel_exporter_otlp_headers),
        timeout=SEND_SECONDS,
        compression=Compression.Gzip,
        session=session,
    )


def _refuse_redirect(response: requests.Response, *_: object, **__: object) -> None:
    """Raises TooManyRedirects for an answer that leads elsewhere, which the exporter logs as a failed export.

    The exporter itself would take it for success, and the spans would be lost in silence.
    """
    if 300 <= response.status_code < 400:  # noqa: PLR2004 - every kind of redirect
        response.close()
        raise requests.TooManyRedirects(f"the collector's address answers {response.status_code}, a redirect")


def _pairs(text: str | None) -> dict[str, str]:
    """`a=1,b=2` in OpenTelemetry's form, with percent-encoded values. settings.py has checked the form."""
    pairs = (each.partition("=") for each in (text or "").split(",") if each.strip())
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}
