"""How a page writes what it says: the stand-in's usual way, and others that the vendor's page leaves open.

The vendor's page names kinds (`{datetime}`, `{boolean}`, `{integer}`) and shows no value of any. The usual way here is
ISO 8601 with an offset, `true` and `false`, and 1 for a flag, which is left out where it does not hold. All others are
to order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any, Literal, get_args

from sandbox.incident_feed.tree import Flag, Value

Namespace = Literal["none", "default", "prefixed"]
DateForm = Literal["iso", "utc", "naive", "fraction", "spaced", "basic", "american", "mail", "unix"]
BooleanForm = Literal["true", "True", "1", "yes", "Y", "t", "on"]
FlagForm = Literal["1", "true", "yes", "", "always"]
"""What stands for a flag that holds. "": the attribute is there and empty. always: also 0 where it does not hold."""

_BOOLEANS: Mapping[BooleanForm, tuple[str, str]] = {
    "true": ("false", "true"),
    "True": ("False", "True"),
    "1": ("0", "1"),
    "yes": ("no", "yes"),
    "Y": ("N", "Y"),
    "t": ("f", "t"),
    "on": ("off", "on"),
}
_MOMENTS: Mapping[DateForm, Callable[[datetime], str]] = {
    "iso": datetime.isoformat,
    "utc": lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    "naive": lambda at: f"{at:%Y-%m-%dT%H:%M:%S}",
    "fraction": lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.250Z",
    "spaced": lambda at: f"{at:%Y-%m-%d %H:%M:%S %z}",
    "basic": lambda at: f"{at:%Y%m%dT%H%M%S%z}",
    "american": lambda at: f"{at:%m/%d/%Y %I:%M %p}",
    "mail": format_datetime,
    "unix": lambda at: str(int(at.timestamp())),
}
_DAYS: Mapping[DateForm, str] = {
    "naive": "%Y-%m-%dT00:00:00",
    "spaced": "%Y-%m-%d 00:00:00",
    "basic": "%Y%m%d",
    "american": "%m/%d/%Y",
    "mail": "%a, %d %b %Y",
}
_TIMES: Mapping[DateForm, str] = {"fraction": "%H:%M:%S.250", "basic": "%H%M%S", "american": "%I:%M %p"}
_ISO_DAY, _ISO_TIME = "%Y-%m-%d", "%H:%M:%S"
_IDENTIFYING = ("@code", "@uuid", "@type")


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a page is written. Paths are those of `pages.paths_of`: `incident/school@code`, `incidents@count`.

    `is_reversed`: elements and attributes in the opposite order. `has_unknown`: elements and attributes that the
    vendor's page does not name, with known names inside the unknown elements. `has_comments`: in the middle of every
    text. `without`: nodes and attributes that are left out. `instead`: other texts, by path. `canary`: stands behind
    every text but codes, uuids and types, and in comments. `count_off`, `total_pages_off`: by how much the
    root is wrong.
    """

    namespace: Namespace = "none"
    dates: DateForm = "iso"
    booleans: BooleanForm = "true"
    flags: FlagForm = "1"
    is_reversed: bool = False
    has_unknown: bool = False
    has_comments: bool = False
    without: frozenset[str] = frozenset()
    instead: Mapping[str, str] = field(default_factory=dict)
    canary: str = ""
    count_off: int = 0
    total_pages_off: int = 0

    def text(self, path: str, value: Value) -> str | None:
        """What is written at this path, not yet escaped; None where it is left out."""
        if path in self.instead:
            return self.instead[path]
        return None if path in self.without else self._written(path, value)

    def _written(self, path: str, value: Value) -> str | None:
        text: str | None
        match value:
            case str():
                text = f"{value} {self.canary}" if self.canary and not path.endswith(_IDENTIFYING) else value
            case bool():
                text = _BOOLEANS[self.booleans][value]
            case Flag():
                text = self._flag(value)
            case datetime():
                text = _MOMENTS[self.dates](value)
            case date():
                text = value.strftime(_DAYS.get(self.dates, _ISO_DAY))
            case time():
                text = value.strftime(_TIMES.get(self.dates, _ISO_TIME))
            case _:
                text = str(value)
        return text

    def _flag(self, flag: Flag) -> str | None:
        if self.flags == "always":
            return str(int(flag.value))
        return self.flags if flag is Flag.SET else None


PLAIN = Spelling()
"""The usual way."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "namespace": get_args(Namespace),
    "dates": get_args(DateForm),
    "booleans": get_args(BooleanForm),
    "flags": get_args(FlagForm),
}


def spelling_from(order: Mapping[str, Any]) -> Spelling:
    """The spelling that a control request's JSON describes. Raises ValueError or TypeError where it describes none."""
    spelling = Spelling(**{**order, "without": frozenset(order.get("without", ()))})
    for name, words in _WORDS.items():
        if getattr(spelling, name) not in words:
            raise ValueError(f"{name} is one of {', '.join(words)}")
    return spelling
