"""Reads secrets from the places that mappings.yaml names. Each process reads only those that it needs."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from remediation.domain.cases.identities import Identity
from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.references import SecretFromEnv, SecretRef
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import Steps
from remediation.regular_files import open_regular

_LARGEST = 64_000
_SHORTEST_KEY = 32
_FIRST_PRINTABLE = " "
_DELETE = "\x7f"

_Refs = Mapping[Steps, SecretRef]


def read_secret(ref: SecretRef, environ: Mapping[str, str]) -> str:
    """The secret behind a reference, without one final newline.

    Raises ConfigurationError if it is missing, empty, too long, or has control characters. The message names the
    variable or the file, never the content.
    """
    match ref:
        case SecretFromEnv():
            where, text = f"environment variable {ref.env}", environ.get(ref.env)
        case _:
            where, text = f"file {ref.file}", _file_text(ref.file)
    if text is None:
        raise ConfigurationError([Problem(where, "is not set")])
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret.strip():
        raise ConfigurationError([Problem(where, "is empty")])
    if len(secret) > _LARGEST:
        raise ConfigurationError([Problem(where, f"is longer than {_LARGEST:,} characters")])
    if any(char < _FIRST_PRINTABLE or char == _DELETE for char in secret):
        raise ConfigurationError([Problem(where, "holds a line break or another control character")])
    return secret


def read_all(loaded: Loaded, refs: Mapping[Steps, SecretRef], environ: Mapping[str, str]) -> dict[Steps, str]:
    """The secrets behind references, by the paths of these. Raises ConfigurationError with all problems."""
    secrets: dict[Steps, str] = {}
    problems: list[Problem] = []
    for steps, ref in refs.items():
        try:
            secrets[steps] = read_secret(ref, environ)
        except ConfigurationError as error:
            problems += [loaded.problem(steps, f"{problem.where} {problem.message}") for problem in error.problems]
    if problems:
        raise ConfigurationError(problems)
    return secrets


class WorkerSecrets(NamedTuple):
    """SchoolScan's tokens by district, passwords or tokens by tracker, and tokens of feeds by `district/feed`."""

    accounts: dict[str, str]
    trackers: dict[str, str]
    feeds: dict[str, str]


def worker_secrets(loaded: Loaded, environ: Mapping[str, str]) -> WorkerSecrets:
    """Everything that a worker signs in with. Raises ConfigurationError with all problems."""
    accounts, trackers, feeds = _account_refs(loaded), _tracker_refs(loaded), _feed_refs(loaded)
    read = read_all(loaded, {**accounts, **trackers, **feeds}, environ)
    return WorkerSecrets(
        _by_name({steps: read[steps] for steps in accounts}),
        _by_name({steps: read[steps] for steps in trackers}),
        {f"{steps[1]}/{steps[3]}": read[steps] for steps in feeds},
    )


def channel_urls(loaded: Loaded, environ: Mapping[str, str], names: Collection[str] | None = None) -> dict[str, str]:
    """The addresses of these channels (None: of all), by their names.

    Raises ConfigurationError with all problems.
    """
    channels = loaded.mappings.notify
    refs: _Refs = {("notify", name, "url"): channels[name].url for name in (channels if names is None else names)}
    return _by_name(read_all(loaded, refs, environ))


def console_secrets(loaded: Loaded, environ: Mapping[str, str]) -> dict[str, str]:
    """What the console itself signs in with, by its word in mappings.yaml. Raises ConfigurationError."""
    console = loaded.mappings.console
    refs: _Refs = {("console", *words): ref for words, ref in console.secrets.items()} if console else {}
    return {str(steps[-1]): secret for steps, secret in read_all(loaded, refs, environ).items()}


def identities_of(
    loaded: Loaded, environ: Mapping[str, str], districts: Collection[str] | None = None
) -> dict[str, Identity]:
    """The identities of those of the districts (None: of all) that have one, with their keys.

    Raises ConfigurationError with all problems: a short key could be guessed, and with it the addresses.
    """
    of_all = {name: each.identity for name, each in loaded.mappings.districts.items() if each.identity}
    written = {name: each for name, each in of_all.items() if districts is None or name in districts}
    refs: dict[Steps, SecretRef] = {("districts", name, "identity", "key"): each.key for name, each in written.items()}
    read = read_all(loaded, refs, environ)
    short = f"holds fewer than {_SHORTEST_KEY} characters"
    if problems := [loaded.problem(steps, short) for steps, key in read.items() if len(key) < _SHORTEST_KEY]:
        raise ConfigurationError(problems)
    keys = _by_name(read)
    return {name: Identity(frozenset(each.by), keys[name].encode()) for name, each in written.items()}


def _account_refs(loaded: Loaded) -> _Refs:
    return {
        ("districts", name, "schoolscan", "token"): district.schoolscan.token
        for name, district in loaded.mappings.districts.items()
    }


def _tracker_refs(loaded: Loaded) -> _Refs:
    signing_in = {name: tracker.secret for name, tracker in loaded.mappings.trackers.items()}
    return {("trackers", name, *words): ref for name, (words, ref) in signing_in.items()}


def _feed_refs(loaded: Loaded) -> _Refs:
    return {
        ("districts", name, "incidents", feed, "token"): written.token
        for name, district in loaded.mappings.districts.items()
        for feed, written in district.incidents.items()
    }


def _by_name(secrets: Mapping[Steps, str]) -> dict[str, str]:
    return {str(steps[1]): secret for steps, secret in secrets.items()}


def _file_text(path: Path) -> str:
    where = f"file {path}"
    try:
        with open_regular(path) as file:
            return file.read(_LARGEST + 1).decode()
    except UnicodeDecodeError:
        raise ConfigurationError([Problem(where, "is not UTF-8 text")]) from None
    except OSError as error:
        raise ConfigurationError([Problem(where, f"cannot be read: {error.strerror}")]) from None
    except ValueError:
        raise ConfigurationError([Problem(where, "cannot be read: its path is not valid")]) from None
