"""What an address asks of a list: its filters, and the place of its page. A refusal of these says what was wrong."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

from console.answers import PageRefused
from console.rendering import path_of

PlaceT = TypeVar("PlaceT")

_LONGEST = 1_200


class ListAddress:
    """The query of a list's address. Every reading method raises PageRefused for what it cannot be."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._asked: dict[str, str] = {}

    @property
    def filters(self) -> Mapping[str, str]:
        """What was read so far and is not empty: with it the next page's address has the same filters."""
        return dict(self._asked)

    def text(self, name: str) -> str:
        """A word as it was asked for; empty for any."""
        value = self._value(name)
        return self._keep(name, value)

    def choice(self, name: str, choices: Iterable[str]) -> str:
        """One of these words; empty for any."""
        value = self._value(name)
        if value and value not in set(choices):
            raise PageRefused(f"There is nothing to choose for {name} that is called so.")
        return self._keep(name, value)

    def day(self, name: str, *, is_last: bool = False) -> float | None:
        """When a day (UTC) begins, or where it is the last one, ends, in Unix seconds; None for any."""
        value = self._value(name)
        if not value:
            return None
        try:
            begins = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
            at = (begins + timedelta(days=is_last)).timestamp()
        except (ValueError, OverflowError):
            raise PageRefused(f"{name} must be a day, such as 2026-04-15.") from None
        self._keep(name, value)
        return at

    def place(self, parse: Callable[[str], PlaceT]) -> PlaceT | None:
        """Where the page begins, as the page before it wrote; None for the first."""
        value = self._value("after")
        try:
            return parse(value) if value else None
        except ValueError:
            raise PageRefused("This page begins nowhere: go back to the first one.") from None

    def of_route(self, name: str, after: object | None = None, **params: str) -> str:
        """The path of a route with the same filters, and the place where its page begins."""
        query = self._asked | ({} if after is None else {"after": str(after)})
        path = path_of(self._request, name, **params)
        return f"{path}?{urlencode(query)}" if query else path

    def words(self) -> str:
        """The filters as the options of a command, for the audit."""
        return " ".join(f"--{name} {value}" for name, value in self._asked.items())

    def _value(self, name: str) -> str:
        value = self._request.query_params.get(name, "")
        if len(value) > _LONGEST:
            raise PageRefused(f"{name} is too long.")
        return value

    def _keep(self, name: str, value: str) -> str:
        if value:
            self._asked[name] = value
        return value
