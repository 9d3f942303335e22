"""Which of several shapes a written value has. A tag is the name of the class that it will become."""

from collections.abc import Collection, Mapping

_SECRETS = {frozenset({"env"}): "SecretFromEnv", frozenset({"file"}): "SecretFromFile"}
_TRACKERS = {"jira": "JiraTracker", "servicenow": "ServiceNowTracker"}
_TICKETS = {"jira": "JiraTicket", "servicenow": "ServiceNowTicket"}

KINDS = tuple(_TRACKERS)
"""The kinds of tracker that there are."""


class JiraWords(dict[str, object]):
    """What was written for a ticket in a tracker of kind jira."""


class ServiceNowWords(dict[str, object]):
    """What was written for a ticket in a tracker of kind servicenow."""


def secret_tag(written: object) -> str | None:
    """A reference to a secret has one word, `env` or `file`; None for anything else, an inline secret above all."""
    return _SECRETS.get(frozenset(written)) if isinstance(written, dict) else _own_tag(written, _SECRETS.values())


def tracker_tag(written: object) -> str | None:
    """A tracker says its own kind."""
    if isinstance(written, dict):
        kind = written.get("kind")
        return _TRACKERS.get(kind) if isinstance(kind, str) else None
    return _own_tag(written, _TRACKERS.values())


def ticket_tag(written: object) -> str | None:
    """A ticket has the shape of its tracker's kind, which `tickets_by_kind` has put on it."""
    match written:
        case JiraWords():
            return _TICKETS["jira"]
        case ServiceNowWords():
            return _TICKETS["servicenow"]
        case _:
            return _own_tag(written, _TICKETS.values())


def tickets_by_kind(written: object) -> object:
    """The whole file with every rule's tickets marked by their tracker's kind; otherwise as it was."""
    match written:
        case {"trackers": dict(trackers), "rules": list(rules), **others}:
            kinds = {name: tracker_tag(tracker) for name, tracker in trackers.items()}
            return {**others, "trackers": trackers, "rules": [_marked_rule(rule, kinds) for rule in rules]}
        case _:
            return written


def _marked_rule(rule: object, kinds: Mapping[str, str | None]) -> object:
    match rule:
        case {"tickets": dict(tickets), **others}:
            marked = {name: _marked(ticket, kinds.get(name)) for name, ticket in tickets.items()}
            return {**others, "tickets": marked}
        case _:
            return rule


def _marked(ticket: object, kind: str | None) -> object:
    words = {} if ticket is None else ticket
    if not isinstance(words, dict):
        return words
    match kind:
        case "JiraTracker":
            return JiraWords(words)
        case "ServiceNowTracker":
            return ServiceNowWords(words)
        case _:
            return words


def _own_tag(written: object, tags: Collection[str]) -> str | None:
    name = type(written).__name__
    return name if name in tags else None
