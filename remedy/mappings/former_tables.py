"""Linked tickets in tables of ServiceNow that mappings.yaml does not name (any more), for commands. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass

from remediation.mapping.config.trackers.tracker_settings import TrackerSettings
from remediation.mapping.explain.inspections import Inspection, untold, wrong
from remediation.mapping.reading.loading import Loaded
from remediation.read_model.wording import by_count, count_words
from remediation.store.cases.links import linked_places
from remediation.store.server.connection import Connection
from remedy.from_store import from_store

_ADVICE_KNOWN = "name it here, so that a search after a loss of Redis finds them"
_ADVICE_UNKNOWN = "write what its states mean, then remedy parked replay"


@dataclass(frozen=True, slots=True)
class UnnamedTable:
    """A table that the file does not name, and how many linked tickets are there; `word` is the one to name it under.

    `is_known` says that the meaning of its states is built in: its tickets are kept in step. Others are not looked at.
    """

    tracker: str
    table: str
    count: int
    word: str
    is_known: bool

    @property
    def says(self) -> str:
        """What follows from that, in words."""
        are = f"{count_words(self.count, 'linked ticket')} {by_count(self.count, 'is', 'are')}"
        tickets = f"{are} in {self.table}, which the file does not name"
        return f"{tickets}: read by what is built in for it" if self.is_known else f"{tickets}: nothing is read of them"

    @property
    def inspection(self) -> Inspection:
        """The same as an inspection of the word in the file that should name it."""
        tell, advice = (untold, _ADVICE_KNOWN) if self.is_known else (wrong, _ADVICE_UNKNOWN)
        return tell(("trackers", self.tracker, self.word), self.says, advice)


async def unnamed_tables(connection: Connection, trackers: Mapping[str, TrackerSettings]) -> list[UnnamedTable]:
    """The tables of these trackers. Raises StoreUnavailable."""
    return [
        UnnamedTable(name, table, count, config.former_word, is_known=config.knows_place(table))
        for name, config in trackers.items()
        if config.former_word
        for table, count in sorted((await linked_places(connection, name)).items())
        if table not in {config.place, *config.former_places}
    ]


def unnamed_tables_remembered(loaded: Loaded) -> list[Inspection]:
    """The inspections for the file's trackers; none where there is no Redis, or it does not answer."""

    async def ask(connection: Connection) -> list[Inspection]:
        return [each.inspection for each in await unnamed_tables(connection, loaded.mappings.trackers)]

    return from_store(ask, [])
