#!/usr/bin/env bash
# Holds the promise about Pythons. For each one that is taken, what requirements-dev.lock pins can be installed without
# a compiler; on each one that this machine has, the unit and contract tests pass. The one of .venv is left out where it
# plays all tests anyway. Says at the end which were tested.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/pythons.sh

nowhere=$(mktemp -d)
trap 'rm -rf "$nowhere"' EXIT

# Fails where a pin has no wheel for a version. ijson, which pysnow pins, has none at all: it is Python throughout, and
# its source needs no compiler.
has_wheels() {
  .venv/bin/uv pip install --dry-run --quiet --target "$nowhere" --python-version "$1" --require-hashes \
    --only-binary :all: --no-binary ijson --requirements requirements-dev.lock
}

# The unit and contract tests on a Python (the second argument), set up as a user's is. Properties are tried with fewer
# examples, as `make unit` does: make test tries all.
play() {
  local folder=.venv/pythons/$1
  PYTHON=$2 scripts/setup.sh dev "$folder"
  "$folder/bin/pytest" --quiet --numprocesses auto --maxprocesses 4 --dist loadfile \
    --hypothesis-profile quick tests/unit tests/contract
}

own=$(version_of .venv/bin/python)
told=()
for version in "${taken[@]}"; do
  echo "Python $version"
  has_wheels "$version"
  if [ "$version" = "$own" ]; then
    told+=("$version: .venv, where make test plays everything")
  elif python=$(python_of "$version"); then
    play "$version" "$python"
    told+=("$version: unit and contract tests passed")
  else
    told+=("$version: not on this machine, NOT tested; everything that is pinned can be installed")
  fi
done
printf 'Python %s\n' "${told[@]}"
