"""Debian's Prometheus for tests: the machine's own, or one that is unpacked beside it."""

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "prometheus"
_DOWNLOAD_SECONDS = 90


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`; skips the test where there is none and none can be had."""
    found = shutil.which(name) or _unpacked(name)
    if found is None:
        pytest.skip(f"needs {name} of Debian's package {PACKAGE}, which is not on this machine and cannot be had")
    return found


@cache
def _unpacked(name: str) -> str | None:
    """Nothing is installed: the package's files are laid out in a folder of their own, for as long as the tests run."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-debian-"))
    try:
        _run(folder, "apt-get", "download", PACKAGE)
        _run(folder, "dpkg", "-x", *(str(each) for each in folder.glob("*.deb")), str(folder))
    except (OSError, subprocess.SubprocessError):
        return None
    path = folder / "usr" / "bin" / name
    return str(path) if path.exists() else None


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_DOWNLOAD_SECONDS)
