"""Whether a ticket can meet the demands of its rule on accepted risks, and whether a rule may quote people.

As in values.py, they are checked as written, whatever else is wrong with the file.
"""

from collections.abc import Iterator

from remediation.domain.cases.records import CaseKind
from remediation.mapping.config.trackers.kinds import kind_of
from remediation.mapping.reading.checks.values import Map, kind_written, map_of, rules_of
from remediation.mapping.reading.positions import Complaint, Steps, path_text

_REQUIRED = "required"
_QUOTES = (
    (("copy_comments",), "closing", "copy_comments: none"),
    (("accept", "reason"), _REQUIRED, "accept: {reason: optional}"),
)
"""The choices that make notes quote people: where they are written, and what to write instead."""
_UNRESTRICTED = (
    "has notes quote what people wrote, who may name a student, and {rules} {are} not restricted: "
    "write detail: restricted there, or {otherwise}"
)
_SAYS = {
    "reason": "the field in which its tickets say why",
    "expiry": "the field in which its tickets say until when, or accept.at_most",
}


def unmeetable_demands(data: object) -> Iterator[Complaint]:
    """A complaint for each demand that no ticket in one of a rule's trackers can meet."""
    top = map_of(data)
    trackers = map_of(top.get("trackers"))
    usual = map_of(map_of(top.get("defaults")).get("accept"))
    for steps, rule in rules_of(top):
        own = map_of(rule.get("accept"))
        for name in map_of(rule.get("tickets")):
            tracker = map_of(trackers.get(name))
            for word in _unmet({**usual, **own}, tracker) if kind_of(tracker) else ():
                where = (*(steps if word in own else ("defaults",)), "accept", word)
                field = path_text(("trackers", name, f"risk_{word}"))
                yield Complaint(
                    where, f"cannot be met in {path_text(('trackers', name))}: write {field}, {_SAYS[word]}"
                )


def unrestricted_quotes(data: object) -> Iterator[Complaint]:
    """A complaint for each choice that makes notes quote people, with the rules of findings that are not restricted."""
    top = map_of(data)
    usual = map_of(top.get("defaults"))
    found: dict[Steps, list[Steps]] = {}
    for steps, rule in rules_of(top):
        is_restricted = rule.get("detail", usual.get("detail")) == "restricted"
        if is_restricted or kind_written(rule) is not CaseKind.FINDING:
            continue
        for where, choice, _ in _QUOTES:
            written = next((above for above in (rule, usual) if _inside(above, where) is not None), None)
            if (
                written is not None
                and _inside(written, where) == choice
                and (written is rule or map_of(rule.get("tickets")))
            ):
                place = steps if written is rule else ("defaults",)
                found.setdefault((*place, *where), []).append(steps)
    for steps, rules in found.items():
        otherwise = next(each for where, _, each in _QUOTES if steps[-len(where) :] == where)
        names, are = ", ".join(map(path_text, rules)), "is" if len(rules) == 1 else "are"
        yield Complaint(steps, _UNRESTRICTED.format(rules=names, are=are, otherwise=otherwise))


def _inside(above: Map, where: tuple[str, ...]) -> object:
    *maps, word = where
    for each in maps:
        above = map_of(above.get(each))
    return above.get(word)


def _unmet(accept: Map, tracker: Map) -> Iterator[str]:
    if accept.get("reason") == _REQUIRED and tracker.get("risk_reason") is None:
        yield "reason"
    if accept.get("expiry") == _REQUIRED and tracker.get("risk_expiry") is None and accept.get("at_most") is None:
        yield "expiry"
