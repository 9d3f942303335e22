"""Why a ticket is done: the tracker's own word, and its meaning. Pure."""

from collections.abc import Iterable, Mapping

from remediation.domain.tickets import Reason
from remediation.mapping.explain.inspections import Inspection, named_of, right, untold
from remediation.mapping.reading.positions import Steps
from remediation.redaction import scrubbed

_LONGEST_WORD = 60


def reason_of(raw: str, meanings: Mapping[str, Reason]) -> Reason:
    """The meaning of a word (a resolution's name, a close code), in any case of letters; an empty word is no reason."""
    said = raw.strip().lower()
    return meanings.get(said, Reason.UNKNOWN) if said else Reason.NONE


def word_of(raw: str) -> str:
    """The word as it may be stored and shown: one line, at most 60 characters.

    Administrators write such words, not the people who close tickets; what looks like personal data is removed all the
    same.
    """
    return scrubbed(raw, _LONGEST_WORD).strip()


def mapped_verdict(where: Steps, kind: str, words: Iterable[str], meanings: Mapping[str, Reason]) -> Inspection:
    """Whether the meaning of each word that people can choose is in the file or the built-in list."""
    unmapped = [word for word in words if word.strip().lower() not in meanings]
    if not unmapped:
        return right(where, f"each {kind} that people can choose has a meaning")
    message = f"nothing says what it means to close a ticket as {named_of(unmapped)}"
    return untold(where, message, f"write the whole list under {where[-1]}; until then such tickets ask back")
