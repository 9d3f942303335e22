"""The ways of signing in to trackers, and how senders sign what they deliver to us."""

from typing import Self

from pydantic import Field, HttpUrl, field_validator, model_validator

from remediation.deliveries.limits import DeliveryLimit
from remediation.deliveries.signatures import SignatureFormat
from remediation.mapping.config.limits import LimitWords
from remediation.mapping.config.references import SecretRef, WebhookSecretRef
from remediation.mapping.config.words import Address, CloudId, Text, Written


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
        """The limit that counts, where `usual` is that of `defaults`. None: there is none."""
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


class BasicAuth(Written):
    """A user name (or e-mail) and a password (or API token)."""

    user: Text = Field(description="The user name; in Jira Cloud the account's e-mail address.")
    password: SecretRef = Field(description="The password; in Jira Cloud an API token without scopes.")


class ScopedAuth(Written):
    """A Jira Cloud API token with scopes: it is good only at Atlassian's gateway, not at the site's own address."""

    cloud_id: CloudId = Field(
        description="The site's id: the site's address followed by /_edge/tenant_info in a browser shows it."
    )
    token: SecretRef = Field(description="The API token with scopes.")
    user: Text | None = Field(
        default=None, description="The e-mail address of the token's owner; left out for a service account's token."
    )
    gateway: Address = Field(
        default=HttpUrl("https://api.atlassian.com"),
        description="Address of the gateway; another for government sites.",
    )


class OAuthClient(Written):
    """A client of ServiceNow's own OAuth: we fetch access tokens with its credentials, and again when they run out."""

    client_id: Text = Field(description="The client's id in the application registry.")
    client_secret: SecretRef = Field(description="The client's secret.")


class Auth(Written):
    """Exactly one way of signing in."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if len([name for name, way in self if way is not None]) != 1:
            raise ValueError(f"must have exactly one of: {', '.join(type(self).model_fields)}")
        return self


class JiraAuth(Auth):
    """Exactly one way of signing in to Jira."""

    basic: BasicAuth | None = Field(default=None, description="Jira Cloud: e-mail and API token.")
    scoped: ScopedAuth | None = Field(default=None, description="Jira Cloud: an API token with scopes.")
    bearer: SecretRef | None = Field(default=None, description="Jira Data Center: a personal access token.")


class ServiceNowAuth(Auth):
    """Exactly one way of signing in to ServiceNow."""

    basic: BasicAuth | None = Field(default=None, description="A user name and its password.")
    oauth: OAuthClient | None = Field(default=None, description="OAuth with client credentials.")
    bearer: SecretRef | None = Field(
        default=None, description="An OAuth access token that somebody else fetches and replaces."
    )
    api_key: SecretRef | None = Field(default=None, description="An API key, sent in the header x-sn-apikey.")
