"""The words of mappings.yaml, found by walking through its types."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from remediation.mapping.config.console import AccessGrant
from remediation.mapping.config.incident_feeds import IncidentFeed
from remediation.mapping.config.notifying import NotifyChannel
from remediation.mapping.config.references import (
    SecretFromEnv,
    SecretFromFile,
    WebhookSecretFromEnv,
    WebhookSecretFromFile,
)
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import District, Mappings
from remediation.mapping.config.trackers.jira import JiraTicket, JiraTracker
from remediation.mapping.config.trackers.kinds import shapes_of
from remediation.mapping.config.trackers.servicenow import FormerTable, ServiceNowTicket, ServiceNowTracker

SAMPLE_NAMES: dict[type[BaseModel], str] = {
    District: "lakeside",
    IncidentFeed: "handbook",
    JiraTracker: "jira",
    ServiceNowTracker: "servicenow",
    FormerTable: "incident",
    JiraTicket: "jira",
    ServiceNowTicket: "servicenow",
    Rule: "0",
    NotifyChannel: "desk",
    AccessGrant: "0",
}
"""What stands for the many where a map or a list holds models."""

_SECRETS = {SecretFromEnv, SecretFromFile, WebhookSecretFromEnv, WebhookSecretFromFile}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type speaks of, each once."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from shapes_of(annotation)
    else:
        yield from dict.fromkeys(model for inner in get_args(annotation) for model in models_in(inner))


def models_below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and all that it is made of, each once."""
    found: dict[type[BaseModel], None] = {}
    waiting = [model]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found[each] = None
            waiting += [inner for field in each.model_fields.values() for inner in models_in(field.annotation)]
    yield from found


def leaves_below(model: type[BaseModel] = Mappings, above: tuple[type[BaseModel], ...] = ()) -> Iterator[str]:
    """The way to every word that holds a value, such as `trackers.jira.auth.basic.user`.

    A secret is a value, and so are sets of conditions inside of conditions.
    """
    for name, field in model.model_fields.items():
        word, inner = field.alias or name, list(models_in(field.annotation))
        if not inner or set(inner) & {*_SECRETS, *above, model}:
            yield word
        for each in inner if not set(inner) & {*_SECRETS, *above, model} else ():
            steps = ".".join(filter(None, (word, SAMPLE_NAMES.get(each))))
            yield from (f"{steps}.{leaf}" for leaf in leaves_below(each, (*above, model)))
