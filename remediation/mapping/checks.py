"""What no single value shows: names that must be unique or known, and templates that must not fail.

Works on what was written, before or without it fitting the schema, so that a person sees everything at once.
"""

from collections.abc import Iterable, Iterator, Mapping

from remediation.mapping.positions import Complaint, Steps, key_text
from remediation.mapping.suggestions import did_you_mean, listed
from remediation.mapping.trials import message_flaw, ticket_flaw
from remediation.mapping.wording import Comments, Notes, Templates

_RESERVED_TRACKERS = frozenset({"schoolscan"})
"""Addresses under /webhooks/ that are no tracker's."""

Map = Mapping[str, object]


def complaints_about(data: object) -> Iterator[Complaint]:
    """Everything that the schema alone cannot see; parts that have the wrong shape are passed over."""
    top = _map(data)
    yield from _reserved_names(top)
    yield from _repeated_rules(top)
    yield from _unknown_names(top)
    yield from _failing_templates(top)


def _map(value: object) -> Map:
    return value if isinstance(value, dict) else {}


def _rules(top: Map) -> Iterator[tuple[Steps, Map]]:
    rules = top.get("rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        yield ("rules", number), _map(rule)


def _reserved_names(top: Map) -> Iterator[Complaint]:
    for name in _RESERVED_TRACKERS & _map(top.get("trackers")).keys():
        yield Complaint(("trackers", name), "is the name of the source: call the tracker something else", "key")


def _repeated_rules(top: Map) -> Iterator[Complaint]:
    seen: dict[str, int] = {}
    for number, (steps, rule) in enumerate(_rules(top)):
        name = rule.get("name")
        if isinstance(name, str) and seen.setdefault(name, number) != number:
            yield Complaint((*steps, "name"), f"is already the name of rules[{seen[name]}]")


def _unknown_names(top: Map) -> Iterator[Complaint]:
    trackers, districts = _map(top.get("trackers")).keys(), _map(top.get("districts")).keys()
    for steps, rule in _rules(top):
        for tracker in _map(rule.get("tickets")).keys() - trackers:
            yield _unknown((*steps, "tickets", tracker), "tracker", tracker, trackers)
        written = _map(rule.get("match")).get("district")
        for district in written if isinstance(written, list) else [written]:
            if isinstance(district, str) and district not in districts:
                yield _unknown((*steps, "match", "district"), "district", district, districts)


def _unknown(steps: Steps, kind: str, name: str, known: Iterable[str]) -> Complaint:
    there = {key_text(word) for word in known}
    message = f"there is no {kind} {key_text(name)}; there is {listed(there)}{did_you_mean(name, there)}"
    return Complaint(steps, message, "key" if kind == "tracker" else "value")


def _failing_templates(top: Map) -> Iterator[Complaint]:
    for steps, text, minimal_rule in _ticket_templates(top):
        if flaw := ticket_flaw(text, minimal_rule):
            yield Complaint(steps, flaw, "key")
    for section, model in (("notes", Notes), ("comments", Comments)):
        written = _map(top.get(section))
        for kind in written.keys() & model.model_fields.keys():
            note = written[kind]
            if isinstance(note, str) and (flaw := message_flaw(note)):
                yield Complaint((section, kind), flaw, "key")


def _ticket_templates(top: Map) -> Iterator[tuple[Steps, str, str | None]]:
    """Each template of tickets, and a rule that uses it without `detail: restricted`."""
    usual: dict[str, str] = {}
    for steps, rule in _rules(top):
        minimal = None if rule.get("detail") == "restricted" else str(rule.get("name"))
        for tracker, ticket in _map(rule.get("tickets")).items():
            for word in Templates.model_fields:
                own = _map(ticket).get(word)
                if isinstance(own, str):
                    yield (*steps, "tickets", tracker, word), own, minimal
                elif minimal is not None:
                    usual.setdefault(word, minimal)
    for word in Templates.model_fields:
        shared = _map(top.get("templates")).get(word)
        if isinstance(shared, str):
            yield ("templates", word), shared, usual.get(word)
