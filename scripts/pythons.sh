# shellcheck shell=bash
# Which Pythons the project takes, and where a machine keeps them; for the other scripts, which source it.

# `.ci/run` plays the tests on the first of these, the newest first. The last is taken because every pinned dependency
# has a wheel for it. tests/unit/test_pythons.py holds pyproject.toml, the command and the documents to these.
tested=(3.13 3.12 3.11)
untested=(3.14)
taken=("${tested[@]}" "${untested[@]}")
span="3.11 to 3.14"

# Prints the version of a Python as 3.12; fails where it cannot be run, or is no CPython that the wheels are for (as
# PyPy and builds without the global lock are not). A name on the PATH proves nothing: a version manager's shim may
# answer "not installed".
version_of() {
  "$1" -c '
import sys, sysconfig
if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(1)
print("%d.%d" % sys.version_info[:2])' 2>/dev/null </dev/null
}

is_taken() {
  local version
  version=$(version_of "$1") && [[ " ${taken[*]} " == *" $version "* ]]
}

# Prints where version managers (pyenv, uv, asdf, mise) keep a version, the newest of each first.
kept_by_version_managers() {
  local folder
  for folder in "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/" \
    "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python}/cpython-" \
    "${ASDF_DATA_DIR:-${HOME:-}/.asdf}/installs/python/" \
    "${MISE_DATA_DIR:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/mise}/installs/python/"; do
    compgen -G "$folder$1.*/bin/python3" | sort -rV || true
  done
}

# Prints a Python of this version that can be run; fails where the machine has none.
python_of() {
  local python
  while read -r python; do
    if [ "$(version_of "$python")" = "$1" ]; then echo "$python"; return; fi
  done < <(echo "python$1"; echo python3; kept_by_version_managers "$1")
  return 1
}
