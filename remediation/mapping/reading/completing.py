"""Adds `defaults` to every rule and ticket of a valid file, wherever they leave a word out."""

from collections.abc import Iterable

from pydantic import BaseModel

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.policies import PolicyWords
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.kinds import Ticket

_SHARED = "due"
"""The word that tickets have, and that rules and `defaults` may have for all their tickets."""

_OF_RULES = ("detail", *PolicyWords.model_fields)
"""The words of rules that `defaults` has too."""


def completed(mappings: Mappings) -> Mappings:
    """The same file with every rule complete: nothing is left to `defaults`."""
    return mappings.model_copy(update={"rules": [_complete_rule(mappings, rule) for rule in mappings.rules]})


def _complete_rule(mappings: Mappings, rule: Rule) -> Rule:
    tickets = {name: _complete_ticket(mappings, rule, name, ticket) for name, ticket in rule.tickets.items()}
    layers = (mappings.defaults, rule)
    words = {word: _layered(layers, word) for word in _OF_RULES if _is_written(layers, word)}
    if rule.kind is CaseKind.INCIDENT and "when_gone" not in rule.model_fields_set:
        words["when_gone"] = "close"  # what `defaults` say is meant for findings: one that is gone may still be public
    return rule.model_copy(update={"tickets": tickets, **words})


def _complete_ticket(mappings: Mappings, rule: Rule, tracker: str, ticket: Ticket) -> Ticket:
    usual = mappings.defaults.tickets.get(tracker)
    layers = (usual, ticket) if usual else (ticket,)
    words = {word: _layered(layers, word) for word in type(ticket).model_fields if _is_written(layers, word)}
    return ticket.model_copy(
        update={**words, _SHARED: _layered((mappings.defaults, *layers[:-1], rule, ticket), _SHARED)}
    )


def _is_written(layers: Iterable[BaseModel], word: str) -> bool:
    return any(word in layer.model_fields_set for layer in layers)


def _layered(layers: Iterable[BaseModel], word: str) -> object:
    """The combination of the layers that have the word, weakest first: maps complete each other, null removes."""
    result: object = None
    for layer in layers:
        if word in layer.model_fields_set:
            result = _upon(result, getattr(layer, word))
    return result


def _upon(usual: object, own: object) -> object:
    match usual, own:
        case dict(), dict():
            return {**usual, **own}
        case BaseModel(), BaseModel():
            return usual.model_copy(update={word: getattr(own, word) for word in own.model_fields_set})
        case _:
            return own
