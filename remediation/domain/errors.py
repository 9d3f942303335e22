"""Everything that can go wrong, drawn as a tree; the class says what to do next, the fields say with what.

    RemediationError
    ├── ConfigurationError     the start stops with one clear message (exit code 2)
    ├── SignatureInvalid       the receiver answers 401 and forgets the delivery
    ├── Unreadable             an authentic delivery is quarantined
    ├── KeyMissing             a sealed row cannot be opened: the row is parked until its key is back
    ├── Poison                 work killed its worker again and again: it is parked instead of tried once more
    ├── OverLimit              a sender brought more than its limit: the receiver answers 503, and takes it later
    ├── StoreEnded             the embedded server ends again and again: the process ends with a code of its own
    ├── StoreUnavailable       Redis is slow, full or away: the receiver answers 503, a worker comes back later
    │   └── StoreRefuses       Redis is there, and waiting will not do: a person must mend a setting, a right, a server
    ├── LeaseLost              another worker has taken the case over: drop the work, write nothing
    └── OutsideError           SchoolScan or a tracker did not do what we asked
        ├── TryLater           it may work later: come back, for days if need be
        └── Refused            it will not work by repeating: park with the system's own words
            └── NotFound       the thing asked for does not exist (or is hidden from us)

Exceptions of libraries stop at the adapter that uses the library and become one of these. A message never quotes a
payload, a header or a URL with a query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus


class RemediationError(Exception):
    """The root: whatever this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in what a person wrote, and where. Lines and columns count from 1; 0 is "not known"."""

    where: str
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if self.line:
            return f"{self.where}:{self.line}:{self.column}: {self.message}"
        return f"{self.where}: {self.message}"


class ConfigurationError(RemediationError):
    """What a person configured cannot be used. Carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class SignatureInvalid(RemediationError):
    """The delivery is not provably from its sender. Deliberately says nothing about which check failed."""


class Unreadable(RemediationError):
    """An authentic delivery that we cannot understand. The message is a fixed phrase, never a quotation."""


class KeyMissing(RemediationError):
    """A sealed value names a data key that is not in DATA_KEYS, or does not open under it."""


class Poison(RemediationError):
    """Whoever takes this work up dies over it. The message says how often and when, and nothing of the work."""


class StoreUnavailable(RemediationError):
    """Redis did not take or give what was asked, for a reason that passes.

    `reason` is the same in one word, for logs.
    """

    def __init__(self, message: str, reason: str = "away") -> None:
        super().__init__(message)
        self.reason = reason


class StoreRefuses(StoreUnavailable):
    """Redis is there and does nothing for us until a person mends something. The message says what, and quotes nothing.

    A process that starts ends with it. One that runs goes on as while Redis is away: a password is being changed, say.
    """


class OverLimit(RemediationError):
    """A sender has brought more deliveries than its limit allows. There is room again in `after` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__("more deliveries than the limit allows")
        self.after = after


class StoreEnded(RemediationError):
    """The embedded server ended more often than it is started again."""


class LeaseLost(RemediationError):
    """The lease on a case ran out and somebody else may hold it now."""


class OutsideError(RemediationError):
    """SchoolScan or a tracker did not do what was asked.

    `system` is the configured name (a tracker's, or a district's SchoolScan); `words` is what it said, already
    stripped of control characters and cut to 500 characters; `status` is the HTTP status where there was one;
    `request_id` is the system's own id of the request where it gave one.
    """

    def __init__(self, system: str, words: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(f"{system}: {words}" if status is None else f"{system}: {status}: {words}")
        self.system = system
        self.words = words
        self.status = status
        self.request_id = request_id


class Waiting(StrEnum):
    """What must end before a request can work."""

    SIGN_IN = "sign_in"
    """The account, or the way to the system, is refused: a token has expired, an account is locked, a proxy says no."""
    LIMIT = "limit"
    """A rate limit."""
    AWAY = "away"
    """No answer, or none of the system's own."""
    UNNAMED = "unnamed"
    """mappings.yaml does not name the system (any more): nobody knows how to ask it."""
    CHANGED = "changed"
    """What we saw before the request is no longer so: look again, and plan anew."""
    TOO_LARGE = "too_large"
    """An answer is larger than what we take of one."""
    OURS = "ours"
    """Something of our own: the horizon of a search, a free connection."""


class TryLater(OutsideError):
    """It may work later.

    `after` is in seconds where the system said how long to wait. `ambiguous` is true when the request may have been
    carried out although we saw no answer: whoever sent a create must then look before sending it again. `waiting` is
    what must end first; without a word of the caller's the status tells it.
    """

    def __init__(
        self,
        system: str,
        words: str,
        *,
        after: float | None = None,
        ambiguous: bool = False,
        status: int | None = None,
        request_id: str | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        super().__init__(system, words, status=status, request_id=request_id)
        self.after = after
        self.ambiguous = ambiguous
        self.waiting = waiting or _waiting_of(status, after)


def _waiting_of(status: int | None, after: float | None) -> Waiting:
    if status is None:
        return Waiting.AWAY if after is None else Waiting.OURS
    return _BY_STATUS.get(status, Waiting.AWAY)


_BY_STATUS: Mapping[int, Waiting] = {
    HTTPStatus.UNAUTHORIZED: Waiting.SIGN_IN,
    HTTPStatus.FORBIDDEN: Waiting.SIGN_IN,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: Waiting.SIGN_IN,
    HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED: Waiting.SIGN_IN,
    HTTPStatus.CONFLICT: Waiting.CHANGED,
    HTTPStatus.LOCKED: Waiting.CHANGED,
    HTTPStatus.TOO_MANY_REQUESTS: Waiting.LIMIT,
}


class Refused(OutsideError):
    """The system understood and said no. Repeating will not help; a person must look."""


class NotFound(Refused):
    """What was asked for does not exist there, or we may not see it."""
