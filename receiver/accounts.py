"""The senders that the receiver knows: whose deliveries they are, and which secrets and format sign them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remediation.deliveries.events import SCHOOLSCAN, DeliveryLimit, Sender
from remediation.deliveries.signatures import SignatureFormat
from remediation.deliveries.webhook_secrets import WebhookSecret


@dataclass(frozen=True, slots=True)
class Account:
    """One sender: a district's SchoolScan account, or a tracker.

    A delivery may be signed with any secret that has not ended.

    `limit` is how many deliveries of it are taken; None takes all.
    """

    name: str
    secrets: tuple[WebhookSecret, ...]
    signature: SignatureFormat
    sender: Sender = SCHOOLSCAN
    limit: DeliveryLimit | None = None

    @property
    def path(self) -> str:
        """The account's name that is unique among all senders."""
        return self.sender.path(self.name)


@dataclass(frozen=True, slots=True)
class Accounts:
    """All senders, by the name of the district or of the tracker. A tracker without a webhook is not among them."""

    districts: Mapping[str, Account]
    trackers: Mapping[str, Account] = field(default_factory=dict)

    def of_district(self, name: str | None) -> Account | None:
        """The account that an address names.

        An address without a district is valid only where there is exactly one district.
        """
        if name is None:
            return next(iter(self.districts.values())) if len(self.districts) == 1 else None
        return self.districts.get(name)
