"""Keys and secrets: whether they are there, and whether others could guess or read them. No value is ever told."""

import base64
import binascii
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cli.assembly import accounts_of, keyring_of
from cli.doctor.diagnosis import Code, Diagnosis, ordinary, trouble, well
from receiver.accounts import Account
from remediation.errors import ConfigurationError
from remediation.mapping.loading import Loaded
from remediation.mapping.secrets import identities_of, worker_secrets
from remediation.mapping.watching import files_named
from remediation.sealing import Keyring
from remediation.settings import Settings
from remediation.store.processes import Role

_SHORTEST_SECRET = 24
"""Bytes that Standard Webhooks asks for at least."""
_FEWEST_SIGNS = 8
"""Different ones: `aaaaaaaa…` is long and no secret."""
_PREFIX = "whsec_"
_POD = "KUBERNETES_SERVICE_HOST"
"""Set in every pod: what is mounted there nobody but the pod's own processes can read."""


def look_at_data_keys(settings: Settings) -> tuple[list[Diagnosis], Keyring | None]:
    """DATA_KEYS; None where nobody could open anything with them."""
    try:
        keyring = keyring_of(settings)
    except ConfigurationError as error:
        says = "; ".join(str(problem) for problem in error.problems)
        return [trouble(Code.DATA_KEYS, "DATA_KEYS", says)], None
    return [well("DATA_KEYS", f"{len(keyring.key_ids)} data key(s); {keyring.key_ids[0]} seals")], keyring


def look_at_secrets(
    loaded: Loaded, environ: Mapping[str, str], role: Role | None = None
) -> tuple[list[Diagnosis], bool]:
    """The secrets that mappings.yaml refers to, and whether those are there with which the outside is asked.

    Of a process of one `role` only those that it reads.
    """
    found = [] if role == "worker" else _webhook_secrets(loaded)
    files = [] if _POD in environ else list(_readable_files(loaded))
    if role == "receiver":
        return [*found, *files], False
    asked = _there("tokens and passwords", Code.SECRET_MISSING, lambda: _worker_secrets(loaded, environ))
    if any(each.identity for each in loaded.mappings.districts.values()):
        asked += _there("identity keys", Code.IDENTITY_KEY, lambda: f"{len(identities_of(loaded, environ))} found")
    return [*found, *asked, *files], all(each.is_well for each in asked)


def _worker_secrets(loaded: Loaded, environ: Mapping[str, str]) -> str:
    tokens, trackers = worker_secrets(loaded, environ)
    return f"{len(tokens) + len(trackers)} found"


def _there(what: str, code: Code, look: Callable[[], str]) -> list[Diagnosis]:
    try:
        return [well(what, look())]
    except ConfigurationError as error:
        return [trouble(code, what, str(problem)) for problem in error.problems]


def _webhook_secrets(loaded: Loaded) -> list[Diagnosis]:
    what = "webhook secrets"
    try:
        accounts = accounts_of(loaded)
    except ConfigurationError as error:
        return [trouble(Code.SECRET_MISSING, what, str(problem)) for problem in error.problems]
    says = f"{len(accounts.districts)} district(s), {len(accounts.trackers)} tracker(s)"
    weak = (
        trouble(Code.WEBHOOK_SECRET_WEAK, what, f"the {number}. secret of {account.name} could be guessed")
        for account in (*accounts.districts.values(), *accounts.trackers.values())
        for number in _weak(account)
    )
    return ordinary(what, says, *weak)


def _weak(account: Account) -> Iterator[int]:
    """The places, from 1, of those of its secrets that are short or monotonous."""
    for number, secret in enumerate(account.secrets, start=1):
        key = _key(secret)
        if len(key) < _SHORTEST_SECRET or len(set(key)) < _FEWEST_SIGNS:
            yield number


def _key(secret: str) -> bytes:
    """What signs: behind `whsec_` it is written in base64."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


def _readable_files(loaded: Loaded) -> Iterator[Diagnosis]:
    trackers = [(each.auth, each.webhook) for each in loaded.mappings.trackers.values()]
    for path in sorted(set(files_named([loaded.mappings.districts, trackers]))):
        if _is_readable_by_all(path):
            yield trouble(Code.SECRET_READABLE, "secret files", f"every user can read {path}")


def _is_readable_by_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False
