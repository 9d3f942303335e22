"""Which of several shapes a written value has. A tag is the name of the class that it will become."""

from collections.abc import Collection, Mapping

_SECRETS = {frozenset({"env"}): "SecretFromEnv", frozenset({"file"}): "SecretFromFile"}
_WEBHOOK_SECRETS = {"env": "WebhookSecretFromEnv", "file": "WebhookSecretFromFile"}
_TRACKERS = {"jira": "JiraTracker", "servicenow": "ServiceNowTracker"}
_TICKETS = {"jira": "JiraTicket", "servicenow": "ServiceNowTicket"}

KINDS = tuple(_TRACKERS)
"""The kinds of tracker that there are."""

NO_TICKETS = "none"
"""What a rule says that deliberately makes no ticket."""


class JiraWords(dict[str, object]):
    """What was written for a ticket in a tracker of kind jira."""


class ServiceNowWords(dict[str, object]):
    """What was written for a ticket in a tracker of kind servicenow."""


def secret_tag(written: object) -> str | None:
    """A reference to a secret has one word, `env` or `file`; None for anything else, an inline secret above all."""
    return _SECRETS.get(frozenset(written)) if isinstance(written, dict) else _own_tag(written, _SECRETS.values())


def webhook_secret_tag(written: object) -> str | None:
    """The same for one of a sender's secrets, which may say more than where it is."""
    if isinstance(written, dict):
        places = [tag for word, tag in _WEBHOOK_SECRETS.items() if word in written]
        return places[0] if len(places) == 1 else None
    return _own_tag(written, _WEBHOOK_SECRETS.values())


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


def some_or_none(written: object) -> object:
    """A rule's tickets: a map of some, or the word none, which becomes an empty map."""
    match written:
        case str() if written == NO_TICKETS:
            return {}
        case str():
            raise ValueError(f"must be a map of trackers and their tickets, or {NO_TICKETS}")
        case dict() if not written:
            raise ValueError(f"must name at least one tracker, or say {NO_TICKETS}")
        case _:
            return written


def tickets_by_kind(written: object) -> object:
    """The whole file with the tickets of `defaults` and rules marked by their tracker's kind; otherwise as it was."""
    match written:
        case {"trackers": dict(trackers), **others}:
            kinds = {name: tracker_tag(tracker) for name, tracker in trackers.items()}
            marked = {**others, "trackers": trackers}
            if isinstance(rules := others.get("rules"), list):
                marked["rules"] = [_with_marked_tickets(rule, kinds) for rule in rules]
            if "defaults" in others:
                marked["defaults"] = _with_marked_tickets(others["defaults"], kinds)
            return marked
        case _:
            return written


def _with_marked_tickets(written: object, kinds: Mapping[str, str | None]) -> object:
    match written:
        case {"tickets": dict(tickets), **others}:
            marked = {name: _marked(ticket, kinds.get(name)) for name, ticket in tickets.items()}
            return {**others, "tickets": marked}
        case _:
            return written


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
