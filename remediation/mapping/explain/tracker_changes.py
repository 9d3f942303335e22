"""What another file says of the trackers: which words of each are others, however the rules read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import TrackerSettings

_HOW_IT_IS_REACHED = {"auth", "ca_file", "concurrency", "connect_timeout", "proxy", "read_timeout", "search_horizon"}
"""Words that say nothing about tickets."""


@dataclass(frozen=True, slots=True)
class TrackerChange:
    """A word of a tracker that is another: `states.7` for one entry of a table. None stands for what is not there."""

    tracker: str
    what: str
    before: object
    after: object


def tracker_changes(before: Mappings, after: Mappings) -> tuple[TrackerChange, ...]:
    """The words that change of the trackers that both files name; both files are complete (see completing.py)."""
    both = sorted(before.trackers.keys() & after.trackers.keys())
    return tuple(change for name in both for change in _changes(name, before.trackers[name], after.trackers[name]))


def _changes(name: str, before: TrackerSettings, after: TrackerSettings) -> Iterator[TrackerChange]:
    old, new = (each.model_dump(mode="json", exclude=_HOW_IT_IS_REACHED) for each in (before, after))
    for word in sorted(old.keys() | new.keys()):
        one, other = old.get(word), new.get(word)
        if not isinstance(one, Mapping) or not isinstance(other, Mapping):
            one, other, prefix = {"": one}, {"": other}, word
        else:
            prefix = f"{word}."
        for entry in sorted(one.keys() | other.keys()):
            if one.get(entry) != other.get(entry):
                yield TrackerChange(name, f"{prefix}{entry}", one.get(entry), other.get(entry))
