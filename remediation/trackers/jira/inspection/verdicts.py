"""What Jira's answers mean for mappings.yaml: projects, permissions, types, fields, choices, resolutions. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from remediation.domain.errors import NotFound, OutsideError
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.mapping.explain.inspections import (
    Inspection,
    Setting,
    choice_of,
    right,
    shown,
    unanswered,
    untold,
    wrong,
)
from remediation.mapping.reading.positions import Steps
from remediation.mapping.render.templates import is_template
from remediation.trackers.closings import mapped_verdict
from remediation.trackers.jira.catalogue import (
    BROWSE,
    CreateField,
    CreateType,
    LinkTypes,
    Names,
    Permissions,
    Project,
)
from remediation.trackers.jira.inspection.demands import ALWAYS_SET, FILLED_BY_JIRA, IssueDemand
from remediation.trackers.jira.issues import RELATED

_CREATE = "CREATE_ISSUES"
_NEEDED = {
    BROWSE: "see issues",
    _CREATE: "create issues",
    "EDIT_ISSUES": "edit issues",
    "TRANSITION_ISSUES": "move issues through their workflow",
    "ADD_COMMENTS": "comment on issues",
    "LINK_ISSUES": "link issues",
}
"""The permissions that our work needs, and what they are for."""
_NEEDED_FOR_FIELDS = {
    "assignee": ("ASSIGN_ISSUES", "assign issues"),
    "duedate": ("SCHEDULE_ISSUES", "set due dates"),
    "security": ("SET_ISSUE_SECURITY", "set security levels"),
}
_NEEDED_FOR_REPORTS = {
    "CREATE_ATTACHMENTS": "attach files",
    "DELETE_OWN_ATTACHMENTS": "delete files that it attached",
}
_CHOSEN_BY = ("id", "name", "value", "key")
_MOST_WORDS = 3


def project_verdict(demands: Iterable[IssueDemand], answer: Project | OutsideError) -> Iterator[Inspection]:
    """Whether the project is there, under the very key that the file writes."""
    for demand in demands:
        where, key = (*demand.where, "project"), shown(demand.project)
        match answer:
            case NotFound():
                advice = "write the key of a project that our account may browse"
                yield wrong(where, f"there is no project {key} that our account can see", advice)
            case OutsideError():
                yield unanswered(where, f"whether there is a project {key}", answer)
            case Project(archived=True):
                yield wrong(where, f"the project {key} is archived", "restore it, or write another one")
            case Project(key=now) if now != demand.project:
                yield wrong(where, f"the project {key} is called {shown(now)} now", f"write {shown(now)}")
            case Project():
                yield right(where, f"there is a project {key}")


def permissions_asked(demands: Iterable[IssueDemand]) -> tuple[str, ...]:
    """The keys of the permissions that matter; Cloud wants them named."""
    return tuple(_permissions_for(demands, ()))


def permission_verdict(demands: list[IssueDemand], answer: Permissions | OutsideError) -> Iterator[Inspection]:
    """Whether our account has each permission that our work in the project needs; each permission once."""
    first = (*demands[0].where, "project")
    project = shown(demands[0].project)
    if isinstance(answer, OutsideError):
        yield unanswered(first, f"what our account may do in {project}", answer)
        return
    for key, (where, deed) in _permissions_for(demands, first).items():
        match answer.permissions.get(key):
            case None:
                yield untold(where, f"whether our account may {deed} in {project}: Jira does not say")
            case permission if permission.have:
                yield right(where, f"our account may {deed} in {project}")
            case _:
                yield wrong(where, f"our account may not {deed} in {project}", f"grant it {key} there")


def may_create(answer: Permissions | OutsideError) -> bool:
    """Whether the screens for creating are worth asking for: Jira hides them from those who may not create."""
    permission = None if isinstance(answer, OutsideError) else answer.permissions.get(_CREATE)
    return permission is None or permission.have


def type_verdict(demand: IssueDemand, types: Iterable[CreateType]) -> Inspection:
    """Whether issues of this type can be created there."""
    where, names = (*demand.where, "type"), [each.name for each in types]
    project, name = shown(demand.project), shown(demand.type)
    if demand.type in names:
        return right(where, f"a {name} can be created in {project}")
    return wrong(where, f"no {name} can be created in {project}; {choice_of(names, demand.type)}")


def field_verdicts(demand: IssueDemand, screen: Mapping[str, CreateField]) -> Iterator[Inspection]:
    """Whether the screen for creating takes everything that the rule sets, and gets everything that it requires."""
    for name in sorted(ALWAYS_SET - screen.keys() - {"project", "issuetype"}):
        yield _unset(demand, name)
    for name, setting in demand.settings:
        if name in screen:
            yield _choice(demand, screen[name], setting)
        else:
            yield _off_screen(demand, name, setting, screen)
    for field in screen.values():
        if field.required and not field.has_default and field.id not in FILLED_BY_JIRA:
            yield _required(demand, field)


def assignee_verdict(demand: IssueDemand, setting: Setting, *, assignable: bool | OutsideError) -> Inspection:
    """Whether issues of the project can be assigned to whom the rule names."""
    project = shown(demand.project)
    if isinstance(assignable, OutsideError):
        return unanswered(setting.where, f"whether issues of {project} can be assigned to them", assignable)
    if assignable:
        return right(setting.where, f"issues of {project} can be assigned to them")
    advice = "write the id of an account that has the permission to be assigned issues there"
    return wrong(setting.where, f"issues of {project} cannot be assigned to {shown(str(setting.value))}", advice)


def link_verdict(where: Steps, answer: LinkTypes | OutsideError) -> Inspection:
    """Whether there are links of the type that ours have: somebody may have deleted it, or switched links off."""
    if isinstance(answer, NotFound):
        return wrong(where, "links between issues are switched off", "switch issue linking on in Jira's settings")
    if isinstance(answer, OutsideError):
        return unanswered(where, "which types of links there are", answer)
    names = [each.name for each in answer.entries]
    if RELATED in names:
        return right(where, f"issues can be linked as {RELATED}")
    return wrong(where, f"there is no type of link {RELATED}; {choice_of(names, RELATED)}", f"add {RELATED}")


def risk_field_verdicts(where: Steps, config: JiraTracker, fields: Names | OutsideError) -> Iterator[Inspection]:
    """Whether the fields that explain an accepted risk exist: Jira ignores what it does not know."""
    for word, name in (("risk_reason", config.risk_reason), ("risk_expiry", config.risk_expiry)):
        at = (*where, word)
        if name and isinstance(fields, OutsideError):
            yield unanswered(at, f"whether there is a field {name}", fields)
        elif name and not isinstance(fields, OutsideError):
            known = [each.id for each in fields.entries]
            good = name in known
            yield (
                right(at, f"there is a field {name}")
                if good
                else wrong(at, f"there is no field {name}; {choice_of(known, name)}")
            )


def resolution_verdicts(where: Steps, config: JiraTracker, answer: Names | OutsideError) -> Iterator[Inspection]:
    """Whether the resolutions that the file itself names exist, and which ones nothing maps.

    The built-in list names more than any Jira has.
    """
    if isinstance(answer, OutsideError):
        yield unanswered(where, "which resolutions there are", answer)
        return
    names = {each.name.lower(): each.name for each in answer.entries}
    yield mapped_verdict(where, "resolution", names.values(), config.resolutions)
    for word in config.resolutions if "resolutions" in config.model_fields_set else ():
        at = (*where, word)
        if word in names:
            yield right(at, f"there is a resolution {shown(names[word])}")
        else:
            yield wrong(at, f"there is no resolution '{shown(word)}'; {choice_of(names.values(), word)}")


def search_verdict(where: Steps, what: str, error: OutsideError | None) -> Inspection:
    """Whether one of our searches is answered: by these, tickets of ours and their changes are found."""
    question = f"searching for {what}"
    if error is None:
        return right(where, f"{question} works")
    found = unanswered(where, question, error)
    return wrong(where, found.message, "let our account search labels") if error.status else found


def _permissions_for(demands: Iterable[IssueDemand], first: Steps) -> dict[str, tuple[Steps, str]]:
    """Each permission with the word that needs it and what it is for."""
    needed = {key: (first, deed) for key, deed in _NEEDED.items()}
    for demand in demands:
        for field, setting in demand.settings:
            if field in _NEEDED_FOR_FIELDS:
                key, deed = _NEEDED_FOR_FIELDS[field]
                needed.setdefault(key, (setting.where, deed))
        if demand.attaching is not None:
            needed |= {key: (demand.attaching, deed) for key, deed in _NEEDED_FOR_REPORTS.items()}
    return needed


def _place(demand: IssueDemand) -> str:
    return f"the screen for creating a {shown(demand.type)} in {shown(demand.project)}"


def _unset(demand: IssueDemand, field: str) -> Inspection:
    advice = f"put {field} on that screen"
    if field == "labels":
        message = f"{_place(demand)} has no labels: our correlation mark is a label, and no ticket could be opened"
        return wrong(demand.where, message, advice)
    return wrong(demand.where, f"{_place(demand)} has no {field}, which every ticket has", advice)


def _off_screen(demand: IssueDemand, field: str, setting: Setting, screen: Mapping[str, CreateField]) -> Inspection:
    """A field that the screen lacks; where the rule writes the name of a field, the advice tells its id."""
    called = next((each.id for each in screen.values() if each.name.lower() == field.lower()), None)
    if called:
        return wrong(setting.where, f"fields go by their ids: '{shown(field)}' is {called}", f"write {called}")
    choice = choice_of(screen, field)
    return wrong(setting.where, f"{_place(demand)} has no field {shown(field)}; {choice}")


def _choice(demand: IssueDemand, field: CreateField, setting: Setting) -> Inspection:
    """Whether what is chosen can be chosen, where Jira lists that."""
    name = shown(field.name or field.id)
    values = setting.value if isinstance(setting.value, list) else [setting.value]
    for key, word in _chosen(values) if field.allowed else ():
        offered = [str(each[key]) for each in field.allowed if key in each]
        if word not in offered:
            message = f"{name} cannot be '{shown(word)}' on {_place(demand)}; {choice_of(offered, word)}"
            return wrong(setting.where, message)
    return right(setting.where, f"{_place(demand)} takes this {name}")


def _chosen(values: Iterable[object]) -> Iterator[tuple[str, str]]:
    """Each name of each choice, with its word; values that are named in another way cannot be compared."""
    for value in values:
        if isinstance(value, Mapping):
            for key in _CHOSEN_BY:
                if isinstance(value.get(key), str | int) and not is_template(str(value[key])):
                    yield key, str(value[key])
                    break


def _required(demand: IssueDemand, field: CreateField) -> Inspection:
    name = f"{shown(field.name or field.id)} ({shown(field.id)})"
    if demand.always_sets(field.id):
        return right(demand.where, f"{name}, which is required, is set")
    some = demand.of(field.id)
    if some:
        message = f"{_place(demand)} requires {name}, and not every severity of this rule sets it"
        return wrong(some[0].where, message, "name every severity")
    offered = [str(each.get("value") or each.get("name") or "") for each in field.allowed[:_MOST_WORDS]]
    example = f", for example {', '.join(map(shown, filter(None, offered)))}" if any(offered) else ""
    message = f"{_place(demand)} requires {name}, and this rule does not set it"
    return wrong(demand.where, message, f"write {shown(field.id)} under fields{example}")
