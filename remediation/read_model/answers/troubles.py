"""Why there is no answer, or not the whole of one, in words of ours: never in those of another system. Pure."""

from remediation.domain.errors import NotFound, OutsideError, TryLater
from remediation.read_model.cases.words import WAITING


def outside_words(error: OutsideError) -> str:
    """Why a system did not answer what was asked. What it said is left out: it may quote what it was asked."""
    status = f" (HTTP {error.status})" if error.status else ""
    if isinstance(error, NotFound):
        return f"it has no such thing, or does not show it to us{status}"
    if isinstance(error, TryLater):
        return f"{WAITING[error.waiting] or 'it cannot be asked now'}{status}"
    return f"it refuses what was asked{status}"
