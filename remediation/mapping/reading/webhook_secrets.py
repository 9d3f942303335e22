"""The webhook secrets: read by the receiver, refused where they cannot work, and used until their last day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from remediation.deliveries.events import SCHOOLSCAN, Sender
from remediation.deliveries.signatures import SignatureFormat
from remediation.deliveries.webhook_secrets import STANDARD_PREFIX, WebhookSecret, end_of, standard_key
from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.references import WebhookSecretRef
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.signing_in import Webhook
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import Steps
from remediation.mapping.reading.secrets import read_all

_ENDS_SOON = timedelta(days=7)
"""The time before its end in which a secret is warned of."""

_MAY_BE_STANDARD = {SignatureFormat.STANDARD, SignatureFormat.AUTO}
_NO_BASE64 = (
    f"begins with {STANDARD_PREFIX} and has no base64 behind it, so nothing that Standard Webhooks signs could verify: "
    "is all of it there? Where the sender uses it as it stands, write the `signature` that it makes"
)

_ALL_ENDED = "every one has ended: add the secret with which the sender signs now"

Secrets = dict[str, tuple[WebhookSecret, ...]]


@dataclass(frozen=True, slots=True)
class _Account:
    """One sender's account, and the path of its webhook in the file."""

    sender: Sender
    name: str
    steps: Steps
    webhook: Webhook

    @property
    def secrets(self) -> Steps:
        return (*self.steps, "secrets")

    @property
    def last_end(self) -> float:
        """When (Unix seconds) the last of its secrets ends."""
        return max(end_of(ref.until) for ref in self.webhook.secrets)

    def counting(self, now: float) -> dict[Steps, WebhookSecretRef]:
        """The secrets of this account that are valid at `now`, by their paths."""
        numbered = enumerate(self.webhook.secrets)
        return {(*self.secrets, number): ref for number, ref in numbered if now < end_of(ref.until)}


def webhook_secrets(loaded: Loaded, environ: Mapping[str, str], now: float) -> tuple[Secrets, Secrets]:
    """The secrets that count at `now`, by district, and by tracker that has a webhook: all that the receiver needs.

    Raises ConfigurationError with all problems: a secret that is missing or can verify nothing, or a sender whose
    secrets have all ended. A secret that has ended is not read, because it may be deleted already.
    """
    if ended := ended_senders(loaded, now):
        raise ConfigurationError(ended)
    accounts = list(_accounts(loaded.mappings))
    refs = {steps: ref for account in accounts for steps, ref in account.counting(now).items()}
    read = read_all(loaded, refs, environ)
    unusable = [loaded.problem(*each) for account in accounts for each in _unusable(account, read, now)]
    if unusable:
        raise ConfigurationError(unusable)
    districts: Secrets = {}
    trackers: Secrets = {}
    for account in accounts:
        secrets = (WebhookSecret(ref.name, read[at], end_of(ref.until)) for at, ref in account.counting(now).items())
        (trackers if account.sender.is_tracker else districts)[account.name] = tuple(secrets)
    return districts, trackers


def newest_secret(loaded: Loaded, district: str, environ: Mapping[str, str], now: float) -> str:
    """The secret with which SchoolScan signs for a district: of those valid at `now`, the one that is so longest.

    Raises ConfigurationError where it is missing, or where all have ended.
    """
    (account,) = (each for each in _accounts(loaded.mappings) if each.sender is SCHOOLSCAN and each.name == district)
    counting = account.counting(now)
    if not counting:
        raise ConfigurationError([loaded.problem(account.secrets, _ALL_ENDED)])
    steps = max(counting, key=lambda each: end_of(counting[each].until))
    return read_all(loaded, {steps: counting[steps]}, environ)[steps]


def secret_ids(mappings: Mappings, now: float) -> dict[str, tuple[str, ...]]:
    """The ids of the secrets that are valid at `now`, by the path of their account (`schoolscan/lakeside`)."""
    return {
        account.sender.path(account.name): tuple(ref.name for ref in account.counting(now).values())
        for account in _accounts(mappings)
    }


@dataclass(frozen=True, slots=True)
class SecretEnd:
    """A webhook secret that has ended, or soon will, of the sender at `path` (`schoolscan/lakeside`).

    `is_last`: no secret of this sender counts from `at` (Unix seconds) on.
    """

    path: str
    name: str
    at: float
    is_last: bool


def secret_ends(mappings: Mappings, now: float) -> tuple[SecretEnd, ...]:
    """The secrets that have ended at `now`, or will within a week, in the order of the file."""
    return tuple(
        SecretEnd(account.sender.path(account.name), ref.name, end, is_last=end == account.last_end)
        for account in _accounts(mappings)
        for ref in account.webhook.secrets
        if (end := end_of(ref.until)) - now <= _ENDS_SOON.total_seconds()
    )


def ended_senders(loaded: Loaded, now: float) -> list[Problem]:
    """The senders without any secret that is valid at `now`."""
    accounts = _accounts(loaded.mappings)
    return [loaded.problem(account.secrets, _ALL_ENDED) for account in accounts if not account.counting(now)]


def end_warnings(loaded: Loaded, now: float) -> list[Problem]:
    """Secrets that have ended or soon will, and senders of whom all will, in the order of the file."""
    found = [loaded.problem(*each) for account in _accounts(loaded.mappings) for each in _endings(account, now)]
    return sorted(found, key=lambda problem: (problem.line, problem.column, problem.message))


def _endings(account: _Account, now: float) -> Iterator[tuple[Steps, str]]:
    ends = [end_of(ref.until) for ref in account.webhook.secrets]
    days = [ref.until for ref in account.webhook.secrets if ref.until]
    if len(days) == len(ends):
        yield (
            account.secrets,
            f"all of them end: after {max(days)} nothing of this sender verifies; the newest needs no `until`",
        )
    for number, end in enumerate(ends):
        if end <= now:
            yield (*account.secrets, number, "until"), "has ended: take this secret out of the list"
        elif end - now <= _ENDS_SOON.total_seconds():
            message = "ends within a week: does the sender sign with another one? `remedy doctor` tells"
            yield (*account.secrets, number, "until"), message


def _unusable(account: _Account, read: Mapping[Steps, str], now: float) -> Iterator[tuple[Steps, str]]:
    """The paths of secrets that can verify no delivery, each with the reason, which quotes no secret."""
    wanted = account.sender.expected_format(account.webhook.signature)
    for steps in account.counting(now):
        if wanted in _MAY_BE_STANDARD and read[steps].startswith(STANDARD_PREFIX) and not standard_key(read[steps]):
            yield steps, _NO_BASE64


def _accounts(mappings: Mappings) -> Iterator[_Account]:
    for name, district in mappings.districts.items():
        steps: Steps = ("districts", name, "schoolscan", "webhook")
        yield _Account(SCHOOLSCAN, name, steps, district.schoolscan.webhook)
    for name, tracker in mappings.trackers.items():
        if tracker.webhook:
            yield _Account(tracker.sender, name, ("trackers", name, "webhook"), tracker.webhook)
