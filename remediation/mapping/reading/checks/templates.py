"""Whether templates of the file can fail: each is tried in the place where it is written.

As in values.py, they are checked as written, whatever else is wrong with the file.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.incident_wording import IncidentComments
from remediation.mapping.config.routing import TEXTS
from remediation.mapping.config.scan_summaries import SummaryComments
from remediation.mapping.config.wording import Comments, Notes
from remediation.mapping.reading.checks.values import Map, kind_written, map_of, rules_of, summaries_of
from remediation.mapping.reading.positions import Complaint, Inside, Steps
from remediation.mapping.reading.trials import follows_flaws, message_flaws, ticket_flaws
from remediation.mapping.render.flaws import Flaw
from remediation.mapping.render.templates import is_template

_FIELDS = ("fields", "close_fields")
_TEXTS_OF: Mapping[CaseKind, tuple[str, ...]] = {
    CaseKind.FINDING: ("templates",),
    CaseKind.INCIDENT: ("templates", "incidents"),
    CaseKind.SUMMARY: ("templates", "scan_summaries"),
}
"""Where the texts are that rules of this kind, or summaries, use if nothing else is written."""
_MESSAGES: tuple[tuple[tuple[str, ...], type[BaseModel]], ...] = (
    (("notes",), Notes),
    (("comments",), Comments),
    (("comments", "incidents"), IncidentComments),
    (("comments", "scan_summaries"), SummaryComments),
)
_SHARED = " (rules of findings and of incidents have it from here: write another one into the rules of one kind)"


@dataclass(slots=True)
class _Template:
    """A template of tickets, and who uses it.

    `users` are kinds of rule, each with the name of one that uses it without `detail: restricted`, or None.
    """

    text: str
    is_field: bool = False
    users: dict[CaseKind, str | None] = field(default_factory=dict)

    def used_by(self, kind: CaseKind, minimal: str | None) -> None:
        """Note a rule that uses it."""
        self.users[kind] = self.users.get(kind) or minimal

    def flaws(self) -> Iterator[tuple[Flaw, ...]]:
        """What is wrong with it for each kind of rule that uses it, or for rules of findings where none does."""
        for kind, minimal in (self.users or {CaseKind.FINDING: None}).items():
            if flaws := ticket_flaws(self.text, minimal, kind=kind, is_field=self.is_field):
                yield flaws


def failing_templates(data: object) -> Iterator[Complaint]:
    """A complaint for every template that could fail."""
    top = map_of(data)
    for steps, template in _of_tickets(top).items():
        flaws = list(template.flaws())
        for first in flaws[:1]:
            yield from _complaints(steps, first, _SHARED if len(flaws) < len(template.users) else "")
    for above in _TEXTS_OF.values():
        follows = _inside(top, above).get("follows")
        if isinstance(follows, str):
            yield from _complaints((*above, "follows"), follows_flaws(follows))
    for steps, model in _MESSAGES:
        written = _inside(top, steps)
        for kind in written.keys() & model.model_fields.keys():
            note = written[kind]
            if isinstance(note, str):
                yield from _complaints((*steps, kind), message_flaws(note))


def _complaints(steps: Steps, flaws: Iterable[Flaw], more: str = "") -> Iterator[Complaint]:
    """A complaint for each mistake, at its place in the template."""
    for flaw in flaws:
        yield Complaint(steps, f"{flaw.message}{more}", "key", inside=Inside(flaw.line, flaw.words))


def _inside(top: Map, steps: tuple[str, ...]) -> Map:
    found = top
    for step in steps:
        found = map_of(found.get(step))
    return found


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A ticket of a rule of this kind, or of a summary.

    `minimal` is the name of the rule or of the district, unless it has `detail: restricted`.
    """

    steps: Steps
    tracker: str
    words: Map
    kind: CaseKind
    minimal: str | None


def _tickets(top: Map) -> Iterator[_Ticket]:
    usual = map_of(top.get("defaults")).get("detail")
    for steps, rule in rules_of(top):
        minimal = None if rule.get("detail", usual) == "restricted" else str(rule.get("name"))
        kind = kind_written(rule) or CaseKind.FINDING
        for tracker, ticket in map_of(rule.get("tickets")).items():
            yield _Ticket((*steps, "tickets", tracker), tracker, map_of(ticket), kind, minimal)
    for steps, summary in summaries_of(top):
        minimal = None if summary.get("detail") == "restricted" else str(steps[1])
        for tracker, ticket in map_of(summary.get("tickets")).items():
            yield _Ticket((*steps, "tickets", tracker), tracker, map_of(ticket), CaseKind.SUMMARY, minimal)


def _of_tickets(top: Map) -> dict[Steps, _Template]:
    """Each template of tickets, with who uses it, by its place."""
    found = dict(_shared(top))
    fields_of: defaultdict[Steps, list[tuple[Steps, _Template]]] = defaultdict(list)
    for steps, template in found.items():
        fields_of[steps[:4]].append((steps, template))
    usual = _inside(top, ("defaults", "tickets"))
    for ticket in _tickets(top):
        for steps, template in _written(ticket.steps, ticket.words):
            found.setdefault(steps, template).used_by(ticket.kind, ticket.minimal)
        above: Steps = ("defaults", "tickets", ticket.tracker)
        inherits = ticket.kind is not CaseKind.SUMMARY
        inherited = map_of(usual.get(ticket.tracker)) if inherits else {}
        for word in TEXTS - ticket.words.keys():
            where: Steps = (*above, word) if word in inherited else (*_TEXTS_OF[ticket.kind], word)
            if where in found:
                found[where].used_by(ticket.kind, ticket.minimal)
        for fields in _FIELDS if inherits else ():
            own = map_of(ticket.words.get(fields))
            for steps, template in fields_of[*above, fields]:
                if steps[4] not in own:
                    template.used_by(ticket.kind, ticket.minimal)
    return found


def _shared(top: Map) -> Iterator[tuple[Steps, _Template]]:
    """The templates of `defaults` and `templates`."""
    for tracker, ticket in _inside(top, ("defaults", "tickets")).items():
        yield from _written(("defaults", "tickets", tracker), map_of(ticket))
    for kind, above in _TEXTS_OF.items():
        for word in TEXTS:
            if isinstance(text := _inside(top, above).get(word), str):
                yield (*above, word), _Template(text, users={kind: None})


def _written(steps: Steps, ticket: Map) -> Iterator[tuple[Steps, _Template]]:
    """The templates that a ticket's own words hold."""
    for word in TEXTS:
        if isinstance(text := ticket.get(word), str):
            yield (*steps, word), _Template(text)
    for fields in _FIELDS:
        for where, text in _texts((*steps, fields), map_of(ticket.get(fields))):
            yield where, _Template(text, is_field=True)


def _texts(steps: Steps, value: object) -> Iterator[tuple[Steps, str]]:
    """Every template inside a value, and its place."""
    match value:
        case str() if is_template(value):
            yield steps, value
        case list():
            for number, entry in enumerate(value):
                yield from _texts((*steps, number), entry)
        case dict():
            for name, inner in value.items():
                yield from _texts((*steps, name), inner)
        case _:
            return
