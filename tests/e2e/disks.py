"""Disks that are full to order."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 4_096


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A disk of a few blocks, and one file on it that fills what the others leave."""

    folder: Path

    def fill(self) -> None:
        """Take all that is left."""
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"x" * _BLOCK)

    def make_room(self) -> None:
        """Give it back."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@contextlib.contextmanager
def small_disk(size: int) -> Iterator[SmallDisk]:
    """One of so many bytes, in memory. Raises PermissionError where we may mount none."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-disk-"))  # short: a socket may be in it
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            raise PermissionError("may mount no disk here")
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607 - the system's own
    finally:
        folder.rmdir()
