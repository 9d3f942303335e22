"""Ids that other systems give to their objects: one rule for webhooks, lists and what people type."""

LONGEST_ID = 256


def outside_id(value: object) -> str | None:
    """The id as text; None where the value is no id.

    An id has 1 to 256 printable characters, with spaces only inside; control characters, line breaks, surrogates and
    invisible marks are not allowed. A whole number is an id, too.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**LONGEST_ID:
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ID:
        return None
    return value if value.isprintable() and value.strip() == value else None
