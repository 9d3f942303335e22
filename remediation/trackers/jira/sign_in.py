"""Whom an answer of Jira's was given to, as far as its headers tell. Pure.

Jira Cloud goes on as an anonymous caller where our token has expired: a search then answers 200 with no issues, and
only `X-Seraph-LoginReason: AUTHENTICATED_FAILED` tells it from a list in which nothing changed. Data Center names the
user whom it answered, or `anonymous`, in `X-AUSERNAME`; Cloud the account in `X-AAccountId`. A proxy may keep any of
these headers back: then nothing is told either way.
"""

from collections.abc import Mapping

_REASON = "X-Seraph-LoginReason"
_FAILED = frozenset({"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"})
"""The token or password is wrong or has expired; or the account must solve a CAPTCHA first."""

_ACCOUNT = "X-AAccountId"
_USER = "X-AUserName"
_ANONYMOUS = "anonymous"


def is_for_nobody(headers: Mapping[str, str]) -> bool:
    """Whether the answer says that our sign-in failed, whatever its status. `headers` are read without regard to case.

    An answer that names an account was given to that one.
    """
    reasons = {each.strip().upper() for each in headers.get(_REASON, "").split(",")}
    return not is_for_somebody(headers) and (bool(reasons & _FAILED) or _user_of(headers) == _ANONYMOUS)


def is_for_somebody(headers: Mapping[str, str]) -> bool:
    """Whether the answer names the account that it was given to."""
    return bool(headers.get(_ACCOUNT, "").strip()) or _user_of(headers) not in {"", _ANONYMOUS}


def _user_of(headers: Mapping[str, str]) -> str:
    return headers.get(_USER, "").strip().lower()
