"""Whether the result for a finding is what a test case expects, and where it differs."""

from collections.abc import Iterator
from dataclasses import dataclass

from remediation.mapping.config.policies import written_choices
from remediation.mapping.config.routing import Routing, TicketWords, comparable
from remediation.mapping.config.suggestions import did_you_mean
from remediation.mapping.config.words import duration_text
from remediation.mapping.explain.expectations import Expected, ExpectedRelation, ExpectedText, ExpectedTicket

_NO_RULE = "none"
"""What a case expects where no rule takes the finding."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference: `rule`, `reopen`, `tickets` or `tickets.jira.priority`.

    None stands for what does not exist.
    """

    what: str
    expected: object
    actual: object
    hint: str = ""


def mismatches(expected: Expected, routing: Routing, rules: frozenset[str]) -> tuple[Mismatch, ...]:
    """Every difference; `rules` are the names of all rules, to recognise unknown ones."""
    return tuple(_mismatches(expected, routing, rules))


def _mismatches(expected: Expected, routing: Routing, rules: frozenset[str]) -> Iterator[Mismatch]:
    actual = routing.rule or _NO_RULE
    if expected.rule != actual:
        known = rules | {_NO_RULE}
        hint = f"there is no rule {expected.rule}{did_you_mean(expected.rule, known)}"
        yield Mismatch("rule", expected.rule, actual, "" if expected.rule in known else hint)
    for choice, wanted in written_choices(expected).items():
        if routing.choices.get(choice) != wanted:
            yield Mismatch(choice, wanted, routing.choices.get(choice))
    if expected.severity is not None and routing.choices.get("severity") != expected.severity:
        yield Mismatch("severity", expected.severity, routing.choices.get("severity"))
    if expected.relate is not None:
        yield from _relation_mismatches(expected.relate, routing)
    if expected.tickets is None:
        return
    if expected.tickets.keys() != routing.tickets.keys():
        yield Mismatch("tickets", sorted(expected.tickets), sorted(routing.tickets))
    for tracker in sorted(expected.tickets.keys() & routing.tickets.keys()):
        ticket = expected.tickets[tracker]
        yield from _ticket_mismatches(f"tickets.{tracker}", ticket, routing.tickets[tracker])


def _relation_mismatches(expected: ExpectedRelation, routing: Routing) -> Iterator[Mismatch]:
    within, sites = routing.choices.get("relate.within"), routing.choices.get("relate.sites")
    if expected.within is not None and duration_text(expected.within) != within:
        yield Mismatch("relate.within", duration_text(expected.within), within)
    if expected.sites is not None and sorted(expected.sites) != sorted(sites.split(", ") if sites else ()):
        yield Mismatch("relate.sites", ", ".join(expected.sites), sites)


def _ticket_mismatches(where: str, expected: ExpectedTicket, words: TicketWords) -> Iterator[Mismatch]:
    for word, text in (("summary", expected.summary), ("body", expected.body)):
        if text is not None:
            yield from _text_mismatches(f"{where}.{word}", text, str(words.get(word) or ""))
    if expected.labels is not None:
        yield from _label_mismatches(where, expected.labels, words.get("labels"))
    for word, value in (expected.model_extra or {}).items():
        actual = words.get(word)
        if comparable(value) != comparable(actual):
            hint = "" if word in words else did_you_mean(word, words.keys()).removeprefix("; ")
            yield Mismatch(f"{where}.{word}", value, actual, hint)


def _label_mismatches(where: str, expected: list[str], actual: object) -> Iterator[Mismatch]:
    """The labels to compare: their order has no meaning, and our own marks among them are not compared."""
    labels = [str(label) for label in actual] if isinstance(actual, list | tuple) else []
    if sorted(expected) != sorted(labels):
        yield Mismatch(f"{where}.labels", sorted(expected), sorted(labels))


def _text_mismatches(where: str, expected: ExpectedText, actual: str) -> Iterator[Mismatch]:
    if expected.exactly is not None and expected.exactly.strip() != actual.strip():
        yield Mismatch(where, expected.exactly.strip(), actual)
    for part in expected.contains:
        if part not in actual:
            yield Mismatch(where, {"contains": part}, actual)
    for part in expected.lacks:
        if part in actual:
            yield Mismatch(where, {"lacks": part}, actual)
