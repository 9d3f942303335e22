"""The senders that the receiver knows: whose deliveries they are, and which secrets and format sign them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remediation.senders import Sender
from remediation.signatures import SignatureFormat


@dataclass(frozen=True, slots=True)
class Account:
    """One sender: a district's SchoolScan account, or a tracker. Any of `secrets` may have signed."""

    name: str
    secrets: tuple[str, ...] = field(repr=False)
    signature: SignatureFormat
    sender: Sender = Sender.SCHOOLSCAN


@dataclass(frozen=True, slots=True)
class Accounts:
    """All senders, by the name of the district or of the tracker. A tracker without a webhook is not among them."""

    districts: Mapping[str, Account]
    trackers: Mapping[str, Account] = field(default_factory=dict)

    def of_district(self, name: str | None) -> Account | None:
        """The account that an address means. Without a district in the address there must be exactly one."""
        if name is None:
            return next(iter(self.districts.values())) if len(self.districts) == 1 else None
        return self.districts.get(name)
