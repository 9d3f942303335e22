#!/usr/bin/env bash
# Helm's schema check loses the place of a key that `propertyNames` refuses.
#
# Expected: each message about values names where the value stands, as `at '/processes/worker'` does; so a key below
#           `processes` that `propertyNames` refuses is told with `at '/processes'`.
# Happens:  it is told with `at ''`, as if it stood at the top. A chart that relies on propertyNames to refuse a misspelt
#           name sends its user to look in the wrong place; `additionalProperties` in the same map does name the place.
# Version:  helm-python-sdk 0.2.2 (Helm SDK 4.2.3, whose validator is santhosh-tekuri/jsonschema)
# Source:   Helm's chart guide, "Schema Files"; JSON Schema draft-07, section 6.5.8 (propertyNames)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check helm-python-sdk==0.2.2

mkdir -p "$folder/chart/templates"
printf 'apiVersion: v2\nname: sample\nversion: 0.1.0\n' >"$folder/chart/Chart.yaml"
printf 'processes: {}\n' >"$folder/chart/values.yaml"
cat >"$folder/chart/values.schema.json" <<'JSON'
{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "properties": {
    "processes": {
      "type": "object",
      "propertyNames": {"pattern": "^[a-z]+$"},
      "additionalProperties": {"type": "object", "additionalProperties": false}
    }
  }
}
JSON

"$folder/venv/bin/python" - "$folder/chart" <<'PYTHON'
import sys

import helm_python as helm

chart = helm.Chart.load(sys.argv[1])


def said(values):
    try:
        chart.render(values, name="sample", namespace="sample")
    except helm.HelmValuesError as refused:
        return [line.strip() for line in str(refused).splitlines() if line.strip().startswith("- at")]
    return []


name, member = said({"processes": {"Worker": {}}}), said({"processes": {"worker": {"replicas": 1}}})
print("a refused name:  ", name)
print("a refused member:", member)
placed = any("at '/processes/worker'" in line for line in member)
lost = name and all("at ''" in line for line in name)
sys.exit(0 if placed and lost else "this has changed")
PYTHON
