"""What the sandbox's Jira is set up with: statuses, screens, workflows, projects, names to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Status:
    """A status; `category` is one of new, indeterminate, done."""

    id: str
    name: str
    category: str


TO_DO = Status("10000", "To Do", "new")
IN_PROGRESS = Status("3", "In Progress", "indeterminate")
IN_REVIEW = Status("10002", "In Review", "indeterminate")
DONE = Status("10003", "Done", "done")
CANCELLED = Status("10004", "Cancelled", "done")
REOPENED = Status("4", "Reopened", "new")
STATUSES = (TO_DO, IN_PROGRESS, IN_REVIEW, DONE, CANCELLED, REOPENED)
CATEGORIES = MappingProxyType({"new": (2, "To Do"), "indeterminate": (4, "In Progress"), "done": (3, "Done")})

RESOLUTIONS = MappingProxyType(
    {
        "10000": "Done",
        "10001": "Won't Do",
        "10002": "Duplicate",
        "10003": "Cannot Reproduce",
        "10004": "Declined",
    }
)
SECURITY_LEVELS = MappingProxyType({"10200": "Privacy office", "10201": "Security team"})
PRIORITIES = MappingProxyType({"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"})
LINK_TYPES = frozenset({"Relates", "Duplicate", "Blocks", "Cloners"})
ISSUE_TYPES = MappingProxyType({"10001": "Task", "10002": "Bug", "10003": "Epic"})

FIELD_NAMES = MappingProxyType(
    {
        "project": "Project",
        "issuetype": "Issue Type",
        "summary": "Summary",
        "description": "Description",
        "labels": "Labels",
        "priority": "Priority",
        "duedate": "Due date",
        "assignee": "Assignee",
        "reporter": "Reporter",
        "security": "Security Level",
        "resolution": "Resolution",
        "comment": "Comment",
        "worklog": "Log Work",
        "customfield_10010": "School site",
        "customfield_10020": "Approver",
        "customfield_10051": "Risk justification",
        "customfield_10052": "Risk expires",
    }
)

UNDER_UPDATE = frozenset({"comment", "worklog"})
"""Fields that a transition takes only as an operation, never as a value."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow of a workflow.

    `sources` names the statuses it leaves from (empty: every one). `screen` says of each field on the transition's
    screen whether it is required; None means that there is no screen at all. `sets` is the resolution that a post
    function gives when the screen did not. `validated` are fields that a validator demands and that no screen calls
    required.
    """

    id: str
    name: str
    to: Status
    sources: frozenset[str] = frozenset()
    screen: Mapping[str, bool] | None = None
    sets: str | None = None
    validated: frozenset[str] = frozenset()

    @property
    def demanded(self) -> frozenset[str]:
        """What must be there for the transition to be taken."""
        return self.validated | {name for name, required in (self.screen or {}).items() if required}


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its workflow, and of each field on the screen for creating whether it is required."""

    id: str
    key: str
    name: str
    transitions: tuple[Transition, ...]
    screen: Mapping[str, bool] = field(default_factory=dict)

    def transitions_from(self, status: Status) -> tuple[Transition, ...]:
        """What may be done with an issue in this status."""
        return tuple(step for step in self.transitions if not step.sources or status.name in step.sources)


_USUAL_SCREEN = MappingProxyType(
    {
        "summary": True,
        "description": False,
        "labels": False,
        "priority": False,
        "duedate": False,
        "assignee": False,
        "security": False,
        "customfield_10010": False,
        "customfield_10051": False,
        "customfield_10052": False,
    }
)

_DECISION = MappingProxyType({"resolution": False, "customfield_10051": False, "customfield_10052": False})

DIRECT = (
    Transition("11", "To Do", TO_DO),
    Transition("21", "In Progress", IN_PROGRESS),
    Transition("31", "Done", DONE, screen=_DECISION, sets="Done"),
)
"""From everywhere to everywhere; the way to Done has a screen for a resolution, and for why and until when."""

REVIEWED = (
    Transition("111", "Start", IN_PROGRESS, frozenset({"To Do", "Reopened"})),
    Transition("121", "Ask for review", IN_REVIEW, frozenset({"In Progress"})),
    Transition("131", "Send back", IN_PROGRESS, frozenset({"In Review"})),
    Transition("141", "Approve", DONE, frozenset({"In Review"}), screen={"resolution": True}),
    Transition("151", "Reopen", REOPENED, frozenset({"Done"})),
)
"""To Do → In Progress → In Review → Done, and back by Reopened; Done wants a resolution."""

SIGNED_OFF = (
    Transition("211", "Start", IN_PROGRESS, frozenset({"To Do"})),
    Transition("221", "Sign off", DONE, screen={"resolution": False, "customfield_10020": True}),
)
"""Done wants an approver, which only a person can name, and nothing leaves it for To Do."""

BARE = (
    Transition("311", "Begin", IN_PROGRESS, frozenset({"To Do"})),
    Transition("321", "Cancel", CANCELLED, frozenset({"To Do", "In Progress"})),
    Transition("331", "Finish", DONE, frozenset({"To Do", "In Progress"})),
    Transition("341", "Back", TO_DO, frozenset({"Done", "Cancelled", "In Progress"})),
)
"""No screen anywhere and no resolution ever."""

ENDLESS = (
    Transition("411", "Begin", IN_PROGRESS, frozenset({"To Do"})),
    Transition("421", "Put back", TO_DO, frozenset({"In Progress"})),
)
"""Nothing is ever done."""

LOGGED = (
    Transition("511", "Begin", IN_PROGRESS, frozenset({"To Do"}), screen={}, validated=frozenset({"comment"})),
    Transition(
        *("521", "Finish", DONE, frozenset({"In Progress"})),
        screen={"resolution": False, "worklog": True, "customfield_10010": True},
    ),
    Transition("531", "Ask", IN_REVIEW, frozenset({"Done"})),
    Transition("541", "Back", TO_DO, frozenset({"In Review"}), screen={"comment": True}),
)
"""A validator wants a comment for beginning; Done wants a worklog, and a field that may have a value already."""

PROJECTS = (
    Project("10100", "SEC", "Web Security", DIRECT, _USUAL_SCREEN),
    Project("10101", "PRIV", "Privacy Office", REVIEWED, _USUAL_SCREEN),
    Project(
        "10102",
        "FORM",
        "Forms and Approvals",
        SIGNED_OFF,
        {"summary": True, "description": False, "labels": False, "customfield_10010": True},
    ),
    Project("10103", "BARE", "Plain Board", BARE, _USUAL_SCREEN),
    Project("10104", "WEB", "Web Team", DIRECT, _USUAL_SCREEN),
    Project("10105", "LOOP", "Endless Board", ENDLESS, _USUAL_SCREEN),
    Project("10106", "TERSE", "Terse Forms", DIRECT, {"summary": True, "description": False, "duedate": True}),
    Project("10107", "LOGS", "Logged Work", LOGGED, _USUAL_SCREEN),
)
