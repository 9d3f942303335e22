"""What may be different from one feed to the next, and what is ordered to happen to its pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from sandbox.incident_feed.pages import PAGE_SIZE
from sandbox.incident_feed.spelling import PLAIN, Spelling, spelling_from
from sandbox.incident_feed.world import FilteredBy

DefaultWindow = Literal["year", "term"]
Counted = Literal["page", "all"]


@dataclass(frozen=True, slots=True)
class FeedBehaviour:
    """What the vendor's page leaves open, and what changed since: the defaults are what the stand-in assumes.

    `default_window`: what is shown without `from` and `to`. The page says the term; the vendor shows the year by now.
    `filtered_by`: which day of an incident lies between `from` and `to`, and orders the list.
    `counted`: what the root's `count` counts: the members of the page, as every other `count` counts what its node
    holds, or all that were found.
    `etags`, `last_modified`: whether conditional requests are answered. The page knows none.
    """

    page_size: int = PAGE_SIZE
    default_window: DefaultWindow = "year"
    filtered_by: FilteredBy = "date"
    newest_first: bool = False
    counted: Counted = "page"
    etags: bool = False
    last_modified: bool = False


@dataclass(slots=True)
class Move:
    """What happens once, right after page `after_page` was answered: incidents are added, or the first ones vanish.

    Those that follow move to other pages then, and the number of pages may change.
    """

    after_page: int
    add: int = 0
    withhold: int = 0


@dataclass(slots=True)
class Spelt:
    """How pages are written, for which of them, and how many more times. None: for all, and until cleared."""

    spelling: Spelling
    page: int | None = None
    times: int | None = 1


@dataclass(slots=True)
class Orders:
    """The behaviour of a feed, and what was ordered to go wrong in it beside the faults of the wire."""

    behaviour: FeedBehaviour = FeedBehaviour()
    spellings: list[Spelt] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)

    def spelling_of(self, page: int) -> Spelling:
        """How this page is to be written now; the first order that is meant for it is counted down."""
        for spelt in self.spellings:
            if spelt.page in {None, page}:
                if spelt.times is not None:
                    spelt.times -= 1
                    self.spellings = [each for each in self.spellings if each.times != 0]
                return spelt.spelling
        return PLAIN

    def moves_after(self, page: int) -> list[Move]:
        """What is to happen after this page; it is ordered no longer."""
        due = [move for move in self.moves if move.after_page == page]
        self.moves = [move for move in self.moves if move.after_page != page]
        return due


_WORDS: Mapping[str, tuple[str, ...]] = {
    "default_window": get_args(DefaultWindow),
    "filtered_by": get_args(FilteredBy),
    "counted": get_args(Counted),
}


def behaviour_from(now: FeedBehaviour, order: Mapping[str, Any]) -> FeedBehaviour:
    """The behaviour with these settings. Raises ValueError or TypeError for settings that do not exist."""
    settings = {each.name: getattr(now, each.name) for each in fields(FeedBehaviour)} | dict(order)
    behaviour = FeedBehaviour(**settings)
    for name, words in _WORDS.items():
        if settings[name] not in words:
            raise ValueError(f"{name} is one of {', '.join(words)}")
    if behaviour.page_size < 1:
        raise ValueError("a page has one member or more")
    return behaviour


def spelt_from(order: Mapping[str, Any]) -> Spelt:
    """The order that a control request's JSON describes. Raises ValueError or TypeError where it describes none."""
    rest = dict(order)
    page, times = rest.pop("page", None), rest.pop("times", 1)
    return Spelt(spelling_from(rest), page, times)
