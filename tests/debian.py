"""Debian's packages for tests, without installing them: their files are laid out in a folder of their own."""

import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_DOWNLOAD_SECONDS = 90


@cache
def laid_out(*packages: str) -> Path | None:
    """The folder below which the packages' files lie, for as long as the tests run; None where they cannot be had."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-debian-"))
    try:
        lay_out(folder, ["download", *packages], _DOWNLOAD_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return folder


def lay_out(folder: Path, words: Sequence[str], seconds: float) -> None:
    """Give apt-get these words, which say what it is to download, and lay out below a folder what comes.

    Raises OSError and SubprocessError, the latter also where it takes longer than so many seconds.
    """
    _run(folder, seconds, "apt-get", *words)
    for package in folder.glob("*.deb"):
        _run(folder, seconds, "dpkg", "-x", str(package), str(folder))
        package.unlink()


def _run(folder: Path, seconds: float, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=seconds)
