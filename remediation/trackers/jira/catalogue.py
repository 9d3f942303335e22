"""Jira's own configuration, parsed once: projects, permissions, screens for creating, statuses, users."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from remediation.trackers.jira.answers import JiraStatus, JiraUser, Named, Sent, TextOrEmpty, objects


class LinkTypes(Sent):
    """The types of links between issues."""

    entries: tuple[Named, ...] = Field(alias="issueLinkTypes")


class Project(Sent):
    """A project that we can see. Jira also finds it by its former keys."""

    id: TextOrEmpty = ""
    key: str
    name: TextOrEmpty = ""
    archived: bool = False
    form: TextOrEmpty = Field(default="", alias="projectTypeKey")

    @property
    def has_customers(self) -> bool:
        """Whether it is a service project: people who are no users read its public comments."""
        return self.form == "service_desk"


class Projects(Sent):
    """All projects that we can see, on Data Center."""

    entries: tuple[Project, ...]


class Server(Sent):
    """What Jira says of itself."""

    deployment: TextOrEmpty = Field(default="", alias="deploymentType")


BROWSE = "BROWSE_PROJECTS"
"""The permission to see a project and its issues."""


class Permission(Sent):
    """Whether we have a permission."""

    have: bool = Field(alias="havePermission")


class Permissions(Sent):
    """Our permissions in a project, by their keys."""

    permissions: Mapping[str, Permission]


class CreateType(Sent):
    """An issue type that can be created in a project; a part of another issue where it `is_part`."""

    id: str
    name: str
    is_part: bool = Field(default=False, alias="subtask")


class CataloguePage(Sent):
    """A page of a list; Cloud and Data Center differ in the name of the list."""

    entries: tuple[Any, ...]
    total: int = 0


class ProjectPage(CataloguePage):
    """A page of projects, on Cloud."""

    entries: tuple[Project, ...] = Field(validation_alias="values")


class TypePage(CataloguePage):
    """A page of issue types."""

    entries: tuple[CreateType, ...] = Field(validation_alias=AliasChoices("issueTypes", "values"))


def _object_or_empty(value: object) -> object:
    return value if isinstance(value, dict | Sent) else {}


class _FieldForm(Sent):
    """The form of a field's values."""

    type: TextOrEmpty = ""


class CreateField(Sent):
    """A field of the screen for creating. `allowed` is empty where Jira does not list what may be chosen."""

    id: str = Field(validation_alias=AliasChoices("fieldId", "key"))
    name: TextOrEmpty = ""
    required: bool = False
    has_default: bool = Field(default=False, alias="hasDefaultValue")
    form: Annotated[_FieldForm, BeforeValidator(_object_or_empty)] = Field(default_factory=_FieldForm, alias="schema")
    allowed: Annotated[tuple[Mapping[str, Any], ...], BeforeValidator(objects)] = Field(
        default=(), alias="allowedValues"
    )

    @property
    def has_several(self) -> bool:
        """Whether its value is a list."""
        return self.form.type == "array"


class FieldPage(CataloguePage):
    """A page of a screen's fields."""

    entries: tuple[CreateField, ...] = Field(validation_alias=AliasChoices("fields", "values"))


class _TypeStatuses(Sent):
    """An issue type of a project with the statuses of its workflow."""

    name: str
    statuses: tuple[JiraStatus, ...] = ()


class Workflows(Sent):
    """All issue types of a project."""

    types: tuple[_TypeStatuses, ...]

    def statuses(self, type_name: str) -> tuple[JiraStatus, ...]:
        """The statuses of one type's workflow; empty where Jira does not name the type."""
        return next((each.statuses for each in self.types if each.name == type_name), ())


class People(Sent):
    """Users whom a search found."""

    users: tuple[JiraUser, ...]

    def include(self, account: str) -> bool:
        """Whether one of them is the account with this id, key or name."""
        return any(account in {each.account_id, each.key, each.name} for each in self.users)


class ResolutionPage(CataloguePage):
    """A page of the instance's resolutions, on Cloud."""

    entries: tuple[Named, ...] = Field(validation_alias="values")


class Names(Sent):
    """All resolutions of the instance, or all its fields."""

    entries: tuple[Named, ...]
