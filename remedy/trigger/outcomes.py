"""What the command works with, and what came of each event that it played."""

from collections.abc import Callable
from dataclasses import dataclass, field

from remediation.domain.cases.records import Link
from remediation.operations.stores import OperationStores
from remedy.runtime.failures import ExitCode
from remedy.send import ReceiverAnswer


@dataclass(frozen=True, slots=True)
class TriggerContext:
    """What the command works with. `who` decides, for the audit; `say` is given each line about what happens.

    `patience` is how many seconds each part may take.
    """

    stores: OperationStores
    who: str
    patience: float
    say: Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What came of it. `left` are tickets of a test that are still open; `is_clean` is None for what is real.

    `trouble` says why it did not succeed.
    """

    what: str
    case: str = ""
    answer: ReceiverAnswer | None = None
    tickets: list[Link] = field(default_factory=list)
    left: list[Link] = field(default_factory=list)
    is_clean: bool | None = None
    is_kept: bool = False
    trouble: str = ""
    code: ExitCode = ExitCode.DONE

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends."""
        if self.answer is not None and self.answer.exit_code is not ExitCode.DONE:
            return self.answer.exit_code
        is_bad = self.trouble or (self.is_clean is False and not self.is_kept)
        return ExitCode.FAILED if is_bad and self.code is ExitCode.DONE else self.code
