"""The pages of SchoolScan's lists, in each of the forms that they may have. Pure.

It is not known which form the vendor uses, so three are read: `next_cursor` in the body, `page`/`per_page`/`total` in
the body, or a `Link` header with `rel="next"`. A page's `cursor` is opaque to callers. Its first letter names the form:
`c:<the vendor's cursor>`, `p:<page number>`, `l:<the query of the next page>`. It never has an address or a path:
whoever could change a stored one would send our token there.
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
_PAGE_NUMBER = re.compile(r"[0-9]{1,11}")
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
        case "p", ":", position if _PAGE_NUMBER.fullmatch(position):
            query["page"] = position
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
    following = _next_cursor(body, len(members), link, address)
    if following is not None and following == cursor:
        raise Unreadable("the list's next page is the same page")
    return RawPage(members, following)


def _members(body: object) -> tuple[object, ...]:
    found = body.get("data") if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise Unreadable("the answer holds no list")
    return tuple(found)


def _next_cursor(body: object, members: int, link: str | None, address: str) -> str | None:
    fields: Mapping[str, object] = body if isinstance(body, dict) else {}
    if (position := _position(fields.get("next_cursor"))) is not None:
        if not _VENDORS.fullmatch(position):
            raise Unreadable("the cursor of the list's next page is too long, or has characters that none can have")
        return f"c:{position}"
    if link is not None:
        return "l:" + _query_of(link, address)
    return _next_page(fields, members, address)


def _next_page(fields: Mapping[str, object], members: int, address: str) -> str | None:
    """Returns the cursor of the next numbered page; None at `total`, or without one after a page that is not full."""
    page, size, total = (_number(fields.get(name)) for name in ("page", "per_page", "total"))
    if (page is None and total is None) or members == 0:
        return None
    number = page or _number_in(address) or 1
    more = members >= (size or PAGE_SIZE) if total is None else number * (size or members) < total
    return f"p:{number + 1}" if more else None


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
    return parts.query


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
