"""SchoolScan's refusals → our errors, as one table. Pure."""

from collections.abc import Mapping
from http import HTTPStatus

from remediation import redaction
from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Unreadable
from remediation.domain.outside_words import REQUEST_ID
from remediation.sources.rate_limits import wait_of
from remediation.sources.schoolscan.words import json_of, text_of

_MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_PASSING = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,  # once the token is renewed, work continues
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


def error_of(
    system: str, status: int, headers: Mapping[str, str], body: bytes, *, now: float, writing: bool
) -> OutsideError:
    """Returns the error for an answer that is no success. `now` is in Unix seconds.

    A redirect (to a proxy's sign-in page) and every 5xx are temporary; after a 5xx a write may have been carried out. A
    403, 404 or 410 without SchoolScan's own form of error comes from something in front of it, and is temporary, too: a
    gateway without its backend does not make a finding gone, and a proxy that keeps us out does not refuse an action.
    """
    words = words_of(body) or _phrase(status)
    request_id = _request_id(headers.get("X-Request-Id"))
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _PASSING
    if is_refusal and status in _MISSING:
        if _is_the_vendors(body):
            return NotFound(system, words, status=status, request_id=request_id)
    elif is_refusal and (status != HTTPStatus.FORBIDDEN or _is_the_vendors(body)):
        return Refused(system, words, status=status, request_id=request_id)
    return TryLater(
        system,
        words,
        after=wait_of(headers, now),
        ambiguous=writing and status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        status=status,
        request_id=request_id,
    )


def words_of(body: bytes) -> str | None:
    """Returns code and message of an error body, on one line, scrubbed and cut; None where it has neither."""
    try:
        value = json_of(body)
    except Unreadable:
        return None
    error = value.get("error", value) if isinstance(value, dict) else None
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return None
    parts = [text for text in (text_of(error.get("code")), text_of(error.get("message"))) if text is not None]
    return redaction.words_of(": ".join(parts)) or None


def _is_the_vendors(body: bytes) -> bool:
    """Whether a refusal has SchoolScan's form: `error` is an object, or there is a code beside the message.

    Gateways answer in JSON, too: with a message alone, or with the status in words.
    """
    try:
        value = json_of(body)
    except Unreadable:
        return False
    if not isinstance(value, dict):
        return False
    return isinstance(value.get("error"), dict) or isinstance(value.get("code"), str)


def _phrase(status: int) -> str:
    try:
        return f"{HTTPStatus(status).phrase}, without an explanation"
    except ValueError:
        return "an answer that HTTP does not know"


def _request_id(text: str | None) -> str | None:
    return REQUEST_ID.of(text) or None
