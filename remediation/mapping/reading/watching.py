"""Whether files that were read must be read again: decided from how they look at each poll. Pure.

A ConfigMap changes by another target of a symbolic link, an editor replaces the file or writes it in place: each of
these changes a stamp. A file is read again only when it has stopped changing, because half of a file that is just being
written can be a valid file with fewer rules; and one that is away for a moment is waited for.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

CALM_POLLS = 1
"""Polls in a row that must find changed files as the poll before found them."""

ABSENT_POLLS = 5
"""The same where a file that was there is away."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a changed file without reading it.

    `target` is where it lies once every link has been followed; `changed_ns` also moves with its permissions.
    """

    target: str
    modified_ns: int
    changed_ns: int
    size: int
    inode: int


Stamps = Mapping[Path, Stamp | None]
"""How each watched file looked; None where it was not there."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The files as they were just before they were last read, and as the last poll saw them.

    `polls` counts the polls in a row that saw no difference to the poll before.
    """

    read: Stamps
    seen: Stamps
    polls: int = 0

    @classmethod
    def since(cls, read: Stamps) -> "Watch":
        """The watch that begins with a reading."""
        return cls(read, read)

    def after(self, seen: Stamps) -> "Watch":
        """The watch after one more poll."""
        return Watch(self.read, seen, self.polls + 1 if seen == self.seen else 0)

    def is_due(self, *, asked: bool) -> bool:
        """Whether to read the files: they have changed and been left alone for long enough, or somebody asks for it."""
        if self._has_lost_one:
            return self.polls >= ABSENT_POLLS
        return asked or (self.seen != self.read and self.polls >= CALM_POLLS)

    @property
    def _has_lost_one(self) -> bool:
        return any(stamp is None and self.read.get(path) is not None for path, stamp in self.seen.items())


def files_named(value: object) -> Iterator[Path]:
    """Every file that a part of the mappings refers to: secrets, certificates."""
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
