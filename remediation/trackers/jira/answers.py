"""Jira's answers, parsed once: only what we ask for; texts that people wrote only where they are asked for by name."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from remediation.domain.errors import TryLater
from remediation.domain.outside_words import ISSUE_ID, ISSUE_KEY
from remediation.redaction import plain
from remediation.trackers.jira.workflow import COMMENT, ResolutionChoice, WorkflowStatus, WorkflowStep

_NAME_LENGTH = 60
_ACCOUNT_LENGTH = 128
_OWN = frozenset({"resolution", COMMENT})
"""Fields of a transition's screen that have their own places in a request."""


class Sent(BaseModel):
    """A part of an answer: unknown fields are ignored, and no message quotes the values."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


SentT = TypeVar("SentT", bound=Sent)


def understood(system: str, kind: type[SentT], value: object, *, wrote: bool = False) -> SentT:
    """The value, parsed. Raises TryLater where it has another form: then it is not Jira that answered."""
    try:
        return kind.model_validate(value)
    except ValidationError:
        words = "the answer has not the form that Jira's answers have"
    raise TryLater(system, words, ambiguous=wrote)


def texts(value: object) -> list[str]:
    """The texts in a list; none where it is no list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def objects(value: object) -> object:
    """The objects in a list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(value: object) -> object:
    return value if isinstance(value, dict | BaseModel) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _in_utc(moment: datetime) -> datetime:
    """The time in UTC; a time without an offset is UTC. Raises ValueError where it leaves the years 1 to 9999."""
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("is no moment of UTC") from None


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Texts = Annotated[tuple[str, ...], BeforeValidator(texts)]
TextOrEmpty = Annotated[str, BeforeValidator(_text)]
"""Text; empty for any other value, because custom fields may hold anything."""


class _Category(Sent):
    """A status category."""

    key: str = "undefined"


class JiraStatus(Sent):
    """A status."""

    id: str
    name: str = ""
    category: _Category = Field(default_factory=_Category, alias="statusCategory")

    @property
    def place(self) -> WorkflowStatus:
        """Where an issue in this status stands."""
        return WorkflowStatus(self.id, plain(self.name, _NAME_LENGTH), self.category.key)


class Named(Sent):
    """Something with an id and a name, such as a resolution."""

    id: TextOrEmpty = ""
    name: TextOrEmpty = ""


_NamedOrNone = Annotated[Named | None, BeforeValidator(_object)]


IssueId = Annotated[str, StringConstraints(pattern=rf"\A{ISSUE_ID.pattern.pattern}\z")]


class _FoundFields(Sent):
    """The fields that name the case of an issue, and say when it was changed last and whether it is still as opened."""

    labels: Texts = ()
    created: Moment | None = None
    updated: Moment | None = None
    status: JiraStatus | None = None


class Found(Sent):
    """An issue that a search found."""

    id: IssueId
    key: TextOrEmpty = ""
    fields: _FoundFields = Field(default_factory=_FoundFields)
    properties: Mapping[str, Any] = Field(default_factory=dict)


Token = Annotated[str, StringConstraints(pattern=r"\A[\x20-\x7e]{0,4096}\z")]
"""What leads to the next page of a search: opaque, and without control characters."""


class SearchPage(Sent):
    """A page of search results: Cloud goes on by a token, Data Center by counting."""

    issues: tuple[Found, ...]
    next_token: Token | None = Field(default=None, alias="nextPageToken")
    start: int = Field(default=0, alias="startAt")
    total: int = 0

    @property
    def following(self) -> int | None:
        """Where the next page begins, where pages are counted; None on the last page, or where pages have tokens."""
        end = self.start + len(self.issues)
        return end if self.issues and end < self.total else None


class JiraUser(Sent):
    """A user: an account id on Cloud, a key and a name on Data Center."""

    account_id: str | None = Field(default=None, alias="accountId")
    kind: TextOrEmpty = Field(default="", alias="accountType")
    shown: TextOrEmpty = Field(default="", alias="displayName", repr=False)
    key: str | None = None
    name: str | None = None

    @property
    def id(self) -> str | None:
        """The account's id; never the name that people see."""
        account = self.account_id or self.key or self.name
        return plain(account, _ACCOUNT_LENGTH) if account else None

    @property
    def login(self) -> str:
        """The user name of an account on Data Center; empty on Cloud, which has none."""
        return "" if self.account_id else self.name or ""

    @property
    def is_app(self) -> bool:
        """Whether the account is an app, such as Cloud's own automation, and not a person."""
        return self.kind == "app"


_AccountOrNone = Annotated[JiraUser | None, BeforeValidator(_object)]


class _IssueFields(_FoundFields):
    """The fields of an issue that is read. `raw` has them as they came, whatever their form."""

    status: JiraStatus
    resolution: Named | None = None
    resolved: Moment | None = Field(default=None, alias="resolutiondate")
    priority: _NamedOrNone = None
    assignee: _AccountOrNone = None
    creator: _AccountOrNone = None
    due: TextOrEmpty = Field(default="", alias="duedate")
    raw: Mapping[str, Any] = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _with_raw(cls, sent: object) -> object:
        return {**sent, "raw": sent} if isinstance(sent, dict) else sent


class _Item(Sent):
    """One field's change. The texts of before and after are not parsed."""

    field: TextOrEmpty = ""
    to: TextOrEmpty = ""


class History(Sent):
    """One entry of the changelog."""

    author: JiraUser | None = None
    created: Moment
    items: tuple[_Item, ...] = ()

    def given(self, field: str) -> str:
        """The id that this entry gave to a field; empty where it did not, or emptied it."""
        return next((item.to for item in self.items if item.field == field), "")


class _Changelog(Sent):
    """The changelog inside an issue."""

    histories: tuple[History, ...] = ()


class Issue(Found):
    """An issue that was read."""

    key: str
    fields: _IssueFields
    changelog: _Changelog | None = None

    @property
    def name(self) -> str:
        """What people call it: its key, or its id where the key is none."""
        return ISSUE_KEY.of(self.key) or self.id


class ServerInfo(Sent):
    """What a Jira tells everybody about itself: the base address that its administrator has set."""

    base: str = Field(alias="baseUrl")


class Created(Sent):
    """The answer to creating an issue."""

    id: IssueId
    key: str

    @property
    def name(self) -> str:
        """As of an issue that was read."""
        return ISSUE_KEY.of(self.key) or self.id


class _ScreenField(Sent):
    """What a transition's screen says of a field."""

    required: bool = False
    has_default: bool = Field(default=False, alias="hasDefaultValue")
    name: str = ""
    allowed: Annotated[tuple[Named, ...], BeforeValidator(objects)] = Field(default=(), alias="allowedValues")


class Transition(Sent):
    """A transition that may be taken. Data Center does not say `hasScreen`."""

    id: str
    to: JiraStatus
    has_screen: bool | None = Field(default=None, alias="hasScreen")
    fields: Mapping[str, _ScreenField] = Field(default_factory=dict)

    @property
    def step(self) -> WorkflowStep:
        """The transition as a step through the workflow."""
        resolution = self.fields.get("resolution")
        offered = tuple(ResolutionChoice(each.id, each.name) for each in resolution.allowed) if resolution else None
        return WorkflowStep(
            id=self.id,
            to=self.to.place,
            has_screen=bool(self.fields) if self.has_screen is None else self.has_screen,
            resolutions=offered,
            resolution_required=bool(resolution and resolution.required and not resolution.has_default),
            missing=tuple(
                (name, plain(each.name, _NAME_LENGTH))
                for name, each in self.fields.items()
                if each.required and not each.has_default and name != "resolution"
            ),
            screen=frozenset(self.fields) - _OWN,
        )


class Comment(Sent):
    """A comment. Its text is people's.

    `visibility` names the only ones who may read it, None where all may; `public` is false where a service project's
    customers may not, and None where Jira does not say that beside a comment.
    """

    id: TextOrEmpty = ""
    visibility: Any = None
    public: bool | None = Field(default=None, alias="jsdPublic")
    author: JiraUser | None = None
    created: Moment
    body: TextOrEmpty = Field(default="", repr=False)


class Description(Sent):
    """The one field of an issue that was asked for."""

    description: TextOrEmpty = Field(default="", repr=False)


class Described(Sent):
    """An issue of which only the description was asked for, as markup."""

    fields: Description

    @property
    def text(self) -> str:
        """The description; empty where there is none."""
        return self.fields.description


class Property(Sent):
    """An entity property."""

    value: Any = None

    @property
    def is_public(self) -> bool:
        """Whether this value of PUBLIC says that customers may read the comment."""
        return isinstance(self.value, dict) and self.value.get("internal") is False


class NewestComments(Sent):
    """The newest comments of an issue, the newest first."""

    comments: tuple[Comment, ...]


class Transitions(Sent):
    """The transitions that may be taken now."""

    transitions: tuple[Transition, ...]
