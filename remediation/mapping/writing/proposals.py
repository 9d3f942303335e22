"""What a survey of a tracker proposes for mappings.yaml, and what only a person can say."""

from collections.abc import Mapping
from dataclasses import dataclass

from remediation.mapping.reading.positions import Steps, path_text
from remediation.mapping.writing.yaml_text import Block

Known = Mapping[str, object]
"""Words that a file has already, as they are read; empty for a new file."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A word that must be set, and that nothing could be proposed for. `says` is why, and what may stand there."""

    where: Steps
    says: str

    def __str__(self) -> str:
        return f"{path_text(self.where)}: {self.says}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The words of one tracker below `trackers`, and those of its tickets below `defaults.tickets`.

    `gaps` keep the file from being right until somebody has closed them.
    """

    tracker: Block
    ticket: Block
    gaps: tuple[Gap, ...] = ()
