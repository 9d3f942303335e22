"""The ways of signing in to trackers; how senders sign their deliveries to us, and how many each may bring."""

import re
from abc import abstractmethod
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from remediation.deliveries.events import DeliveryLimit
from remediation.deliveries.signatures import SignatureFormat
from remediation.mapping.config.references import SecretFromEnv, SecretFromFile, SecretRef, WebhookSecretRef
from remediation.mapping.config.words import Text, Written

Words = tuple[str, ...]
"""The path of a word inside the map of its tracker: `("auth", "basic", "password")`."""

_RATE = re.compile(r"([1-9][0-9]{0,5})/([sm])")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1)}

_USUAL_BURST = timedelta(seconds=10)
"""Where no burst is written, it is as many deliveries as the rate allows in this time."""


def interval_of(value: object) -> timedelta:
    """The time between two deliveries at the rate that is written; a timedelta is returned as it is.

    Raises ValueError, which says what is allowed.
    """
    if isinstance(value, timedelta):
        return value
    written = _RATE.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError("must be a whole number of deliveries a second or a minute: 20/s or 600/m")
    return _UNITS[written[2]] / int(written[1])


_Interval = Annotated[timedelta, BeforeValidator(interval_of, json_schema_input_type=str)]


class LimitWords(Written):
    """How many deliveries are accepted from one sender; any more are answered with 503, and sent again later."""

    rate: _Interval = Field(description="How many there may be on average.")
    burst: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        strict=True,
        description="How many there may be at once after a quiet time; else what the rate gives in ten seconds.",
    )

    @property
    def limit(self) -> DeliveryLimit:
        """The limit in numbers."""
        return DeliveryLimit(self.rate.total_seconds(), self.burst or max(1, _USUAL_BURST // self.rate))


class Webhook(Written):
    """How a sender signs its deliveries."""

    secrets: list[WebhookSecretRef] = Field(
        min_length=1, max_length=3, description="Active secrets; a rotation overlaps."
    )
    signature: SignatureFormat = Field(
        default=SignatureFormat.AUTO, description="The one format accepted, or auto at first."
    )
    delivery_limit: LimitWords | None = Field(
        default=None, description="How many deliveries are taken; that of `defaults` where nothing is said."
    )

    def limit(self, usual: LimitWords | None) -> DeliveryLimit | None:
        """The limit of this webhook, or else `usual`, that of `defaults`; None where neither is written."""
        words = self.delivery_limit or usual
        return words.limit if words else None

    @field_validator("secrets")
    @classmethod
    def _have_ids_of_their_own(cls, written: list[WebhookSecretRef]) -> list[WebhookSecretRef]:
        names = [each.name for each in written]
        for each in written:
            if each.id and names.count(each.id) > 1:
                raise ValueError(f"must not use the id {each.id} twice")
        return written


class SignIn(Written):
    """A way of signing in that needs more than a secret."""

    @property
    @abstractmethod
    def secret(self) -> tuple[Words, SecretRef]:
        """The path of its secret inside this map, and the secret."""


class BasicAuth(SignIn):
    """A user name (or e-mail) and a password (or API token)."""

    user: Text = Field(description="The user name; in Jira Cloud the account's e-mail address.")
    password: SecretRef = Field(description="The password; in Jira Cloud an API token without scopes.")

    @property
    def secret(self) -> tuple[Words, SecretRef]:
        """The password."""
        return ("password",), self.password


class Auth(Written):
    """Exactly one way of signing in."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        written = [name for name, way in self if way is not None]
        if len(written) != 1:
            has = f"; it has {', '.join(written)}" if written else ""
            raise ValueError(f"must have exactly one of: {', '.join(type(self).model_fields)}{has}")
        return self

    @property
    def secret(self) -> tuple[Words, SecretRef]:
        """The path of the one secret inside the tracker's map, and the secret."""
        for way, written in self:
            match written:
                case SignIn():
                    words, ref = written.secret
                    return ("auth", way, *words), ref
                case SecretFromEnv() | SecretFromFile():
                    return ("auth", way), written
                case _:
                    continue
        raise ValueError("a tracker has exactly one way of signing in")
