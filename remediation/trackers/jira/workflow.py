"""The shortest way through a Jira workflow that shows only one status at a time. Pure.

From a status Jira tells the transitions that leave it, not the whole workflow. So a walk takes one step, looks again,
and remembers what it saw; each step follows the shortest known way to the goal or, while none is known, to the nearest
status that was not seen yet.
"""

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from remediation.domain.tickets import Reason, TicketState

COMMENT, WORKLOG = "comment", "worklog"
UNDER_UPDATE = frozenset({COMMENT, WORKLOG})
"""Fields that Jira takes only as an addition: another one can always be added, so none counts as given before."""

_CLOSE_FIELDS = "the rule's close_fields can give that"
_ASSIGNEE = "assignee: set by a person in this issue, and by the rule's own assignee in new ones"
_PUBLIC_COMMENT = "a public one, which `comments: internal` forbids"
_NO_RULE_GIVES = frozenset({"assignee", "attachment", "issuelinks", _PUBLIC_COMMENT})
_GIVEN_BY_RULES = (
    *("customfield_[0-9]+", COMMENT, "components", "description", "duedate", "environment", "fixVersions", "priority"),
    *("security", "timetracking", "versions", WORKLOG),
)
_NAMES_A_FIELD = re.compile(rf"\b(?:{'|'.join(_GIVEN_BY_RULES)}): ")
_STATES = {"done": TicketState.DONE, "indeterminate": TicketState.IN_PROGRESS}


def state_of(category: str) -> TicketState:
    """Our state for a status category's key; an unknown one counts as open."""
    return _STATES.get(category, TicketState.OPEN)


@dataclass(frozen=True, slots=True)
class WorkflowStatus:
    """A status: where an issue stands."""

    id: str
    name: str
    category: str

    @property
    def state(self) -> TicketState:
        """What the status means to us."""
        return state_of(self.category)


@dataclass(frozen=True, slots=True)
class ResolutionChoice:
    """A resolution that a screen offers."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """A transition that may be taken now.

    `has_screen` is whether it takes a comment along (one without a screen drops it in silence). `resolutions` are what
    its screen offers, None where it has no such field. `screen` are the ids of its other fields; `missing` are those
    that it requires and that nobody gives, by id and name.
    """

    id: str
    to: WorkflowStatus
    has_screen: bool = False
    resolutions: tuple[ResolutionChoice, ...] | None = None
    resolution_required: bool = False
    missing: tuple[tuple[str, str], ...] = ()
    screen: frozenset[str] = frozenset()

    def given(self, fields: Collection[str], goal: "Goal", *, internal: bool = False) -> "WorkflowStep":
        """The same step for somebody who gives these fields, and a comment with the step that reaches the goal.

        Whoever writes `internal` comments gives none: inside a step it would be a public one.
        """
        if internal:
            demanded = ((_PUBLIC_COMMENT if key == COMMENT else key, name) for key, name in self.missing)
            return replace(self, missing=tuple(each for each in demanded if each[0] not in fields))
        known = {*fields, COMMENT} if goal.reached(self.to) else fields
        return replace(self, missing=tuple(each for each in self.missing if each[0] not in known))

    @property
    def is_open(self) -> bool:
        """Whether we can take it: it asks for nothing that only a person knows."""
        return not self.missing and not (self.resolution_required and not self.resolutions)


class Goal(Enum):
    """Where a walk is to end."""

    DONE = "a done status"
    ACTIVE = "a status that is not done"

    def reached(self, place: WorkflowStatus) -> bool:
        """Whether this status is one of the goal's."""
        return (place.state is TicketState.DONE) is (self is Goal.DONE)


@dataclass(slots=True)
class Explored:
    """The transitions of every status that a walk has seen so far, by the status' id."""

    steps: dict[str, tuple[WorkflowStep, ...]] = field(default_factory=dict)

    def note(self, place_id: str, steps: Sequence[WorkflowStep]) -> None:
        """Remember what leaves a status."""
        self.steps[place_id] = tuple(steps)

    def next_step(
        self, here: str, goal: Goal, preference: Callable[[WorkflowStep], tuple[int, ...]]
    ) -> WorkflowStep | None:
        """The first step of the shortest way to the goal, else to the nearest status not seen yet; None: no way.

        Among steps that serve equally well the one with the smallest preference wins, then the tracker's own order.
        """
        return self._first_step(here, lambda step: goal.reached(step.to), preference) or self._first_step(
            here, lambda step: step.to.id not in self.steps, preference
        )

    def blocked(self, goal: Goal) -> tuple[str, ...]:
        """What steps to the goal require that we cannot give, as Jira calls it."""
        return _asked_by(step for step in self._every_step() if goal.reached(step.to))

    def barriers(self, goal: Goal) -> list[WorkflowStep]:
        """The steps to the goal, or to a status not seen yet, that we cannot take."""
        steps = (step for step in self._every_step() if goal.reached(step.to) or step.to.id not in self.steps)
        return [step for step in steps if not step.is_open]

    def _every_step(self) -> Iterator[WorkflowStep]:
        return (step for steps in self.steps.values() for step in steps)

    def _first_step(
        self, here: str, ends: Callable[[WorkflowStep], bool], preference: Callable[[WorkflowStep], tuple[int, ...]]
    ) -> WorkflowStep | None:
        """Breadth first from here along steps that can be taken."""
        seen, waiting = {here}, deque[tuple[str, WorkflowStep | None]]([(here, None)])
        while waiting:
            place, first = waiting.popleft()
            steps = [step for step in self.steps.get(place, ()) if step.is_open]
            ending = sorted((step for step in steps if ends(step)), key=preference)
            if ending:
                return first or ending[0]
            for step in steps:
                if step.to.id not in seen:
                    seen.add(step.to.id)
                    waiting.append((step.to.id, first or step))
        return None


def no_way(here: WorkflowStatus, goal: Goal, explored: Explored) -> str:
    """Why a walk ended: what the workflow asks for, or that no step leads there."""
    barriers = explored.barriers(goal)
    if barriers:
        missing = {key for step in barriers for key, _ in step.missing}
        advice = [_CLOSE_FIELDS] if goal is Goal.DONE and missing - _NO_RULE_GIVES else []
        advice += [_ASSIGNEE] if "assignee" in missing else []
        return "; ".join([f"the transition to {goal.value} requires: {', '.join(_asked_by(barriers))}", *advice])
    return f"no transition that we may take leads from '{here.name}' to {goal.value}"


def _asked_by(steps: Iterable[WorkflowStep]) -> tuple[str, ...]:
    """What steps require that we cannot give: other fields first, then a resolution that offers nothing."""
    known = list(steps)
    asked = [f"{name} ({key})" for step in known for key, name in step.missing]
    asked += ["Resolution (resolution)" for step in known if step.resolution_required and not step.resolutions]
    return tuple(dict.fromkeys(asked))


def explained(words: str) -> str:
    """What Jira says of a step to done that it refused; its validators demand fields that no screen calls required."""
    return f"{words}; {_CLOSE_FIELDS}" if _NAMES_A_FIELD.search(words) else words


def resolving(reason: Reason, meanings: Mapping[str, Reason]) -> Callable[[WorkflowStep], tuple[int, ...]]:
    """Prefer steps that say the reason: by a resolution on their screen, else by their status' name."""

    def preference(step: WorkflowStep) -> tuple[int, ...]:
        offered = _meant(step.resolutions or (), {reason}, meanings)
        said = meanings.get(step.to.name.lower())
        return (
            0 if step.to.state is TicketState.DONE else 1,
            0 if offered else 1,
            0 if said is reason else 1 if said is None else 2,
            0 if step.to.state is TicketState.IN_PROGRESS else 1,
        )

    return preference


def reopening(step: WorkflowStep) -> tuple[int, ...]:
    """Prefer statuses in which nobody is said to be working yet."""
    order = {"new": 0, "indeterminate": 1}
    return (order.get(step.to.category, 2),)


def resolution_for(step: WorkflowStep, reason: Reason, meanings: Mapping[str, Reason]) -> ResolutionChoice | None:
    """What to put into a step's resolution field, None for nothing: what says the reason, else what says fixed.

    Where the screen insists and offers neither, its first one.
    """
    offered = step.resolutions or ()
    choice = _meant(offered, {reason}, meanings) or _meant(offered, {Reason.FIXED}, meanings)
    return choice or (offered[0] if step.resolution_required and offered else None)


def _meant(
    offered: Collection[ResolutionChoice], reasons: Collection[Reason], meanings: Mapping[str, Reason]
) -> ResolutionChoice | None:
    return next((choice for choice in offered if meanings.get(choice.name.lower()) in reasons), None)
