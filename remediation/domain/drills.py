"""Drills: marked test findings, which `remedy trigger` plays through an installation. SchoolScan knows none of them.

A drill is known by its id alone, so that nothing which meets one can take it for a finding of a real page. Its tickets
say what they are.
"""

from dataclasses import replace

from remediation.domain.tickets import Draft

DRILL_PREFIX = "fnd_remedy_test_"

_SUMMARY = "[TEST] "
_BODY = (
    "THIS IS A TEST of remedy, by `remedy trigger`. Nothing was exposed and nobody has to act: the ticket is closed by "
    "itself."
)
_COMMENT = "This was a test of remedy, by `remedy trigger`: nothing was exposed, and nothing is to be done."


def is_drill(finding_id: str) -> bool:
    """Whether the id is that of a drill."""
    return finding_id.startswith(DRILL_PREFIX)


def is_of_drill(ref: str) -> bool:
    """Whether a case's reference is that of a drill."""
    return is_drill(ref.rpartition(":")[2])


def marked_draft(draft: Draft) -> Draft:
    """Returns the ticket of a drill, which says that it is one. SchoolScan has no page of it to link to."""
    return replace(draft, summary=_SUMMARY + draft.summary, body=f"{_BODY}\n\n{draft.body}", link=None)


def marked_comment(comment: str) -> str:
    """Returns a comment on the ticket of a drill, which says that it is one."""
    return f"{_COMMENT}\n\n{comment}" if comment else _COMMENT
