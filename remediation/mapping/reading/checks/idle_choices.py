"""Choices about keeping in step that have no effect, and are therefore probably not meant."""

from collections.abc import Iterator
from itertools import product

from remediation.domain.cases.records import CaseKind
from remediation.domain.policy import ResolveWhen
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import Complaint, Steps
from remediation.mapping.render.templates import prepared

_QUOTING = ("resolved", "accepted_risk")
"""The notes that may quote the people who closed a ticket."""


def idle_choices(loaded: Loaded) -> Iterator[Complaint]:
    """A complaint about each choice that was written and has no effect."""
    rules = loaded.mappings.rules
    for number, rule in enumerate(rules):
        where: Steps = ("rules", number, "resolve_when")
        if rule.resolve_when is ResolveWhen.ANY and len(rule.tickets) == 1 and _is_written(loaded, where):
            yield Complaint(where, "is the same as all: the rule makes one ticket only")
    usual = loaded.mappings.defaults.resolve_when
    if usual is ResolveWhen.ANY and all(len(rule.tickets) <= 1 for rule in rules):
        yield Complaint(("defaults", "resolve_when"), "is the same as all: no rule makes more than one ticket")
    yield from _choices_about_notes(loaded)
    yield from _unread_comments(loaded)
    yield from _unsent_fields(loaded)
    if not any(rule.relate for rule in rules):
        for name, district in loaded.mappings.districts.items():
            if district.schools:
                yield Complaint(("districts", name, "schools"), "is read by nobody: no rule relates incidents", "key")


def _choices_about_notes(loaded: Loaded) -> Iterator[Complaint]:
    """What rules of incidents say of notes and scans."""
    for number, rule in enumerate(loaded.mappings.rules):
        for word in ("copy_comments", "people") if rule.kind is CaseKind.INCIDENT else ():
            where: Steps = ("rules", number, word)
            if _is_written(loaded, where):
                yield Complaint(where, "changes nothing: it is about notes, and a feed of incidents takes none", "key")
        verify: Steps = ("rules", number, "verify")
        if rule.kind is CaseKind.INCIDENT and _is_written(loaded, verify):
            yield Complaint(verify, "changes nothing: nothing scans for incidents", "key")


def _unread_comments(loaded: Loaded) -> Iterator[Complaint]:
    notes = loaded.mappings.notes
    if any("words" in prepared(getattr(notes, kind)).free for kind in _QUOTING):
        return
    message = f"copies what nobody reads: neither {' nor '.join(f'notes.{kind}' for kind in _QUOTING)} speaks of words"
    holders: list[tuple[Steps, str]] = [(("defaults",), loaded.mappings.defaults.copy_comments)]
    holders += [
        (("rules", number), rule.copy_comments)
        for number, rule in enumerate(loaded.mappings.rules)
        if rule.kind is CaseKind.FINDING
    ]
    for steps, choice in holders:
        if choice == "closing" and _is_written(loaded, (*steps, "copy_comments")):
            yield Complaint((*steps, "copy_comments"), message)


def _unsent_fields(loaded: Loaded) -> Iterator[Complaint]:
    """Closing fields that are never sent to their tracker."""
    mappings = loaded.mappings
    unsent = [
        (name, word, why)
        for name, config in sorted(mappings.trackers.items())
        for word, why in config.unsent_closing_fields.items()
    ]
    holders: list[Steps] = [("defaults",), *(("rules", number) for number in range(len(mappings.rules)))]
    for holder, (name, word, why) in product(holders, unsent):
        where: Steps = (*holder, "tickets", name, "close_fields", word)
        if _is_written(loaded, where):
            yield Complaint(where, f"is never sent: trackers.{name} {why}")


def _is_written(loaded: Loaded, steps: Steps) -> bool:
    """Whether it is written in the file, and not only a default."""
    return steps in loaded.positions.keys
