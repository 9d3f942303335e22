"""The senders that the receiver knows: whose deliveries they are, and which secrets and format sign them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remediation.deliveries.events import SCHOOLSCAN, DeliveryLimit, Sender
from remediation.deliveries.signatures import SignatureFormat
from remediation.deliveries.webhook_secrets import WebhookSecret

SCHOOLSCAN_PATH = "/webhooks/schoolscan"


@dataclass(frozen=True, slots=True)
class Account:
    """One sender: a district's SchoolScan account, or a tracker.

    A delivery may be signed with any secret that has not ended.

    `limit` is how many deliveries of it are taken; None takes all. `path` is its name that is unique among all senders,
    and `named` is how log lines and traces have it.
    """

    name: str
    secrets: tuple[WebhookSecret, ...]
    signature: SignatureFormat
    sender: Sender = SCHOOLSCAN
    limit: DeliveryLimit | None = None
    path: str = field(init=False, repr=False, compare=False)
    named: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.sender.path(self.name))
        object.__setattr__(self, "named", {"sender": self.sender.name, **self.sender.named(self.name)})


@dataclass(frozen=True, slots=True)
class Accounts:
    """All senders, by the name of the district or of the tracker. A tracker without a webhook is not among them."""

    districts: Mapping[str, Account]
    trackers: Mapping[str, Account] = field(default_factory=dict)

    def addresses(self) -> dict[str, Account]:
        """Every account by the path of its webhook.

        A path without a district is valid only where there is exactly one district.
        """
        of_trackers = {f"/webhooks/{name}": account for name, account in self.trackers.items()}
        of_districts = {f"{SCHOOLSCAN_PATH}/{name}": account for name, account in self.districts.items()}
        addresses = of_trackers | of_districts
        if len(self.districts) == 1:
            (addresses[SCHOOLSCAN_PATH],) = self.districts.values()
        return addresses
