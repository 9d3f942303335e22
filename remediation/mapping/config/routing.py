"""What one mappings.yaml makes of one finding, as values that can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from remediation.mapping.config.trackers.tracker_settings import bare

TicketWords = Mapping[str, object]
"""The words of a ticket and their values: `project` or `table`, `type`, `summary`, `body`, `labels`, `close_fields`,
and every other field by its tracker's own name. A map that only holds a name, such as Jira's {name: High}, is replaced
by that name."""

TEXTS = frozenset({"summary", "body"})
"""Words whose values contain details of the finding, and so differ from one finding to the next."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Which rule takes a finding and which tickets it would get, by tracker. `rule` is None where no rule takes it.

    `choices` are how the rule keeps them in step, each by its name, such as `accept.at_most`.
    """

    rule: str | None
    tickets: Mapping[str, TicketWords]
    choices: Mapping[str, str | None] = field(default_factory=dict)


def comparable(value: object) -> object:
    """The value with whole numbers as text, because trackers show the number 1 as the text 1."""
    match bare(value):
        case bool() as truth:
            return truth
        case int() as number:
            return str(number)
        case list() as entries:
            return [comparable(entry) for entry in entries]
        case dict() as words:
            return {str(word): comparable(inner) for word, inner in words.items()}
        case other:
            return other
