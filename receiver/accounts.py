"""The senders that the receiver knows: each district's webhook secrets and signature format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remediation.signatures import SignatureFormat


@dataclass(frozen=True, slots=True)
class Account:
    """One district's sender. Any of `secrets` may have signed."""

    district: str
    secrets: tuple[str, ...] = field(repr=False)
    signature: SignatureFormat


def account_of(accounts: Mapping[str, Account], district: str | None) -> Account | None:
    """The account that an address means. Without a district in the address there must be exactly one."""
    if district is None:
        return next(iter(accounts.values())) if len(accounts) == 1 else None
    return accounts.get(district)
