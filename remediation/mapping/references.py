"""References to secrets: mappings.yaml says where a secret is, and never what it is."""

from pathlib import Path
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from remediation.mapping.choices import secret_tag
from remediation.mapping.words import EnvName, Written


class SecretFromEnv(Written):
    """A secret held in an environment variable; one trailing newline is ignored."""

    env: EnvName = Field(description="Name of the environment variable that holds the secret.")


class SecretFromFile(Written):
    """A secret held in a file; one trailing newline is ignored."""

    file: Path = Field(description="Path of the file that holds the secret, absolute or from the working directory.")


SecretRef = Annotated[
    Annotated[SecretFromEnv, Tag("SecretFromEnv")] | Annotated[SecretFromFile, Tag("SecretFromFile")],
    Discriminator(
        secret_tag,
        custom_error_type="secret_reference",
        custom_error_message="secrets are given by reference: {env: NAME} or {file: PATH}",
    ),
]
