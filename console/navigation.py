"""The sections of the navigation, and which of them a page belongs to. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class Section:
    """One entry: its title, the name of its first page's route, and of all its pages' routes."""

    title: str
    route: str
    routes: frozenset[str]

    @classmethod
    def of(cls, title: str, routes: Sequence[Route]) -> Self:
        """The section of a module of pages: the first route is its page."""
        return cls(title, routes[0].name, frozenset(route.name for route in routes))

    def current(self, route: str | None) -> str | None:
        """The value of `aria-current` while a route's page is shown: "page", "true" for a page below; None for none."""
        if route == self.route:
            return "page"
        return "true" if route in self.routes else None
