"""Debian's chromium for tests: the machine's own, or one that is laid out once and kept between runs."""

import contextlib
import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from remediation.settings import environ
from tests.debian import lay_out

PACKAGE = "chromium"
_DOWNLOAD_SECONDS = 400
"""About 165 packages with 205 MB where the machine has none of them."""

_APT_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Browser:
    """A program that playwright can start, and what its environment needs besides."""

    program: str
    environment: Mapping[str, str] = field(default_factory=dict)


def chromium() -> Browser:
    """The browser. Skips the test where there is none and none can be had; on a build server (CI) that is a failure."""
    own = shutil.which(PACKAGE)
    if own is not None:
        return Browser(own)
    try:
        return _of_folder(_kept())
    except (OSError, subprocess.SubprocessError) as error:
        if environ().get("CI"):
            raise
        pytest.skip(f"needs Debian's package {PACKAGE}, which is not here and cannot be had ({type(error).__name__})")


def _of_folder(folder: Path) -> Browser:
    """The browser that is laid out there, which finds its libraries and fonts there, too."""
    libraries = sorted({str(path.parent) for path in folder.glob("*/*-linux-*/lib*.so*")})
    libraries += sorted(str(path.parent) for path in folder.glob("usr/lib/*-linux-*/lib*.so*"))
    environment = {
        "LD_LIBRARY_PATH": ":".join(dict.fromkeys(libraries)),
        "FONTCONFIG_SYSROOT": str(folder),
        "XDG_DATA_DIRS": str(folder / "usr" / "share"),
    }
    return Browser(str(folder / "usr" / "lib" / PACKAGE / PACKAGE), environment)


def _kept() -> Path:
    """The folder with the browser of the machine's list of packages. Raises OSError, SubprocessError."""
    cache = Path(environ().get("XDG_CACHE_HOME") or Path.home() / ".cache") / "remedy-tests"
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / f"{PACKAGE}.lock"), tempfile.TemporaryDirectory(dir=cache) as fresh:
        options, packages = _missing(Path(fresh))
        names = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
        folder = cache / f"{PACKAGE}-{names}"
        if not folder.exists():
            whole = Path(fresh) / "whole"
            whole.mkdir()
            lay_out(whole, [*options, "download", *packages], _DOWNLOAD_SECONDS)
            whole.rename(folder)
    return folder


def _missing(fresh: Path) -> tuple[list[str], list[str]]:
    """Options of apt-get, and the packages, each with its version, that the browser needs and this machine has not.

    The machine's lists of packages are asked first. Where it has none, they are fetched into a folder of our own.
    """
    with contextlib.suppress(subprocess.SubprocessError):
        return [], _wanted([])
    own = ["-o", f"Dir::State::lists={fresh}/lists", "-o", f"Dir::Cache={fresh}"]
    _apt(*own, "update")
    kept = Path(fresh).parent / f"{PACKAGE}.lists"
    shutil.rmtree(kept, ignore_errors=True)
    (fresh / "lists").rename(kept)
    own[1] = f"Dir::State::lists={kept}"
    return own, _wanted(own)


def _wanted(options: list[str]) -> list[str]:
    told = _apt(*options, "install", "--simulate", "--no-install-recommends", PACKAGE)
    found = re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", told, re.MULTILINE)
    return [f"{name}={version}" for name, version in found]


def _apt(*words: str) -> str:
    command = ["apt-get", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_APT_SECONDS).stdout


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Several processes of tests ask for it at once: the first one fetches it."""
    with lock.open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
