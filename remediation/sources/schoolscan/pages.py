"""The pages of SchoolScan's lists, in each of the forms that they may have. Pure.

It is not known which form the vendor uses, so three are read: `next_cursor` in the body, `page`/`per_page`/`total` in
the body, or a `Link` header with `rel="next"`. A page's `cursor` is opaque to callers. Its first letter names the form:
`c:<the vendor's cursor>`, `l:<the query of the next page>`, and of numbered pages `p:<Turn>`, or `e:<Turn>` behind an
empty page. It never has an address or a path: whoever could change a stored one would send our token there.

A list may change while it is read. Where it grows, members come twice. Where it becomes shorter, members of numbered
pages move to pages that were read before: these are read once more (see Turn). Of the other two forms nobody can tell.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from remediation.domain.errors import Unreadable
from remediation.domain.findings import Finding
from remediation.sources.schoolscan.words import text_of

PAGE_SIZE = 100

_USUAL_PORTS = {"http": 80, "https": 443}
_LONGEST_CURSOR = 4096
_VENDORS = re.compile(rf"[\x20-\x7e]{{1,{_LONGEST_CURSOR}}}")
"""A cursor of the vendor's: it goes on as a parameter, percent-encoded."""
_TURN = re.compile(r"([0-9]{1,11})(?::([0-9]{1,11}))?(?::([0-9]{1,11}))?")
_LINK = re.compile(rf"[\x21-\x7e]{{1,{_LONGEST_CURSOR}}}")
"""An address as it comes: `urlsplit` would drop tabs and line breaks from others without a word."""
_QUERY = re.compile(rf"[A-Za-z0-9._~!$&'()*+,;=:@/?%\[\]|-]{{1,{_LONGEST_CURSOR - 2}}}")
"""RFC 3986, and brackets and bars, which queries have in practice. It goes on as it came."""
_LAST_PAGE_NUMBER = 10**9


@dataclass(frozen=True, slots=True)
class RawPage:
    """The members of one page as raw JSON values, and our cursor for the next one (None: this was the last)."""

    members: tuple[object, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """Which numbered page is read next.

    `total` is how many members the list had when the last page before it was read; None where it does not say. With
    `resume`, pages are read once more, up to the one that shall not be read again: that page's successor is `resume`.
    """

    page: int
    total: int | None = None
    resume: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Turn | None":
        """The turn that `str` wrote; None for another text."""
        found = _TURN.fullmatch(text)
        return found and cls(int(found[1]), *(int(each) if each else None for each in found.groups()[1:]))

    def __str__(self) -> str:
        return ":".join(str(each) for each in (self.page, self.total, self.resume) if each is not None)


@dataclass(frozen=True, slots=True)
class FindingsPage:
    """One page of a findings list. `cursor` goes into the next call; None means that this was the last page.

    `left_out` is the number of members without a usable id (see outside_id), which no case can have.
    """

    findings: tuple[Finding, ...]
    cursor: str | None
    left_out: int = 0


def address_of(url: str, filters: Mapping[str, str], cursor: str | None) -> str:
    """Returns the address of the page that a cursor names; without a cursor, that of the first page.

    `url` is the list's own address, without a query: no cursor leads to another. One that is not ours, or is of an
    earlier form and names another path, names the first page.
    """
    query = {**filters, "per_page": str(PAGE_SIZE)}
    match (cursor or "").partition(":"):
        case "c", ":", position if _VENDORS.fullmatch(position):
            query["cursor"] = position
        case "p" | "e", ":", position if (turn := Turn.parse(position)) is not None:
            query["page"] = str(turn.page)
        case "l", ":", position if (linked := _query_in(position, url)) is not None:
            return f"{url}?{linked}"
    return f"{url}?{urlencode(query)}"


def _query_in(position: str, url: str) -> str | None:
    """The query in a cursor; an earlier version stored it behind the list's path, and that of another list is none."""
    path, _, query = position.partition("?") if position.startswith("/") else ("", "", position)
    is_ours = path in {"", urlsplit(url).path}
    return query if is_ours and _QUERY.fullmatch(query) else None


def page_of(body: object, link: str | None, address: str, cursor: str | None) -> RawPage:
    """Returns the page in a list's answer.

    `link` is the target of the Link header's `next`; `address` and `cursor` are those of the request. Raises Unreadable
    where the answer has no list, or where the next page is on another host or path, is the same page, or has a name
    that no address can have: a list that ended there without an error would lose findings.
    """
    members = _members(body)
    following = _next_cursor(body, len(members), link, address, cursor or "")
    if following is not None and cursor is not None and _place_of(following) == _place_of(cursor):
        raise Unreadable("the list's next page is the same page")
    return RawPage(members, following)


def _place_of(cursor: str) -> tuple[str, str]:
    """Returns the form of a cursor and what it asks for: of a numbered page its number alone."""
    letter, _, position = cursor.partition(":")
    return ("p", position.partition(":")[0]) if letter in {"p", "e"} else (letter, position)


def _members(body: object) -> tuple[object, ...]:
    found = body.get("data") if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise Unreadable("the answer holds no list")
    return tuple(found)


def _next_cursor(body: object, members: int, link: str | None, address: str, cursor: str) -> str | None:
    fields: Mapping[str, object] = body if isinstance(body, dict) else {}
    if (position := _position(fields.get("next_cursor"))) is not None:
        if not _VENDORS.fullmatch(position):
            raise Unreadable("the cursor of the list's next page is too long, or has characters that none can have")
        return f"c:{position}"
    if link is not None:
        return "l:" + _query_of(link, address)
    return _next_page(fields, members, address, cursor)


def _next_page(fields: Mapping[str, object], members: int, address: str, cursor: str) -> str | None:
    """Returns the cursor of the next numbered page; None at `total`, or without one after a page that is not full.

    One empty page before `total` is passed over. Behind two of them the list ends: then `total` counts something else.
    """
    page, stated, total = (_number(fields.get(name)) for name in ("page", "per_page", "total"))
    number = page or _number_in(address) or 1
    if total is None:
        is_full = page is not None and members >= (stated or PAGE_SIZE)
        return f"p:{number + 1}" if is_full else None
    size = stated or members or PAGE_SIZE
    letter, _, position = cursor.partition(":")
    turn = _next_turn(Turn.parse(position) or Turn(number), number, size, total)
    if (turn.page - 1) * size >= total or (members == 0 and letter == "e"):
        return None
    return f"{'e' if members == 0 else 'p'}:{turn}"


def _next_turn(asked: Turn, number: int, size: int, total: int) -> Turn:
    """Returns what follows the page of this number, which was asked for by `asked` and states this total.

    What has moved to pages before it since these were read is read once more. A list that becomes shorter all the time
    comes to its end with twice as many reads, and may then hide a member: reconciling finds it.
    """
    if asked.resume is not None:
        before = max(asked.total or 0, total)
        is_last = number + 1 >= asked.resume - 1
        return Turn(asked.resume, before) if is_last else Turn(number + 1, before, asked.resume)
    moved = 0 if asked.total is None else max(asked.total - total, 0)
    if moved and number > 1:
        return Turn(max(number - -(-moved // size), 1), total, number + 1)
    return Turn(number + 1, total)


def _query_of(link: str, address: str) -> str:
    """Returns the query of the link's target, all that differs between the pages of a list.

    Raises Unreadable for another host or path, which must not get the token.
    """
    try:
        asked = urlsplit(address)
        parts = urlsplit(urljoin(address, link))
        is_same = (_origin(parts), parts.path.removesuffix("/")) == (_origin(asked), asked.path)
    except ValueError:
        raise Unreadable("the list's next page has no address") from None
    if not is_same:
        raise Unreadable("the list's next page is on another host or path")
    if not _LINK.fullmatch(link) or not _QUERY.fullmatch(parts.query):
        raise Unreadable("the address of the list's next page is too long, or has characters that none can have")
    if parts.query == asked.query:
        raise Unreadable("the list's next page is the same page")
    if _fields_of(parts.query) == [each for each in _fields_of(asked.query) if each[0] not in {"cursor", "page"}]:
        raise Unreadable("the list's next page is its first one")
    return parts.query


def _fields_of(query: str) -> list[tuple[str, str]]:
    return sorted(parse_qsl(query, keep_blank_values=True))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _USUAL_PORTS.get(parts.scheme)


def _position(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_of(value)


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= _LAST_PAGE_NUMBER else None


def _number_in(address: str) -> int | None:
    asked = dict(parse_qsl(urlsplit(address).query)).get("page", "")
    return int(asked) if asked.isdecimal() and asked.isascii() else None
