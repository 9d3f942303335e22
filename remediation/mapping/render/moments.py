"""Times as people read them."""

from datetime import UTC, datetime


def moment_text(at: datetime | None) -> str:
    """`2026-04-15 14:02 UTC`; empty for none. One without an offset is taken for UTC."""
    if at is None:
        return ""
    aware = at.astimezone(UTC) if at.tzinfo else at
    return f"{aware:%Y-%m-%d %H:%M} UTC"
