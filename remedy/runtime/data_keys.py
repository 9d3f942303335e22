"""The data keys of a process: from DATA_KEYS, or from DATA_KEYS_FILE, which is read again when it changes.

A mounted Secret changes the target of a symbolic link, as a ConfigMap does: so the file is polled, by its stamp. Keys
that are refused change nothing: the ones before stay in use, and the log, /readyz and a metric tell.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import structlog

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.reading.watching import Stamps, Watch
from remediation.regular_files import open_regular
from remediation.sealing import Keyring
from remediation.settings import Settings
from remedy.runtime.polling import Poller
from remedy.runtime.reload import stamps_of
from remedy.telemetry.metrics import DATA_KEYS, DATA_KEYS_VALID

logger = structlog.get_logger()

SETTING = "DATA_KEYS_FILE"

_LARGEST = 65_536
"""Bytes of a file with keys: some hundreds of them."""


def keyring_of(settings: Settings) -> Keyring:
    """The data keys. Raises ConfigurationError where there are none, or those that there are cannot be used."""
    return Keyring.parse(*keys_written(settings))


def keys_written(settings: Settings) -> tuple[str, str]:
    """The text that spells out the data keys, and the setting it is from. Raises ConfigurationError."""
    if settings.data_keys_file is None and settings.data_keys is None:
        message = "is not set: it holds the keys that seal what rests in Redis. Make one with: remedy keys generate"
        raise ConfigurationError([Problem("DATA_KEYS", message)])
    if settings.data_keys_file is not None and settings.data_keys is not None:
        raise ConfigurationError([Problem(f"DATA_KEYS, {SETTING}", "are both set: leave one of them out")])
    if settings.data_keys_file is not None:
        return keys_in(settings.data_keys_file), SETTING
    return settings.data_keys or "", "DATA_KEYS"


def has_keys(settings: Settings) -> bool:
    """Whether there is a word about data keys."""
    return settings.data_keys is not None or settings.data_keys_file is not None


def keys_in(path: Path) -> str:
    """The text of a file with keys. Raises ConfigurationError, which quotes nothing of it."""
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ConfigurationError([Problem(SETTING, f"has more than {_LARGEST:,} bytes")])
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise ConfigurationError([Problem(SETTING, "is no text with keys")]) from None
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "it is no file"
        raise ConfigurationError([Problem(SETTING, f"cannot be read: {words}")]) from None


class DataKeys:
    """The data keys of one process. All that seals has the same keyring, which takes what the file comes to say."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError where the keys cannot be used."""
        self._path = settings.data_keys_file
        self._watch = Watch.since(self._stamps())
        self._poller = Poller("data_keys_not_followed")
        self._problems: tuple[str, ...] = ()
        self.keyring = keyring_of(settings)
        self._accepted()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the present file is not the one in use; empty while it is."""
        return self._problems

    def ids(self) -> tuple[str, ...]:
        """The ids of the keys in use; the first is the one that seals."""
        return self.keyring.key_ids

    def ask(self) -> None:
        """Check now, without waiting until the file was unchanged for a while."""
        self._poller.ask()

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Take every change of the file while this context is open. Keys from the environment never change."""
        if self._path is None:
            yield
            return
        async with self._poller.polling(partial(self.poll, self._path), self._not_followed):
            yield

    async def poll(self, path: Path, *, was_asked: bool = False) -> None:
        """Look once whether the file has changed and is stable again; if so, take it."""
        self._watch = self._watch.after(await asyncio.to_thread(self._stamps))
        if not self._watch.is_due(asked=was_asked):
            return
        self._watch = Watch.since(await asyncio.to_thread(self._stamps))  # before it is read: no change is overlooked
        try:
            self._take(Keyring.parse(await asyncio.to_thread(keys_in, path), SETTING))
        except ConfigurationError as error:
            self._refused(error.problems)

    def _not_followed(self, error: Exception) -> None:
        self._refused([Problem(SETTING, f"{type(error).__name__} while it was read")])

    def _take(self, found: Keyring) -> None:
        """Use these keys. Raises ConfigurationError where an id names another key than before."""
        if others := self.keyring.other_keys_in(found):
            message = "names another key than the one in use: give the new one an id of its own"
            raise ConfigurationError([Problem(SETTING, f"{each} {message}") for each in others])
        if not self.keyring.is_as(found):
            self.keyring.take(found)
            logger.info("data_keys_reloaded", count=len(found.key_ids), key_id=found.key_ids[0])
        self._accepted()

    def _accepted(self) -> None:
        self._problems = ()
        DATA_KEYS.set(len(self.keyring.key_ids))
        DATA_KEYS_VALID.set(1)

    def _refused(self, problems: Sequence[Problem]) -> None:
        self._problems = tuple(f"the data keys were refused: {problem}" for problem in problems)
        DATA_KEYS_VALID.set(0)
        logger.warning("data_keys_refused", count=len(problems))

    def _stamps(self) -> Stamps:
        return stamps_of([self._path] if self._path is not None else [])
