"""Where a report goes: a file that appears whole or not at all and that only its owner may read, or standard output."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import click

from remediation.domain.errors import ConfigurationError, Problem
from remediation.redaction import terminal

STANDARD_OUTPUT = Path("-")


class Output(Protocol):
    """Takes the pieces of a report."""

    def begin(self) -> None:
        """What was written until now is not the report: begin anew."""

    def write(self, piece: bytes) -> None:
        """Take the next piece."""

    def keep(self) -> None:
        """The report is whole: let it be seen."""


@contextlib.contextmanager
def opened_file(path: Path, *, replaces: bool) -> Iterator[Output]:
    """A file in which a report appears whole, by `keep`, or not at all. `replaces`: also in place of one that is there.

    Raises UsageError and ConfigurationError on entering, so that nothing is asked for what cannot be written.
    """
    file = _File(path, _target(path, replaces=replaces), replaces=replaces)
    try:
        yield file
    finally:
        file.close()


@contextlib.contextmanager
def opened(path: Path, *, replaces: bool) -> Iterator[Output]:
    """Where the report goes; without `keep`, nothing of it is left.

    `replaces`: whether a file that is there is replaced, and whether a terminal is written to. Raises UsageError and
    ConfigurationError on entering, so that nothing is asked of SchoolScan for a file that cannot be written.
    """
    if path == STANDARD_OUTPUT:
        if sys.stdout.isatty() and not replaces:
            says = "a report holds student data: --force shows it on a terminal"
            raise click.BadParameter(says, param_hint="--output")
        yield _Collected()
        return
    with opened_file(path, replaces=replaces) as file:
        yield file


class _Collected:
    """Standard output, which gets a whole report or none."""

    def __init__(self) -> None:
        self._content = bytearray()

    def begin(self) -> None:
        self._content.clear()

    def write(self, piece: bytes) -> None:
        self._content += piece

    def keep(self) -> None:
        if sys.stdout.isatty():
            click.echo(terminal(self._content.decode("utf-8", "replace"), lines=True))
        else:
            click.echo(bytes(self._content), nl=False)


class _File:
    """A file beside its target, under a name of its own until it is whole. Its methods raise ConfigurationError."""

    def __init__(self, path: Path, target: Path, *, replaces: bool) -> None:
        self._named = path
        self._target = target
        self._replaces = replaces
        with _problems(path):
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)  # mode 0600
        self._path = Path(name)
        self._file = os.fdopen(descriptor, "wb")

    def begin(self) -> None:
        with _problems(self._named):
            self._file.seek(0)
            self._file.truncate()

    def write(self, piece: bytes) -> None:
        with _problems(self._named):
            self._file.write(piece)

    def keep(self) -> None:
        with _problems(self._named):
            self._file.flush()
            os.fsync(self._file.fileno())
            if self._replaces:
                self._path.replace(self._target)
            else:
                os.link(self._path, self._target)  # unlike a move, it fails where somebody made that file meanwhile
            folder = os.open(self._target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def close(self) -> None:
        """Leave nothing behind but what was kept."""
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a full disk: what was kept had been flushed
            self._file.close()


def _target(path: Path, *, replaces: bool) -> Path:
    """Where links lead to. Raises UsageError."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise click.BadParameter(f"there is no folder {terminal(str(path.parent))}", param_hint="--output")
    if target.exists() and not target.is_file():
        raise click.BadParameter(f"{terminal(str(path))} is no ordinary file", param_hint="--output")
    if target.exists() and not replaces:
        raise click.BadParameter(f"{terminal(str(path))} is there already: --force replaces it", param_hint="--output")
    return target


@contextlib.contextmanager
def _problems(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = f"cannot be written: {error.strerror}. Nothing of the report was kept"
        raise ConfigurationError([Problem(str(path), words)]) from None
