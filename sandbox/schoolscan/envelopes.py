"""The three shapes in which SchoolScan may answer with a list. Which one it really is, nobody knows."""

import base64
from collections.abc import Sequence
from typing import Any, Literal

from starlette.datastructures import URL, QueryParams
from starlette.responses import JSONResponse

from sandbox.schoolscan.values import ApiError

Envelope = Literal["cursor", "page", "link"]
LARGEST_PAGE = 100
_USUAL_PAGE = 25


def listed(items: Sequence[dict[str, Any]], shape: Envelope, url: URL, query: QueryParams) -> JSONResponse:
    """One page of the items, as the query asks for it. Raises ApiError 400 for a query that makes no sense."""
    size = _number(query.get("per_page", str(_USUAL_PAGE)), LARGEST_PAGE)
    match shape:
        case "cursor":
            start = _start(query.get("cursor"))
            more = start + size < len(items)
            return JSONResponse(
                {"data": items[start : start + size], "next_cursor": _cursor(start + size) if more else None}
            )
        case "page":
            page = _number(query.get("page", "1"), 10**6)
            shown = items[(page - 1) * size : page * size]
            return JSONResponse({"data": shown, "page": page, "per_page": size, "total": len(items)})
        case "link":
            page = _number(query.get("page", "1"), 10**6)
            links = [f'<{url.include_query_params(page=1)}>; rel="first"']
            if page * size < len(items):
                links.insert(0, f'<{url.include_query_params(page=page + 1)}>; rel="next"')
            return JSONResponse({"data": items[(page - 1) * size : page * size]}, headers={"Link": ", ".join(links)})


def _number(text: str, largest: int) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= largest:
        raise ApiError(400, "invalid_parameter", f"Pages and their sizes are numbers from 1 to {largest}.")
    return int(text)


def _cursor(start: int) -> str:
    return base64.urlsafe_b64encode(f"after:{start}".encode()).decode()


def _start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).removeprefix(b"after:"))
    except ValueError:
        raise ApiError(400, "invalid_parameter", "No such cursor.") from None
