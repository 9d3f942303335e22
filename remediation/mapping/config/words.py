"""The kinds of word that mappings.yaml is made of, each with what it may be."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, HttpUrl, StringConstraints

from remediation.domain.cases.records import DISTRICT_NAME
from remediation.domain.status import Severity
from remediation.mapping.config.paths import glob_of

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LONGEST_TEXT = 20_000
_LONGEST_CODE = 100
"""No feed has longer ones: see LONGEST_CODE of remediation/sources/incident_feed/words.py."""

CURLY_QUOTES = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b"
"""Quotes as word processors write them: YAML and templates take them for letters."""

_NAME = rf"^{DISTRICT_NAME.pattern}$"
_ENV = r"^[A-Z_][A-Z0-9_]*$"
_SITE = r"^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$"
_HOST = r"^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$"
_TABLE = r"^[a-z0-9_]{1,80}$"
_LABEL = r"^\S{1,255}$"
_FIELD = r"^[A-Za-z][A-Za-z0-9_]{0,79}$"
_PROJECT = r"^[A-Z][A-Z0-9_]{0,254}$"
_CLOUD_ID = r"^[A-Za-z0-9-]{8,64}$"
_SECRET_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"  # noqa: S105 - a pattern  # nosec B105
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_PARTS = re.compile(r"([0-9]{1,6}(?:[.,][0-9]{1,3})?)\s*([a-z]+)\.?,?(?:\s+and\b)?\s*")
_LONGEST_SPAN = 40
_LONGEST_WORD = 100
_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_OTHER_UNITS = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), timedelta(seconds=1)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("day", "days"), timedelta(days=1)),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), timedelta(days=7)),
    **dict.fromkeys(("mo", "month", "months"), timedelta(days=30)),
    **dict.fromkeys(("y", "yr", "year", "years"), timedelta(days=365)),
}
"""Units as people write them elsewhere, for the message about such a span."""

MEANING_OF_PATTERN: Mapping[str, str] = {
    _NAME: "a name is 1 to 32 lower-case letters, digits and inner dashes",
    _ENV: "must be the name of an environment variable, in capitals and without $, such as JIRA_TOKEN",
    _HOST: "must be a host name in lower case, such as www.example.org, or *.example.org for what is below it",
    _SITE: "must be a host name in lower case, such as www.example.org",
    _TABLE: "must be a table's name, such as incident or sn_si_incident",
    _FIELD: "must be a field's id, such as customfield_10051 or u_risk_reason, and not the name that people see",
    _PROJECT: "must be a project's key, such as SEC: capital letters, digits and _, and a letter at the beginning",
    _LABEL: "a label has 1 to 255 characters and no spaces",
    _SECRET_ID: "an id has 1 to 40 letters, digits, dots, dashes and underscores, and begins with a letter or digit",
    _CLOUD_ID: "must be the site's id, such as 11223344-a1b2-3b33-c444-def123456789",
}
"""What each pattern of this module allows, in words."""


def _dashed(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _host_of(text: str) -> str:
    host = text.strip().lower()
    return host.partition("://")[2].partition("/")[0].partition(":")[0] if "://" in host else host.strip("/.")


_NEAR_PATTERN: Mapping[str, Callable[[str], str]] = {
    _NAME: _dashed,
    _HOST: _host_of,
    _SITE: _host_of,
    _TABLE: str.lower,
    _LABEL: lambda text: re.sub(r"\s+", "-", text.strip()),
    _PROJECT: str.upper,
}


def near_pattern(pattern: str, text: str) -> str | None:
    """What was probably meant where a text does not have the form that is allowed; None where nobody can tell."""
    near = _NEAR_PATTERN.get(pattern)
    meant = near(text) if near and len(text) <= _LONGEST_WORD else ""
    return meant if meant and meant != text and re.search(pattern, meant) else None


class Misplaced(ValueError):
    """What is wrong with a word inside the value that is being read: `steps` lead to it."""

    def __init__(self, message: str, *steps: str, is_key: bool = False) -> None:
        super().__init__(message)
        self.steps = steps
        self.is_key = is_key


def text_of_number(value: object) -> object:
    """A whole number as text, so that `resolve_state: 6` needs no quotes; any other value is returned as it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def duration_of(value: object) -> timedelta:
    """The span of a whole number and one unit; a timedelta is returned as it is. Raises ValueError: what is allowed."""
    if isinstance(value, timedelta):
        return value
    written = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError(f"must be a whole number and a unit: 90s, 15m, 2h or 14d{_span_meant(value)}")
    return int(written[1]) * _UNITS[written[2]]


def _span_meant(value: object) -> str:
    """`; write 2d` for `2 days` and its like; otherwise nothing."""
    match value:
        case bool():
            return ""
        case int() if value > 0:
            return f"; write {value}d for days, {value}h for hours"
        case str() if len(value) <= _LONGEST_SPAN:
            text = _as_parts(value.strip().lower())
            parts = list(_PARTS.finditer(text))
            units = {**_UNITS, **_OTHER_UNITS}
            if not parts or "".join(part[0] for part in parts) != text or any(part[2] not in units for part in parts):
                return ""
            try:
                span = sum((float(part[1].replace(",", ".")) * units[part[2]] for part in parts), timedelta(0))
            except OverflowError:
                return ""
            return f"; write {duration_text(span)}" if span >= _UNITS["s"] else ""
        case _:
            return ""


def _as_parts(text: str) -> str:
    """A span of ISO 8601 (p1dt2h) as numbers with units (1d2h): what is `m` before its `t` are months."""
    if not re.match(r"p[0-9t]", text):
        return text
    days, _, hours = text[1:].partition("t")
    return days.replace("m", "mo") + hours


def duration_text(span: timedelta) -> str:
    """The span as it would be written, in the largest unit that holds it whole; fractions of a second are dropped."""
    for letter, unit in _UNITS.items():
        if span >= unit and not span % unit:
            return f"{span // unit}{letter}"
    return f"{span // _UNITS['s']}s"


def day_of(value: object) -> date:
    """The day that is written; a date is returned as it is. Raises ValueError, which says what is allowed."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) and _DAY.fullmatch(value) else "")
    except ValueError:
        raise ValueError("must be a day, such as 2026-12-31: the last one on which it counts") from None


def as_list(value: object) -> object:
    """A list of one entry for a single word or a single map; any other value is returned as it is."""
    return [value] if isinstance(value, str | dict) else value


def as_codes(value: object) -> object:
    """One code standing for a list of one; a code is text, and never a number: 0101 and 101 are two codes."""
    for code in value if isinstance(value, list) else [value]:
        match code:
            case bool() | int() | float():
                text = str(code).lower()
                raise ValueError(f"codes are text: put {text} in quotes, as '{text}'")
            case _:
                continue
    return [value] if isinstance(value, str) else value


def for_every_severity(value: object) -> object:
    """A map from every severity to the word, for a single word; a map is returned as it is. Raises ValueError."""
    word = text_of_number(value)
    is_one_or_each = isinstance(word, str | dict | None)
    if not is_one_or_each:
        what = "a list stands here" if isinstance(word, list) else "this is neither"
        raise ValueError(f"must be one word, or one for each severity, such as {{critical: …, high: …}}: {what}")
    return dict.fromkeys(Severity, word) if isinstance(word, str) else value


def lower_keys(value: object) -> object:
    """A map with its keys in lower case, because upper and lower case mean the same there. Raises ValueError."""
    match value:
        case dict(words):
            lowered = {str(key).lower(): word for key, word in words.items()}
            if len(lowered) < len(words):
                raise ValueError("has words that differ only in upper and lower case")
            return lowered
        case _:
            return value


def without_final_slash(address: str) -> str:
    """An address as sites are named by it."""
    return address.rstrip("/")


def plain_address(url: HttpUrl) -> HttpUrl:
    """`url`, if it can be the address of a system that we call. Raises ValueError."""
    if url.username or url.password:
        raise ValueError("an address holds no user name or password: write them under auth")
    if url.query or url.fragment:
        raise ValueError("must be an address without ?query and #fragment")
    if url.scheme != "https" and url.host not in _LOOPBACK:
        raise ValueError("must begin with https:// (http:// only for this very machine)")
    return url


def _proxy_address(url: HttpUrl) -> HttpUrl:
    """`url`, if it can be the address of a proxy. Raises ValueError."""
    if url.username or url.password:
        raise ValueError("a proxy's address holds no user name or password")
    if url.path not in {None, "/"} or url.query or url.fragment:
        raise ValueError("must be a proxy's address and nothing more, such as http://proxy.example:3128")
    return url


def at_least(limit: timedelta) -> AfterValidator:
    """A validator for a span of `limit` or more."""

    def long_enough(span: timedelta) -> timedelta:
        if span < limit:
            raise ValueError(f"must be at least {duration_text(limit)}")
        return span

    return AfterValidator(long_enough)


def at_most(limit: timedelta, why: str) -> AfterValidator:
    """A validator for a span above zero and up to `limit`; `why` is the reason of the limit, for the message."""

    def short_enough(span: timedelta) -> timedelta:
        if span <= timedelta(0):
            raise ValueError("must be more than 0s")
        if span > limit:
            raise ValueError(f"must be at most {duration_text(limit)}: {why}")
        return span

    return AfterValidator(short_enough)


def link_with_id(link: str) -> str:
    """`link`, if it is an address for people with {id} as its only placeholder. Raises ValueError."""
    try:
        parts = urlsplit(link)
    except ValueError:
        raise ValueError("must be an address such as https://example.org/findings/{id}") from None
    if re.search(r"[{}]", link.replace("{id}", "")):
        raise ValueError("must contain {id}, which stands for the id, and nothing else in braces")
    if parts.scheme not in {"http", "https"} or not parts.netloc or re.search(r"\s", link):
        raise ValueError("must be an address such as https://example.org/findings/{id}")
    if "@" in parts.netloc:
        raise ValueError("an address holds no user name or password")
    if "{id}" not in link:
        raise ValueError("must contain {id}, which stands for the id, and nothing else in braces")
    return link


class Written(BaseModel):
    """What a person writes: nothing unknown is accepted, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Name = Annotated[str, StringConstraints(pattern=_NAME)]
EnvName = Annotated[str, StringConstraints(pattern=_ENV)]
Host = Annotated[str, StringConstraints(pattern=_HOST)]
SiteName = Annotated[str, StringConstraints(pattern=_SITE)]
Table = Annotated[str, StringConstraints(pattern=_TABLE)]
Label = Annotated[str, StringConstraints(pattern=_LABEL)]
FieldId = Annotated[str, StringConstraints(pattern=_FIELD)]
ProjectKey = Annotated[
    str,
    StringConstraints(pattern=_PROJECT),
    BeforeValidator(text_of_number, json_schema_input_type=str | int),
]
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_LONGEST_TEXT),
    BeforeValidator(text_of_number, json_schema_input_type=str | int),
]
FormerSite = Annotated[Text, AfterValidator(without_final_slash)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_LONGEST_CODE)]
SecretId = Annotated[
    str,
    StringConstraints(pattern=_SECRET_ID),
    BeforeValidator(text_of_number, json_schema_input_type=str | int),
]
LastDay = Annotated[date, BeforeValidator(day_of, json_schema_input_type=str)]
Duration = Annotated[timedelta, BeforeValidator(duration_of, json_schema_input_type=str)]
Address = Annotated[HttpUrl, AfterValidator(plain_address)]
ProxyAddress = Annotated[HttpUrl, AfterValidator(_proxy_address)]
CloudId = Annotated[str, StringConstraints(pattern=_CLOUD_ID)]
PathGlob = Annotated[str, AfterValidator(glob_of)]
Link = Annotated[str, AfterValidator(link_with_id)]
