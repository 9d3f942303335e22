"""Why a ticket is done: the tracker's own word for it, and what that means. Pure."""

from collections.abc import Mapping

from remediation.redaction import scrubbed
from remediation.tickets import Reason

_LONGEST_WORD = 60


def reason_of(raw: str, meanings: Mapping[str, Reason]) -> Reason:
    """What a word means (the name of a resolution, a close code), in any case of letters; an empty one is no reason."""
    said = raw.strip().lower()
    return meanings.get(said, Reason.UNKNOWN) if said else Reason.NONE


def word_of(raw: str) -> str:
    """The word as it may be kept and told: one line, at most 60 characters.

    Administrators write such words, not the people who close tickets; what looks like personal data is taken out all
    the same.
    """
    return scrubbed(raw, _LONGEST_WORD).strip()
