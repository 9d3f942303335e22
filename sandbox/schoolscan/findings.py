"""A SchoolScan's findings with their audit trails, all districts together."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.schoolscan.fakes import DOMAIN_TYPES, SEVERITIES, STATUSES, fake_finding, with_changes
from sandbox.schoolscan.values import ApiError, Clock, Kept, written

_SETTABLE_STATUSES = ("reviewing", "resolved", "accepted_risk")
_FILTERS = {
    "severity": SEVERITIES,
    "status": ("open", "reviewing", "resolved"),
    "domain_type": DOMAIN_TYPES,
}
"""What the list can be filtered by. `accepted_risk` is really missing from the vendor's page."""


class Findings:
    """Ids are unique across districts, and a district sees its own only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._drawn: dict[str, int] = {}

    def __contains__(self, finding_id: str) -> bool:
        return finding_id in self._kept

    def draft(self, district: str, partial: Mapping[str, Any], *, site: str, scan_id: str) -> dict[str, Any]:
        """The district's next fake finding with the given fields put over it. Not kept yet."""
        number = self._drawn.get(district, 0)
        self._drawn[district] = number + 1
        return with_changes(fake_finding(district, number, site, scan_id, written(self._clock())), partial)

    def keep(self, district: str, draft: dict[str, Any]) -> dict[str, Any]:
        """Let a draft be found now."""
        found = {**draft, "detected_at": written(self._clock()), "updated_at": written(self._clock())}
        self._kept[draft["id"]] = Kept(district, found)
        return found

    def find_again(self, finding_id: str, scan_id: str) -> dict[str, Any]:
        """Let a later scan see a finding that is already known: it is open again, in that scan.

        The note of the audit trail is the scan that it was in before.
        """
        kept = self.kept(finding_id)
        return self._write(kept, {"status": "open", "scan_id": scan_id}, by="scan", note=kept.finding.get("scan_id"))

    def on_site(self, district: str, site: str, finding_ids: Iterable[str]) -> list[str]:
        """Those of these findings that are the district's, and whose page is on the site."""
        kept = {each: self._kept[each] for each in finding_ids if each in self._kept}
        return [
            finding_id
            for finding_id, each in kept.items()
            if each.district == district and urlsplit(each.finding.get("url") or "").hostname == site
        ]

    def kept(self, finding_id: str, district: str | None = None) -> Kept:
        """A finding with its audit trail. Raises ApiError 404, also for another district's."""
        found = self._kept.get(finding_id)
        if found is None or district not in {None, found.district}:
            raise ApiError(404, "not_found", "No such finding.")
        return found

    def listed(self, district: str, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """A district's findings, oldest first. Raises ApiError 400 for a word that a filter does not know."""
        for name, words in _FILTERS.items():
            if name in filters and filters[name] not in words:
                raise ApiError(400, "invalid_parameter", f"{name} must be one of {', '.join(words)}.")
        wanted = {name: filters[name] for name in ("scan_id", *_FILTERS) if name in filters}
        return [
            kept.finding
            for kept in self._kept.values()
            if kept.district == district and all(kept.finding.get(name) == word for name, word in wanted.items())
        ]

    def update(self, district: str, finding_id: str, change: object) -> dict[str, Any]:
        """What PATCH does. Raises ApiError 404 or 400."""
        kept = self.kept(finding_id, district)
        if not isinstance(change, dict):
            raise ApiError(400, "malformed", "The body must be an object.")
        status, note = change.get("status"), change.get("note")
        if status not in _SETTABLE_STATUSES:
            raise ApiError(400, "invalid_status", f"status must be one of {', '.join(_SETTABLE_STATUSES)}.")
        if not isinstance(note, str) or not note.strip():
            raise ApiError(400, "note_required", "A note is required for the audit trail.")
        return self._write(kept, {"status": status}, by="api", note=note)

    def change_as_person(self, finding_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """What somebody does in SchoolScan's own pages. Raises ApiError 404, or 400 for words that do not exist."""
        kept = self.kept(finding_id)
        if changes.get("status", "open") not in STATUSES or changes.get("severity", "low") not in SEVERITIES:
            raise ApiError(400, "invalid_parameter", "No such status or severity.")
        if "id" in changes:
            raise ApiError(400, "invalid_parameter", "An id never changes.")
        return self._write(kept, changes, by="person", note=None)

    def delete(self, finding_id: str) -> None:
        """Let a finding be gone. Raises ApiError 404."""
        self.kept(finding_id)
        del self._kept[finding_id]

    def _write(self, kept: Kept, changes: Mapping[str, Any], *, by: str, note: str | None) -> dict[str, Any]:
        now = written(self._clock())
        kept.finding.update({**changes, "updated_at": now})
        kept.audit.append({"status": kept.finding.get("status"), "note": note, "at": now, "by": by})
        return kept.finding
