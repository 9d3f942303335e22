"""Whether a worker has the data keys of what waits for it. Without them it would park what it should work on."""

import time
from collections.abc import Callable

import structlog

from remediation.domain.errors import StoreUnavailable
from remediation.read_model.wording import by_count, count_words
from remediation.sealing import Keyring
from remediation.store.deliveries.sealed import SealedUnder, sealed_under
from remediation.store.server.connection import Connection

logger = structlog.get_logger()

ASKED_EVERY = 30.0
"""Seconds between two checks, however often the result is asked for: each check reads hundreds of rows."""


class ForeignKeys:
    """The data keys that this process lacks, by id. `steady` is a monotonic clock in seconds."""

    def __init__(
        self, connection: Connection, keyring: Keyring, *, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._keyring = keyring
        self._steady = steady
        self._asked_at = -ASKED_EVERY
        self._problems: list[str] = []
        self._told: set[str] = set()

    async def problems(self) -> list[str]:
        """A problem for each key that is missing or wrong. While Redis does not answer, the last result.

        Each key's id is logged once.
        """
        if self._steady() - self._asked_at < ASKED_EVERY:
            return self._problems
        self._asked_at = self._steady()
        try:
            found = [each for each in await sealed_under(self._connection, self._keyring) if not each.opens]
        except StoreUnavailable:
            self._asked_at = -ASKED_EVERY
            return self._problems
        self._problems = [problem_of(each) for each in found]
        for each in found:
            if each.key_id not in self._told:
                self._told.add(each.key_id)
                logger.warning("data_key_missing", key_id=each.key_id, count=each.count)
        return self._problems


def problem_of(sealed: SealedUnder) -> str:
    """What is wrong with the key of these rows, in words."""
    if sealed.opens is None:
        waits = f"{count_words(sealed.count, 'sealed value')} {by_count(sealed.count, 'waits', 'wait')}"
        return f"{waits} for the data key {sealed.key_id}, which is not in DATA_KEYS"
    does = f"{count_words(sealed.count, 'sealed value')} {by_count(sealed.count, 'does', 'do')}"
    return f"{does} not open under the key {sealed.key_id}: DATA_KEYS has another of that id"
