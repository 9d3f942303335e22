"""What usually helps with parked work, by its error. Pure. docs/runbook.md has more about each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Advice:
    """Advice for an error. What `statuses` or `system` name limits it to these; the first that fits counts."""

    error: str
    says: str
    statuses: frozenset[int] = frozenset()
    system: str = ""

    def fits(self, error: str, system: str, status: int | None) -> bool:
        has_status = not self.statuses or status in self.statuses
        return self.error == error and has_status and system.startswith(self.system)


_TABLE = (
    _Advice(
        "Refused",
        "Mend the rule or its template in mappings.yaml (remedy mappings check, remedy mappings explain); then replay.",
        system="mappings.yaml",
    ),
    _Advice(
        "Refused",
        "Its account or token is not let in: renew it, or unlock the account (remedy doctor says which); then replay.",
        frozenset({401}),
    ),
    _Advice("Refused", "Our account may not do this: grant it the right there; then replay.", frozenset({403})),
    _Advice(
        "Refused",
        "It does not take what the rule writes: mend the rule in mappings.yaml, or the field or workflow there; then "
        "replay.",
        frozenset({400, 409, 422}),
    ),
    _Advice(
        "Refused",
        "Its words say what stands in the way, mostly a workflow, a field or a site: mend that there or in "
        "mappings.yaml; then replay.",
    ),
    _Advice(
        "NotFound",
        "SchoolScan does not know it: it was deleted there, and can be discarded. Where that is so of every finding of "
        "a district, its token is another account's: mend it, then replay.",
        system="schoolscan:",
    ),
    _Advice(
        "NotFound",
        "It is gone there, or hidden from our account: restore it or grant access, then replay; otherwise discard it.",
    ),
    _Advice(
        "KeyMissing",
        "Put the missing data key back at the end of DATA_KEYS (remedy doctor names it) and restart; then replay.",
    ),
    _Advice(
        "Unreadable",
        "It is signed, and nothing that remedy can read: look at what its sender sends, upgrade remedy, then replay. "
        "Where the webhook's secret may be stolen, replace that at once, and discard what came.",
    ),
    _Advice(
        "Poison",
        "It ended its workers, mostly for want of memory: give them more, then replay one piece alone.",
    ),
    _Advice("TryLater", "The system gave no answer for days: see whether it does now (remedy doctor); then replay."),
)

_OURS = (
    "A defect of remedy: report its class and lines (remedy parked show) and upgrade; then replay. What was refused "
    "stays as it was."
)


def advice_words(error: str, system: str, status: int | None) -> str:
    """What usually helps with work that was parked with this error, by this system, with this HTTP status."""
    return next((each.says for each in _TABLE if each.fits(error, system, status)), _OURS)
