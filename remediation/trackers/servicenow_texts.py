"""Text from outside, made harmless for ServiceNow's fields and cut to their lengths. Pure."""

import re

from remediation.redaction import plain

_SUMMARY_LENGTH = 160
"""short_description's length in ServiceNow's own dictionary; it cuts what is longer without a word."""
_TEXT_LENGTH = 4_000
"""The length of description, close_notes and a journal entry."""

_CODE_TAG = re.compile(r"\[\s*(/?)\s*code\s*\]", re.IGNORECASE)
"""Between these a journal shows raw HTML."""


def line(text: str) -> str:
    """A short description: one line, white space of any kind as one blank."""
    return plain(" ".join(plain(text, len(text)).split()), _SUMMARY_LENGTH)


def body(text: str) -> str:
    """A description or notes: ServiceNow shows such fields as they are."""
    return plain(text, _TEXT_LENGTH, lines=True)


def journal(text: str) -> str:
    """A journal entry that is shown as text wherever journals go: no markup, no `[code]`."""
    untagged = _CODE_TAG.sub(r"(\1code)", body(text))
    return plain(untagged.replace("<", "&lt;").replace(">", "&gt;"), _TEXT_LENGTH, lines=True)
