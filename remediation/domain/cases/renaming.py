"""A stored case with the present names of its trackers: mappings.yaml may rename a tracker (`formerly`). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from remediation.domain.actions import ActionName
from remediation.domain.cases.records import CaseRecord, Intent, Link, Memory

_ValueT = TypeVar("_ValueT")

Names = Mapping[str, str]
"""The present name of a tracker by each of its former names."""


def trackers_of(record: CaseRecord) -> frozenset[str]:
    """Returns every tracker in which the case has a ticket, may have one, or has a parked action."""
    set_aside = (name.tracker for name in record.parked | record.again | record.given_up)
    return frozenset((*record.links, *record.intents, *filter(None, set_aside)))


def names_in(record: CaseRecord, names: Names) -> Names:
    """The former names that occur in the record."""
    memory = record.memory
    remembered = (
        *memory.tickets,
        *memory.closings,
        *memory.left_over,
        *memory.wrote,
        *(name.tracker for name in memory.doing),
    )
    spoken = trackers_of(record).union(remembered)
    return {former: name for former, name in names.items() if former in spoken}


def renamed(record: CaseRecord, names: Names) -> CaseRecord:
    """Returns the record with present names, as rename_trackers.lua writes its row.

    Where both names have a value, the present name's counts. Where both have a ticket, an intent says that a search
    must find the second one.
    """
    doubled = [
        Intent(now, 0.0)
        for former, now in names.items()
        if (link := record.links.get(former)) and now in record.links and record.links[now].ticket_id != link.ticket_id
    ]
    intents = [replace(intent, tracker=names.get(name, name)) for name, intent in record.intents.items()]
    return replace(
        record,
        links=_links(record.links, names),
        intents={each.tracker: each for each in sorted([*doubled, *intents], key=lambda each: each.at)},
        memory=renamed_memory(record.memory, names),
        parked=_actions(record.parked, names),
        again=_actions(record.again, names),
        given_up=_actions(record.given_up, names),
    )


def renamed_memory(memory: Memory, names: Names) -> Memory:
    """The memory in present names."""
    return replace(
        memory,
        tickets=_keys(memory.tickets, names),
        doing=_actions(memory.doing, names),
        closed_at=_keys(memory.closed_at, names),
        wrote=_keys(memory.wrote, names),
        told=frozenset(_token(token, names) for token in memory.told),
        closings=_keys(memory.closings, names),
        left_over=_keys(memory.left_over, names),
        listed=_keys(memory.listed, names),
        attached=_keys(memory.attached, names),
    )


def _links(links: Mapping[str, Link], names: Names) -> dict[str, Link]:
    return {name: replace(link, tracker=name) for name, link in _keys(links, names).items()}


def _keys(values: Mapping[str, _ValueT], names: Names) -> dict[str, _ValueT]:
    """Returns the values by present names; a value that is stored under a present name counts first."""
    former = {names[name]: value for name, value in values.items() if name in names}
    return {**former, **{name: value for name, value in values.items() if name not in names}}


def _actions(actions: Iterable[ActionName], names: Names) -> frozenset[ActionName]:
    return frozenset(renamed_action(name, names) for name in actions)


def renamed_action(name: ActionName, names: Names) -> ActionName:
    """An action's name, with the present name of its tracker."""
    return replace(name, tracker=names.get(name.tracker, name.tracker))


def _token(token: str, names: Names) -> str:
    """Returns the token of a comment (see CommentOnTicket) with the present name of its tracker."""
    tracker, slash, fact = token.partition("/")
    return f"{names.get(tracker, tracker)}{slash}{fact}"
