"""Whether files must be read again, decided from their stamps at each poll. Pure.

A ConfigMap changes the target of a symbolic link, an editor replaces the file or writes into it: each of these changes
a stamp. A file is read again only when it has stopped changing, because the first half of a file can be a valid file
with fewer rules; a file that is missing for a moment is waited for.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

CALM_POLLS = 1
"""The number of polls in a row without a change after which changed files are read."""

ABSENT_POLLS = 5
"""The same number for a file that is missing."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What shows that a file has changed, without reading it.

    `target` is its path after every link; `changed_ns` also changes with its permissions.
    """

    target: str
    modified_ns: int
    changed_ns: int
    size: int
    inode: int


Stamps = Mapping[Path, Stamp | None]
"""The stamp of each watched file; None where it did not exist."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The stamps just before the files were last read, and at the last poll.

    `polls` counts the polls in a row without a difference to the poll before.
    """

    read: Stamps
    seen: Stamps
    polls: int = 0

    @classmethod
    def since(cls, read: Stamps) -> "Watch":
        """The watch after the files were read."""
        return cls(read, read)

    def after(self, seen: Stamps) -> "Watch":
        """The watch after one more poll."""
        return Watch(self.read, seen, self.polls + 1 if seen == self.seen else 0)

    def is_due(self, *, asked: bool) -> bool:
        """Whether to read the files: they have changed and are stable again, or an operator `asked` for it."""
        if self._has_lost_one:
            return self.polls >= ABSENT_POLLS
        return asked or (self.seen != self.read and self.polls >= CALM_POLLS)

    @property
    def _has_lost_one(self) -> bool:
        return any(stamp is None and self.read.get(path) is not None for path, stamp in self.seen.items())


def files_named(value: object) -> Iterator[Path]:
    """Every file to which a part of the mappings refers: secrets, certificates."""
    match value:
        case Path():
            yield value
        case BaseModel():
            for field in type(value).model_fields:
                yield from files_named(getattr(value, field))
        case Mapping():
            for entry in value.values():
                yield from files_named(entry)
        case Sequence() | AbstractSet() if not isinstance(value, str | bytes):
            for entry in value:
                yield from files_named(entry)
        case _:
            return
