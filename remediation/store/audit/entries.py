"""What a line of the audit says, as a value: ids, words and times of ours, and digests. Pure.

Who closed a ticket, as its tracker names them, is sealed beside the line (see chain.py): the line has a digest of it,
which only the data keys can compare with a name. The note that was sent has such a digest, too.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

LONGEST_TEXT = 1_000
"""The most characters of a text in a line: a choice of the command line may name many pieces."""


class AuditAct(StrEnum):
    """What was done. A later version may write other words."""

    BEGAN = "chain_began"
    """A chain begins; `fact` says why there is none to go on with, `after` which line was the last before it."""
    TRIMMED = "chain_trimmed"
    """Lines before `first` were deleted because their time was over; `before` is the proof of the last of them."""
    DOUBTFUL = "doubtful"
    """Something waited to be chained that was not proven to be ours; `fact` says why."""
    DECIDED = "decided"
    """A look did something about a case."""
    JOINED = "joined"
    """Findings joined a case of a group: its ticket is theirs, too."""
    MOVED_ON = "moved_on"
    """Findings moved on to `piece`, a later case of their group, because the ticket of the case was closed."""
    REPLAY = "replay"
    REPLAYED = "replayed"
    RETRY = "retry"
    """Somebody had a case looked at, whatever it waited for; `count` pieces of it were parked."""
    DISCARD = "discard"
    DISCARDED = "discarded"
    PURGE = "purge"
    """Somebody had cases deleted; `choice` says which, `count` how many."""
    PURGED = "purged"
    """All that Redis held of a case was deleted, but lines of the audit."""
    READ = "read"
    """Somebody had sealed words shown."""
    SEND = "send"
    START_SCAN = "start_scan"
    CANCEL_SCAN = "cancel_scan"
    REPORT = "report"
    """Somebody had a report made: of a scan, by SchoolScan, which holds student data; or about cases, by us."""
    RECONCILE = "reconcile"
    POLL = "poll"
    BACKFILL = "backfill"
    RESET_SIGNED_TIME = "reset_signed_time"
    """Deliveries of a district are taken without a signed time again."""
    ROTATE_KEY = "rotate_key"
    """Somebody had a new list of data keys written, with this key added, or as the one that seals."""
    RETIRE_KEY = "retire_key"
    FORGOTTEN = "forgotten"
    """Something was deleted by itself: `count` of the kind `fact` (see Forgotten) of `piece`, which is a district, feed
    or sender, because of `cause`."""
    SIGN_IN_LINK = "sign_in_link"
    """Somebody made a link that signs in to the console once, for `piece`; `choice` says what it lets them do."""
    SIGNED_IN = "signed_in"
    """Somebody signed in to the console, in the way `choice`."""
    SIGNED_OUT = "signed_out"
    SESSIONS_ENDED = "sessions_ended"
    """Somebody ended the sessions of `piece` in the console."""
    SIGN_IN_REFUSED = "sign_in_refused"
    """The console let somebody not in, because of `cause`; `count` times within an hour."""
    ATTEMPT_REFUSED = "attempt_refused"
    """The console refused to do something (`piece`), because of `cause`; `count` times within an hour."""
    EXPORTED = "exported"
    """Somebody had a list of the console as a file; `choice` says which, `count` how many rows."""
    STOP_TASK = "stop_task"
    """Somebody had the task `piece` of the console end; `choice` says what it did, and for whom."""
    RULES = "rules"
    """Workers began to use another mappings.yaml than before."""


class Beginning(StrEnum):
    """Why a chain begins."""

    EMPTY = "empty"
    """Redis had neither a trail nor cases."""
    IN_USE = "in_use"
    """Redis had cases, and no trail: it was written by a version without one, or the trail was deleted."""
    HEAD_MISSING = "head_missing"
    HEAD_UNPROVEN = "head_unproven"
    KEY_MISSING = "key_missing"
    BLOCKED = "blocked"
    """A line with a later place than any that we would write stood in the trail."""


class Forgotten(StrEnum):
    """What is deleted by itself."""

    INCIDENTS = "incidents"
    CASES = "cases"
    QUARANTINED = "quarantined"
    PARKED = "parked"
    """Work that is given up, and not done."""
    NOT_FOUND = "not_found"


class ForgottenCause(StrEnum):
    """Why it was deleted."""

    AGE = "age"
    """It was kept for as long as mappings.yaml says."""
    ROOM = "room"
    """It made room for others."""
    UNNAMED = "unnamed"
    """For as long as it would be kept, mappings.yaml has not named what it is of."""


class Doubtful(StrEnum):
    """Why something that waited is not proven."""

    FORGED = "forged"
    KEY_MISSING = "key_missing"


@dataclass(frozen=True, slots=True)
class AuditedAction:
    """One action that was done. `found`: by a look that ended before it could say so; its result was seen later."""

    action: str
    ticket: str = ""
    why: str = ""
    detail: str = ""
    found: bool = False


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What one line says. `at` is in Unix ms; `id` is its own, at random; `of` is the id of the command's first line.

    `by` is who a person said to be, and `user` the operating system's user. `note` is a digest of the note as it was
    sent, and `people` one of those who decided, as their tracker names them; `rules` is the start of the digest of the
    mappings.yaml that counted.
    """

    act: str
    at: int
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    by: str = ""
    user: str = ""
    of: str = ""
    case: str = ""
    cause: str = ""
    piece: str = ""
    choice: str = ""
    count: int | None = None
    did: tuple[AuditedAction, ...] = ()
    rule: str = ""
    rules: str = ""
    note: str = ""
    people: str = ""
    fact: str = ""
    chain: int = 0
    first: int = 0
    before: str = ""
    after: str = ""
    within: str = ""

    @property
    def wire(self) -> bytes:
        """The entry as JSON, the same bytes for the same entry; what is empty is left out."""
        return canonical(_without_empty(msgspec.to_builtins(self)))


def forgotten(what: Forgotten, of: str, count: int, cause: ForgottenCause, now: float) -> AuditEntry:
    """The entry about `count` pieces of what is `of` a district, feed or sender; `now` is in Unix seconds."""
    return AuditEntry(AuditAct.FORGOTTEN, int(now * 1000), fact=what, piece=of, count=count, cause=cause)


def entry_of(wire: bytes) -> AuditEntry | None:
    """The entry of this JSON, without what a later version adds; None where it is none."""
    try:
        return msgspec.json.decode(wire, type=AuditEntry)
    except msgspec.MsgspecError:
        return None


def canonical(value: Mapping[str, Any]) -> bytes:
    """An object of an entry as the bytes that are signed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _without_empty(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_empty(each) for name, each in value.items() if each not in _EMPTY}
        case list() | tuple():
            return [_without_empty(each) for each in value]
        case _:
            return value


_EMPTY: tuple[object, ...] = (None, "", [], (), False)
