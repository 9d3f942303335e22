"""Where lines of the audit are written out: the log, a file, and a syslog server.

Each line is written at least once: whoever dies in between writes it again, and its number says that it is the same.
"""

import fcntl
import json
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import structlog

from remediation.read_model.audit import line_json
from remediation.store.audit.chain import Line, place_in, place_text

logger = structlog.get_logger()

AT_ONCE = 500
"""Lines that are written together."""

_TAIL_BYTES = 65_536
"""In the end of a file of this length is its last line: a line has some hundred bytes."""

_SECONDS = 5.0
_PRIORITY = 13 * 8 + 6
"""Facility 13 (log audit), severity 6 (informational), as RFC 5424 counts them."""

BEGINNING = "0-0"


class AuditTarget(Protocol):
    """A place to which lines are written. Its methods block, and raise OSError where the place cannot be used."""

    name: str

    def last(self) -> str | None:
        """The place of the last line that is there; None where the target cannot say so."""

    def write(self, lines: Sequence[Line]) -> None:
        """Write these lines, in order. They are there when this returns, as far as the target can tell."""


class AuditLog:
    """This worker's log: one event for each line, with the proof, by which it is compared with the trail."""

    name = "log"

    def last(self) -> str | None:
        """None: nobody reads a log back."""
        return None

    def write(self, lines: Sequence[Line]) -> None:
        """Log each line: who, what, and about what."""
        for line in lines:
            entry = line.entry
            about = {"case": entry.case, "rule": entry.rule, "by": entry.by, "user": entry.user, "count": entry.count}
            said = {name: value for name, value in about.items() if value not in {"", None}}
            actions = {"fields": ",".join(each.action for each in entry.did)} if entry.did else {}
            proof = {"chain": line.chain, "number": line.number, "key_id": line.key, "mac": line.proof.hex()}
            logger.info("audit_line", action=entry.act, **said, **actions, **proof)


class AuditFile:
    """A file to which each worker that is given it adds every line, as JSON: a copy of the trail.

    The file itself says how far it goes. Where it was moved away, this process goes on after the last line it wrote.
    """

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: str | None = None

    def last(self) -> str | None:
        """The place of the last line in the file, or, where it has none, of the last one that this process wrote."""
        try:
            with self._path.open("rb") as file:
                return _last_in(file.fileno()) or self._written or BEGINNING
        except FileNotFoundError:
            return self._written or BEGINNING

    def write(self, lines: Sequence[Line]) -> None:
        """Add those lines that the file does not have yet, and wait until they are on the disk."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # two workers of one machine may be given the same file
            last = place_in(_last_in(descriptor) or self._written or BEGINNING)
            texts = [_text(line) for line in lines if (line.chain, line.number) > last]
            if texts:
                _write_all(descriptor, _repaired(descriptor) + b"".join(texts))
                os.fsync(descriptor)
            self._written = lines[-1].place
        finally:
            os.close(descriptor)


class AuditSyslog:
    """A syslog server: `udp://host:514`, `tcp://host:601` (RFC 6587, octet counting) or `unix:///dev/log`."""

    name = "syslog"

    def __init__(self, address: str, host: str) -> None:
        self._address = urlsplit(address)
        self._host = host or "-"

    def last(self) -> str | None:
        """None: no syslog server says what it has."""
        return None

    def write(self, lines: Sequence[Line]) -> None:
        """Send the lines as messages of RFC 5424. Only TCP tells that nobody takes them."""
        with _open(self._address) as connection:
            for line in lines:
                message = self._message(line)
                if self._address.scheme == "tcp":
                    message = b"%d %s" % (len(message), message)
                connection.sendall(message)

    def _message(self, line: Line) -> bytes:
        at = datetime.fromtimestamp(line.entry.at / 1000, tz=UTC).isoformat(timespec="milliseconds")
        head = f"<{_PRIORITY}>1 {at} {self._host} remedy {os.getpid()} audit - "
        return head.encode("ascii", "replace") + json.dumps(line_json(line)).encode()


def _open(address: SplitResult) -> socket.socket:
    if address.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        connection.settimeout(_SECONDS)
        try:
            connection.connect(address.path)
        except OSError:
            connection.close()
            raise
        return connection
    where = (address.hostname or "", address.port or 514)
    if address.scheme == "tcp":
        return socket.create_connection(where, timeout=_SECONDS)
    family, kind, protocol, _, found = socket.getaddrinfo(*where, type=socket.SOCK_DGRAM)[0]
    connection = socket.socket(family, kind, protocol)
    connection.connect(found)
    return connection


def _text(line: Line) -> bytes:
    return json.dumps(line_json(line)).encode() + b"\n"


def _last_in(descriptor: int) -> str | None:
    """The place of the last whole line in a file; a line that was cut off by a crash is none."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    for text in reversed(tail.split(b"\n")):
        try:
            value = json.loads(text)
            return place_text((int(value["chain"]), int(value["number"])))
        except (ValueError, KeyError, TypeError):
            continue
    return None


def _repaired(descriptor: int) -> bytes:
    """What must come before the next line: an end of line, where a crash has cut the last one off."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def _write_all(descriptor: int, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
