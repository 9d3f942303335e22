#!/usr/bin/env bash
# jira 3.10.5: on Jira Cloud an expired token makes a search find nothing, and the package says nothing about it.
#
# One would expect that a search with a token that is no longer valid raises, as `myself()` does (401).
# What happens: Jira Cloud goes on as an anonymous caller and answers the search with 200, no issues, and the header
# `X-Seraph-LoginReason: AUTHENTICATED_FAILED`. The package looks for that header only in answers without a body (it
# logs "Atlassian's bug" there), so `enhanced_search_issues()` returns an empty list, as if nothing matched, and whoever
# asks "what changed since?" with it loses every change until somebody wonders.
# The server below answers as Cloud was seen to do (MrRefactoring/jira.js#418 shows the headers); Atlassian's
# description of version 3 says that the search "can be accessed anonymously".
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check jira==3.10.5
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jira import JIRA
from jira.exceptions import JIRAError


class ExpiredToken(BaseHTTPRequestHandler):
    """Jira Cloud as it answers a token that has expired."""

    def do_GET(self):
        status, body = (200, b'{"issues":[],"isLast":true}') if "search/jql" in self.path else (401, b"{}")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Collecting(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.records = []

    def emit(self, record):
        self.records.append(record)


warnings = Collecting()
logging.getLogger().addHandler(warnings)
server = ThreadingHTTPServer(("127.0.0.1", 0), ExpiredToken)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = JIRA(
    f"http://127.0.0.1:{server.server_port}",
    basic_auth=("service@example.org", "test-only-expired"),
    get_server_info=False,
    max_retries=0,
)
client.deploymentType = "Cloud"
client._fields_cache_value = {"labels": "labels"}
found = client.enhanced_search_issues("labels = ours AND updated >= -5m")
try:
    client.myself()
    refused = None
except JIRAError as error:
    refused = error.status_code
print(f"search with an expired token: {list(found)!r}, {len(warnings.records)} warnings; myself(): {refused}")
raise SystemExit(0 if not found and not warnings.records and refused == 401 else 1)
PYTHON
