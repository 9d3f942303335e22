"""What can be seen of the console's words in mappings.yaml: who is let in, by what, and with which rights."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey
from starlette.requests import Request

from console.people.access import grants_of, source_of, span_of
from console.people.identities import Identities
from console.people.oidc import url_of
from console.people.provider import Provider
from console.people.refusals import SignInRefused
from console.people.tokens import ExpectedToken, TokenRefused, claims_of, groups_in, name_in
from remediation.mapping.config.console import PersonClaims
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import console_secrets
from remediation.store.console.sessions import ConsoleIdentity

ISSUER, AUDIENCE = "https://id.example", "console"
KEYS: dict[str, Key] = {"ES256": ECKey.generate_key("P-256"), "Ed25519": OKPKey.generate_key("Ed25519")}
CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "email": "ana@example.org",
    "sub": "17",
    "groups": ["privacy", "ops"],
    "realm": {"roles": ["one"]},
}
SOMEBODY = [
    ConsoleIdentity(name, "oidc", ISSUER, groups)
    for name in ("ana@example.org", "BO@example.org")
    for groups in ((), ("privacy",), ("ops",))
]


def token(algorithm: str = "ES256", key: Key | None = None, **claims: object) -> str:
    """A token of now, with these claims instead of the usual ones."""
    said = {"iat": int(time.time()), "exp": int(time.time()) + 300, **CLAIMS, **claims}
    given = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": algorithm}, given, key or KEYS[algorithm], algorithms=[algorithm])


def public(algorithm: str) -> Key:
    """The key that verifies such tokens."""
    return type(KEYS[algorithm]).import_key(KEYS[algorithm].as_dict(private=False))


def console_access(loaded: Loaded) -> object:
    """What each of some people may do, for how long, and where people sign in."""
    config = loaded.mappings.console
    rights = [grants_of(config, who) for who in SOMEBODY]
    return rights, span_of(config), config and source_of(config), url_of(loaded.mappings)


def console_provider(loaded: Loaded) -> object:
    """What a provider is asked, and with which secret."""
    config = loaded.mappings.console
    assert config is not None
    assert config.sign_in is not None
    assert config.sign_in.oidc is not None
    said = {"authorization_endpoint": "https://id.example/authorize"}
    asked = Provider(time.time, {}).authorization(config.sign_in.oidc, said, state="s", nonce="n", code_verifier="v")
    return asked, console_secrets(loaded, {"ONE": "first", "TWO": "second"})


def console_claims(loaded: Loaded) -> object:
    """Whom tokens name, with which groups, and which tokens are believed."""
    config = loaded.mappings.console
    assert config is not None
    assert config.sign_in is not None
    way: PersonClaims = config.sign_in.way
    algorithms = tuple(str(each) for each in way.algorithms)
    expected = ExpectedToken(ISSUER, AUDIENCE, algorithms)
    believed = []
    for algorithm in KEYS:
        try:
            claims_of(token(algorithm), [public(algorithm)], expected, time.time())
            believed.append(algorithm)
        except TokenRefused:
            continue
    return name_in(CLAIMS, way), groups_in(CLAIMS, way), believed


@dataclass
class AskedProvider(Provider):
    """Has the same keys everywhere, and notes where they were asked for."""

    asked: list[str] = field(default_factory=list)

    async def keys(self, address: str, *, anew: bool = False) -> tuple[Key, ...]:  # noqa: ARG002 - there is one key
        self.asked.append(address)
        return (public("ES256"),)


@dataclass
class ContextOfFile:
    """As much of a console's context as it takes to read a token."""

    file: Loaded

    def loaded(self) -> Loaded:
        return self.file

    def clock(self) -> float:
        return time.time()


async def console_proxied(loaded: Loaded) -> object:
    """Whom the proxy's headers name, and where its keys are from."""
    provider, headers = AskedProvider(), [(b"x-one", token().encode()), (b"x-two", token(email="bo@x.org").encode())]
    context: Any = ContextOfFile(loaded)
    request = Request({"type": "http", "headers": headers})
    try:
        named: object = (await Identities(context, provider).named(request)).name
    except SignInRefused as error:
        named = error.code
    return named, provider.asked


def key_files(folder: Path) -> tuple[str, str]:
    """Files with the key that signs, and with another one."""
    files = folder / "right.pem", folder / "wrong.pem"
    for file, key in zip(files, (KEYS["ES256"], ECKey.generate_key("P-256")), strict=True):
        assert isinstance(key, ECKey)
        file.write_bytes(key.as_pem(private=False))
    return str(files[0]), str(files[1])
