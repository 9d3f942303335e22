"""Which of several shapes a written value has. A tag is the name of the class that it will become."""

from collections.abc import Collection

_SECRETS = {frozenset({"env"}): "SecretFromEnv", frozenset({"file"}): "SecretFromFile"}
_WEBHOOK_SECRETS = {"env": "WebhookSecretFromEnv", "file": "WebhookSecretFromFile"}

NO_TICKETS = "none"
"""What a rule says that deliberately makes no ticket."""


def secret_tag(written: object) -> str | None:
    """A reference to a secret has one word, `env` or `file`; None for anything else, an inline secret above all."""
    return _SECRETS.get(frozenset(written)) if isinstance(written, dict) else own_tag(written, _SECRETS.values())


def webhook_secret_tag(written: object) -> str | None:
    """The same for one of a sender's secrets, which may say more than where it is."""
    if isinstance(written, dict):
        places = [tag for word, tag in _WEBHOOK_SECRETS.items() if word in written]
        return places[0] if len(places) == 1 else None
    return own_tag(written, _WEBHOOK_SECRETS.values())


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


def own_tag(written: object, tags: Collection[str]) -> str | None:
    """The tag of a value that has become what it should be already; None for any other."""
    name = type(written).__name__
    return name if name in tags else None
