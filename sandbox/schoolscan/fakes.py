"""Findings that nobody ever had: the same seed and number give the same one, and every student in it is marked fake."""

import hashlib
from collections.abc import Mapping
from typing import Any

FAKE_STUDENT_MARK = "ZZPII-"
"""Stands in every description and evidence that is made here, so that a leak of one can be searched for."""

SEVERITIES = ("critical", "high", "medium", "low")
STATUSES = ("open", "reviewing", "resolved", "accepted_risk")
DOMAIN_TYPES = (
    "direct_pii",
    "reidentification",
    "directory_info",
    "education_records",
    "metadata",
    "vendor_exposure",
)

_SEVERITY_OF = ("critical", "high", "medium", "low", "high", "medium", "low", "medium", "high", "low")
_TITLES = {
    "direct_pii": "Roster with names and birth dates is public",
    "reidentification": "Small groups in a test score table can be recognised",
    "directory_info": "Staff and parent directory is open to everybody",
    "education_records": "Individual education plan is linked from a public page",
    "metadata": "Photograph carries the place where it was taken",
    "vendor_exposure": "Quiz vendor's share link shows a whole class",
}
_FOLDERS = ("athletics", "board", "library", "music", "news", "special-services", "transport", "yearbook")


def identifier(prefix: str, *parts: object) -> str:
    """An id like the vendor's, which is always the same for the same parts."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()
    return f"{prefix}_{digest[:10]}"


def fake_finding(seed: str, number: int, site: str, scan_id: str, at: str) -> dict[str, Any]:
    """A whole finding as the API shows it, open, with fields beyond those that clients know."""
    domain_type = DOMAIN_TYPES[number % len(DOMAIN_TYPES)]
    student = f"{FAKE_STUDENT_MARK}{seed}-{number:05d} Avery Testchild, student number 000-{number:05d} (fake)"
    folder = _FOLDERS[number % len(_FOLDERS)]
    return {
        "id": identifier("fnd", seed, number),
        "scan_id": scan_id,
        "severity": _SEVERITY_OF[number % len(_SEVERITY_OF)],
        "status": "open",
        "domain_type": domain_type,
        "title": _TITLES[domain_type],
        "description": f"The page shows {student}.",
        "evidence": [{"kind": "text", "snippet": student, "matched_values": [student]}],
        "url": f"https://{site}/{folder}/page-{number:05d}.html",
        "detected_at": at,
        "updated_at": at,
        "confidence": 0.5 + (number % 50) / 100,
        "expert_review": None,
        "detector": {"name": "sandbox", "revision": 7},
    }


def with_changes(finding: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The finding with some fields replaced; a field that is changed to None is left out altogether."""
    return {name: value for name, value in {**finding, **changes}.items() if value is not None or name not in changes}
