"""The answer to whatever was raised instead of a page: a page that says what happened, and what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from console.answers import PageRefused
from console.rendering import path_of, render
from remediation import telemetry
from remediation.domain.errors import StoreUnavailable

RETRY_SECONDS = 5
"""Seconds after which a browser may ask again while Redis is away."""

_STORE_AWAY = (
    "The console cannot read Redis now, so it can show nothing. Cases are not lost: they wait until Redis is back. "
    "Try again in a few seconds; remedy doctor says what is wrong with Redis."
)
_DEFECT = (
    "This is a mistake in the console, and it is written in its log under the number below. Nothing more was done than "
    "the audit says. Try again; if it happens again, tell whoever runs this installation the number."
)
_HTTP: Mapping[int, tuple[str, str]] = {
    HTTPStatus.NOT_FOUND: ("Not found", "There is no such page. Choose one from the navigation above."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Not done", "This page cannot be asked for in that way. Go back, and try again."),
}
"""What is said to errors of HTTP that the framework raises: their title, and what to do."""

logger = structlog.get_logger()


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer to an error. A defect is logged: its class and our own lines, and never its words."""
    try:
        return _answer(request, error)
    except Exception:
        logger.exception("request_failed")
        return PlainTextResponse("Something went wrong.\n", HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer(request: Request, error: Exception) -> Response:
    match error:
        case PageRefused():
            sign_in = "" if error.back is None else _sign_in(request, error.back)
            return _page(request, error.status, error.title, error.says, error.headers, sign_in)
        case StoreUnavailable():
            logger.warning("page_without_store", reason=error.reason)
            retry = {"retry-after": str(RETRY_SECONDS)}
            return _page(request, HTTPStatus.SERVICE_UNAVAILABLE, "Redis is away", _STORE_AWAY, retry)
        case HTTPException():
            title, says = _HTTP.get(error.status_code, ("Not done", "The console cannot answer that. Go back."))
            return _page(request, HTTPStatus(error.status_code), title, says, error.headers)
        case _:
            logger.error("request_failed", exc_info=error)
            telemetry.report(error)
            return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong", _DEFECT)


def _sign_in(request: Request, back: str) -> str:
    """The address of another sign-in, which leads to `back`."""
    return path_of(request, "sign in") + (f"?{urlencode({'next': back})}" if back != "/" else "")


def _page(
    request: Request,
    status: HTTPStatus,
    title: str,
    says: str,
    headers: Mapping[str, str] | None = None,
    sign_in: str = "",
) -> Response:
    facts = {"heading": title, "says": says, "is_defect": status is HTTPStatus.INTERNAL_SERVER_ERROR}
    page = render(request, "refused.html", status=status, sign_in=sign_in, **facts)
    page.headers.update(headers or {})
    return page
