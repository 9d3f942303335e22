"""Choices about keeping in step that change nothing, and are therefore probably not meant."""

from collections.abc import Iterator
from itertools import product

from remediation.domain.policy import ResolveWhen
from remediation.mapping.config.trackers import JiraTracker
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import Complaint, Steps
from remediation.mapping.render.templates import prepared

_QUOTING = ("resolved", "accepted_risk")
"""The notes that go with what people decided."""


def idle_choices(loaded: Loaded) -> Iterator[Complaint]:
    """A complaint about each choice that was written and cannot matter."""
    rules = loaded.mappings.rules
    for number, rule in enumerate(rules):
        where: Steps = ("rules", number, "resolve_when")
        if rule.resolve_when is ResolveWhen.ANY and len(rule.tickets) == 1 and _is_written(loaded, where):
            yield Complaint(where, "is the same as all: the rule makes one ticket only")
    usual = loaded.mappings.defaults.resolve_when
    if usual is ResolveWhen.ANY and all(len(rule.tickets) <= 1 for rule in rules):
        yield Complaint(("defaults", "resolve_when"), "is the same as all: no rule makes more than one ticket")
    yield from _unread_comments(loaded)
    yield from _unsent_comments(loaded)


def _unread_comments(loaded: Loaded) -> Iterator[Complaint]:
    notes = loaded.mappings.notes
    if any("words" in prepared(getattr(notes, kind)).free for kind in _QUOTING):
        return
    message = f"copies what nobody reads: neither {' nor '.join(f'notes.{kind}' for kind in _QUOTING)} speaks of words"
    holders: list[tuple[Steps, str]] = [(("defaults",), loaded.mappings.defaults.copy_comments)]
    holders += [(("rules", number), rule.copy_comments) for number, rule in enumerate(loaded.mappings.rules)]
    for steps, choice in holders:
        if choice == "closing" and _is_written(loaded, (*steps, "copy_comments")):
            yield Complaint((*steps, "copy_comments"), message)


def _unsent_comments(loaded: Loaded) -> Iterator[Complaint]:
    """Comments for the steps on the way to done, where a comment inside a step would be one for customers."""
    mappings = loaded.mappings
    internal = {
        name
        for name, each in mappings.trackers.items()
        if isinstance(each, JiraTracker) and each.comments == "internal"
    }
    holders: list[Steps] = [("defaults",), *(("rules", number) for number in range(len(mappings.rules)))]
    for holder, name in product(holders, sorted(internal)):
        where: Steps = (*holder, "tickets", name, "close_fields", "comment")
        if _is_written(loaded, where):
            yield Complaint(where, f"is never sent: trackers.{name} writes internal comments, and this would be none")


def _is_written(loaded: Loaded, steps: Steps) -> bool:
    """Whether it stands in the file, and is not there only by default."""
    return steps in loaded.positions.keys
