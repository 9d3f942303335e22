"""Waiting for SchoolScan: asked seldom, and patient with limits and outages. An interruption loses nothing."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import click

from remediation.domain.errors import TryLater, Waiting
from remediation.domain.findings import Scan, ScanStatus
from remediation.read_model.scans import status_words
from remedy.reconcile.command import Span
from remedy.reconcile.report import Screen
from remedy.runtime.failures import ExitCode
from remedy.scans.account import NamedAccount

AnswerT = TypeVar("AnswerT")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
_GROWTH = 1.5
"""Seconds between two questions: the pause grows up to a read each half minute, of the 300 that a district has."""

patience_option = click.option(
    "--patience",
    metavar="10m",
    type=Span(),
    default="10m",
    show_default=True,
    help="Stop waiting once SchoolScan has given no answer for so long.",
)


async def answered(
    ask: Callable[[], Awaitable[AnswerT | None]],
    screen: Screen,
    patience: timedelta,
    *,
    at_most: timedelta = timedelta.max,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AnswerT:
    """What `ask` returns, asked until it is not None.

    A limit or an outage is said, and waited for. Raises TryLater where that would take longer than `patience`, and at
    once for a token that is not taken and for a write that may have been done; TimeoutError after `at_most` in all.
    """
    pause, began_at = FIRST_PAUSE, clock()
    heard_at = began_at
    while True:
        wait = pause
        try:
            if (answer := await ask()) is not None:
                return answer
            heard_at = clock()
        except TryLater as error:
            wait = max(pause, error.after or 0.0)
            if error.waiting is Waiting.LIMIT:
                heard_at = clock()
            is_over = clock() + wait - heard_at > patience.total_seconds()
            if is_over or error.ambiguous or error.waiting is Waiting.SIGN_IN:
                raise
            screen.say(f"{error}; asked again in {wait:.0f} s")
        if clock() + wait - began_at > at_most.total_seconds():
            raise TimeoutError
        await sleep(wait)
        pause = min(LONGEST_PAUSE, pause * _GROWTH)


class News:
    """Says on the screen what is another thing than it said last."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._said = ""

    def say(self, words: str) -> None:
        """Say it, unless it was said last."""
        if words != self._said:
            self._said = words
            self._screen.say(words)


async def ended(account: NamedAccount, scan_id: str, screen: Screen, patience: timedelta) -> Scan:
    """The scan, waited for until it has ended. Raises OutsideError."""
    news = News(screen)

    async def ask() -> Scan | None:
        scan = await account.api.scan(scan_id)
        news.say(f"{scan_id}: {status_words(scan)}")
        return scan if scan.has_ended else None

    with screen.bar("waiting for the scan", None, timed=True):
        return await answered(ask, screen, patience)


def code_of(scan: Scan) -> ExitCode:
    """The exit code for a scan that has ended."""
    return ExitCode.DONE if scan.status is ScanStatus.COMPLETED else ExitCode.FAILED


@contextlib.contextmanager
def resumable(screen: Screen, says: Callable[[], str]) -> Iterator[None]:
    """Within it, Ctrl-C says how to go on, and ends the command as it always does. Raises Abort."""
    try:
        yield
    except KeyboardInterrupt:
        if words := says():
            screen.say(words)
        raise click.Abort from None
