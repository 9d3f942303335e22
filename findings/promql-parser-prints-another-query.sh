#!/usr/bin/env bash
# promql-parser: `str()` of a query that was read is, without an error, another query.
#
# Expected: what the parser returns prints as PromQL, as it does in Prometheus, so that a tool may read the queries of
#           alerts and write them elsewhere; or, if `str()` is only for people, it does not look like a query.
# Happens:  for most queries it is one. But a subquery without a step loses its colon: `rate(x[5m:])` becomes
#           `rate(x{}[5m])`, which any server takes, and which goes by samples where the first goes by evaluations. Inside
#           another range that is no query any more. `[500ms]` becomes `[0s]`, the backslashes of a regex are
#           no longer escaped, and a label name that needs quotes loses them. `prettify()` is right in each case.
# Version:  promql-parser 0.12.0 (PyPI)
# Source:   Prometheus documentation, "Querying basics": Subquery, `[ '[' <range> ':' [<resolution>] ']' ]`
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check promql-parser==0.12.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import promql_parser

QUERIES = {
    "rate(x[5m:])": "another query",
    "rate(x[5m:1m])": "the same",
    "max_over_time(rate(x[5m])[1h:])": "no query",
    "rate(x[500ms])": "no query",
    'x{host=~"a\\\\.example"}': "no query",
    'x{"service.name"="a"}': "no query",
    "sum by (a) (rate(x[1h30m] offset 5m)) > bool 1": "the same",
}


def shape(text):
    """A query in one way of writing it; None where it is no query."""
    try:
        return promql_parser.parse(text).prettify()
    except ValueError:
        return None


seen = {}
for query in QUERIES:
    tree = promql_parser.parse(query)
    printed = shape(str(tree))
    seen[query] = "no query" if printed is None else "the same" if printed == shape(query) else "another query"
    pretty = "the same" if shape(tree.prettify()) == shape(query) else "another query"
    print(f"{query}: str() is {str(tree)} ({seen[query]}), prettify() {pretty}")
    seen[query] = seen[query] if pretty == "the same" else "prettify() is wrong"
sys.exit(0 if seen == QUERIES else "this has changed")
PYTHON
