"""How far a plan came: which of its actions were done, put off or refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remediation.domain.actions import Action, ActionName, ResolveTicket, SetStatus, Why
from remediation.domain.errors import Refused, TryLater
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket


@dataclass(slots=True)
class Progress:
    """Which actions were done, put off or refused, and the status and the tickets after that.

    `done_at` has the time (Unix seconds) at which each action was done, by its name. `wrote` has the urgency that we
    wrote into tickets, by tracker, `listed` the digest of each list (see Memory), and `attached` the token of each
    report that we attached. `requests` has the outside system's own id of the last request of each action, by the
    action's name. `notes` has the note that went with each change of the status, likewise.
    `closed_meanwhile` are the trackers whose ticket was closed by the time that its list was written.
    """

    status: Status
    tickets: dict[str, Ticket]
    done: list[Action] = field(default_factory=list)
    done_at: dict[ActionName, float] = field(default_factory=dict)
    later: dict[ActionName, TryLater] = field(default_factory=dict)
    refused: dict[ActionName, Refused] = field(default_factory=dict)
    wrote: dict[str, Mapping[str, str]] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)
    attached: dict[str, str] = field(default_factory=dict)
    requests: dict[ActionName, str] = field(default_factory=dict)
    notes: dict[ActionName, str] = field(default_factory=dict, repr=False)
    closed_meanwhile: set[str] = field(default_factory=set)

    @property
    def is_conflict(self) -> bool:
        """Whether an action settled a conflict."""
        return any(isinstance(action, SetStatus) and action.why is Why.CONFLICT for action in self.done)

    def outcome_of(self, name: ActionName) -> str:
        """Returns the outcome of an action that was tried: `done`, `later` or `refused`."""
        if name in self.later:
            return "later"
        return "refused" if name in self.refused else "done"

    @property
    def is_patched(self) -> bool:
        """Whether the subject's status was set, or a note written."""
        return any(isinstance(action, SetStatus) for action in self.done)

    @property
    def agrees(self) -> bool:
        """Whether both sides agree: work continues, or it does not. A subject that is gone always agrees."""
        active = any(ticket.state.is_active for ticket in self.tickets.values())
        return self.status is Status.GONE or active is not self.status.is_solved

    @property
    def closed(self) -> dict[str, Reason]:
        """The trackers whose ticket we have closed, and why."""
        return {action.tracker: action.reason for action in self.done if isinstance(action, ResolveTicket)}
