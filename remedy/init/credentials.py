"""Where secrets are, as the file is going to say it, and the secrets themselves for as long as this command runs."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.references import SecretFromEnv, SecretRef
from remediation.mapping.reading.messages import complaints_of
from remediation.mapping.reading.positions import path_text
from remediation.mapping.reading.secrets import read_secret
from remediation.settings import environ
from remedy.init.asking import Asker
from remedy.init.options import SecretPlace

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret: what it is, and where the file says it is. `value` is empty where it is not there yet."""

    what: str
    reference: Mapping[str, str]
    value: str = field(default="", repr=False)
    is_typed: bool = False

    @property
    def place(self) -> str:
        """The variable or the path."""
        return next(iter(self.reference.values()))

    @property
    def is_set(self) -> bool:
        """Whether it is where the file says that it is."""
        return bool(self.value) and not self.is_typed


def reference_of(place: SecretPlace, known: object) -> Mapping[str, str]:
    """Where a secret is: by the options, else by the file that is there, else in the usual variable.

    Raises ConfigurationError for a variable's name that is none; it is not quoted, since it may be the secret itself.
    """
    if place.path is not None:
        return {"file": str(place.path)}
    if place.env is not None:
        return {"env": checked(SecretFromEnv, {"env": place.env}, f"{place.option}-env").env}
    match known:
        case {"env": str(name)}:
            return {"env": name}
        case {"file": str(path)}:
            return {"file": path}
        case _:
            return {"env": place.usual}


def found(what: str, reference: Mapping[str, str]) -> Credential:
    """The secret, if it is there. Raises ConfigurationError where it is and cannot be used."""
    ref: SecretRef = TypeAdapter(SecretRef).validate_python(dict(reference))
    is_there = bool(environ().get(ref.env)) if isinstance(ref, SecretFromEnv) else ref.file.exists()
    return Credential(what, reference, read_secret(ref, environ()) if is_there else "")


def found_or_asked(credentials: Mapping[str, Credential], asker: Asker) -> dict[str, Credential]:
    """The same, with those that are missing asked for. Raises ConfigurationError with all that stay missing."""
    every = {
        name: each
        if each.value or not asker.may_ask
        else Credential(each.what, each.reference, asker.secret(f"{each.what} (not stored)"), is_typed=True)
        for name, each in credentials.items()
    }
    missing = [each for each in every.values() if not each.value]
    if missing:
        raise ConfigurationError(
            [Problem(_place_of(each), f"is not there: {_WHY.format(each.what)}") for each in missing]
        )
    return every


_WHY = "{} is needed to read what there is. It is never an argument, and never written"


def _place_of(credential: Credential) -> str:
    return f"{'file' if 'file' in credential.reference else 'environment variable'} {credential.place}"


def checked(kind: type[ModelT], words: Mapping[str, Any], where: str) -> ModelT:
    """The words as a part of mappings.yaml. Raises ConfigurationError with all that is wrong with them."""
    try:
        return kind.model_validate(dict(words))
    except ValidationError as error:
        complaints = complaints_of(error.errors(include_url=False), dict(words), kind)
    said = ((path_text(each.steps), each.message) for each in complaints)
    raise ConfigurationError([Problem(where, f"{path}: {message}" if path else message) for path, message in said])


@contextlib.contextmanager
def usage(option: str) -> Iterator[None]:
    """Raises ConfigurationError for a ValueError inside the block."""
    try:
        yield
    except ValueError as error:
        raise ConfigurationError([Problem(option, str(error))]) from None
