"""Whom the sandbox's Jira knows, what it tells of that in its headers, and what it answers to nobody.

Cloud goes on as an anonymous caller where a token has expired or is wrong: an operation that its description marks as
open to anonymous callers answers, with what is public (here: nothing); every other one answers 401. Data Center turns
credentials that are wrong away whatever was asked for. `/ex/jira` is Atlassian's gateway, which lets nobody pass.
"""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.jira_endpoints import Call
from sandbox.jira_problems import Problem, not_found
from sandbox.jira_state import Account, JiraState

NOBODY = Account("", "anonymous", "", "")
"""Who asks where nobody has signed in."""

_OPEN = frozenset({"serverInfo", "field"})
"""What tells everybody the same."""

_EMPTY: Mapping[str, object] = {
    "search/jql": {"issues": [], "isLast": True},
    "search": {"startAt": 0, "maxResults": 50, "total": 0, "issues": []},
    "issuetype": [],
    "status": [],
}
"""What shows only what is public, and nothing is."""


def account_in(request: Request, state: JiraState) -> Account | None:
    """Whose request it is: somebody with e-mail (or name) and token, or with the token alone."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    name: str | None = None
    if scheme.lower() == "basic":
        try:
            name, _, value = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    return state.account_of(name, value) if scheme.lower() in {"basic", "bearer"} and value else None


def answer_to_nobody(path: str, call: Call) -> Response | None:
    """What an anonymous caller is answered at a path of the API; None for what everybody is. Raises Jira's 401, 404."""
    is_refused = "authorization" in call.request.headers and not call.view.is_cloud
    if is_refused or "cloud_id" in call.request.path_params:
        raise _unauthorized()
    if path in _OPEN:
        return None
    if path in _EMPTY and (path != "search" or not call.view.is_cloud):
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


def _unauthorized() -> Problem:
    return Problem(401, ["Client must be authenticated to access this resource."])
