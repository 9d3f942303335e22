#!/usr/bin/env bash
# Makes .venv hold exactly what a lock file says, and the project itself.
#
#   scripts/setup.sh runtime    what the product needs        (requirements.lock)
#   scripts/setup.sh dev        that, and what checks need    (requirements-dev.lock)
#
# Does nothing when that is already so. PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

stop() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# step TEXT COMMAND...: one line on the screen; what the command says appears only if it fails.
step() {
  printf 'setup: %s\n' "$1"
  shift
  "$@" >"$log" 2>&1 || { cat "$log" >&2; stop "this failed: $*"; }
}

# A name on the PATH proves nothing (a version manager's shim may answer "not installed"), so each one is run.
is_usable_python() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

# Debian ships `venv` without `ensurepip`, which makes a virtual environment without pip: useless.
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Prints the Python to use: the first usable one that can make a virtual environment, else the first usable one.
chosen_python() {
  local name first=
  for name in "${candidates[@]}"; do
    is_usable_python "$name" || continue
    if has_venv "$name"; then echo "$name"; return; fi
    first=${first:-$name}
  done
  echo "$first"
}

install_venv_module() {
  local package
  package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    stop "$1 cannot make virtual environments: its venv module is a package of its own here." \
      "Install it and try again (Debian, Ubuntu): sudo apt-get install $package"
  fi
  export DEBIAN_FRONTEND=noninteractive
  step "installing $package with apt-get" sh -c "apt-get install -y $package || { apt-get update && apt-get install -y $package; }"
  has_venv "$1" || stop "$1 still has no venv module after installing $package."
}

make_venv() {
  local python
  python=$(chosen_python)
  [ -n "$python" ] || stop "no usable Python 3.11, 3.12 or 3.13 found (tried: ${candidates[*]})." \
    "Install one and try again, for example (Debian, Ubuntu): sudo apt-get install python3 python3-venv" \
    "or name one: make PYTHON=/path/to/python3.12 ..."
  has_venv "$python" || install_venv_module "$python"
  rm -rf .venv
  step "making .venv with $("$python" --version) ($python)" "$python" -m venv .venv
}

version_of() { "$1" -c 'import sys; print(sys.version)' 2>/dev/null; }

# Can .venv be brought up to date, or must it be made anew? One that was made at another place, lost its Python, or has
# another Python than the one asked for, cannot.
venv_is_sound() {
  grep -qsF "$(pwd -P)/.venv" .venv/pyvenv.cfg && is_usable_python .venv/bin/python && has_venv .venv/bin/python \
    && { [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of .venv/bin/python)" ]; }
}

# What .venv's contents depend on.
fingerprint() { .venv/bin/python -c '
import hashlib, pathlib, sys
parts = [sys.version, *(pathlib.Path(name).read_text() for name in sys.argv[1:])]
print(hashlib.sha256("\0".join(parts).encode()).hexdigest())' "$1" pyproject.toml; }

# True when the stamp of a lock (or of one that contains it) says that everything is there.
is_done() {
  local lock
  for lock in "$@"; do
    if [ -x .venv/bin/remedy ] && [ "$(cat ".venv/$lock.stamp" 2>/dev/null)" = "$(fingerprint "$lock" 2>/dev/null)" ]; then
      return 0
    fi
  done
  return 1
}

install() {
  local pip=(.venv/bin/python -m pip install --disable-pip-version-check --no-input)
  rm -f .venv/*.stamp
  step "installing what $1 pins (about a minute the first time)" "${pip[@]}" --require-hashes --use-pep517 -r "$1"
  step "installing this project into .venv" "${pip[@]}" --no-deps --no-build-isolation --editable .
  fingerprint "$1" >".venv/$1.stamp"
}

case "${1:-}" in
  runtime) lock=requirements.lock; enough=(requirements.lock requirements-dev.lock) ;;
  dev) lock=requirements-dev.lock; enough=(requirements-dev.lock) ;;
  *) stop "say what for: scripts/setup.sh runtime|dev" ;;
esac

candidates=(python3.13 python3.12 python3.11 python3)
if [ -n "${PYTHON:-}" ]; then candidates=("$PYTHON"); fi

if ! venv_is_sound; then
  make_venv
elif is_done "${enough[@]}"; then
  exit 0
fi
install "$lock"
