"""Text from outside, made harmless for ServiceNow's fields and cut to their lengths. Pure."""

import re

from remediation.redaction import plain

_CUT = "…"
_SUMMARY_LENGTH = 160
"""The length of `short_description` in ServiceNow's own dictionary, which cuts longer texts without notice."""
TEXT_LENGTH = 4_000
"""The length of description, close_notes and a journal entry."""

_SIGNATURE = "(written by remedy)"
"""The last line of our notes, in a column that also holds people's and does not say who wrote them."""

_APART = "\u200b"
_MARKUP = re.compile(r"\[(?=\s*/?\s*code\s*\])|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]+;)", re.IGNORECASE)
"""Where `[code]` begins, between two of which a journal shows raw HTML; a tag; and an entity."""


def line(text: str) -> str:
    """A short description: one line, white space of any kind as one blank."""
    return plain(" ".join(plain(text, 4 * _SUMMARY_LENGTH).split()), _SUMMARY_LENGTH)


def body(text: str) -> str:
    """A description or notes: ServiceNow shows these fields as they are."""
    return plain(text, TEXT_LENGTH, lines=True)


def signed(text: str) -> str:
    """Our notes: the text as in a description, and a line that says that no person wrote it."""
    room = TEXT_LENGTH - len(_SIGNATURE) - 2
    return f"{plain(text, room, lines=True).strip()}\n\n{_SIGNATURE}"


def is_signed(text: str) -> bool:
    """Whether a text is ours, or begins with ours: people who close a record again often leave it there."""
    return _SIGNATURE in text


def journal(text: str) -> str:
    """A journal entry that is shown as the text wherever journals go.

    A form shows it as text, and decodes no entity; a notification, or an instance that takes journals for HTML
    (`glide.ui.journal.use_html`), shows it as HTML. So nothing is escaped: what would be markup is taken apart by a
    zero-width space, which no reader sees.
    """
    apart = _MARKUP.sub(lambda found: found[0] + _APART, body(text))
    return apart if len(apart) <= TEXT_LENGTH else apart[: TEXT_LENGTH - 1] + _CUT
