"""The operator's pages as mappings.yaml has them: where they are reached, how people sign in, and who may what."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, HttpUrl, StringConstraints, field_validator, model_validator

from remediation.mapping.config.references import SecretRef
from remediation.mapping.config.words import Address, Duration, Name, Text, Written, as_list, at_least, at_most

_CLAIM = r"^[^\s]{1,200}$"
_HEADER = r"^[A-Za-z0-9-]{1,64}$"
_LONGEST_SESSION = timedelta(days=7)
_WHY_SHORT = "a browser that somebody left open must not stay signed in"
_MOST_GRANTS = 200

Claim = Annotated[str, StringConstraints(pattern=_CLAIM)]
HeaderName = Annotated[str, StringConstraints(pattern=_HEADER)]


class RoleName(StrEnum):
    """What a person may do in the console, the least first: each may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class TokenAlgorithm(StrEnum):
    """With what a token may be signed. All have a key pair: who can verify a token cannot make one."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"
    ED25519 = "Ed25519"


class PersonClaims(Written):
    """Which claims of a verified token say who somebody is, and in which groups."""

    user_claim: Claim = Field(
        default="email",
        description="The claim that names the person in the audit and in `access`; with dots, a claim inside others.",
    )
    groups_claim: Claim = Field(
        default="groups", description="The claim with the person's groups: a list, or one of them."
    )
    algorithms: Annotated[list[TokenAlgorithm], Field(min_length=1), BeforeValidator(as_list)] = Field(
        default=[TokenAlgorithm.RS256, TokenAlgorithm.ES256, TokenAlgorithm.EDDSA, TokenAlgorithm.ED25519],
        description="With what the token may be signed.",
    )


class OidcSignIn(PersonClaims):
    """Sign-in at an OpenID Connect provider."""

    issuer: Address = Field(description="The provider, as its tokens name it.")
    client_id: Text = Field(description="The id under which the provider knows the console.")
    client_secret: SecretRef = Field(description="The secret that belongs to it.")
    scopes: Annotated[list[Text], BeforeValidator(as_list)] = Field(
        default=["openid", "email", "profile"],
        description="What the provider is asked for; some give groups only for a scope of their own.",
    )

    @field_validator("scopes")
    @classmethod
    def _is_openid(cls, written: list[str]) -> list[str]:
        if "openid" not in written:
            raise ValueError("must name openid: without it the provider says nothing of the person")
        if any(len(each.split()) != 1 for each in written):
            raise ValueError("must be a list of single words, such as [openid, email, groups]")
        return written


class ProxySignIn(PersonClaims):
    """A proxy in front that has people sign in, and signs with each request who they are."""

    header: HeaderName = Field(description="The header with the token, such as X-Pomerium-Jwt-Assertion.")
    jwks: Address | None = Field(default=None, description="Where the proxy publishes its public keys (a JWK set).")
    key: Path | None = Field(default=None, description="A file with its public key instead, in PEM or as a JWK set.")
    issuer: Text = Field(description="Who the token says made it (`iss`).")
    audience: Text = Field(description="Whom the token says it is for (`aud`): this console alone.")

    @model_validator(mode="after")
    def _has_one_source_of_keys(self) -> Self:
        if (self.jwks is None) == (self.key is None):
            raise ValueError("must have exactly one of: jwks, key")
        return self


class ConsoleSignIn(Written):
    """Exactly one way in which people sign in."""

    oidc: OidcSignIn | None = Field(default=None, description="At an OpenID Connect provider.")
    proxy: ProxySignIn | None = Field(default=None, description="At a proxy in front of the console.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.oidc is None) == (self.proxy is None):
            raise ValueError("must have exactly one of: oidc, proxy")
        return self

    @property
    def way(self) -> OidcSignIn | ProxySignIn:
        """The one that is written."""
        way = self.oidc or self.proxy
        if way is None:
            raise ValueError("there is exactly one way of signing in")
        return way


class AccessGrant(Written):
    """A role for a group or for one person."""

    group: Text | None = Field(default=None, description="A group, exactly as the provider or the proxy names it.")
    user: Text | None = Field(default=None, description="One person, as `user_claim` names them.")
    role: RoleName = Field(description="What they may do.")
    districts: Annotated[list[Name], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="Where; left out, in all districts, and for what belongs to none."
    )

    @model_validator(mode="after")
    def _is_of_one(self) -> Self:
        if (self.group is None) == (self.user is None):
            raise ValueError("must have exactly one of: group, user")
        return self


class SessionTimes(Written):
    """How long people stay signed in."""

    idle: Annotated[Duration, at_least(timedelta(minutes=1)), at_most(_LONGEST_SESSION, _WHY_SHORT)] = Field(
        default=timedelta(minutes=30), description="How long a session lasts after the last page."
    )
    longest: Annotated[Duration, at_least(timedelta(minutes=1)), at_most(_LONGEST_SESSION, _WHY_SHORT)] = Field(
        default=timedelta(hours=8), description="How long it lasts at most."
    )


class ConsoleConfig(Written):
    """The operator's pages."""

    url: Address = Field(description="Where people reach the console, with the prefix of its path, if it has one.")
    sign_in: ConsoleSignIn | None = Field(
        default=None, description="How people sign in; left out, only with links of `remedy console link`."
    )
    access: Annotated[list[AccessGrant], Field(max_length=_MOST_GRANTS)] = Field(
        default_factory=list, description="Who may what. Whoever is not named here may nothing."
    )
    session: SessionTimes = Field(default_factory=SessionTimes, description="How long people stay signed in.")

    @model_validator(mode="after")
    def _somebody_may_something(self) -> Self:
        if self.sign_in is not None and not self.access:
            raise ValueError("lets nobody in: write under access which groups or users may what")
        if self.sign_in is None and self.access:
            raise ValueError("names people under access, and no way for them to sign in: write sign_in")
        return self

    @property
    def secrets(self) -> Mapping[tuple[str, ...], SecretRef]:
        """The secrets of the console, by their paths inside this map."""
        oidc = self.sign_in and self.sign_in.oidc
        return {("sign_in", "oidc", "client_secret"): oidc.client_secret} if oidc else {}


def address_of(url: HttpUrl) -> str:
    """An address without its final slash."""
    return str(url).rstrip("/")
