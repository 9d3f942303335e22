#!/usr/bin/env bash
# OpenTelemetry's exporter over HTTP loses what a redirect answers, and says that it was sent.
#
# Expected: spans that are sent to an address which redirects (an ingress from http to https, a gateway that wants a
#           sign-in) either follow it or are a failed export that is logged, as they are where the answer is 404.
# Happens:  every status from 200 to 399 counts as success, and redirects are not followed: 301, 302, 307 and 308 give
#           SpanExportResult.SUCCESS without a line in the log, and no span ever arrives.
# Version:  opentelemetry-exporter-otlp-proto-http 1.45.2 with opentelemetry-exporter-otlp-common 0.66b2
#           (`_OTLPHTTPClient.export` in opentelemetry/exporter/otlp/common/http.py: `200 <= status_code < 400`;
#           `allow_redirects=False` in opentelemetry/exporter/http/transport/_requests.py)
# Source:   OTLP specification, "OTLP/HTTP Response": success is 200 OK
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-exporter-otlp-proto-http==1.45.2 \
  opentelemetry-exporter-otlp-common==0.66b2 opentelemetry-exporter-http-transport==0.66b2 opentelemetry-sdk==1.45.2
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Gateway(BaseHTTPRequestHandler):
    """Answers the status that the path begins with; `/collector` is where a redirect leads to."""

    arrived: list[str] = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        first = self.path.split("/")[1]
        self.arrived.append(first)
        self.send_response(200 if first == "collector" else int(first))
        if first.startswith("3"):
            self.send_header("Location", "/collector/v1/traces")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Collecting(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


log = Collecting()
logging.getLogger().addHandler(log)
server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()

memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
with provider.get_tracer("example").start_as_current_span("work"):
    pass

seen = {}
for status in (301, 302, 307, 308, 404):
    log.lines.clear()
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{server.server_port}/{status}/v1/traces", timeout=5)
    seen[status] = exporter.export(memory.get_finished_spans()), len(log.lines)
    exporter.shutdown()
    print(f"{status}: {seen[status][0].name}, {seen[status][1]} lines in the log")
print("asked of the collector behind the redirects:", Gateway.arrived.count("collector"))
lost = all(seen[status] == (SpanExportResult.SUCCESS, 0) for status in (301, 302, 307, 308))
told = seen[404] == (SpanExportResult.FAILURE, 1)
sys.exit(0 if lost and told and "collector" not in Gateway.arrived else "this has changed")
PYTHON
