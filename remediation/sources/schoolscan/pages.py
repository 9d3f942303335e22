"""The pages of SchoolScan's lists, in each of the forms that they may have. Pure.

It is not known which form the vendor uses, so three are read: `next_cursor` in the body, `page`/`per_page`/`total` in
the body, or a `Link` header with `rel="next"`. A page's `cursor` is opaque to callers. Its first letter names the form:
`c:<the vendor's cursor>`, `p:<page number>`, `l:<path and query of the next page>`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from remediation.domain.errors import Unreadable
from remediation.domain.findings import Finding
from remediation.sources.schoolscan.words import text_of

PAGE_SIZE = 100

_USUAL_PORTS = {"http": 80, "https": 443}
_LONGEST_CURSOR = 4096
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

    `url` is the list's own address, without a query. Raises Unreadable for a cursor that is not ours.
    """
    query = {**filters, "per_page": str(PAGE_SIZE)}
    match (cursor or "").partition(":"):
        case "", "", "":
            pass
        case "c", ":", position if position:
            query["cursor"] = position
        case "p", ":", position if position.isdecimal() and position.isascii():
            query["page"] = position
        case "l", ":", position if position.startswith("/") and not position.startswith("//"):
            return urljoin(url, position)
        case _:
            raise Unreadable("the cursor is not one of ours")
    return f"{url}?{urlencode(query)}"


def page_of(body: object, link: str | None, address: str, cursor: str | None) -> RawPage:
    """Returns the page in a list's answer.

    `link` is the target of the Link header's `next`; `address` and `cursor` are those of the request. Raises Unreadable
    where the answer has no list, or where the next page is on another host or is the same page: a list that ended there
    without an error would lose findings.
    """
    members = _members(body)
    following = _next_cursor(body, len(members), link, address)
    if following is not None and (following == cursor or len(following) > _LONGEST_CURSOR):
        raise Unreadable("the list's next page is the same page, or its cursor is too long")
    return RawPage(members, following)


def _members(body: object) -> tuple[object, ...]:
    found = body.get("data") if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise Unreadable("the answer holds no list")
    return tuple(found)


def _next_cursor(body: object, members: int, link: str | None, address: str) -> str | None:
    fields: Mapping[str, object] = body if isinstance(body, dict) else {}
    if (position := _position(fields.get("next_cursor"))) is not None:
        return f"c:{position}"
    if link is not None:
        return "l:" + _on_same_origin(link, address)
    return _next_page(fields, members, address)


def _next_page(fields: Mapping[str, object], members: int, address: str) -> str | None:
    """Returns the cursor of the next numbered page; None at `total`, or without one after a page that is not full."""
    page, size, total = (_number(fields.get(name)) for name in ("page", "per_page", "total"))
    if (page is None and total is None) or members == 0:
        return None
    number = page or _number_in(address) or 1
    more = members >= (size or PAGE_SIZE) if total is None else number * (size or members) < total
    return f"p:{number + 1}" if more else None


def _on_same_origin(link: str, address: str) -> str:
    """Returns path and query of the link's target. Raises Unreadable for another host, which must not get the token."""
    try:
        parts = urlsplit(urljoin(address, link))
        if _origin(parts) == _origin(urlsplit(address)):
            return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    except ValueError:
        pass
    raise Unreadable("the list's next page is on another host")


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
