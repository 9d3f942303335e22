"""What rules and tickets have where they say nothing: `defaults`, put into every rule once everything is valid."""

from collections.abc import Iterable

from pydantic import BaseModel

from remediation.mapping.rules import Rule, Ticket
from remediation.mapping.schema import Mappings

_SHARED = "due"
"""The word of tickets that rules and `defaults` have too, for all their tickets."""


def completed(mappings: Mappings) -> Mappings:
    """The same file with every rule as it counts: nothing is left to `defaults`."""
    return mappings.model_copy(update={"rules": [_complete_rule(mappings, rule) for rule in mappings.rules]})


def _complete_rule(mappings: Mappings, rule: Rule) -> Rule:
    tickets = {name: _complete_ticket(mappings, rule, name, ticket) for name, ticket in rule.tickets.items()}
    detail = _layered((mappings.defaults, rule), "detail")
    return rule.model_copy(update={"tickets": tickets, **({"detail": detail} if detail else {})})


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
    """What the layers that have the word say together, weakest first: maps complete each other, null takes away."""
    result: object = None
    for layer in layers:
        if word in layer.model_fields_set:
            own = getattr(layer, word)
            result = {**result, **own} if isinstance(own, dict) and isinstance(result, dict) else own
    return result
