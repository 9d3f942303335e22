"""How the console shows its client secret to an identity provider: RFC 6749, section 2.3.1 and appendix B."""

import base64
import time
from urllib.parse import parse_qs, unquote_plus

import httpx2
import pytest

from console.people.provider import Provider
from remediation.mapping.config.console import OidcSignIn

SECRETS = ["test-only-secret", "test+only+secret", "test%2Fonly", "test:only", "test only", "test-only-\u00e9\u20ac"]


class ProviderStandIn:
    """A token endpoint that takes a secret as the RFC says, or, with `decodes=False`, leaves the header as it came."""

    def __init__(self, secret: str, *, decodes: bool = True) -> None:
        self._secret = secret
        self._decodes = decodes
        self.ways: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        header = request.headers.get("authorization", "")
        self.ways.append("header" if header else "body")
        found = self._in_header(header) if header else (form.get("client_id", ""), form.get("client_secret", ""))
        if found != ("console", self._secret):
            return httpx2.Response(401, json={"error": "invalid_client"})
        return httpx2.Response(200, json={"access_token": "test-only-token", "token_type": "Bearer"})

    def _in_header(self, header: str) -> tuple[str, str]:
        client_id, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        return (unquote_plus(client_id), unquote_plus(secret)) if self._decodes else (client_id, secret)


async def exchanged(stand_in: ProviderStandIn, secret: str, offered: list[str] | None) -> str:
    """The access token."""
    config = OidcSignIn.model_validate(
        {"issuer": "https://id.example", "client_id": "console", "client_secret": {"env": "CONSOLE_CLIENT_SECRET"}}
    )
    said = {"token_endpoint": "https://id.example/token"}
    if offered is not None:
        said |= {"token_endpoint_auth_methods_supported": offered}  # type: ignore[dict-item]
    provider = Provider(time.time, {"transport": httpx2.MockTransport(stand_in)})
    brought = {"code": "c", "code_verifier": "v", "redirect_uri": "https://console.example/back"}
    return str((await provider.exchanged(config, secret, said, **brought))["access_token"])


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "offered", [None, ["client_secret_basic"], ["client_secret_post"], ["client_secret_post", "client_secret_basic"]]
)
async def test_any_secret_is_taken_by_a_provider_that_keeps_to_the_standard(
    secret: str, offered: list[str] | None
) -> None:
    assert await exchanged(ProviderStandIn(secret), secret, offered) == "test-only-token"


@pytest.mark.parametrize("secret", SECRETS)
async def test_any_secret_is_taken_by_one_that_does_not_decode_if_it_takes_the_body(secret: str) -> None:
    stand_in = ProviderStandIn(secret, decodes=False)
    offered = ["client_secret_basic", "client_secret_post"]
    assert await exchanged(stand_in, secret, offered) == "test-only-token"
    assert stand_in.ways == ["header" if secret == SECRETS[0] else "body"]
