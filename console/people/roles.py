"""What a person may see and do: a role for each district, or for all. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

LONGEST_NAME = 200
"""The most characters of a person's name."""


class ConsoleRole(IntEnum):
    """What a person may do, the least first: each role may do what those before it may.

    VIEWER reads and exports. OPERATOR also has cases looked at again, replays and discards parked work, and reads the
    words with which a tracker refused. ADMINISTRATOR also deletes cases and ends the sessions of others.
    """

    VIEWER = 1
    OPERATOR = 2
    ADMINISTRATOR = 3


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role, in some districts. `districts` is None for all of them, and for what belongs to none."""

    role: ConsoleRole
    districts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has signed in. `name` is what the audit calls them: a login or an address, no display name."""

    name: str
    grants: tuple[RoleGrant, ...]

    def may(self, role: ConsoleRole, district: str | None) -> bool:
        """Whether they have this role or a greater one in a district; None asks about what belongs to no district."""
        return any(
            grant.role >= role and (grant.districts is None or district in grant.districts) for grant in self.grants
        )

    def sees_everything(self) -> bool:
        """Whether they may read what belongs to all districts, or to none: trackers' deliveries, systems, all rules."""
        return self.may(ConsoleRole.VIEWER, None)

    def administers(self) -> bool:
        """Whether they may see who has signed in, and end sessions: these belong to no district."""
        return self.may(ConsoleRole.ADMINISTRATOR, None)

    def visible(self, districts: Iterable[str]) -> tuple[str, ...]:
        """Those of the districts of which they may read anything, in order."""
        return tuple(sorted(name for name in districts if self.may(ConsoleRole.VIEWER, name)))

    def granted_districts(self) -> frozenset[str] | None:
        """The districts that their grants name; None where they may read those of all."""
        if self.sees_everything():
            return None
        return frozenset(name for grant in self.grants for name in grant.districts or ())
