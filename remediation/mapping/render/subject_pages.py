"""The address of a finding's or incident's own page for people, as mappings.yaml has it. Pure."""

from typing import assert_never
from urllib.parse import quote

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.schema import Mappings


def subject_page(mappings: Mappings, district: str, kind: CaseKind, own_id: str) -> str:
    """The address of the page of what has this id in its own system; empty where mappings.yaml names none."""
    known = mappings.districts.get(district)
    if known is None:
        return ""
    match kind:
        case CaseKind.FINDING:
            link = known.schoolscan.finding_link
        case CaseKind.INCIDENT:
            link = known.incident_link
        case CaseKind.SUMMARY:
            return ""
        case _:
            assert_never(kind)
    return link.replace("{id}", quote(own_id, safe="")) if link else ""
