"""Whom the sandbox's Jira knows, what it tells of that in its headers, and what it answers to nobody.

Cloud goes on as an anonymous caller where a token has expired or is wrong: an operation that its description marks as
open to anonymous callers answers, with what is public (here: nothing); every other one answers 401. The site takes no
bare token, only `/ex/jira` does: Atlassian's gateway, which lets nobody else pass. Data Center turns wrong credentials
away whatever was asked for.
"""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.jira.endpoints import Call
from sandbox.jira.problems import Problem, not_found
from sandbox.jira.state import Account, JiraState

NOBODY = Account("", "anonymous", "", "")
"""Who asks where nobody has signed in."""

_OPEN = frozenset({"serverInfo", "field"})
"""What tells everybody the same."""

_EMPTY: Mapping[str, object] = {
    "search/jql": {"issues": [], "isLast": True},
    "search": {"startAt": 0, "maxResults": 50, "total": 0, "issues": []},
    "project": [],
    "project/search": {"startAt": 0, "maxResults": 50, "total": 0, "isLast": True, "values": []},
    "issuetype": [],
    "status": [],
}
"""What shows only what is public, and nothing is."""


def account_in(request: Request, state: JiraState) -> Account | None:
    """Whose request it is: somebody with a token and an e-mail address (Data Center: a name), or with a token alone."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "basic":
            name, _, token = _decoded(value).partition(":")
            return state.account_of(name, token)
        case "bearer" if not _is_bare(request, state):
            return state.account_of(None, value)
        case _:
            return None


def answer_to_nobody(path: str, call: Call) -> Response | None:
    """What an anonymous caller is answered at a path of the API; None for what everybody is. Raises Jira's 401, 404."""
    is_refused = "authorization" in call.request.headers and not call.view.is_cloud
    if is_refused or "cloud_id" in call.request.path_params:
        raise _unauthorized()
    if _is_bare(call.request, call.state):
        return JSONResponse({"error": "Failed to parse Connect Session Auth Token"}, 403)
    if path in _OPEN:
        return None
    if path in _EMPTY and path != ("search" if call.view.is_cloud else "project/search"):
        return JSONResponse(_EMPTY[path])
    if path == "mypermissions" and "projectKey" not in call.request.query_params:
        return JSONResponse({"permissions": {each: {"havePermission": False} for each in call.words("permissions")}})
    if "{" in path or path in {"mypermissions", "issueLink"}:
        raise not_found()
    raise _unauthorized()


def login_headers(request: Request, state: JiraState, account: Account | None) -> Mapping[str, str]:
    """What an answer's headers tell of whom it was given to."""
    if state.is_cloud:
        if account:
            return {"X-AACCOUNTID": quote(account.account_id, safe="")}
        return {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"} if "authorization" in request.headers else {}
    is_basic = request.headers.get("authorization", "").lower().startswith("basic ")
    reason = {"X-Seraph-LoginReason": "OK" if account else "AUTHENTICATED_FAILED"} if is_basic else {}
    return {"X-AUSERNAME": account.name if account else NOBODY.name, **reason}


def _is_bare(request: Request, state: JiraState) -> bool:
    """Whether a token came alone to a Cloud site."""
    is_bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
    return is_bearer and state.is_cloud and "cloud_id" not in request.path_params


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _unauthorized() -> Problem:
    return Problem(401, ["Client must be authenticated to access this resource."])
