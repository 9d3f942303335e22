"""Debian's packages for tests, without installing them: their files are laid out in a folder of their own."""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

_DOWNLOAD_SECONDS = 90


@cache
def laid_out(*packages: str) -> Path | None:
    """The folder below which the packages' files lie, for as long as the tests run; None where they cannot be had."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-debian-"))
    try:
        _run(folder, "apt-get", "download", *packages)
        for package in folder.glob("*.deb"):
            _run(folder, "dpkg", "-x", str(package), str(folder))
    except (OSError, subprocess.SubprocessError):
        return None
    return folder


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_DOWNLOAD_SECONDS)
