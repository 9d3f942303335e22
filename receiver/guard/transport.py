"""What uvicorn's answers use in place of the connection's own transport and flow control."""

from collections.abc import Callable
from dataclasses import dataclass

from uvicorn.protocols.http.flow_control import FlowControl


class HoldableFlow(FlowControl):
    """uvicorn's flow control, which does not resume reading while bytes are held back."""

    is_held = False

    def hold(self) -> None:
        """Pause reading, whoever asks to resume, until `release`."""
        self.pause_reading()
        self.is_held, self.read_paused = True, False  # `resume_reading` does nothing where nothing is paused

    def release(self) -> None:
        """Resume reading."""
        self.is_held, self.read_paused = False, self.is_held or self.read_paused
        self.resume_reading()


@dataclass(slots=True)
class Exit:
    """What an answer is written to: the transport, with an orderly close."""

    write: Callable[[bytes], None]
    is_closing: Callable[[], bool]
    close: Callable[[], None]
