"""Whether a process can do its work, and what is wrong: in full for operators, in words of a fixed list for others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

STOPPING = "stopping"
"""The problem that /readyz names during a stop."""

_STORE = "store"
"""The word for others: Redis takes nothing, or would not keep it."""

_TROUBLE = "trouble"
"""The word for others: the work is done, and a person must correct something."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is wrong.

    `problems` prevent the work from being done; `troubles` do not, and a person must correct them.
    """

    problems: Sequence[str] = ()
    troubles: Sequence[str] = ()

    @property
    def is_ready(self) -> bool:
        """Whether the work can be done."""
        return not self.problems

    def details(self) -> dict[str, Any]:
        """Every problem and trouble, with names, values and paths."""
        return {"ready": self.is_ready, "problems": [*self.problems, *self.troubles]}

    def words(self) -> dict[str, Any]:
        """The same, in words of a fixed list."""
        words = [STOPPING if problem == STOPPING else _STORE for problem in self.problems[:1]]
        words += [_TROUBLE for _ in self.troubles[:1]]
        return {"ready": self.is_ready, "problems": words}
