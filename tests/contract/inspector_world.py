"""What the contract tests of inspectors share: a mappings.yaml around some words, and a look at the answers."""

from collections.abc import Iterable

from remediation.mapping.explain.inspections import Inspection, InspectionOutcome
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.positions import path_text

HEAD = """\
version: 1
districts:
  lakeside:
    schoolscan:
      token: {env: UNUSED}
      webhook: {secrets: [{env: UNUSED}]}
templates: {body: What to do}
"""


def mappings_with(trackers: str, tickets: str, match: str = "{}", *, relate: str = "") -> Loaded:
    """One rule, whose tickets are these words in flow style; one of incidents where it says `relate`."""
    rule = f"rules:\n  - name: only\n    match: {match}\n    tickets: {tickets}\n"
    rule += f"    of: incidents\n    severity: high\n    relate: {relate}\n" if relate else ""
    head = HEAD.replace("schoolscan:", 'schools: {"1": a.example}\n    schoolscan:') if relate else HEAD
    return loaded_of(f"{head}trackers: {trackers}\n{rule}", "mappings.yaml")


def said(inspections: Iterable[Inspection], outcome: InspectionOutcome) -> dict[str, str]:
    """The messages of one outcome by their words' paths; the last one where a word has several."""
    return {path_text(each.where): each.message for each in inspections if each.outcome is outcome}


def wrongs(inspections: Iterable[Inspection]) -> dict[str, str]:
    """What is wrong."""
    return said(inspections, InspectionOutcome.WRONG)
