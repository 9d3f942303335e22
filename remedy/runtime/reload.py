"""A changed mappings.yaml is loaded while the process runs: found by polling, or asked for by SIGHUP.

Polling, because a ConfigMap, a network file system and an editor each change a file in another way, and all of these
ways change its stamp. The content decides: that of the file, and that of every file it refers to, so that a rotated
secret counts as a change.
"""

import asyncio
import contextlib
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import structlog

from remediation.domain.errors import ConfigurationError
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import Loaded, load_mappings
from remediation.mapping.reading.watching import Stamp, Stamps, Watch
from remedy.runtime.polling import Poller
from remedy.telemetry.metrics import MAPPINGS, MAPPINGS_LOADED, MAPPINGS_VALID, RELOAD_FAILURES

logger = structlog.get_logger()

_DIGITS = 12
"""Digits of a digest: enough to tell two files of one installation apart."""

MOST_PROBLEMS = 10
"""Problems that are reported of one refused file; `remedy mappings check` lists them all."""

Digests = Mapping[Path, bytes | None]
"""The content of each file; None where it cannot be read."""

FilesOf = Callable[[Mappings], Iterable[Path]]
"""The files that a process reads because mappings.yaml refers to them."""

Take = Callable[[Loaded], Awaitable[None]]
"""Uses new mappings from now on. Raises ConfigurationError, and changes nothing, where it cannot."""


class Follower:
    """The mappings.yaml of one process. A refused file changes nothing, and is reported."""

    def __init__(self, path: Path, files_of: FilesOf, clock: Callable[[], float]) -> None:
        self._path = path
        self._files_of = files_of
        self._clock = clock
        self._watch = Watch.since({})
        self._digests: Digests = {}
        self._poller = Poller("mappings_not_followed")
        self._problems: tuple[str, ...] = ()
        self._digest = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the present file is not the one in use; empty while it is."""
        return self._problems

    def is_refused(self) -> bool:
        """Whether the present file is not the one in use."""
        return bool(self._problems)

    @property
    def digest(self) -> str:
        """The start of the digest of the file in use; empty before there is one."""
        return self._digest

    def first(self) -> Loaded:
        """The file as it is at the start. Raises ConfigurationError."""
        self._look([self._path])
        loaded = self._read()
        self._accepted()
        return loaded

    def ask(self) -> None:
        """Check now, without waiting until the files were unchanged for a while. A refused file is tried again."""
        self._poller.ask()

    @contextlib.asynccontextmanager
    async def following(self, take: Take) -> AsyncIterator[None]:
        """Pass every change to `take` while this context is open."""
        async with self._poller.polling(partial(self._poll, take), self._not_followed):
            yield

    async def _poll(self, take: Take, *, was_asked: bool) -> None:
        self._watch = self._watch.after(await asyncio.to_thread(stamps_of, self._watch.read))
        if not self._watch.is_due(asked=was_asked):
            return
        before = self._digests
        await asyncio.to_thread(self._look, self._watch.read)
        if self._digests != before or (was_asked and self._problems):
            await self._reload(take)
        elif was_asked:
            logger.info("mappings_unchanged")

    def _not_followed(self, error: Exception) -> None:
        self._refused([f"{type(error).__name__} while it was read"])

    async def _reload(self, take: Take) -> None:
        try:
            loaded = await asyncio.to_thread(self._read)
            await take(loaded)
        except ConfigurationError as error:
            first = error.problems[0]
            self._refused([str(problem) for problem in error.problems])
            at = f"{first.where}:{first.line}:{first.column}"
            logger.warning("mappings_refused", at=at, count=len(error.problems))
        else:
            self._accepted()
            logger.info("mappings_reloaded", count=len(loaded.mappings.rules))

    def _look(self, files: Iterable[Path]) -> None:
        """Remember the state of these files, the stamps first: the next poll sees a change that comes in between."""
        self._watch = Watch.since(stamps_of(files))
        self._digests = digests_of(self._watch.read)

    def _read(self) -> Loaded:
        """Read the file. From now on the files that it refers to are watched, whether they exist or not."""
        stamp, digest = self._watch.read[self._path], self._digests[self._path]
        loaded = load_mappings(self._path)
        self._look(self._files_of(loaded.mappings))
        self._watch = Watch.since({**self._watch.read, self._path: stamp})
        self._digests = {**self._digests, self._path: digest}
        return loaded

    def _accepted(self) -> None:
        self._problems = ()
        MAPPINGS_VALID.set(1)
        MAPPINGS_LOADED.set(self._clock())
        self._digest = short_digest(self._digests[self._path])
        MAPPINGS.info({"digest": self._digest})

    def _refused(self, problems: list[str]) -> None:
        more = len(problems) - MOST_PROBLEMS
        told = problems[:MOST_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        self._problems = tuple(f"mappings.yaml was refused: {problem}" for problem in told)
        MAPPINGS_VALID.set(0)
        RELOAD_FAILURES.inc()


def stamps_of(files: Iterable[Path]) -> Stamps:
    """The stamp of each file now."""
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> Stamp | None:
    try:
        target = os.path.realpath(file, strict=True)
        found = Path(target).stat()
    except (OSError, ValueError):
        return None
    return Stamp(target, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def digests_of(files: Iterable[Path]) -> Digests:
    """The content of each file now. Only regular files: reading a pipe would empty it."""
    return {file: _digest(file) for file in files}


def short_digest(digest: bytes | None) -> str:
    """The part of the digest that people see."""
    return (digest or b"").hex()[:_DIGITS]


def _digest(file: Path) -> bytes | None:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return None
        with file.open("rb") as content:
            return hashlib.file_digest(content, hashlib.sha256).digest()
    except (OSError, ValueError):
        return None
