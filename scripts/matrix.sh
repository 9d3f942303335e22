#!/usr/bin/env bash
# Holds the promise about Pythons. For each one that is taken, what requirements-dev.lock pins can be installed without
# a compiler; on each one that this machine has, the unit and contract tests pass. The one of .venv is left out where it
# plays all tests anyway. Says at the end which were tested.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/pythons.sh

nowhere=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$nowhere"' EXIT

# Fails where a pin has no wheel for a version. ijson, which pysnow pins, has none at all: it is Python throughout, and
# its source needs no compiler.
has_wheels() {
  .venv/bin/uv pip install --dry-run --quiet --target "$nowhere" --python-version "$1" --require-hashes \
    --only-binary :all: --no-binary ijson --requirements requirements-dev.lock
}

# The unit and contract tests on a Python, set up as a user's is. Properties are tried with fewer examples, as `make unit`
# does: make test tries all.
play() {
  ".venv/pythons/$1/bin/pytest" --quiet --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
    --hypothesis-profile quick tests/unit tests/contract
}

own=$(version_of .venv/bin/python)
played=()
told=()
for version in "${taken[@]}"; do
  echo "Python $version"
  has_wheels "$version"
  if [ "$version" = "$own" ]; then
    told+=("$version: .venv, where make test plays everything")
  elif python=$(python_of "$version"); then
    PYTHON=$python scripts/setup.sh dev ".venv/pythons/$version"
    played+=("$version")
    told+=("$version: unit and contract tests passed")
  else
    told+=("$version: not on this machine, NOT tested; everything that is pinned can be installed")
  fi
done

# All at the same time: the one uses the processor while another waits. What each says is shown when it has ended.
declare -A plays
for version in "${played[@]}"; do
  play "$version" >"$nowhere/$version.log" 2>&1 &
  plays[$version]=$!
done
failed=0
for version in "${played[@]}"; do
  wait "${plays[$version]}" || failed=1
  echo "Python $version"
  cat "$nowhere/$version.log"
done
[ "$failed" = 0 ] || exit 1
printf 'Python %s\n' "${told[@]}"
