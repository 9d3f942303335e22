#!/usr/bin/env bash
# Puts the fuzzer that requirements-fuzz.lock pins into .venv, for `make chaos`. Where there is no wheel of it for this
# Python and system, or no index, it says so and ends well: the experiment then says that it was not measured.
set -euo pipefail
cd "$(dirname "$0")/.."

if .venv/bin/python -c 'import atheris' 2>/dev/null; then
  exit 0
fi
echo "fuzzer: installing what requirements-fuzz.lock pins" >&2
.venv/bin/python -m pip install --disable-pip-version-check --no-input --quiet --require-hashes --only-binary :all: \
  -r requirements-fuzz.lock >/dev/null 2>&1 || echo "fuzzer: atheris cannot be had here" >&2
