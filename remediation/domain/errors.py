"""The errors of this project, as a tree. The class says what to do next, and the fields what is needed for that.

    RemediationError
    ├── ConfigurationError     the start stops with one clear message (exit code 2)
    │   └── StoreMissing       no Redis is named and none has run here: a command says so, and creates nothing
    ├── SignatureInvalid       the receiver answers 401 and forgets the delivery
    ├── Unreadable             an authentic delivery is quarantined
    ├── KeyMissing             a sealed row cannot be opened: the row is parked until its key is back
    ├── Poison                 work ended its worker several times: it is parked and not tried again
    ├── OverLimit              a sender sent more than its limit: the receiver answers 503, and accepts it later
    ├── StoreEnded             the embedded server ended too often: the process ends with an exit code of its own
    ├── ReceiversEnded         receivers behind one port ended too often: the process above them ends
    ├── StoreUnavailable       Redis is slow, full or away: the receiver answers 503, a worker tries again later
    │   └── StoreRefuses       Redis answers and refuses: a person must correct a setting, a right or a server
    ├── LeaseLost              another worker may have the case now: stop the work, write nothing
    └── OutsideError           SchoolScan or a tracker did not do what we asked
        ├── TryLater           it may succeed later: try again, for days if necessary
        │   └── BudgetSpent    our share of a limit is used up: nothing was sent, and it comes back by itself
        └── Refused            repeating does not help: park it with the system's own words
            └── NotFound       the thing asked for does not exist (or is hidden from us)

Exceptions of libraries stop at the adapter that uses the library and become one of these. A message never quotes a
payload, a header or a URL with a query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus


class RemediationError(Exception):
    """The root: every error that this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in what a person wrote, and where. Lines and columns count from 1; 0 means "not known"."""

    where: str
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if self.line:
            return f"{self.where}:{self.line}:{self.column}: {self.message}"
        return f"{self.where}: {self.message}"


class ConfigurationError(RemediationError):
    """A person's configuration cannot be used. Carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class StoreMissing(ConfigurationError):
    """Neither REDIS_URL nor an embedded server is there: a command has nothing to read, and creates nothing."""


class SignatureInvalid(RemediationError):
    """The delivery is not proven to be from its sender. Which check failed is not said, on purpose.

    `seen` is the format that the signature's header seems to have, for operators; empty where it was well signed.
    """

    seen: str = ""


class Unreadable(RemediationError):
    """An authentic delivery that cannot be understood. The message is a fixed phrase, never a quotation."""


class KeyMissing(RemediationError):
    """A sealed value names a data key that is not in DATA_KEYS, or cannot be opened with it."""


class Poison(RemediationError):
    """This work ended several workers. The message says how often and when, and nothing of the work itself."""


class StoreUnavailable(RemediationError):
    """Redis did not do what was asked, for a temporary reason. `reason` names the reason in one word, for logs."""

    def __init__(self, message: str, reason: str = "away") -> None:
        super().__init__(message)
        self.reason = reason


class StoreRefuses(StoreUnavailable):
    """Redis answers and refuses, until a person corrects what the message names. The message quotes nothing.

    A process that is starting ends with it. A running process behaves as if Redis were away, because the cause may be
    temporary: a password is being changed, for example.
    """


class OverLimit(RemediationError):
    """A sender has sent more deliveries than its limit allows. The next one is accepted in `after` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__("more deliveries than the limit allows")
        self.after = after


class Full(RemediationError):
    """A sender has brought as much of what nobody can use as is kept for it. It may ask again in `after` seconds."""

    after = 300.0


class QuarantineFull(Full):
    """As many of its deliveries as are kept cannot be read."""


class FirstLooksFull(Full):
    """As many cases as may wait for their first look were brought by its deliveries."""


class StoreEnded(RemediationError):
    """The embedded server has ended more often than it may be started again."""


class ReceiversEnded(RemediationError):
    """The receivers behind one port have ended more often than they may be started again."""


class LeaseLost(RemediationError):
    """The lease on a case has run out; another worker may hold it now."""


class OutsideError(RemediationError):
    """SchoolScan or a tracker did not do what was asked.

    `system` is the configured name (a tracker's, or a district's SchoolScan); `words` is what it said, already
    scrubbed (see redaction.words_of) and cut to 500 characters; `status` is the HTTP status where there was one;
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
    """The account, or the way to the system, is refused: an expired token, a locked account, a proxy."""
    LIMIT = "limit"
    """A rate limit."""
    AWAY = "away"
    """The system gives no answer, or something in front of it answers."""
    UNNAMED = "unnamed"
    """mappings.yaml does not name the system (any more), so it cannot be asked."""
    CHANGED = "changed"
    """What was observed before the request has changed: observe again, and plan anew."""
    BUDGET = "budget"
    """Our share of a rate limit, which comes back by itself."""
    TURN = "turn"
    """Nothing: more of the case's findings are left than one look takes, and the next one goes on with them."""
    TOO_LARGE = "too_large"
    """An answer is larger than we read."""
    OURS = "ours"
    """Something of our own: the search horizon, a free connection."""


class TryLater(OutsideError):
    """The request may succeed later.

    `after` is in seconds where the system said how long to wait. `ambiguous` is true when the request may have been
    carried out although no answer was seen: after a create, search before creating again. `waiting` is what must end
    first; where the caller does not say, it follows from the status.
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


class BudgetSpent(TryLater):
    """The request was not sent, because a rate limit leaves no room for it now; there may be some in `after` seconds.

    `budget` is what has to have room. `behind` is in how many seconds it may be this work's turn, at the most.
    """

    def __init__(self, system: str, budget: str, *, after: float, behind: float) -> None:
        super().__init__(system, "our share of its rate limit is used up", after=after, waiting=Waiting.BUDGET)
        self.budget = budget
        self.behind = behind


class Refused(OutsideError):
    """The system understood the request and refused it. Repeating it does not help; a person must look."""


class NotFound(Refused):
    """The object does not exist there, or is hidden from our account."""
