"""Who a request to the ServiceNow stand-in comes from: a password, an API key, or an access token that it hands out.

Besides ServiceNow's own `/oauth_token.do` there is a control: `DELETE /_sandbox/tokens` revokes every token.
"""

import base64
import binascii
import hmac
import uuid
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.servicenow.schema import Account
from sandbox.servicenow.tables import ServiceNowTables


class SignIn:
    """The accounts of one instance, and the access tokens that are good."""

    def __init__(self, tables: ServiceNowTables) -> None:
        self._tables = tables
        self._tokens: dict[str, tuple[Account, float]] = {}

    def account(self, request: Request) -> Account | None:
        """Whose request it is; None where nobody is signed in."""
        if key := request.headers.get("x-sn-apikey"):
            return self._one(key, lambda account: account.api_key)
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._holder(credentials) or self._one(credentials, lambda account: account.token)
        return self._one(_decoded(credentials), lambda account: f"{account.user_name}:{account.password}")

    async def token(self, request: Request) -> Response:
        """Hand out an access token for a client's credentials."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        given = f"{form.get('client_id')}:{form.get('client_secret')}"
        account = self._one(given, lambda each: each.client_secret and f"{each.user_name}:{each.client_secret}")
        if account is None:
            return JSONResponse({"error": "invalid_client", "error_description": "access_denied"}, 401)
        lifetime, token = self._tables.settings.token_lifetime, f"test-only-{uuid.uuid4().hex}"
        self._tokens[token] = account, self._tables.clock().timestamp() + lifetime
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": ""}
        return JSONResponse(answer)

    async def revoke(self, _request: Request) -> Response:
        """Every token that was handed out is good no longer."""
        self._tokens.clear()
        return Response(status_code=204)

    def _holder(self, token: str) -> Account | None:
        account, until = self._tokens.get(token, (None, 0.0))
        return account if self._tables.clock().timestamp() < until else None

    def _one(self, given: str, secret_of: Callable[[Account], str | None]) -> Account | None:
        for account in self._tables.accounts:
            if (expected := secret_of(account)) and hmac.compare_digest(given.encode(), expected.encode()):
                return account
        return None


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
