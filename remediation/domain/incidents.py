"""The incident feed's records as values. Names, ids of people, demographics and free text are never part of one."""

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from remediation.domain.status import Status

_DIGITS = 8


class IncidentType(StrEnum):
    """What an incident is in the feed. A pending one becomes another when somebody has decided about it."""

    REFERRAL = "referral"
    MINOR = "minor"
    PENDING = "pending"
    UNKNOWN = "unknown"


class IncidentFlaw(StrEnum):
    """What could not be read in an incident. Incidents are counted by it; the text itself is not kept."""

    UUID = "uuid"
    """There is none, or it is no id: the incident is left out."""
    TYPE = "type"
    LAST_MODIFIED = "last_modified"
    DELETED = "deleted"
    BOUNCED = "bounced"
    DATE = "date"
    COUNT = "count"
    CODE = "code"
    """A code is too long, or has characters that cannot be printed: it is left out."""
    TOO_MANY_CODES = "too_many_codes"
    """There are more different codes of one kind than are kept."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as the feed showed it at one moment. Only `uuid` is sure to be there.

    `last_modified` is compared as it is, and never read as a time. `is_deleted` and `is_bounced` are None where the
    feed says something that cannot be read. `day` is the day of the incident in the feed's time zone. Codes are the
    district's own, as they are written, sorted and each once; those of the incident, its offenders and its victims
    are together. `offenders` and `victims` are how many there are.
    """

    uuid: str
    type: IncidentType = IncidentType.UNKNOWN
    last_modified: str | None = field(default=None, repr=False)
    is_deleted: bool | None = False
    is_bounced: bool | None = False
    day: date | None = field(default=None, repr=False)
    school: str | None = field(default=None, repr=False)
    offenses: tuple[str, ...] = field(default=(), repr=False)
    weapons: tuple[str, ...] = field(default=(), repr=False)
    injuries: tuple[str, ...] = field(default=(), repr=False)
    actions: tuple[str, ...] = field(default=(), repr=False)
    offenders: int = 0
    victims: int = 0

    def completed_by(self, before: "Incident | None") -> "Incident":
        """The same incident, with what was known before where the feed now says what nobody can read."""
        if before is None or (self.is_deleted is not None and self.is_bounced is not None):
            return self
        is_deleted = before.is_deleted if self.is_deleted is None else self.is_deleted
        is_bounced = before.is_bounced if self.is_bounced is None else self.is_bounced
        return replace(self, is_deleted=is_deleted, is_bounced=is_bounced)


@dataclass(frozen=True, slots=True)
class Kept:
    """An incident as its feed showed it last, and when (Unix seconds) it first showed it so.

    `deleted_at` is when the feed first said that it is deleted; None where it is not. An earlier version kept no times.
    """

    incident: Incident
    changed_at: int | None = None
    deleted_at: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What an incident was when its tickets were opened. `key` is random, and lasts as long as this is known.

    An earlier version had no key: it is empty then.
    """

    incident: Incident
    key: bytes = field(default=b"", repr=False)

    def digest_of(self, news: str) -> str:
        """Returns what stands for news about the incident where they may not be in clear: 8 hexadecimal digits.

        Codes are few: without a key, whoever reads a digest could try them all.
        """
        return hmac.digest(self.key, news.encode(), "sha256").hex()[:_DIGITS] if self.key else unkeyed_digest_of(news)


def unkeyed_digest_of(news: str) -> str:
    """Returns what an earlier version remembered in place of news that it had told."""
    return hashlib.sha256(news.encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class Decided:
    """An incident as its feed showed it last, and the status that was decided; None where nothing was.

    `told` is what it was when its tickets were opened, where that is known. The times are those of Kept.
    """

    incident: Incident
    status: Status | None = None
    told: Told | None = None
    changed_at: int | None = None
    deleted_at: int | None = None


@dataclass(frozen=True, slots=True)
class DecidedPage:
    """Some of the incidents of a feed, in no order. `cursor` is where the list goes on; 0 says that it is at its end.

    `left_out` is how many there are besides whose rows cannot be read: their data key is not there, or another version
    wrote them.
    """

    incidents: tuple[Decided, ...]
    cursor: int
    left_out: int = 0
