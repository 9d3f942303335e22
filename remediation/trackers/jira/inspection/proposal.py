"""What a Jira's answers propose for mappings.yaml: words of the tracker, and of the tickets in one project. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from remediation.domain.status import Severity
from remediation.mapping.config.trackers.jira import JIRA_RESOLUTIONS
from remediation.mapping.explain.inspections import choice_of, named_of, shown
from remediation.mapping.reading.checks.values import map_of
from remediation.mapping.reading.positions import Steps
from remediation.mapping.render.templates import is_template
from remediation.mapping.writing.proposals import Gap, Known, Proposal
from remediation.mapping.writing.yaml_text import Block, Entry, flow, is_writable
from remediation.trackers.jira.answers import Named
from remediation.trackers.jira.catalogue import CreateField, CreateType, Project
from remediation.trackers.jira.inspection.demands import ALWAYS_SET, FILLED_BY_JIRA

_USUAL_TYPE = "Task"
_USUAL_TYPES = (_USUAL_TYPE, "Incident", "Bug", "Story")
_SECURITY = "security"
_OWN = ALWAYS_SET | FILLED_BY_JIRA | {"priority", "duedate", _SECURITY}
"""Fields that have a word of their own, or that nobody needs to set."""
_MOST_SHOWN = 8
"""So many choices of a field are listed."""
_NAMED_BY = ("value", "name", "id")
"""The keys of a choice, the most readable first."""
_PRIORITIES = {
    Severity.CRITICAL: ("highest", "blocker", "urgent", "p1", "critical", "very high"),
    Severity.HIGH: ("high", "critical", "p2", "major"),
    Severity.MEDIUM: ("medium", "major", "normal", "p3", "moderate", "minor"),
    Severity.LOW: ("low", "minor", "p4", "lowest", "trivial"),
}
"""What priorities are usually called, by the severity that they fit, the best first."""


@dataclass(frozen=True, slots=True)
class JiraSurvey:
    """What was read, and what was chosen of it: an empty `project` or `type` was not.

    `hidden` says why projects were not read; `types` are those of the project. `screen` is None where the one for
    creating was not read. `chosen` are values of its fields, as Jira's API takes them, by the fields' ids;
    `risk_fields` are the fields that explain an accepted risk, by their words in mappings.yaml.
    """

    projects: tuple[Project, ...] = ()
    hidden: str = ""
    project: str = ""
    types: tuple[CreateType, ...] = ()
    type: str = ""
    screen: Mapping[str, CreateField] | None = None
    resolutions: tuple[str, ...] = ()
    chosen: Mapping[str, object] = field(default_factory=dict)
    risk_fields: Mapping[str, Named] = field(default_factory=dict)

    @property
    def open_questions(self) -> tuple[CreateField, ...]:
        """The fields that Jira requires and that have no value yet, nor only one that they can have."""
        required = (each for each in (self.screen or {}).values() if _is_required(each))
        return tuple(each for each in required if each.id not in self.chosen and len(choices_of(each)) != 1)


def usual_type(types: Iterable[CreateType]) -> str:
    """The type that suits best where nobody says which; empty where there is none."""
    names = [each.name for each in types if not each.is_part and is_writable(each.name)]
    return next((name for name in (*_USUAL_TYPES, *names) if name in names), "")


def priorities_for(names: Sequence[str]) -> dict[Severity, str]:
    """A priority for each severity: by its usual name, or else by its place in Jira's own order, the highest first."""
    if not names:
        return {}
    found = _by_name(names) or _by_place(names)
    return {**found, Severity.UNKNOWN: found[Severity.HIGH]}


def jira_proposal(tracker: str, survey: JiraSurvey, known_tracker: Known, known_ticket: Known) -> Proposal:
    """The words of the tracker with this name. What a file has already stays where Jira still takes it."""
    where: Steps = ("defaults", "tickets", tracker)
    screen = survey.screen or {}
    gaps: list[Gap] = []
    ticket = [
        _project(survey, where, gaps),
        _type(survey, where, gaps),
        *_priority(screen, known_ticket),
        *_labels(known_ticket),
        *_due(survey),
        *_security(screen, survey.chosen, where, gaps),
        *_fields(survey, where, known_ticket, gaps),
    ]
    risk = (Entry(word, each.id, each.name, needed=True) for word, each in survey.risk_fields.items())
    words = [*risk, *_comments(survey, known_tracker), *_resolutions(survey.resolutions, known_tracker)]
    return Proposal(Block(words), Block(ticket), tuple(gaps))


def _comments(survey: JiraSurvey, known: Known) -> Iterator[Entry]:
    """Customers of a service project are no readers of what we write, unless somebody decides that they are."""
    project = next((each for each in survey.projects if each.key == survey.project), None)
    if project is not None and project.has_customers and "comments" not in known:
        yield Entry("comments", "internal", f"customers of {survey.project} do not see what we write")


def _project(survey: JiraSurvey, where: Steps, gaps: list[Gap]) -> Entry:
    if survey.project:
        name = next((each.name for each in survey.projects if each.key == survey.project), "")
        return Entry("project", survey.project, name, needed=True)
    keys = [each.key for each in survey.projects]
    none = survey.hidden or "our account may create issues in no project that it sees"
    there = f"there is {named_of(keys)}" if keys else none
    gaps.append(Gap((*where, "project"), f"which project are issues opened in? {there}"))
    return Entry("project", keys[0] if keys else "KEY", f"SET THIS: {there}", is_off=True)


def _type(survey: JiraSurvey, where: Steps, gaps: list[Gap]) -> Entry:
    names = named_of(each.name for each in survey.types)
    if survey.type:
        return Entry(
            "type", survey.type, f"there is {names}" if survey.types else "", needed=survey.type != _USUAL_TYPE
        )
    if survey.project:
        gaps.append(Gap((*where, "type"), f"no type of issues could be read in {survey.project}: write one"))
    return Entry("type", _USUAL_TYPE, "SET THIS, unless it is Task", is_off=True)


def _priority(screen: Mapping[str, CreateField], known: Known) -> Iterator[Entry]:
    offered = screen["priority"].allowed if "priority" in screen else ()
    names = [name for each in offered if isinstance(name := each.get("name"), str) and is_writable(name)]
    if not names:
        return
    words: dict[str, object] = {severity.value: name for severity, name in priorities_for(names).items()}
    match known.get("priority"):
        case str(before) if before in names:
            yield Entry("priority", before)
            return
        case dict(before):
            words = {word: name if name in names else words.get(word, names[0]) for word, name in before.items()}
        case _:
            pass
    yield Entry("priority", words, f"there is {named_of(names)}")


def _labels(known: Known) -> Iterator[Entry]:
    if "labels" not in known:
        yield Entry("labels", ["schoolscan"], "besides our mark, which is a label, too; no spaces")


def _due(survey: JiraSurvey) -> Iterator[Entry]:
    if survey.screen and "duedate" not in survey.screen:
        yield Entry("due", None, f"the screen for creating a {survey.type} has no due date", needed=True)


def _security(
    screen: Mapping[str, CreateField], chosen: Mapping[str, object], where: Steps, gaps: list[Gap]
) -> Iterator[Entry]:
    """Who may see issues is for people to say: the levels that there are stand in a comment."""
    if "security" not in screen:
        return
    if isinstance(level := chosen.get(_SECURITY), Mapping):
        yield Entry("security_level", next(iter(level.values())), "who may see the issues", needed=True)
        return
    names = [str(each.get("name") or "") for each in screen["security"].allowed]
    names = [each for each in names if is_writable(each)]
    if not names:
        return
    if screen["security"].required and not screen["security"].has_default:
        gaps.append(Gap((*where, "security_level"), f"Jira requires one; there is {named_of(names)}"))
    yield Entry("security_level", names[0], f"who may see the issues; there is {named_of(names)}", is_off=True)


def _fields(survey: JiraSurvey, where: Steps, known: Known, gaps: list[Gap]) -> Iterator[Entry]:
    """The fields with a value that was chosen, and those that the screen requires."""
    before, screen = map_of(known.get("fields")), survey.screen or {}
    chosen = {name: value for name, value in survey.chosen.items() if name != _SECURITY}
    entries = [Entry(name, value, screen[name].name, needed=True) for name, value in chosen.items()]
    entries += [
        _required(each, (*where, "fields"), gaps)
        for each in screen.values()
        if _is_required(each) and each.id not in chosen and each.id not in before
    ]
    if entries:
        above, is_off = ("Fields by their ids, behind which stand their names:",), all(each.is_off for each in entries)
        yield Entry("fields", Block(entries), above=above, is_off=is_off, needed=True)


def _is_required(each: CreateField) -> bool:
    """Whether nobody else sets what the screen requires."""
    return each.required and not each.has_default and each.id not in _OWN


def _required(each: CreateField, where: Steps, gaps: list[Gap]) -> Entry:
    choices = choices_of(each)
    values: list[object] = [[choice] if each.has_several else choice for choice in choices]
    if len(values) == 1:
        return Entry(each.id, values[0], f"{each.name}: the only choice", needed=True)
    there = f"there is {', '.join(map(flow, choices[:_MOST_SHOWN]))}" if choices else "Jira does not list what it takes"
    more = f" and {len(choices) - _MOST_SHOWN} more" if len(choices) > _MOST_SHOWN else ""
    says = f"{each.name or each.id} is required; {there}{more}"
    gaps.append(Gap((*where, each.id), says))
    return Entry(each.id, values[0] if values else "…", f"SET THIS: {says}", is_off=True)


def choices_of(each: CreateField) -> list[dict[str, str]]:
    """What Jira lists for a field, as its API takes it; without what cannot be written."""
    return [choice for offered in each.allowed if (choice := _choice(offered))]


def _choice(offered: Mapping[str, object]) -> dict[str, str]:
    """A choice as Jira's API takes it; empty where it has no name that can be written, or one that is a template."""
    for key in _NAMED_BY:
        name = offered.get(key)
        if isinstance(name, str) and is_writable(name) and not is_template(name):
            return {key: name}
    return {}


def field_called(screen: Mapping[str, CreateField], name: str) -> CreateField:
    """The field of the screen with this name or id, in any case of letters. Raises ValueError."""
    found = [each for each in screen.values() if name.lower() in {each.id.lower(), each.name.lower()}]
    if len(found) != 1:
        names = [each.name or each.id for each in screen.values() if each.id not in _OWN or each.id == _SECURITY]
        raise ValueError(f"{len(found) or 'no'} fields are called {shown(name)} there; {choice_of(names, name)}")
    if found[0].id in _OWN and found[0].id != _SECURITY:
        raise ValueError(f"{found[0].name} has a word of its own: docs/mappings.md has it")
    return found[0]


def field_value(each: CreateField, word: str) -> object:
    """The value that is called so, as Jira's API takes it. Raises ValueError where the field has no such value."""
    alike = [choice for choice in choices_of(each) if word.lower() in {text.lower() for text in choice.values()}]
    if each.allowed and not alike:
        names = [text for choice in choices_of(each) for text in choice.values()]
        raise ValueError(f"{each.name} cannot be {shown(word)}; {choice_of(names, word)}")
    value: object = alike[0] if alike else {"value": word} if each.form.type == "option" else word
    if each.form.type == "number":
        return _number(each, word)
    return [value] if each.has_several else value


def _number(each: CreateField, word: str) -> object:
    try:
        return int(word) if word.removeprefix("-").isdecimal() else float(word)
    except ValueError:
        raise ValueError(f"{each.name} is a number") from None


def _resolutions(names: Sequence[str], known: Known) -> Iterator[Entry]:
    """The whole list, where the built-in one lacks a word of the site's and has another of them."""
    if "resolutions" in known:
        return
    folded = {each.lower(): each for each in names if is_writable(each)}
    mapped = {each: JIRA_RESOLUTIONS[lower].value for lower, each in folded.items() if lower in JIRA_RESOLUTIONS}
    lacking = [each for lower, each in folded.items() if lower not in JIRA_RESOLUTIONS]
    if not lacking:
        return
    above = (
        "What it means to close an issue so, in place of the built-in list. Give those in comments a meaning, too:",
        "fixed, accepted_risk, false_positive, duplicate, cancelled, not_solved or none. Until then a comment on such",
        "an issue asks what was meant.",
    )
    entries = [Entry(each, meaning) for each, meaning in mapped.items()]
    entries += [Entry(each, "fixed", is_off=True) for each in lacking]
    yield Entry("resolutions", Block(entries), above=above, is_off=not mapped)


def _by_name(names: Sequence[str]) -> dict[Severity, str]:
    """By the usual names, each priority once; empty where not every severity has one."""
    left = {each.lower(): each for each in names}
    found: dict[Severity, str] = {}
    for severity, words in _PRIORITIES.items():
        word = next((each for each in words if each in left), None)
        if word is None:
            return {}
        found[severity] = left.pop(word)
    return found


def _by_place(names: Sequence[str]) -> dict[Severity, str]:
    """The first four; of fewer, the first and the last at the ends."""
    last = len(_PRIORITIES) - 1
    few = len(names) <= last
    return {
        severity: names[(number * (len(names) - 1) + 1) // last if few else number]
        for number, severity in enumerate(_PRIORITIES)
    }
