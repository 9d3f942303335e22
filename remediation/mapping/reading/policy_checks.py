"""Whether a ticket can meet the demands of its rule on accepted risks.

As in checks.py, they are checked as written, whatever else is wrong with the file.
"""

from collections.abc import Iterator

from remediation.mapping.config.trackers.kinds import kind_of
from remediation.mapping.reading.checks import Map, map_of, rules_of
from remediation.mapping.reading.positions import Complaint, path_text

_REQUIRED = "required"
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


def _unmet(accept: Map, tracker: Map) -> Iterator[str]:
    if accept.get("reason") == _REQUIRED and tracker.get("risk_reason") is None:
        yield "reason"
    if accept.get("expiry") == _REQUIRED and tracker.get("risk_expiry") is None and accept.get("at_most") is None:
        yield "expiry"
