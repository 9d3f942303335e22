"""What Jira's answers mean: which errors of ours they are, and for which account they were made. Pure.

Jira Cloud goes on as an anonymous caller where our token has expired: a search then answers 200 with no issues, and
only `X-Seraph-LoginReason: AUTHENTICATED_FAILED` tells it from a list in which nothing changed. Data Center names the
user whom it answered, or `anonymous`, in `X-AUSERNAME`; Cloud the account in `X-AAccountId`. A proxy may keep any of
these headers back: then nothing is told either way.
"""

from collections.abc import Mapping
from http import HTTPStatus

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Unreadable, Waiting
from remediation.redaction import words_of
from remediation.strict_json import parse
from remediation.trackers.jira.answers import texts
from remediation.trackers.jira.limits import ONE_ENDPOINT, ONE_ISSUE
from remediation.trackers.replies import Reply, wait_of

_TURNED_AWAY = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Statuses that may be gone later and that carried nothing out: a token is replaced, a limit ends."""
_IN_THE_WAY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.LOCKED})
"""Statuses that may be gone soon: somebody else changes the same issue, or the request did not arrive in time."""
_LOGIN_REASON = "X-Seraph-LoginReason"
_LOCKED_OUT = "AUTHENTICATION_DENIED"
"""Jira's word for an account that must solve a CAPTCHA first: it looks at no password until then."""
_SIGNED_OUT_WORDS = "our sign-in failed: the answer is for somebody whom Jira does not know"
_LOCKED_OUT_WORDS = "our sign-in failed: the account is locked; sign in once in a browser and solve the CAPTCHA"
_KEPT_OUT_WORDS = "refused, and not in Jira's words: a proxy or an allow-list may keep us out"
_FAILED = frozenset({"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"})
"""The token or password is wrong or has expired; or the account must solve a CAPTCHA first."""

_ACCOUNT = "X-AAccountId"
_USER = "X-AUserName"
_ANONYMOUS = "anonymous"


def error_of(system: str, reply: Reply) -> OutsideError | None:
    """The error that a reply is, or None for a success: JSON, or nothing at all where Jira has nothing to say.

    A write is ambiguous where Jira's own answer is missing (5xx, a page), and not where the request was turned away.
    Whatever was answered to somebody whom Jira does not know waits for our sign-in, like a 401.
    """
    is_passing = reply.status in _TURNED_AWAY or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if not is_passing and _is_for_nobody(reply.headers):
        return _signed_out(system, reply)
    return _told_to_us(system, reply)


def _told_to_us(system: str, reply: Reply) -> OutsideError | None:
    status, words = reply.status, words_in(reply.body)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None if _is_answer(reply) else _later(system, reply, "the answer is not JSON", ambiguous=reply.wrote)
    if status in _TURNED_AWAY or status < HTTPStatus.BAD_REQUEST:
        return _later(system, reply, words, ambiguous=False)
    if status in _IN_THE_WAY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _later(system, reply, words, ambiguous=reply.wrote)
    if status == HTTPStatus.FORBIDDEN and not words:
        return _later(system, reply, _KEPT_OUT_WORDS, ambiguous=False)
    if status == HTTPStatus.NOT_FOUND and not words:
        return _later(system, reply, "nothing of Jira's is there", ambiguous=False)
    kind = NotFound if status == HTTPStatus.NOT_FOUND else Refused
    return kind(system, words or "refused without a word", status=status, request_id=reply.request_id)


def _is_locked_out(reply: Reply) -> bool:
    return _LOCKED_OUT in reply.headers.get(_LOGIN_REASON, "")


def _signed_out(system: str, reply: Reply) -> TryLater:
    """A success may have been carried out all the same, where anybody may do that."""
    return TryLater(
        system,
        _LOCKED_OUT_WORDS if _is_locked_out(reply) else _SIGNED_OUT_WORDS,
        ambiguous=reply.wrote and HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES,
        status=reply.status,
        request_id=reply.request_id,
        waiting=Waiting.SIGN_IN,
    )


def words_in(body: bytes) -> str:
    """Jira's messages and, by field, its texts: `customfield_10010: is required`. Empty where the body has none."""
    try:
        value = parse(body)
    except Unreadable:
        return ""
    if not isinstance(value, dict):
        return ""
    messages, errors = value.get("errorMessages"), value.get("errors")
    said = texts(messages)
    if isinstance(errors, dict):
        said += [f"{name}: {text}" for name, text in errors.items() if isinstance(text, str)]
    return words_of("; ".join(said))


def _is_answer(reply: Reply) -> bool:
    """A body that is JSON (a sign-in page with status 200 is not), or none where the status says so."""
    if not reply.body:
        return reply.status in {HTTPStatus.CREATED, HTTPStatus.NO_CONTENT}
    try:
        parse(reply.body)
    except Unreadable:
        return False
    return True


def _later(system: str, reply: Reply, words: str, *, ambiguous: bool) -> TryLater:
    return TryLater(
        system,
        words or "no answer of Jira's own",
        after=wait_of(reply.status, reply.headers),
        ambiguous=ambiguous,
        status=reply.status,
        request_id=reply.request_id,
        waiting=Waiting.OURS if reply.headers.get("RateLimit-Reason", "") in {ONE_ISSUE, ONE_ENDPOINT} else None,
    )


def _is_for_nobody(headers: Mapping[str, str]) -> bool:
    """Whether the answer says that our sign-in failed, whatever its status. `headers` are read without regard to case.

    An answer that names an account was given to that one.
    """
    reasons = {each.strip().upper() for each in headers.get(_LOGIN_REASON, "").split(",")}
    return not is_for_somebody(headers) and (bool(reasons & _FAILED) or _user_of(headers) == _ANONYMOUS)


def is_for_somebody(headers: Mapping[str, str]) -> bool:
    """Whether the answer names the account for which it was made."""
    return bool(headers.get(_ACCOUNT, "").strip()) or _user_of(headers) not in {"", _ANONYMOUS}


def _user_of(headers: Mapping[str, str]) -> str:
    return headers.get(_USER, "").strip().lower()
