"""What ServiceNow's answers mean: which are errors, and which of ours. Pure."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.redaction import words_of
from remediation.trackers.replies import Reply, wait_of

_NO_RECORD = ("no record found", "record doesn't exist")
"""What a 404 about a record says, in small letters. Any other is about the address, or comes from something in between:
reading it as "deleted" would be a disaster."""
_KEPT_OUT = ("access to unscoped api is not allowed",)
"""What a 403 about our account, and not about this action, says, in small letters: its token has no scope."""
_POLICY = "data policy exception"
"""In the detail, behind "Operation Failed", or first, as some releases have it."""
_MANDATORY = "mandatory:"
_OUR_CODE = frozenset({"resolution code", "close code", "close_code"})
"""The names of the close code on the tables of tickets."""
_UNKNOWN_CODE = (
    "a close code that ServiceNow does not have counts as missing: write one that it has under resolve_code and "
    "resolve_codes (remedy mappings check --live compares them)"
)
_WHO_WORKS_ON_IT = ("assigned_to", "assignment_group")
_PASSING = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


def error_of(system: str, reply: Reply) -> OutsideError | None:
    """The error that a reply is, or None for an answer with nothing but a result.

    A write is ambiguous where the answer is missing its sense (5xx, not JSON, or an error beside a result), and not
    where it was turned away.
    """
    body = _object_of(reply.body)
    status, words = reply.status, _words_of(body)
    if status == HTTPStatus.NO_CONTENT and not reply.body:  # what a deletion is answered with
        return None
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's own classes
        return _doubt(system, reply, body)
    if status == HTTPStatus.NOT_FOUND and _is_own(body) and _says(words, _NO_RECORD):
        return NotFound(system, words, status=status, request_id=reply.request_id)
    if _passes(status) or (status == HTTPStatus.FORBIDDEN and (not _is_own(body) or _says(words, _KEPT_OUT))):
        return TryLater(
            system,
            words or "no answer of ServiceNow's own",
            after=wait_of(status, reply.headers),
            ambiguous=reply.wrote and (status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT),  # noqa: PLR2004 - as above
            status=status,
            request_id=reply.request_id,
        )
    return Refused(system, words or "refused without a word", status=status, request_id=reply.request_id)


def _passes(status: int) -> bool:
    """Whether a status may be gone later: redirects lead to sign-in and maintenance pages; a token gets mended.

    A 404 that does not say that a record is missing is about the address, or about whoever answers there for now.
    """
    return status in _PASSING or status == HTTPStatus.NOT_FOUND or status < 400 or status >= 500  # noqa: PLR2004 - HTTP's own classes


def _is_own(body: Mapping[str, object] | None) -> bool:
    """Whether a refusal has the form of ServiceNow's own; others speak JSON, too."""
    return body is not None and body.get("status") == "failure" and isinstance(body.get("error"), Mapping)


def _says(words: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in words.lower() for phrase in phrases)


def _doubt(system: str, reply: Reply, body: Mapping[str, object] | None) -> TryLater | None:
    """Why a 2xx is no success: a page, nothing, or a result that an error cut short."""
    if body is None:
        words = "the answer is not JSON"
    elif "error" in body:
        words = _words_of(body) or "an error came with the result"
    elif not _holds_records(body.get("result")):
        words = "the answer has no result"
    else:
        return None
    return TryLater(system, words, ambiguous=reply.wrote, status=reply.status, request_id=reply.request_id)


def _holds_records(result: object) -> bool:
    records = result if isinstance(result, list) else [result]
    return all(isinstance(record, dict) for record in records)


def _object_of(body: bytes) -> Mapping[str, object] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _words_of(body: Mapping[str, object] | None) -> str:
    """`message` and `detail` of an error body; empty where there are none."""
    error = body.get("error") if body else None
    if not isinstance(error, Mapping):
        return words_of(error) if isinstance(error, str) else ""
    parts = [error.get(name) for name in ("message", "detail")]
    return words_of(": ".join(part for part in parts if isinstance(part, str) and part))


def explained(refused: Refused) -> str:
    """Why ServiceNow refused to close a record, in its words; what a rule can do about that where a policy did."""
    if _POLICY in refused.words.lower():
        return f"{refused.words}; {_advice_on(refused.words)}"
    return refused.words


def _advice_on(policy: str) -> str:
    """Who can give what a policy demands. Who works on a record is people's choice: no rule writes it in closing.

    We always give a close code: one that ServiceNow does not have counts as missing there.
    """
    named = {name.strip().lower() for name in policy.lower().partition(_MANDATORY)[2].split(",")}
    people = [word for word in _WHO_WORKS_ON_IT if {word, word.replace("_", " ")} & named]
    code = named & _OUR_CODE
    advice = [_UNKNOWN_CODE] if code else []
    advice += ["the rule's close_fields can give them"] if len(named) > len(people) + len(code) else []
    if people:
        words = " and ".join(people)
        advice.append(f"{words}: set by a person in this record, and by the rule's own {words} in new ones")
    return "; ".join(advice)


def has_more(headers: Mapping[str, str], offset: int, limit: int, rows: int) -> bool:
    """Whether a list goes on behind a page of so many rows.

    Access rules hide rows after the limit was applied: a short page is not the last one where a header says so. Where
    neither header came (a proxy took them), a full page means that there is more.
    """
    link, total = headers.get("Link", ""), total_of(headers)
    if 'rel="next"' in link:
        return True
    if total is not None:
        return total > offset + limit
    return not link and rows >= limit


def total_of(headers: Mapping[str, str]) -> int | None:
    """The number of records of a list, with those that access rules hide from us; None where no header tells it."""
    total = headers.get("X-Total-Count", "")
    return int(total[:12]) if total.isascii() and total.isdigit() else None


def hidden(system: str, words: str) -> TryLater:
    """The error where records exist and none is shown: our account has lost a right."""
    advice = "has our account lost its role, or the right to read them?"
    return TryLater(system, f"{words}: {advice}", waiting=Waiting.SIGN_IN)
