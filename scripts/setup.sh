#!/usr/bin/env bash
# Makes a virtual environment hold exactly what a lock file says, and the project itself.
#
#   scripts/setup.sh runtime [FOLDER]    what the product needs        (requirements.lock)
#   scripts/setup.sh dev [FOLDER]        that, and what checks need    (requirements-dev.lock)
#
# FOLDER, .venv where none is named, is inside the repository. Does nothing when all is so already.
# PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/pythons.sh

venv=${2:-.venv}
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

# Debian ships `venv` without `ensurepip`, which makes a virtual environment without pip: useless.
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 </dev/null; }

# Prints what may be a Python: what was asked for; otherwise the names on the PATH, then what version managers keep.
candidates() {
  local version
  if [ -n "${PYTHON:-}" ]; then echo "$PYTHON"; return; fi
  printf 'python%s\n' "${taken[@]}" 3
  for version in "${taken[@]}"; do kept_by_version_managers "$version"; done
}

# Prints the Python to use: the first usable one that can make a virtual environment, else the first usable one.
chosen_python() {
  local name first=
  while read -r name; do
    is_taken "$name" || continue
    if has_venv "$name"; then echo "$name"; return; fi
    first=${first:-$name}
  done < <(candidates)
  echo "$first"
}

may_install_packages() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# Ask for packages as they are known; only then bring the list of packages up to date.
install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  step "installing $* with apt-get" sh -c "apt-get install -y $* || { apt-get update && apt-get install -y $*; }"
}

install_venv_module() {
  local package
  package=python$(version_of "$1")-venv
  may_install_packages || stop "$1 cannot make virtual environments: its venv module is a package of its own here." \
    "Install it and try again (Debian, Ubuntu): sudo apt-get install $package"
  install_packages "$package"
  has_venv "$1" || stop "$1 still has no venv module after installing $package."
}

stop_without_python() {
  if [ -n "${PYTHON:-}" ]; then
    stop "PYTHON=$PYTHON is not what is taken, CPython $span with the global lock: it is $(described "$PYTHON")." \
      "Name another one, or none: then one is looked for."
  fi
  stop "no usable Python found: CPython $span with the global lock is taken, and python3 is $(described python3)." \
    "Install one and try again, for example (Debian, Ubuntu): sudo apt-get install python3 python3-venv" \
    "or name one: make PYTHON=/path/to/python${tested[0]} ..."
}

# Prints what a Python says of itself, for a message.
described() {
  if command -v "$1" >/dev/null; then "$1" --version 2>&1 </dev/null | head -n 1; else echo "not there"; fi || true
}

make_venv() {
  local python
  python=$(chosen_python)
  if [ -z "$python" ] && [ -z "${PYTHON:-}" ] && may_install_packages; then
    install_packages python3 python3-venv
    python=$(chosen_python)
  fi
  [ -n "$python" ] || stop_without_python
  has_venv "$python" || install_venv_module "$python"
  rm -rf "$venv"
  step "making $venv with $("$python" --version) ($python)" "$python" -m venv "$venv"
}

build_of() { "$1" -c 'import sys; print(sys.version)' 2>/dev/null </dev/null; }

# Can it be brought up to date, or must it be made anew? One that was made at another place, lost its Python, or has
# another Python than the one asked for, cannot.
venv_is_sound() {
  grep -qsF "$(pwd -P)/$venv" "$venv/pyvenv.cfg" && is_taken "$venv/bin/python" && has_venv "$venv/bin/python" \
    && { [ -z "${PYTHON:-}" ] || [ "$(build_of "$PYTHON")" = "$(build_of "$venv/bin/python")" ]; }
}

# What its contents depend on.
fingerprint() { "$venv/bin/python" -c '
import hashlib, pathlib, sys
parts = [sys.version, *(pathlib.Path(name).read_text() for name in sys.argv[1:])]
print(hashlib.sha256("\0".join(parts).encode()).hexdigest())' "$1" pyproject.toml; }

# True when the stamp of a lock (or of one that contains it) says that everything is there.
is_done() {
  local lock
  for lock in "$@"; do
    if [ -x "$venv/bin/remedy" ] && [ "$(cat "$venv/$lock.stamp" 2>/dev/null)" = "$(fingerprint "$lock" 2>/dev/null)" ]; then
      return 0
    fi
  done
  return 1
}

# Prints the uv to install what a lock pins with: one that is there, or the one that the lock itself pins. Fails where the
# lock pins none, and where pip is told of an index that uv knows nothing of.
uv_for() {
  local each pin
  case "$("$venv/bin/python" -m pip config list)" in
    *.index-url=*) [ -n "${UV_DEFAULT_INDEX:-}" ] || return 1 ;;
  esac
  pin=$(awk '/^uv==/ { found = 1 } found { print } found && !/\\$/ { exit }' "$1")
  [ -n "$pin" ] || return 1
  for each in "$venv/bin/uv" .venv/bin/uv; do
    if [ -x "$each" ]; then echo "$each"; return; fi
  done
  "${pip[@]}" --quiet --require-hashes -r <(echo "$pin") >&2 && echo "$venv/bin/uv"
}

# pip asks its index for one package after the other, which takes minutes for a lock; uv asks for all at once. Where uv
# cannot be had or fails, pip installs the same.
install_pins() {
  local uv
  if uv=$(uv_for "$1") && "$uv" pip install --python "$venv/bin/python" --require-hashes -r "$1"; then return; fi
  "${pip[@]}" --require-hashes --use-pep517 -r "$1"
}

install() {
  local pip=("$venv/bin/python" -m pip install --disable-pip-version-check --no-input)
  rm -f "$venv"/*.stamp
  step "installing what $1 pins (about a minute the first time)" install_pins "$1"
  step "installing this project into $venv" "${pip[@]}" --no-deps --no-build-isolation --editable .
  fingerprint "$1" >"$venv/$1.stamp"
}

case "${1:-}" in
  runtime) lock=requirements.lock; enough=(requirements.lock requirements-dev.lock) ;;
  dev) lock=requirements-dev.lock; enough=(requirements-dev.lock) ;;
  *) stop "say what for: scripts/setup.sh runtime|dev [FOLDER]" ;;
esac

if ! venv_is_sound; then
  make_venv
elif is_done "${enough[@]}"; then
  exit 0
fi
install "$lock"
