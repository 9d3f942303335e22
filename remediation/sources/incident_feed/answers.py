"""The feed's refusals → our errors, as one table. Pure.

The vendor documents 401 and no other status, and no body of a refusal: bodies are not looked at.
"""

from collections.abc import Mapping
from http import HTTPStatus

from remediation.domain.errors import OutsideError, Refused, TryLater
from remediation.sources.rate_limits import wait_of

_REFUSALS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "the feed does not accept what is asked",
    HTTPStatus.METHOD_NOT_ALLOWED: "the feed does not accept that it is read",
    HTTPStatus.NOT_ACCEPTABLE: "the feed has no XML",
    HTTPStatus.REQUEST_URI_TOO_LONG: "the feed does not accept what is asked",
    HTTPStatus.UNPROCESSABLE_ENTITY: "the feed does not accept what is asked",
}
"""What is answered in the same way when it is asked again: somebody must look."""
_TRANSIENT: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "the feed does not accept the token",
    HTTPStatus.FORBIDDEN: "the feed, or something in front of it, does not let us in",
    HTTPStatus.NOT_FOUND: "there is no feed at this address",
    HTTPStatus.GONE: "there is no feed at this address",
    HTTPStatus.TOO_MANY_REQUESTS: "the feed is asked too often",
}


def system_of(feed: str) -> str:
    """Returns what errors call a feed, which is named `district/feed`."""
    return f"incidents:{feed}"


def error_of(system: str, status: int, headers: Mapping[str, str], *, now: float) -> OutsideError:
    """The error for an answer that is no page.

    A token is renewed, a right given, an address comes back behind a gateway that had lost it: then everything goes
    on by itself, so that all but a refusal of the request itself is for later.
    """
    if status in _REFUSALS:
        return Refused(system, _REFUSALS[status], status=status)
    return TryLater(system, _words(status), after=wait_of(headers, now), status=status)


def _words(status: int) -> str:
    if status in _TRANSIENT:
        return _TRANSIENT[status]
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return "the answer has no page"
    if status < HTTPStatus.BAD_REQUEST:
        return "the answer leads elsewhere, which is not followed"
    return "the feed, or something in front of it, gives no page"
