"""What uvicorn's answers are given in place of the connection's own transport and flow control."""

from collections.abc import Callable
from dataclasses import dataclass

from uvicorn.protocols.http.flow_control import FlowControl


class HoldableFlow(FlowControl):
    """uvicorn's flow control, which does not resume reading while bytes are held back."""

    held_back = False

    def resume_reading(self) -> None:
        """Called whenever something could be read again."""
        if not self.held_back:
            super().resume_reading()


@dataclass(slots=True)
class Exit:
    """What an answer is written to: the transport, closed gently."""

    write: Callable[[bytes], None]
    is_closing: Callable[[], bool]
    close: Callable[[], None]
