"""The senders that the receiver knows: each district's webhook secrets and signature format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remediation.signatures import SignatureFormat
from remediation.store.connection import Connection

_SEEN = "remedy:signed-times"
"""A set of the districts whose sender was seen to sign a time."""


@dataclass(frozen=True, slots=True)
class Account:
    """One district's sender. Any of `secrets` may have signed."""

    district: str
    secrets: tuple[str, ...] = field(repr=False)
    signature: SignatureFormat


class SignedTimes:
    """Which districts' senders sign a time: from then on `auto` refuses formats that do not.

    Kept in Redis, because every receiver must know it, also after a restart; each asks for it again only when a
    delivery without a signed time comes in.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen: set[str] = set()

    async def required(self, account: Account) -> bool:
        """Whether this district's deliveries must carry a signed time. Raises StoreUnavailable."""
        if account.signature is not SignatureFormat.AUTO:
            return False
        if account.district not in self._seen and await self._connection.ask(
            self._connection.redis.sismember(_SEEN, account.district)
        ):
            self._seen.add(account.district)
        return account.district in self._seen

    async def note(self, account: Account, found: SignatureFormat) -> None:
        """Remember what an authentic delivery used. Raises StoreUnavailable."""
        if account.signature is SignatureFormat.AUTO and found.is_timestamped and account.district not in self._seen:
            await self._connection.ask(self._connection.redis.sadd(_SEEN, account.district))
            self._seen.add(account.district)


def account_of(accounts: Mapping[str, Account], district: str | None) -> Account | None:
    """The account that an address means. Without a district in the address there must be exactly one."""
    if district is None:
        return next(iter(accounts.values())) if len(accounts) == 1 else None
    return accounts.get(district)
