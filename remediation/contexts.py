"""Contexts: files that tell a command where an installation is, each chosen by one word.

A context gives process settings, and says where secrets are. It holds no secret itself, so whoever reads the file
learns addresses only. Whoever could write it could send a command elsewhere: so it must be writable by nobody else.
"""

import fcntl
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, ValidationError

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.references import SecretFromFile, SecretRef
from remediation.mapping.config.suggestions import did_you_mean, listed, nearest
from remediation.mapping.config.words import EnvName, Written
from remediation.mapping.reading.document import read_document
from remediation.mapping.reading.loading import text_of_file
from remediation.mapping.reading.messages import complaints_of
from remediation.mapping.reading.positions import Complaint, Positions
from remediation.mapping.reading.secrets import read_secret
from remediation.redaction import plain
from remediation.redis_address import RedisAddress
from remediation.settings import Settings, contexts_folder, environ_itself

SUFFIX = ".yaml"
OF_THE_DEMO = "demo"
"""The name of the context that the demo writes."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SIGNS_IN = re.compile(r"\s*[a-z][a-z0-9+.-]*://[^/?#]*@", re.IGNORECASE)
"""How an address with a user begins; all of these settings are refused with one, but are shown before that."""

_LONGEST_SHOWN = 60
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_FOR_TESTS = frozenset({"REMEDY_FAILPOINTS", "ALLOW_FAILPOINTS"})

SETTINGS = {name.upper(): field for name, field in Settings.model_fields.items() if name.upper() not in _FOR_TESTS}
"""The process settings that a context may name."""

SECRET_SETTINGS = frozenset(name for name, field in SETTINGS.items() if not field.repr) - {"REDIS_URL"}
"""Those that are secrets: a context has them by reference only. REDIS_URL is one where it holds a password."""

OF_AN_INSTALLATION = frozenset(
    name for name in SETTINGS if name.startswith("REDIS_") or name in {"DATA_KEYS", "DATA_KEYS_FILE", "DATA_DIR"}
) | {"MAPPINGS_PATH", "RECEIVER_URL"}
"""What says which installation is meant. With a context none of it comes from the environment: half of one installation
and half of another would be worse than either."""


class ContextFile(Written):
    """What stands in the file of a context."""

    settings: dict[EnvName, str | bool | int | float] = Field(default_factory=dict)
    secrets: dict[EnvName, SecretRef] = Field(default_factory=dict)
    valid_while_locked: Path | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A context: process settings as text, and where secrets are, both by the names of environment variables.

    `valid_while_locked` is a file that a process holds locked for as long as the installation runs; None where the
    installation outlives whoever wrote the file.
    """

    name: str
    path: Path
    settings: Mapping[str, str]
    secrets: Mapping[str, SecretRef]
    valid_while_locked: Path | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process that the context belongs to still runs; true where it belongs to none."""
        return self.valid_while_locked is None or _is_locked(self.valid_while_locked)


class ContextVariables(Mapping[str, str]):
    """A context as the variables that it gives. A secret is read when it is asked for, and again each time.

    Reading one raises ConfigurationError where it cannot be read.
    """

    def __init__(self, context: Context, outer: Mapping[str, str]) -> None:
        self._context = context
        self._outer = outer

    def __getitem__(self, name: str) -> str:
        if name in self._context.settings:
            return self._context.settings[name]
        try:
            return read_secret(self._context.secrets[name], self._outer)
        except ConfigurationError as error:
            where = f"{self._context.path}: secrets.{name}"
            raise ConfigurationError([Problem(where, str(each)) for each in error.problems]) from None

    def __contains__(self, name: object) -> bool:
        return name in self._context.settings or name in self._context.secrets

    def __iter__(self) -> Iterator[str]:
        return iter({**self._context.settings, **self._context.secrets})

    def __len__(self) -> int:
        return len({*self._context.settings, *self._context.secrets})


def context_names() -> list[str]:
    """The names of all contexts that there are, in alphabetical order."""
    try:
        found = [path for path in contexts_folder().iterdir() if path.suffix == SUFFIX]
    except OSError:
        return []
    return sorted(path.stem for path in found if _NAME.fullmatch(path.stem))


def path_of(name: str) -> Path:
    """Where the context of this name is, or would be. Raises ConfigurationError for what is no name."""
    if not _NAME.fullmatch(name):
        words = "is no name of a context: lower-case letters, digits, - and _ make one"
        raise ConfigurationError([Problem(f"'{plain(name, _LONGEST_SHOWN)}'", words)])
    return contexts_folder() / f"{name}{SUFFIX}"


def read_context(name: str) -> Context:
    """The context of this name. Raises ConfigurationError where there is none, or where it cannot be used."""
    path, names = path_of(name), context_names()
    if name not in names:
        choice = f"there are {listed(names)}" if names else "there is none"
        hint = "; it is there while remedy demo runs" if name == OF_THE_DEMO else did_you_mean(name, names)
        words = f"no context is named '{name}'{hint} ({choice})"
        raise ConfigurationError([Problem(str(path.parent), words)])
    _check_owner(path)
    return context_of(text_of_file(path), name, path)


def context_of(text: str, name: str, path: Path) -> Context:
    """The context that is written in `text`. Raises ConfigurationError with everything that is wrong with it."""
    document = read_document(text, str(path))
    data = {} if document.data is None else document.data
    try:
        written = ContextFile.model_validate(data)
    except ValidationError as error:
        found = [*document.complaints, *complaints_of(error.errors(include_url=False), data, ContextFile)]
        raise _wrong(found, document.positions, path) from None
    if complaints := [*document.complaints, *_complaints(written)]:
        raise _wrong(complaints, document.positions, path)
    settings = {variable: _text(value) for variable, value in written.settings.items()}
    return Context(name, path, settings, written.secrets, written.valid_while_locked)


def chosen_variables(name: str) -> Mapping[str, str]:
    """What a context gives. Raises ConfigurationError, also where the process that it belongs to has ended."""
    context = read_context(name)
    if not context.is_running:
        again = ": start it again with remedy demo" if name == OF_THE_DEMO else ""
        words = f"the context '{name}' belongs to a process that has ended{again}"
        raise ConfigurationError([Problem(str(context.path), words)])
    return ContextVariables(context, environ_itself())


def _wrong(complaints: Iterable[Complaint], positions: Positions, path: Path) -> ConfigurationError:
    return ConfigurationError([positions.problem(str(path), each) for each in complaints])


def _complaints(written: ContextFile) -> Iterator[Complaint]:
    for name, value in written.settings.items():
        if message := _flaw_of_setting(name, value):
            yield Complaint(("settings", name), message)
    for name, ref in written.secrets.items():
        if name in SETTINGS and name not in {*SECRET_SETTINGS, "REDIS_URL"}:
            yield Complaint(("secrets", name), "is no secret: it belongs under settings", "key")
        if name in written.settings:
            yield Complaint(("secrets", name), "stands under settings, too", "key")
        if isinstance(ref, SecretFromFile) and not ref.file.is_absolute():
            yield Complaint(("secrets", name, "file"), _NOT_ABSOLUTE)
    if written.valid_while_locked and not written.valid_while_locked.is_absolute():
        yield Complaint(("valid_while_locked",), _NOT_ABSOLUTE)


_NOT_ABSOLUTE = "must be an absolute path: a context is used from every folder"
_REFERENCE = "{file: PATH} or {env: NAME}"


def _flaw_of_setting(name: str, value: object) -> str:
    """What is wrong with a setting of a context, without its value; empty where nothing is."""
    if name in SECRET_SETTINGS:
        return f"is a secret: it belongs under secrets, as {_REFERENCE}"
    if name not in SETTINGS:
        if near := nearest(name.lower(), [each.lower() for each in SETTINGS]):
            return f"is no process setting; did you mean {near.upper()}?"
        return f"is no process setting: a secret of mappings.yaml belongs under secrets, as {_REFERENCE}"
    if not str(value).strip():
        return "is empty: leave it out instead"
    if message := _flaw_of_address(name, str(value)):
        return message
    return _NOT_ABSOLUTE if _is_path(name) and not Path(str(value)).is_absolute() else ""


def _flaw_of_address(name: str, text: str) -> str:
    if name == "REDIS_URL":
        holds = f"holds a password, which belongs under secrets, as REDIS_PASSWORD: {_REFERENCE}"
        return holds if _has_password(text) else ""
    return "holds a user or a password, and no secret may stand here" if _SIGNS_IN.match(text) else ""


def _has_password(url: str) -> bool:
    """Whether an address holds one, or something in its place that cannot be read as an address."""
    try:
        return RedisAddress.parse(url).sign_in.password is not None
    except ValueError:
        return "@" in url or "password" in url.lower()


def _is_path(name: str) -> bool:
    return Path in _types_in(SETTINGS[name].annotation)


def _types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for each in get_args(annotation):
        yield from _types_in(each)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_owner(path: Path) -> None:
    """Raises ConfigurationError for a file, or a folder, that somebody else may write: he could send us elsewhere."""
    for place in (path, path.parent):
        try:
            status = place.stat()
        except OSError as error:
            raise ConfigurationError([Problem(str(place), f"cannot be read: {error.strerror}")]) from None
        if place == path and (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)):
            raise ConfigurationError([Problem(str(place), "is no regular file: to read it might never end")])
        if status.st_uid not in {os.getuid(), 0}:
            raise ConfigurationError([Problem(str(place), f"belongs to somebody else (user {status.st_uid})")])
        if status.st_mode & _WRITABLE_BY_OTHERS:
            words = f"others may write it, and so send commands elsewhere: chmod go-w {place}"
            raise ConfigurationError([Problem(str(place), words)])


def _is_locked(path: Path) -> bool:
    """Whether a process holds the lock of this file."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
