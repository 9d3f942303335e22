"""References to secrets: mappings.yaml says where a secret is, and never what it is."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from remediation.mapping.config.words import EnvName, LastDay, SecretId, Written

_SECRETS = {frozenset({"env"}): "SecretFromEnv", frozenset({"file"}): "SecretFromFile"}
_WEBHOOK_SECRETS = {"env": "WebhookSecretFromEnv", "file": "WebhookSecretFromFile"}


def _secret_tag(written: object) -> str | None:
    """The tag of a reference to a secret, by its one word, `env` or `file`; None for anything else."""
    return _SECRETS.get(frozenset(written)) if isinstance(written, dict) else own_tag(written, _SECRETS.values())


def _webhook_secret_tag(written: object) -> str | None:
    """The same for a webhook secret, whose reference may have more words."""
    if isinstance(written, dict):
        places = [tag for word, tag in _WEBHOOK_SECRETS.items() if word in written]
        return places[0] if len(places) == 1 else None
    return own_tag(written, _WEBHOOK_SECRETS.values())


def own_tag(written: object, tags: Collection[str]) -> str | None:
    """The tag of a value that is an instance of one of the tagged classes already; None for any other value."""
    name = type(written).__name__
    return name if name in tags else None


class SecretFromEnv(Written):
    """A secret held in an environment variable; one trailing newline is ignored."""

    env: EnvName = Field(description="Name of the environment variable that holds the secret.")


class SecretFromFile(Written):
    """A secret held in a file; one trailing newline is ignored."""

    file: Path = Field(description="Path of the file that holds the secret, absolute or from the working directory.")


_BY_REFERENCE = "is not {env: NAME} or {file: PATH}"

SecretRef = Annotated[
    Annotated[SecretFromEnv, Tag("SecretFromEnv")] | Annotated[SecretFromFile, Tag("SecretFromFile")],
    Discriminator(_secret_tag, custom_error_type="secret_reference", custom_error_message=_BY_REFERENCE),
]


class _Rotated(Written):
    """What a reference to one of several secrets may have besides its place."""

    id: SecretId | None = Field(
        default=None, description="What it is called in metrics and by remedy doctor; else its variable or file."
    )
    until: LastDay | None = Field(
        default=None, description="The last day on which it counts, to its end in UTC; without it, it counts on."
    )


class WebhookSecretFromEnv(SecretFromEnv, _Rotated):
    """One of a sender's secrets, held in an environment variable."""

    @property
    def name(self) -> str:
        """The name in metrics and messages."""
        return self.id or self.env


class WebhookSecretFromFile(SecretFromFile, _Rotated):
    """One of a sender's secrets, held in a file."""

    @property
    def name(self) -> str:
        """The name in metrics and messages."""
        return self.id or str(self.file)


WebhookSecretRef = Annotated[
    Annotated[WebhookSecretFromEnv, Tag("WebhookSecretFromEnv")]
    | Annotated[WebhookSecretFromFile, Tag("WebhookSecretFromFile")],
    Discriminator(_webhook_secret_tag, custom_error_type="secret_reference", custom_error_message=_BY_REFERENCE),
]
