"""Keys and secrets: whether they exist, and whether others could guess or read them. No value is ever shown."""

import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from remediation.deliveries.webhook_secrets import standard_key
from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import channel_urls, console_secrets, identities_of, worker_secrets
from remediation.mapping.reading.watching import files_named
from remediation.mapping.reading.webhook_secrets import end_warnings, ended_senders
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, ordinary, trouble, well
from remediation.read_model.wording import count_words
from remediation.sealing import Keyring
from remediation.settings import Settings, environ
from remediation.store.processes import Role
from remedy.runtime.assembly import accounts_of
from remedy.runtime.data_keys import keyring_of

_SHORTEST_SECRET = 24
"""The fewest bytes that Standard Webhooks asks for."""
_FEWEST_SIGNS = 8
"""The fewest different characters: `aaaaaaaa…` is long and no secret."""
_POD = "KUBERNETES_SERVICE_HOST"
"""Set in every pod: there, only the pod's own processes can read what is mounted."""


def look_at_data_keys(settings: Settings) -> tuple[list[Diagnosis], Keyring | None]:
    """The check of DATA_KEYS, and the keyring; None where nothing could be opened with it."""
    try:
        keyring = keyring_of(settings)
    except ConfigurationError as error:
        says = "; ".join(problem.message for problem in error.problems)  # each is about DATA_KEYS
        return [trouble(Code.DATA_KEYS, "DATA_KEYS", says)], None
    says = f"{count_words(len(keyring.key_ids), 'data key')}; {keyring.key_ids[0]} seals"
    path = settings.data_keys_file
    is_open = path is not None and _POD not in environ() and _is_readable_by_all(path)
    odd = [trouble(Code.SECRET_READABLE, "DATA_KEYS", f"every user can read {path}")] if is_open else []
    return ordinary("DATA_KEYS", says, *odd), keyring


def look_at_secrets(
    loaded: Loaded, environ: Mapping[str, str], now: float, role: Role | None = None
) -> tuple[list[Diagnosis], bool]:
    """The secrets to which mappings.yaml refers, and whether those for outside systems exist.

    Only those that a process of `role` reads, where there is one. `now` is in Unix seconds.
    """
    own = [] if role in {"receiver", "worker"} else _console_secrets(loaded, environ)
    if role == "console":  # which has no other
        return own, False
    found = own if role == "worker" else [*own, *_webhook_secrets(loaded, now)]
    files = [] if _POD in environ else list(_readable_files(loaded))
    if role == "receiver":
        return [*found, *files], False
    asked = _there("tokens and passwords", Code.SECRET_MISSING, lambda: _worker_secrets(loaded, environ))
    if any(each.identity for each in loaded.mappings.districts.values()):
        asked += _there("identity keys", Code.IDENTITY_KEY, lambda: f"{len(identities_of(loaded, environ))} found")
    is_complete = all(each.is_well for each in asked)
    if loaded.mappings.notify:
        what = "addresses of channels"
        asked += _there(what, Code.SECRET_MISSING, lambda: f"{len(channel_urls(loaded, environ))} found")
    return [*found, *asked, *files], is_complete


def _console_secrets(loaded: Loaded, environ: Mapping[str, str]) -> list[Diagnosis]:
    if loaded.mappings.console is None or not loaded.mappings.console.secrets:
        return []
    return _there("console's secrets", Code.SECRET_MISSING, lambda: f"{len(console_secrets(loaded, environ))} found")


def _worker_secrets(loaded: Loaded, environ: Mapping[str, str]) -> str:
    return f"{sum(len(each) for each in worker_secrets(loaded, environ))} found"


def _there(what: str, code: Code, look: Callable[[], str]) -> list[Diagnosis]:
    try:
        return [well(what, look())]
    except ConfigurationError as error:
        return [trouble(code, what, str(problem)) for problem in error.problems]


def _webhook_secrets(loaded: Loaded, now: float) -> list[Diagnosis]:
    what = "webhook secrets"
    if ended := ended_senders(loaded, now):
        return [trouble(Code.WEBHOOK_SECRET_ENDED, what, str(problem)) for problem in ended]
    try:
        accounts = accounts_of(loaded, now)
    except ConfigurationError as error:
        return [trouble(Code.SECRET_MISSING, what, str(problem)) for problem in error.problems]
    says = f"{count_words(len(accounts.districts), 'district')}, {count_words(len(accounts.trackers), 'tracker')}"
    odd = (
        each
        for account in (*accounts.districts.values(), *accounts.trackers.values())
        for secret in account.secrets
        for each in _odd(f"the secret {secret.id} of {account.name}", secret.value)
    )
    ending = (trouble(Code.WEBHOOK_SECRET_ENDING, what, str(problem)) for problem in end_warnings(loaded, now))
    return ordinary(what, says, *odd, *ending)


def _odd(called: str, secret: str) -> Iterator[Diagnosis]:
    """Whether a secret is short or repetitive, or has blanks that nobody sees."""
    key = standard_key(secret) or secret.encode()
    if len(key) < _SHORTEST_SECRET or len(set(key)) < _FEWEST_SIGNS:
        yield trouble(Code.WEBHOOK_SECRET_WEAK, "webhook secrets", f"{called} could be guessed")
    if secret != secret.strip():
        yield trouble(Code.WEBHOOK_SECRET_BLANK, "webhook secrets", f"{called} begins or ends with a blank")


def _readable_files(loaded: Loaded) -> Iterator[Diagnosis]:
    trackers = [(each.secret, each.webhook) for each in loaded.mappings.trackers.values()]
    for path in sorted(set(files_named([loaded.mappings.districts, trackers, loaded.mappings.notify]))):
        if _is_readable_by_all(path):
            yield trouble(Code.SECRET_READABLE, "secret files", f"every user can read {path}")


def _is_readable_by_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False
