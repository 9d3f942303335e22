"""The table of all kinds of tracker, and the shapes that mappings.yaml has by it.

The table is read each time a file is read, so a kind that is added to it can be used at once.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union

from pydantic import BaseModel, Discriminator, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from remediation.deliveries.events import SCHOOLSCAN, Sender, stranger
from remediation.mapping.config.references import own_tag
from remediation.mapping.config.trackers.jira import JiraTicket, JiraTracker
from remediation.mapping.config.trackers.servicenow import ServiceNowTicket, ServiceNowTracker
from remediation.mapping.config.trackers.tracker_settings import TicketSettings, TrackerSettings


@dataclass(frozen=True, slots=True)
class TrackerKind:
    """One kind of tracker: what mappings.yaml says of its trackers, and of a rule's tickets in them.

    `adapter` is the module that talks to such trackers: see remediation/trackers/adapters.py. It is named and not
    imported, because it stands above this one.
    """

    tracker: type[TrackerSettings]
    ticket: type[TicketSettings]
    adapter: str


KINDS: dict[str, TrackerKind] = {
    str(kind.tracker.sender): kind
    for kind in (
        TrackerKind(JiraTracker, JiraTicket, "remediation.trackers.jira.adapter"),
        TrackerKind(ServiceNowTracker, ServiceNowTicket, "remediation.trackers.servicenow.adapter"),
    )
}
"""Every kind, by the word that a tracker's `kind` says. docs/adding-a-tracker.md tells what a row needs."""


def all_senders() -> tuple[Sender, ...]:
    """SchoolScan, and every kind of tracker."""
    return (SCHOOLSCAN, *(kind.tracker.sender for kind in KINDS.values()))


def sender_named(name: str) -> Sender:
    """The sender that is stored under this name; a `stranger` where no kind has it (any more)."""
    if kind := KINDS.get(name):
        return kind.tracker.sender
    return SCHOOLSCAN if name == SCHOOLSCAN.name else stranger(name)


class _TicketOfKind(dict[str, object]):
    """What was written for a ticket in a tracker of a known kind."""

    def __init__(self, words: Mapping[str, object], kind: str) -> None:
        super().__init__(words)
        self.kind = kind


def kind_of(written: object) -> TrackerKind | None:
    """The kind that a tracker's map says, whatever else is wrong with it; None where there is no such kind."""
    word = written.get("kind") if isinstance(written, dict) else None
    return KINDS.get(word) if isinstance(word, str) else None


def _tracker_tag(written: object) -> str | None:
    """A tracker says its own kind."""
    if isinstance(written, dict):
        kind = kind_of(written)
        return kind.tracker.__name__ if kind else None
    return own_tag(written, [kind.tracker.__name__ for kind in KINDS.values()])


def ticket_tag(written: object) -> str | None:
    """A ticket has the shape of its tracker's kind, which `tickets_by_kind` has put on it."""
    if isinstance(written, _TicketOfKind):
        return KINDS[written.kind].ticket.__name__
    return own_tag(written, [kind.ticket.__name__ for kind in KINDS.values()])


def tickets_by_kind(written: object) -> object:
    """The whole file with all its tickets marked by their tracker's kind; otherwise as it was."""
    match written:
        case {"trackers": dict(trackers), **others}:
            kinds = {name: tracker["kind"] for name, tracker in trackers.items() if kind_of(tracker)}
            marked = {**others, "trackers": trackers}
            if isinstance(rules := others.get("rules"), list):
                marked["rules"] = [_with_marked_tickets(rule, kinds) for rule in rules]
            if "defaults" in others:
                marked["defaults"] = _with_marked_tickets(others["defaults"], kinds)
            if isinstance(districts := others.get("districts"), dict):
                marked["districts"] = {name: _with_marked_summary(each, kinds) for name, each in districts.items()}
            return marked
        case _:
            return written


def _with_marked_summary(written: object, kinds: Mapping[str, str]) -> object:
    match written:
        case {"scan_summary": summary, **others}:
            return {**others, "scan_summary": _with_marked_tickets(summary, kinds)}
        case _:
            return written


def _with_marked_tickets(written: object, kinds: Mapping[str, str]) -> object:
    match written:
        case {"tickets": dict(tickets), **others}:
            marked = {name: _marked(ticket, kinds.get(name)) for name, ticket in tickets.items()}
            return {**others, "tickets": marked}
        case _:
            return written


def _marked(ticket: object, kind: str | None) -> object:
    words = {} if ticket is None else ticket
    return _TicketOfKind(words, kind) if kind and isinstance(words, dict) else words


def shapes_of(model: type[BaseModel]) -> tuple[type[BaseModel], ...]:
    """The model, or those of all kinds where it is what they share."""
    if model is TrackerSettings:
        return tuple(kind.tracker for kind in KINDS.values())
    if model is TicketSettings:
        return tuple(kind.ticket for kind in KINDS.values())
    return (model,)


@dataclass(frozen=True, slots=True)
class _OneOfAllKinds:
    """Reads a value as the shape of its kind, as pydantic does with a union that it knows from the start."""

    tag: Callable[[object], str | None]
    error_type: str

    def __get_pydantic_core_schema__(self, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        del handler
        return core_schema.no_info_plain_validator_function(lambda value: self._union(source).validate_python(value))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        shared = TrackerSettings if self.tag is _tracker_tag else TicketSettings
        return handler(self._union(shared).core_schema)

    def _union(self, shared: type[BaseModel]) -> TypeAdapter[Any]:
        return _union_of(shapes_of(shared), self.tag, self.error_type)


@cache
def _union_of(
    shapes: Collection[type[BaseModel]], tag: Callable[[object], str | None], error_type: str
) -> TypeAdapter[Any]:
    tagged = tuple(Annotated[shape, Tag(shape.__name__)] for shape in shapes)
    told_apart = Discriminator(tag, custom_error_type=error_type, custom_error_message="has no known kind")
    union: Any = Annotated[Union[tagged], told_apart]  # noqa: UP007 - how many there are is known only now
    return TypeAdapter(union)


TrackerConfig = Annotated[TrackerSettings, _OneOfAllKinds(_tracker_tag, "tracker_kind")]
Ticket = Annotated[TicketSettings, _OneOfAllKinds(ticket_tag, "ticket_tracker")]
