"""A tracker that a dry run has waited for in vain: it is not asked any more."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NoReturn

from remediation.domain.errors import TryLater
from remediation.ports import Tracker


class SilentTracker:
    """Takes the place of a Tracker: every question raises at once the error for which the tracker was given up."""

    def __init__(self, tracker: Tracker, error: TryLater) -> None:
        self._tracker, self._error = tracker, error

    @property
    def name(self) -> str:
        """As in mappings.yaml."""
        return self._tracker.name

    @property
    def address(self) -> str:
        """As the tracker's own."""
        return self._tracker.address

    @property
    def search_horizon(self) -> timedelta:
        """As the tracker's own."""
        return self._tracker.search_horizon

    def cursor_at(self, moment: datetime) -> str:
        """As the tracker's own: nobody is asked for it."""
        return self._tracker.cursor_at(moment)

    def former_places(self, linked: Collection[str]) -> tuple[str, ...]:
        """As the tracker's own: nobody is asked for them."""
        return self._tracker.former_places(linked)

    async def _say_why(self, *question: object, **options: object) -> NoReturn:
        del question, options
        raise self._error.with_traceback(None)  # otherwise it keeps all the frames that it ever passed through

    create = read = find = resolve = reopen = raise_urgency = keep_list = keep_report = _say_why
    comment = relate = closing_words = closer_name = changes = whoami = accounts = site = _say_why

    async def close(self) -> None:
        """Does nothing: the tracker is closed by whoever opened it."""
