"""Lists of data keys, written where nobody else can read them: whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from remediation.domain.errors import ConfigurationError, Problem

_OWNERS = 0o600
_AND_GROUPS = 0o640


def write_new(path: Path, entries: Mapping[str, str]) -> None:
    """Write the list into a file that does not exist yet. Raises ConfigurationError, also where it does."""
    with _problems(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNERS)
        with os.fdopen(descriptor, "wb") as file:
            _write(file.fileno(), entries)


def replace_list(path: Path, entries: Mapping[str, str]) -> None:
    """Put the list in the place of the file, where links lead to. Raises ConfigurationError, and nothing has changed.

    The owner stays, and so does its group's right to read: the processes may be another user than who calls this.
    """
    with _problems(path):
        target = Path(os.path.realpath(path, strict=True))
        before = target.stat()
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            try:
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
                os.fchmod(descriptor, _OWNERS | before.st_mode & _AND_GROUPS)
                _write(descriptor, entries)
            finally:
                os.close(descriptor)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write(descriptor: int, entries: Mapping[str, str]) -> None:
    os.write(descriptor, "".join(f"{entry}\n" for entry in entries.values()).encode())
    os.fsync(descriptor)


@contextlib.contextmanager
def _problems(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = f"cannot be written: {error.strerror}. Nothing was changed: name another file with --output"
        raise ConfigurationError([Problem(str(path), words)]) from None
