"""A meter for tests: it notes what it is asked and told, and lets all pass, or nothing."""

from collections.abc import Collection

from remediation.domain.errors import BudgetSpent
from remediation.outbound.metering import LimitReader, SaidLimit, SentRequest


class NotingMeter:
    """A meter to which these limits are known."""

    def __init__(self, known: Collection[str] = (), no_room: BudgetSpent | None = None) -> None:
        self.known = known
        self.no_room = no_room
        self.asked: list[SentRequest] = []
        self.counted: list[tuple[str, ...]] = []
        self.said: list[SaidLimit] = []

    def ask(self, _tracker: str, request: SentRequest, reader: LimitReader) -> tuple[str, ...]:
        self.asked.append(request)
        if self.no_room:
            raise self.no_room
        return reader.scopes(request, self.known)

    def note(self, _tracker: str, counted: tuple[str, ...], said: tuple[SaidLimit, ...]) -> None:
        self.counted.append(counted)
        self.said += said
