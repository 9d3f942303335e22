"""Whether templates of the file can fail: each is tried in the place where it is written.

As in checks.py, they are checked as written, whatever else is wrong with the file.
"""

from collections.abc import Iterator
from itertools import product

from remediation.mapping.config.routing import TEXTS
from remediation.mapping.config.wording import Comments, Notes
from remediation.mapping.reading.checks import Map, map_of, rules_of
from remediation.mapping.reading.positions import Complaint, Steps
from remediation.mapping.reading.trials import follows_flaw, message_flaw, ticket_flaw
from remediation.mapping.render.templates import is_template

_FIELDS = ("fields", "close_fields")


def failing_templates(data: object) -> Iterator[Complaint]:
    """A complaint for every template that could fail."""
    top = map_of(data)
    for steps, text, minimal_rule in _of_tickets(top):
        if flaw := ticket_flaw(text, minimal_rule):
            yield Complaint(steps, flaw, "key")
    for steps, text, minimal_rule in _of_fields(top):
        if flaw := ticket_flaw(text, minimal_rule, is_field=True):
            yield Complaint(steps, flaw, "key")
    follows = map_of(top.get("templates")).get("follows")
    if isinstance(follows, str) and (flaw := follows_flaw(follows)):
        yield Complaint(("templates", "follows"), flaw, "key")
    for section, model in (("notes", Notes), ("comments", Comments)):
        written = map_of(top.get(section))
        for kind in written.keys() & model.model_fields.keys():
            note = written[kind]
            if isinstance(note, str) and (flaw := message_flaw(note)):
                yield Complaint((section, kind), flaw, "key")


def _tickets(top: Map) -> Iterator[tuple[Steps, str, Map, str | None]]:
    """Each ticket of a rule: its place, its tracker, its words, and the rule unless it has `detail: restricted`."""
    usual = map_of(top.get("defaults")).get("detail")
    for steps, rule in rules_of(top):
        minimal = None if rule.get("detail", usual) == "restricted" else str(rule.get("name"))
        for tracker, ticket in map_of(rule.get("tickets")).items():
            yield (*steps, "tickets", tracker), tracker, map_of(ticket), minimal


def _usual_tickets(top: Map) -> Map:
    return map_of(map_of(top.get("defaults")).get("tickets"))


def _of_tickets(top: Map) -> Iterator[tuple[Steps, str, str | None]]:
    """Each summary and body of tickets, with a rule that uses it without `detail: restricted`."""
    usual, users = _usual_tickets(top), dict[Steps, str]()
    for steps, tracker, ticket, minimal in _tickets(top):
        for word in TEXTS:
            if isinstance(own := ticket.get(word), str):
                yield (*steps, word), own, minimal
            elif minimal is not None:
                inherited = word in map_of(usual.get(tracker)) and word not in ticket
                users.setdefault(("defaults", "tickets", tracker, word) if inherited else ("templates", word), minimal)
    shared: dict[Steps, object] = {("defaults", "tickets", tracker): ticket for tracker, ticket in usual.items()}
    for where, words in (shared | {("templates",): top.get("templates")}).items():
        for word in TEXTS:
            if isinstance(text := map_of(words).get(word), str):
                yield (*where, word), text, users.get((*where, word))


def _of_fields(top: Map) -> Iterator[tuple[Steps, str, str | None]]:
    """Each template inside `fields` and `close_fields`, with a rule that uses it without `detail: restricted`."""
    usual, users = _usual_tickets(top), dict[Steps, str]()
    for (steps, tracker, ticket, minimal), fields in product(_tickets(top), _FIELDS):
        own = map_of(ticket.get(fields))
        for where, text in _texts((*steps, fields), own):
            yield where, text, minimal
        for field in map_of(map_of(usual.get(tracker)).get(fields)).keys() - own.keys() if minimal is not None else ():
            users.setdefault(("defaults", "tickets", tracker, fields, field), str(minimal))
    for (tracker, shared), fields in product(usual.items(), _FIELDS):
        above: Steps = ("defaults", "tickets", tracker, fields)
        for where, text in _texts(above, map_of(map_of(shared).get(fields))):
            yield where, text, users.get(where[: len(above) + 1])


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
