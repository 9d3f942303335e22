"""The shapes that SchoolScan's lists may come in, behind one page. Pure.

Which of them the vendor uses is not known, so all three are read: `next_cursor` in the body, `page`/`per_page`/`total`
in the body, or a `Link` header with `rel="next"`. A page's `cursor` is opaque to callers and names its shape by its
first letter: `c:<the vendor's cursor>`, `p:<page number>`, `l:<path and query of the next page>`.
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

    `left_out` members have no id that can be used (see outside_id): there is nothing that could be done about them.
    """

    findings: tuple[Finding, ...]
    cursor: str | None
    left_out: int = 0


def address_of(url: str, filters: Mapping[str, str], cursor: str | None) -> str:
    """The address of the page that a cursor names; without a cursor, of the first page.

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
    """The page in a list's answer.

    `link` is the target of the Link header's `next`; `address` and `cursor` are what was asked for. Raises Unreadable
    where there is no list in it, or where the next page is elsewhere or is this one again: a list that is cut short in
    silence would lose findings.
    """
    members = _members(body)
    following = _next_cursor(body, len(members), link, address)
    if following is not None and (following == cursor or len(following) > _LONGEST_CURSOR):
        raise Unreadable("the list's next page makes no sense")
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
    """The cursor of the next numbered page: until `total` is reached, or, without a total, until a page is not full."""
    page, size, total = (_number(fields.get(name)) for name in ("page", "per_page", "total"))
    if (page is None and total is None) or members == 0:
        return None
    number = page or _number_in(address) or 1
    more = members >= (size or PAGE_SIZE) if total is None else number * (size or members) < total
    return f"p:{number + 1}" if more else None


def _on_same_origin(link: str, address: str) -> str:
    """Path and query of the link's target. The token must not follow a link to another host."""
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
