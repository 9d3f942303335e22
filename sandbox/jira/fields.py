"""What the sandbox's Jira accepts for an issue's fields, and how it refuses the rest."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sandbox.jira.adf import text_of
from sandbox.jira.problems import Problem, off_screen
from sandbox.jira.state import Change, Issue, JiraState
from sandbox.jira.workflow import (
    FIELD_NAMES,
    ISSUE_TYPES,
    PRIORITIES,
    RESOLUTIONS,
    SECURITY_LEVELS,
    UNDER_UPDATE,
    Project,
    Transition,
)

SUMMARY_LIMIT = 255
TEXT_LIMIT = 32_767
_LABEL_LIMIT = 255


class Invalid(Exception):
    """One field's value is not accepted; the text is Jira's."""


def length(text: str) -> int:
    """Characters as Java counts them: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _summary(value: object, _version: str) -> object:
    if not isinstance(value, str) or not value.strip():
        raise Invalid("You must specify a summary of the issue.")
    if "\n" in value or "\r" in value:
        raise Invalid("The summary is invalid because it contains newline characters.")
    if length(value) > SUMMARY_LIMIT:
        raise Invalid("Summary can't exceed 255 characters.")
    return value


def checked_text(value: object, version: str) -> str:
    """A description's or comment's text: plain in version 2, an Atlassian document in version 3."""
    if version == "3":
        text = text_of(value)
        if text is None:
            raise Invalid("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
    elif isinstance(value, str):
        text = value
    else:
        raise Invalid("Operation value must be a string")
    if length(text) > TEXT_LIMIT:
        raise Invalid("The entered text is too long. It exceeds the allowed limit of 32,767 characters.")
    return text


def _labels(value: object, _version: str) -> object:
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise Invalid("data was not an array of strings")
    for label in value:
        if not label or any(character.isspace() for character in label):
            raise Invalid(f"The label '{label}' contains spaces which is invalid.")
        if length(label) > _LABEL_LIMIT:
            raise Invalid(f"The label '{label}' exceeds the maximum length for a single label of 255 characters.")
    return list(dict.fromkeys(value))


def named(value: object, choices: Mapping[str, str]) -> tuple[str, str] | None:
    """The (id, name) that `{"id": …}` or `{"name": …}` means."""
    if not isinstance(value, dict):
        return None
    for key, name in choices.items():
        if value.get("id") == key or str(value.get("name", "")).lower() == name.lower():
            return key, name
    return None


def _priority(value: object, _version: str) -> object:
    choice = named(value, PRIORITIES)
    if choice is None:
        raise Invalid("Specify a valid 'id' or 'name' for Priority")
    return {"id": choice[0], "name": choice[1]}


def _security(value: object, _version: str) -> object:
    choice = named(value, SECURITY_LEVELS)
    if choice is None:
        raise Invalid("Invalid value '" + str(value) + "' for field 'Security Level'.")
    return {"id": choice[0], "name": choice[1]}


def _day(value: object, _version: str) -> object:
    if value is None:
        return None  # null empties a field
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise Invalid("Error parsing date string: " + str(value)) from None


def _day_or_moment(value: object, version: str) -> object:
    """A field of either kind: which it is, is a matter of the site's settings."""
    try:
        return datetime.fromisoformat(str(value)).isoformat() if "T" in str(value) else _day(value, version)
    except ValueError:
        raise Invalid("Error parsing date string: " + str(value)) from None


def _as_it_is(value: object, _version: str) -> object:
    return value


_CHECKS: Mapping[str, Callable[[object, str], object]] = {
    "summary": _summary,
    "description": lambda value, version: None if value is None else checked_text(value, version),
    "labels": _labels,
    "priority": _priority,
    "duedate": _day,
    "customfield_10052": _day_or_moment,
    "security": _security,
}


def _required_words(name: str) -> str:
    return "You must specify a summary of the issue." if name == "summary" else f"{FIELD_NAMES[name]} is required."


def checked(
    fields: Mapping[str, object], screen: Iterable[str], version: str
) -> tuple[dict[str, object], dict[str, str]]:
    """The accepted fields, and Jira's text for each of the others."""
    good: dict[str, object] = {}
    errors: dict[str, str] = {}
    for name, value in fields.items():
        if name not in screen:
            errors[name] = off_screen(name)
            continue
        try:
            good[name] = _CHECKS.get(name, _as_it_is)(value, version)
        except Invalid as invalid:
            errors[name] = str(invalid)
    return good, errors


def checked_new(state: JiraState, body: object, version: str) -> tuple[Project, str, dict[str, object]]:
    """The project, the issue type's id and the fields of an issue to create. Raises Jira's 400."""
    fields = dict(body["fields"]) if isinstance(body, dict) and isinstance(body.get("fields"), dict) else {}
    project = _project(state, fields.pop("project", None))
    if project is None:
        raise Problem(400, errors={"project": "Specify a valid project ID or key"})
    kind = named(fields.pop("issuetype", None), ISSUE_TYPES)
    good, errors = checked(fields, project.screen, version)
    if kind is None:
        errors["issuetype"] = "Specify a valid issue type"
    for name, required in project.screen.items():
        if required and name not in fields:
            errors[name] = _required_words(name)
    if errors or kind is None:
        raise Problem(400, errors=errors)
    return project, kind[0], good


def checked_properties(body: object) -> dict[str, object]:
    """The entity properties that come with a request. Raises Jira's 400."""
    found: dict[str, object] = {}
    for each in (body.get("properties") or []) if isinstance(body, dict) else []:
        if not isinstance(each, dict) or not isinstance(each.get("key"), str) or "value" not in each:
            raise Problem(400, ["Each entity property needs a key and a value."])
        found[each["key"]] = each["value"]
    return found


def checked_edit(
    issue: Issue, body: object, version: str, screen: Iterable[str]
) -> tuple[dict[str, object], tuple[Change, ...]]:
    """All fields of the issue after the edit, and what the changelog says of it. Raises Jira's 400.

    `screen` is the one for editing, which need not have what the one for creating has. A comment is no field: no screen
    needs to have it.
    """
    order = body if isinstance(body, dict) else {}
    wanted = dict(order.get("fields") or {})
    for name, operations in dict(order.get("update") or {}).items():
        if name == "comment":
            continue
        if name in wanted:
            raise Problem(400, errors={name: f"Field '{name}' cannot be in both 'fields' and 'update'."})
        wanted[name] = _operated(issue, name, operations)
    good, errors = checked(wanted, screen, version)
    if errors:
        raise Problem(400, errors=errors)
    changed = {name: value for name, value in good.items() if issue.fields.get(name) != value}
    changes = tuple(
        Change(name, (None, _shown(issue.fields.get(name))), (None, _shown(changed[name]))) for name in changed
    )
    return {**issue.fields, **changed}, changes


def checked_transition(
    issue: Issue, step: Transition, body: Mapping[str, object]
) -> tuple[tuple[str, str] | None, object, dict[str, object]]:
    """The resolution, the comment and the other fields to set on the way. Raises Jira's 400.

    What the issue has already needs not be sent again. A comment for a transition without a screen is dropped in
    silence, as Jira does.
    """
    fields = body.get("fields") or {}
    fields = dict(fields) if isinstance(fields, dict) else {}
    screen = step.screen or {}
    errors = {name: off_screen(name) for name in fields if name not in screen or name in UNDER_UPDATE}
    errors |= {
        name: f"{FIELD_NAMES[name]} is required."
        for name in sorted(step.demanded)
        if not (_operations_on(name, body) if name in UNDER_UPDATE else fields.get(name) or issue.fields.get(name))
    }
    choice = named(fields.pop("resolution", None), RESOLUTIONS)
    if "resolution" in (body.get("fields") or {}) and choice is None:  # type: ignore[operator]  # anything but a dict was read as empty above
        errors.setdefault("resolution", "Specify a valid 'id' or 'name' for Resolution")
    worklogs = _operations_on("worklog", body)
    errors |= {} if all(map(_is_worklog, worklogs)) else {"worklog": "You must indicate the time spent working."}
    errors |= {"worklog": off_screen("worklog")} if worklogs and "worklog" not in screen else {}
    if errors:
        raise Problem(400, errors=errors)
    usual = next(((key, name) for key, name in RESOLUTIONS.items() if name == step.sets), None)
    done = {"worklog": [*_worklogs(issue), *(each["add"] for each in worklogs)]} if worklogs else {}
    return choice or usual, comment_in(body) if step.screen is not None else None, {**fields, **done}


def _operations_on(name: str, body: Mapping[str, object]) -> list[Any]:
    """What `update` says of a field."""
    update = body.get("update")
    operations = update.get(name) if isinstance(update, dict) else None
    return operations if isinstance(operations, list) else []


def _is_worklog(operation: object) -> bool:
    match operation:
        case {"add": {"timeSpent": str(spent)}}:
            return re.fullmatch(r"\d+(\.\d+)?[wdhm]( \d+(\.\d+)?[wdhm])*", spent) is not None
        case _:
            return False


def _worklogs(issue: Issue) -> list[object]:
    kept = issue.fields.get("worklog")
    return list(kept) if isinstance(kept, list) else []


def comment_in(body: Mapping[str, object]) -> object:
    """The comment's body inside `update`, as it came.

    What else such a comment may have is not described but for `visibility`: properties given here have no effect.
    """
    update = body.get("update")
    added = update.get("comment") if isinstance(update, dict) else None
    match added:
        case [{"add": {"body": text}}]:
            return text
        case _:
            return None


def _project(state: JiraState, value: object) -> Project | None:
    if not isinstance(value, dict):
        return None
    wanted = {value.get("key"), value.get("id")}
    return next((project for project in state.projects.values() if wanted & {project.key, project.id}), None)


def _operated(issue: Issue, name: str, operations: object) -> object:
    """A field's value after `update`'s operations."""
    value = issue.fields.get(name)
    for operation in operations if isinstance(operations, list) else []:
        match operation:
            case {"set": new}:
                value = new
            case {"add": new}:
                value = [*(value if isinstance(value, list) else []), new]
            case {"remove": old}:
                value = [each for each in (value if isinstance(value, list) else []) if each != old]
            case _:
                raise Problem(400, errors={name: "Unknown operation."})
    return value


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(each) for each in value)
    return str(value.get("name")) if isinstance(value, dict) else "" if value is None else str(value)
