"""Where the file goes: whole or not at all, and never over one that is there unless that was said."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from remediation.domain.errors import ConfigurationError, Problem

_USUAL = 0o666
"""What the umask leaves of it: no secret stands in the file, and processes of other users read it."""


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there. Raises ConfigurationError, also where somebody made it meanwhile."""
    with _problems(path), _whole(path, text) as beside:
        os.link(beside, path)


def replace(path: Path, text: str, before: str) -> None:
    """Put the text in the place of a file, where links lead to. Its mode stays.

    Raises ConfigurationError, and nothing has changed; also where the file is not as it was (`before`) any more.
    """
    with _problems(path):
        target = Path(os.path.realpath(path, strict=True))
        with _whole(target, text) as beside:
            beside.chmod(target.stat().st_mode & 0o777)
            if target.read_bytes() != before.encode():
                raise ConfigurationError(
                    [Problem(str(path), "was changed meanwhile: nothing was written. Call it again")]
                )
            beside.replace(target)


@contextlib.contextmanager
def _whole(path: Path, text: str) -> Iterator[Path]:
    """The text in a file beside the other one, and on the disk; nothing of it is left where it was not taken."""
    beside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _USUAL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        yield beside
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _problems(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = f"cannot be written: {error.strerror}. Nothing was changed: name another file with --output"
        raise ConfigurationError([Problem(str(path), words)]) from None
