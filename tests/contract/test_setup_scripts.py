"""What the scripts that set up find, played by bash: which Pythons are taken, and where a machine keeps them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import remedy

REPOSITORY = Path(__file__).parents[2]
STAND_IN = """\
#!/bin/sh
case "$*" in
  *ensurepip*) exit 0 ;;
  *--version*) echo "Python {version}" ;;
  *) {answer} ;;
esac
"""


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def bash(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", script], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )


def listed(name: str) -> list[str]:
    """An array of scripts/pythons.sh."""
    return bash(f'. scripts/pythons.sh; echo "${{{name}[*]}}"').stdout.split()


def minor(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def python_in(folder: Path, name: str, version: str, answer: str | None = None) -> Path:
    """What calls itself a Python of this version when it is asked."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(STAND_IN.format(version=version, answer=answer or f"echo {version}"), encoding="utf-8")
    path.chmod(0o755)
    return path


def test_what_is_taken_is_the_same_for_pip_for_the_command_and_for_set_up() -> None:
    taken = sorted(map(minor, listed("taken")))
    assert taken == [(3, each) for each in range(remedy.OLDEST[1], remedy.NEWEST[1] + 1)]
    oldest, newest = remedy.OLDEST, remedy.NEWEST
    assert project()["requires-python"] == f">=3.{oldest[1]},<3.{newest[1] + 1}"
    assert bash('. scripts/pythons.sh; echo "$span"').stdout.strip() == f"3.{oldest[1]} to 3.{newest[1]}"


def test_only_what_was_tested_is_called_so() -> None:
    classified = [each for each in project()["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert {each.rpartition(" ")[2] for each in classified} == set(listed("tested"))


def test_a_name_on_the_path_that_cannot_be_run_is_no_python(tmp_path: Path) -> None:
    shims, kept = tmp_path / "shims", tmp_path / "home" / ".pyenv" / "versions"
    python_in(shims, "python3.12", "3.12", "echo 'not installed' >&2; exit 127")
    found = python_in(kept / "3.12.10" / "bin", "python3", "3.12")
    python_in(kept / "3.12.9" / "bin", "python3", "3.12")
    script = ". scripts/pythons.sh; python_of 3.12"
    done = bash(script, PATH=f"{shims}:/usr/bin:/bin", HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stdout.strip()) == (0, str(found))


@pytest.mark.parametrize("manager", [".local/share/uv/python/cpython-3.14.2-linux", ".asdf/installs/python/3.14.2"])
def test_what_other_version_managers_keep_is_found_too(tmp_path: Path, manager: str) -> None:
    found = python_in(tmp_path / manager / "bin", "python3", "3.14")
    done = bash(". scripts/pythons.sh; python_of 3.14", PATH="/usr/bin:/bin", HOME=str(tmp_path))
    assert (done.returncode, done.stdout.strip()) in {(0, str(found)), (0, "python3.14"), (0, "python3")}


def test_a_python_that_the_machine_does_not_have_is_not_found(tmp_path: Path) -> None:
    done = bash(". scripts/pythons.sh; python_of 3.2", PATH="/usr/bin:/bin", HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("version", ["3.10", "3.15"])
def test_set_up_with_another_python_ends_with_what_to_do(tmp_path: Path, version: str) -> None:
    python = python_in(tmp_path, "python", version)
    done = bash("scripts/setup.sh dev .venv/none", PATH="/usr/bin:/bin", HOME=str(tmp_path), PYTHON=str(python))
    assert (done.returncode, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert "CPython 3.11 to 3.14" in first
    assert f"it is Python {version}." in first
    assert second == "setup: Name another one, or none: then one is looked for."


@pytest.mark.parametrize(("of_uv", "code"), [("", 1), ("https://index.example/simple", 0)])
def test_where_pip_has_an_index_of_its_own_uv_is_taken_only_with_one_however_much_pip_says(
    tmp_path: Path, of_uv: str, code: int
) -> None:
    python_in(tmp_path / "bin", "python", "3.12", "echo global.index-url=https://index.example; exec seq 100000")
    uv = python_in(tmp_path / "bin", "uv", "0.1")
    function = f"venv='{tmp_path}'; eval \"$(sed -n '/^uv_for()/,/^}}/p' scripts/setup.sh)\""
    script = f"set -euo pipefail; {function}; if uv_for requirements-dev.lock; then exit 0; else exit 1; fi"
    done = bash(script, PATH="/usr/bin:/bin", UV_DEFAULT_INDEX=of_uv)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (code, "" if code else str(uv), "")


def test_the_real_python_of_these_tests_is_known_as_what_it_is() -> None:
    done = bash(f". scripts/pythons.sh; version_of '{sys.executable}'", PATH="/usr/bin:/bin")
    assert minor(done.stdout.strip()) == sys.version_info[:2]
