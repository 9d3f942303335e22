"""The entries of a case's timeline, as values: ids, our own words and times. Pure.

No entry has a person's text: such text is left out where an entry is made, and every text must match an alphabet
without spaces (_PLAIN) before it is written.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, assert_never

import msgspec

from remediation.domain.actions import (
    Action,
    AttachReport,
    CloseDuplicate,
    CommentOnTicket,
    KeepList,
    OpenTicket,
    Plan,
    RaiseTicket,
    RelateTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Why,
)
from remediation.domain.errors import OutsideError, TryLater
from remediation.domain.ownership import Doubt
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Ticket

_PLAIN = re.compile(r"(?!.*//)[A-Za-z0-9._:/=,+-]{0,128}")
"""What a text in a timeline may look like. No space, so no sentence; no two slashes, so no address."""

_OWN_WORDS = re.compile(r"[a-z_]{1,32}(?:,[a-z_]{1,32}){0,7}")


class LookCause(StrEnum):
    """Why a case is looked at. In rows and entries a webhook and a poll also name the sender: `webhook:schoolscan`."""

    WEBHOOK = "webhook"
    POLL = "poll"
    SCAN = "scan"
    BACKFILL = "backfill"
    FEED = "feed"
    SWEEP = "sweep"
    APPOINTMENT = "appointment"
    PERSON = "person"
    RECONCILE = "reconcile"
    MAPPINGS = "mappings"
    RELATED = "related"
    VERIFICATION = "verification"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Triggered:
    """A look began because of `cause`, for which the case was marked at `marked_at`. All times are Unix seconds."""

    at: float
    cause: str
    marked_at: float


@dataclass(frozen=True, slots=True)
class TicketSeen:
    """A ticket as it was. `reason` is empty unless it was done."""

    tracker: str
    key: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The finding and its tickets as they were; `unseen` are the trackers that could not be asked."""

    at: float
    status: str
    severity: str
    tickets: tuple[TicketSeen, ...] = ()
    unseen: tuple[str, ...] = ()

    @classmethod
    def of(cls, subject: Subject, tickets: Mapping[str, Ticket], unseen: Iterable[str], now: float) -> "Seen":
        """What an observation shows."""
        found = tuple(TicketSeen(name, each.key, each.state, each.closed_as) for name, each in sorted(tickets.items()))
        return cls(now, subject.status, subject.severity, found, tuple(sorted(unseen)))


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One action of a plan: its name, why, and a detail in our own words or ids."""

    action: str
    why: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a look planned."""

    at: float
    steps: tuple[PlannedStep, ...]

    @classmethod
    def of(cls, plan: Plan, now: float) -> "Planned":
        """What a plan says."""
        return cls(now, steps_of(plan))


@dataclass(frozen=True, slots=True)
class Acted:
    """The outcome of an action. `ticket` is the key of its ticket."""

    at: float
    action: str
    outcome: Literal["done", "later", "refused"]
    ticket: str = ""
    error: str = ""
    status: int | None = None
    request_id: str = ""

    @classmethod
    def done(cls, action: str, now: float, ticket: Ticket | None = None) -> "Acted":
        """The action was carried out."""
        return cls(now, action, "done", ticket.key if ticket else "")

    @classmethod
    def failed(cls, action: str, now: float, error: OutsideError, ticket: Ticket | None = None) -> "Acted":
        """The action is tried again later, or was refused and is parked."""
        outcome: Literal["later", "refused"] = "later" if isinstance(error, TryLater) else "refused"
        key = ticket.key if ticket else ""
        return cls(now, action, outcome, key, type(error).__name__, error.status, error.request_id or "")


@dataclass(frozen=True, slots=True)
class Settled:
    """The look ended, and nothing is left to do; `look_at` is the next appointment."""

    at: float
    look_at: float | None = None


@dataclass(frozen=True, slots=True)
class PutOff:
    """The case is looked at again at `until`, because a system did not do what was asked."""

    at: float
    until: float
    system: str = ""
    error: str = ""
    status: int | None = None
    request_id: str = ""
    waiting: str = ""

    @classmethod
    def by(cls, error: TryLater, until: float, now: float) -> "PutOff":
        """The case is put off because of this error."""
        kind, request_id = type(error).__name__, error.request_id or ""
        return cls(now, until, error.system, kind, error.status, request_id, error.waiting)


@dataclass(frozen=True, slots=True)
class SetAside:
    """The whole case was parked: no look begins until something new happens, or a person replays it."""

    at: float
    error: str = ""
    status: int | None = None
    request_id: str = ""

    @classmethod
    def by(cls, error: Exception, now: float) -> "SetAside":
        """The case is parked because of this error. Of an error of our own only the class is kept."""
        if isinstance(error, OutsideError):
            return cls(now, type(error).__name__, error.status, error.request_id or "")
        return cls(now, type(error).__name__)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A parked action (`look`: the whole case) was given up, as nobody decided about it while it was kept."""

    at: float
    action: str


@dataclass(frozen=True, slots=True)
class Disagreed:
    """Both sides were changed, in ways that disagree."""

    at: float


@dataclass(frozen=True, slots=True)
class Doubted:
    """The linked ticket in this tracker does not carry the case's mark; `evidence` says whose it is, and why."""

    at: float
    tracker: str
    ticket: str
    evidence: str

    @classmethod
    def of(cls, doubt: Doubt, now: float) -> "Doubted":
        """What a doubt says."""
        return cls(now, doubt.link.tracker, doubt.link.ticket_key, doubt.evidence)


@dataclass(frozen=True, slots=True)
class Unnamed:
    """The case has tickets, or may have some, in these trackers, and mappings.yaml does not name them (any more)."""

    at: float
    trackers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnreadableEntry:
    """Entries up to this time are in a form that this version cannot read. Reading returns it; it is never written."""

    at: float


Entry = (
    Triggered
    | Seen
    | Planned
    | Acted
    | Settled
    | PutOff
    | SetAside
    | GivenUp
    | Disagreed
    | Doubted
    | Unnamed
    | UnreadableEntry
)

KINDS: Mapping[str, type[Entry]] = {
    "trigger": Triggered,
    "seen": Seen,
    "plan": Planned,
    "action": Acted,
    "settled": Settled,
    "put_off": PutOff,
    "parked": SetAside,
    "given_up": GivenUp,
    "conflict": Disagreed,
    "doubt": Doubted,
    "unnamed": Unnamed,
    "unreadable": UnreadableEntry,
}
"""The word for each kind of entry, in Redis and in what `--json` prints."""

_WORDS = {kind: word for word, kind in KINDS.items()}


def kind_word(entry: Entry) -> str:
    """The word for an entry's kind."""
    return _WORDS[type(entry)]


def steps_of(plan: Plan) -> tuple[PlannedStep, ...]:
    """A plan's actions, each with its reason."""
    return tuple(PlannedStep(str(action.name), _why(action), _detail(action)) for action in plan)


def _why(action: Action) -> Why:
    match action:
        case RaiseTicket():
            return Why.SEVERITY_RAISED
        case CloseDuplicate():
            return Why.DUPLICATE
        case RelateTicket():
            return Why.RELATED
        case KeepList():
            return Why.LISTED
        case AttachReport():
            return Why.REPORTED
        case _:
            return action.why


def _detail(action: Action) -> str:
    match action:
        case OpenTicket(follows=follows):
            detail = follows or ""
        case ResolveTicket(reason=reason):
            detail = reason.value
        case RaiseTicket(severity=severity, fields=fields):
            detail = ",".join([severity, *(name for name, _ in fields)])
        case CommentOnTicket(why=why, fact=fact):
            detail = _own(why, fact)
        case CloseDuplicate(ticket_id=ticket_id):
            detail = ticket_id
        case SetStatus(reason=reason, until=until):
            detail = until.astimezone(UTC).isoformat() if until else reason or ""
        case ReopenTicket() | RelateTicket() | KeepList() | AttachReport():
            detail = ""
        case _:
            assert_never(action)
    return detail


def _own(why: Why, fact: str) -> str:
    """The fact where it is words of ours or of SchoolScan's enumerations; empty for a refusal, whose words are not."""
    return fact if why is not Why.REFUSED and _OWN_WORDS.fullmatch(fact) else ""


def encoded(entry: Entry) -> tuple[str, bytes]:
    """An entry as it is stored: its kind, and the rest as JSON. A text that does not match _PLAIN is left out."""
    shown = _plain({name: value for name, value in msgspec.to_builtins(entry).items() if value not in _ABSENT})
    return _WORDS[type(entry)], msgspec.json.encode(shown)


_ABSENT: tuple[object, ...] = (None, "", [], ())


def _plain(value: object) -> object:
    match value:
        case str():
            return value if _PLAIN.fullmatch(value) else ""
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case float():
            return round(value, 3)
        case _:
            return value


def decoded(kind: str, wire: bytes) -> Entry | None:
    """A stored entry; None where this version does not know its kind or its shape."""
    if kind not in KINDS:
        return None
    try:
        return msgspec.json.decode(wire, type=KINDS[kind])
    except msgspec.MsgspecError:
        return None


def moment(at: float) -> datetime:
    """Unix seconds as a moment of UTC."""
    return datetime.fromtimestamp(at, tz=UTC)
