"""Why a ticket is done: the tracker's own word for it, and what that means. Pure."""

from collections.abc import Iterable, Mapping

from remediation.domain.tickets import Reason
from remediation.mapping.explain.inspections import Inspection, named_of, right, untold
from remediation.mapping.reading.positions import Steps
from remediation.redaction import scrubbed

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


def mapped_verdict(where: Steps, kind: str, words: Iterable[str], meanings: Mapping[str, Reason]) -> Inspection:
    """Whether the file or the built-in list says of each word that people can choose what it means."""
    unmapped = [word for word in words if word.strip().lower() not in meanings]
    if not unmapped:
        return right(where, f"each {kind} that people can choose has a meaning")
    message = f"nothing says what it means to close a ticket as {named_of(unmapped)}"
    return untold(where, message, f"write the whole list under {where[-1]}; until then such tickets ask back")
