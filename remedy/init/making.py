"""What the file says, and what the systems say to it: of a new one, and of one that is there."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.explain.inspections import InspectionOutcome
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.writing.edits import Edit, edited, edits_of
from remediation.mapping.writing.new_file import NewTracker, new_file
from remediation.mapping.writing.proposals import Gap
from remediation.mapping.writing.yaml_text import Block, Entry
from remediation.operations.examining.placing import PlacedInspection, placed
from remediation.ports import Inspector
from remediation.settings import load_settings
from remediation.sources.schoolscan.inspection import AccountInspector
from remedy.init.asking import Asker
from remedy.init.existing import Existing
from remedy.init.opening import Opened
from remedy.init.results import Result
from remedy.init.set_ups import OpenTracker
from remedy.runtime.data_keys import has_keys


def result_of(path: Path, existing: Existing, opened: Opened, asker: Asker) -> Result:
    """The text that the file is to have. Nothing is written yet. Raises ConfigurationError."""
    proposed = [each.proposed(opened.runner, asker) for each in opened.trackers]
    return _changed(path, existing, opened, proposed) if existing.is_there else _begun(path, opened, proposed)


def _begun(path: Path, opened: Opened, proposed: Sequence[NewTracker]) -> Result:
    """A new file."""
    gaps = [gap for each in proposed for gap in each.proposal.gaps]
    district = opened.order.district.words
    text = new_file(district, proposed, [str(each) for each in gaps])
    loaded = _loaded(text, str(path), gaps)
    answers = _answers(opened, loaded, gaps) if loaded else []
    wrong = _of(answers, InspectionOutcome.WRONG)
    if wrong:  # the file says it, too: its reader may be another person
        text = new_file(district, proposed, [*map(str, gaps), *(each.message for each in wrong)])
    return Result(
        path,
        "written",
        text,
        signed_in=opened.signed_in,
        to_set=[str(each) for each in gaps],
        wrong=wrong,
        untold=_of(answers, InspectionOutcome.UNKNOWN),
        away=_of(answers, InspectionOutcome.UNREACHABLE),
        credentials=opened.credentials,
        has_data_keys=has_keys(load_settings()),
    )


def _changed(path: Path, existing: Existing, opened: Opened, proposed: Sequence[NewTracker]) -> Result:
    """What would change of the file that is there, and what the systems say to that."""
    edits = list(_edits(existing, opened, proposed))
    after = edited(existing.text, edits)
    added = [new for each, new in zip(opened.trackers, proposed, strict=True) if each.known.is_new]
    gaps = [gap for each in added for gap in each.proposal.gaps]  # of the others, the systems say what is wrong
    loaded = _loaded(after.text, str(path), gaps)
    answers = _answers(opened, loaded, gaps) if loaded else []
    named = {name for rule in loaded.mappings.rules for name in rule.tickets} if loaded else set()
    return Result(
        path,
        "unchanged" if after.text == existing.text else "proposed",
        after.text,
        existing.text,
        signed_in=opened.signed_in,
        to_set=[str(each) for each in gaps],
        wrong=_of(answers, InspectionOutcome.WRONG),
        untold=_of(answers, InspectionOutcome.UNKNOWN),
        away=_of(answers, InspectionOutcome.UNREACHABLE),
        by_hand=after.by_hand,
        unruled=[each.name for each in proposed if loaded and each.name not in named],
        credentials=opened.credentials,
        has_data_keys=has_keys(load_settings()),
    )


def _edits(existing: Existing, opened: Opened, proposed: Sequence[NewTracker]) -> Iterator[Edit]:
    district = opened.order.district
    account = existing.account(district.name)
    if account:
        yield from edits_of(("districts", district.name, "schoolscan"), district.asked_words, account)
    else:
        yield Edit(("districts", district.name), Entry(district.name, district.words.words))
    for each, new in zip(opened.trackers, proposed, strict=True):
        yield from _tracker_edits(each, new)


def _tracker_edits(tracker: OpenTracker, new: NewTracker) -> Iterator[Edit]:
    known = tracker.known
    of_it, of_tickets = ("trackers", known.name), ("defaults", "tickets", known.name)
    if known.is_new:
        yield Edit(of_it, Entry(known.name, new.words))
        yield Edit(of_tickets, Entry(known.name, new.proposal.ticket))
    else:
        yield from edits_of(of_it, Block([*tracker.asked_words, *new.proposal.tracker]), known.words)
        yield from edits_of(of_tickets, new.proposal.ticket, known.ticket)


def _loaded(text: str, where: str, gaps: Sequence[Gap]) -> Loaded | None:
    """The text as the service reads it; None where it cannot be used before the gaps are closed."""
    try:
        return loaded_of(text, where)
    except ConfigurationError:
        if not gaps:
            raise
        return None


def _answers(opened: Opened, loaded: Loaded, gaps: Sequence[Gap]) -> list[PlacedInspection]:
    """What `remedy mappings check --live` would say about the systems that were asked, but for what the gaps say."""
    trackers = loaded.mappings.trackers
    inspectors: list[Inspector] = [AccountInspector(opened.order.district.name, opened.account.account)]
    inspectors += [
        opened.way.inspector(each.system.name, trackers[each.system.name], each.system.credential.value)
        for each in opened.trackers
    ]
    answers = opened.runner.run(_inspected(inspectors, loaded))
    return [each for each in answers if not any(_is_of(each, gap) for gap in gaps)]


def _is_of(answer: PlacedInspection, gap: Gap) -> bool:
    """Whether it says of a rule's ticket that nobody sets the field which the gap is about."""
    where, field = answer.inspection.where, str(gap.where[-1])
    of_ticket = where[0] == "rules" and where[2:] == gap.where[1:3]
    return of_ticket and re.search(rf"\b{re.escape(field)}\b", answer.inspection.message) is not None


async def _inspected(inspectors: Sequence[Inspector], loaded: Loaded) -> list[PlacedInspection]:
    try:
        found = await asyncio.gather(*(each.inspect(loaded.mappings) for each in inspectors))
    finally:
        for each in inspectors:
            await each.close()
    return placed(loaded, (each for inspections in found for each in inspections))


def _of(answers: Sequence[PlacedInspection], outcome: InspectionOutcome) -> list[Problem]:
    return list(dict.fromkeys(each.problem for each in answers if each.inspection.outcome is outcome))
