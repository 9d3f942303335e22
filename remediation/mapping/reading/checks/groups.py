"""Whether a rule can group its findings with `group_by`. As in values.py, what is written counts."""

from collections.abc import Iterator

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.rules import NO_TICKETS
from remediation.mapping.reading.checks.values import Map, kind_written, map_of, rules_of
from remediation.mapping.reading.positions import Complaint, key_text


def unmade_groups(data: object) -> Iterator[Complaint]:
    """A complaint for each rule that groups what it cannot: incidents, nothing, or findings that have an identity.

    A scan of one site can verify nothing about a group, either, to whose next case a new finding of that site belongs.
    """
    top = map_of(data)
    usual = map_of(top.get("defaults"))
    for steps, rule in rules_of(top):
        if rule.get("group_by") is not None and (why := _ungrouped({**usual, **rule}, map_of(top.get("districts")))):
            yield Complaint((*steps, "group_by"), why, "key")


def _ungrouped(rule: Map, districts: Map) -> str | None:
    """Why the rule cannot group; None where it can."""
    if kind_written(rule) is CaseKind.INCIDENT:
        return "belongs to a rule of findings: each incident has a ticket of its own"
    if rule.get("tickets") == NO_TICKETS:
        return f"groups nothing: the rule says tickets: {NO_TICKETS}"
    if rule.get("verify") == "scan":
        return "cannot be used with verify: scan, which asks about one finding: write verify: none in this rule"
    named = map_of(rule.get("match")).get("district")
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else list(districts)
    told_apart = [name for name in names if isinstance(name, str) and map_of(districts.get(name)).get("identity")]
    if not told_apart:
        return None
    where = f"districts.{key_text(told_apart[0])}"
    return f"cannot be used for {where}, which has an identity: name the districts of this rule in match, without it"
