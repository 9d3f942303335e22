"""The image, built and unpacked without a Docker engine, and processes in it as a cluster would run them.

Debian's mmdebstrap makes the base, buildah builds the Dockerfile in a chroot and shows what came of it as a folder, and
bubblewrap runs it: another user, no rights, a root file system that cannot be written to.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remediation.settings import environ

ROOT = Path(__file__).parents[2]
TOOLS = ("mmdebstrap", "buildah", "bwrap", "setpriv")
PACKAGES = ("mmdebstrap", "buildah", "bubblewrap", "util-linux")
SUITE = "bookworm"
SECONDS = 600
TRUSTED = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf"))
"""How this machine reaches its package index: lent to the build, and in no layer of the image."""


def missing_tools() -> str | None:
    """Why no image can be built here; None where one can. As root, what is missing is installed first."""
    if os.geteuid() != 0:
        return "building an image needs root here"
    if _missing() and shutil.which("apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run(
                command, capture_output=True, check=False, env={**environ(), "DEBIAN_FRONTEND": "noninteractive"}
            )
    missing = _missing()
    return f"these programs are not here: {', '.join(missing)}" if missing else None


def _missing() -> list[str]:
    return [tool for tool in TOOLS if shutil.which(tool) is None]


class Builder:
    """Builds in a folder of its own, and leaves nothing elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image(self) -> Path:
        """The unpacked root file system of the image that the Dockerfile makes."""
        base = self._folder / "base.tar"
        packages = "--include=python3,python3-venv,ca-certificates"
        self._run("mmdebstrap", "--variant=minbase", "--dpkgopt=force-unsafe-io", packages, SUITE, str(base))
        container = self._buildah("from", "scratch").strip()
        self._buildah("add", "--quiet", container, str(base), "/")
        self._buildah("commit", "--quiet", "--rm", container, "remedy-base")
        lent = [word for path in TRUSTED if path.exists() for word in ("--volume", f"{path}:{path}:ro")]
        self._buildah(
            "bud",
            "--isolation",
            "chroot",
            "--build-arg",
            "BASE=localhost/remedy-base",
            *lent,
            "--tag",
            "remedy",
            str(ROOT),
        )
        rootfs = Path(self._buildah("mount", self._buildah("from", "--pull-never", "remedy").strip()).strip())
        for path in (rootfs, *(each for each in rootfs.parents if each.is_relative_to(self._folder))):
            path.chmod(0o755)
        return rootfs

    def _buildah(self, *words: str) -> str:
        places = ("--root", str(self._folder / "store"), "--runroot", str(self._folder / "run"))
        return self._run("buildah", *places, "--storage-driver", "vfs", *words)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise AssertionError(
                f"{command[0]} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return done.stdout


@dataclass(frozen=True)
class Container:
    """How processes run in the image: as `uid` and `gid`, with nothing writable but /tmp and what is mounted."""

    rootfs: Path
    uid: int = 10001
    gid: int = 10001
    mounts: tuple[tuple[Path, str], ...] = ()
    writable: tuple[str, ...] = ()

    def command(self, *words: str, env: Mapping[str, str] | None = None) -> list[str]:
        """The command that runs `words` in the image."""
        said = {"PATH": "/opt/remedy/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        return [
            *("setpriv", "--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups", "--no-new-privs"),
            *("bwrap", "--unshare-user", "--unshare-pid", "--as-pid-1", "--die-with-parent", "--cap-drop", "ALL"),
            *("--ro-bind", str(self.rootfs), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108
            *(word for place in self.writable for word in ("--tmpfs", place)),
            *(word for outside, inside in self.mounts for word in ("--ro-bind", str(outside), inside)),
            *("--clearenv", *(word for name, value in said.items() for word in ("--setenv", name, value))),
            *("--", *words),
        ]

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """What a command in the image says."""
        return subprocess.run(self.command(*words, env=env), capture_output=True, text=True, timeout=120, check=False)
