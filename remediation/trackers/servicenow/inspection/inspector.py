"""Compares a ServiceNow with mappings.yaml. Sends nothing but GET."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from remediation.domain.errors import OutsideError, Refused
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.explain.inspections import Inspection, right, signed_out, untold
from remediation.mapping.reading.positions import Steps
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.trackers.closings import mapped_verdict
from remediation.trackers.servicenow.changes import Position
from remediation.trackers.servicenow.inspection.catalogue import Column
from remediation.trackers.servicenow.inspection.demands import (
    RecordDemand,
    choices_of,
    demands_of,
    risk_settings,
)
from remediation.trackers.servicenow.inspection.reader import COLUMN, USUAL_PARENT, DirectoryReader
from remediation.trackers.servicenow.inspection.verdicts import (
    choice_verdicts,
    column_verdicts,
    mark_verdict,
    query_verdict,
    reference_verdict,
    rights_for,
    sampled_verdicts,
    table_verdict,
    time_verdict,
    view_verdict,
)
from remediation.trackers.servicenow.journals import (
    ANY_NOTE,
    CLOSED_COLUMNS,
    JOURNALS,
    closed_among,
    closed_by,
    no_closed_record,
    notes_on,
    notes_verdict,
)
from remediation.trackers.servicenow.records import MYSELF, Record, ours_query, text_of, time_of
from remediation.trackers.servicenow.references import REFERENCES, USERS, is_safe, is_sys_id, named_query, shown_columns
from remediation.trackers.servicenow.sign_in import sign_in_advice
from remediation.trackers.servicenow.tracker import ServiceNow
from remediation.trackers.threads import answer_of

_MOST_CLOSED = 20
_MOST_ALIKE = 5
_NO_MARK = "remedy:check:finding:live"
"""What is looked for where no record of ours shows a mark."""
_TIMES = ("sys_id", "sys_updated_on")

Columns = Mapping[str, Column] | OutsideError
"""The columns of the table by the dictionary; empty where it is hidden from us, or the error."""


class ServiceNowInspector:
    """The `Inspector` of a configured ServiceNow. Asks one question after another, each about all rules at once."""

    def __init__(
        self,
        name: str,
        config: ServiceNowTracker,
        secret: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        largest_answer: int = LARGEST_ANSWER,
    ) -> None:
        self._name = name
        self._config = config
        self._clock = clock
        self._tracker = ServiceNow(name, config, secret, largest_answer=largest_answer)
        self._directory = DirectoryReader(self._tracker)

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """All inspections. The first is who we are; where it is not answered, nothing else is asked."""
        where: Steps = ("trackers", self._name)
        try:
            user = await self._tracker.account()
        except Refused as error:
            if error.status is not None:
                return (signed_out((*where, "url"), (*where, "auth"), error, sign_in_advice(self._config)),)
            found = [untold((*where, "auth"), f"signs in, but as whom: {error}")]
        except OutsideError as error:
            return (signed_out((*where, "url"), (*where, "auth"), error, sign_in_advice(self._config)),)
        else:
            found = [right((*where, "auth"), f"signs in as {user}")]
        found += [each async for each in self._table(where, demands_of(mappings, self._name))]
        for table in self._config.former_tables:
            found += [each async for each in self._former_table((*where, "former_tables", table), table)]
        return tuple(found)

    async def close(self) -> None:
        """Close connections and threads."""
        await self._tracker.close()

    async def _table(self, where: Steps, demands: tuple[RecordDemand, ...]) -> AsyncIterator[Inspection]:
        """Everything about the table of our tickets."""
        table = self._config.table
        shown = self._shown_columns(demands)
        sample = await answer_of(self._tracker.look(table, "ORDERBYDESCsys_created_on", shown, 1))
        yield table_verdict(where, table, sample)
        if isinstance(sample, OutsideError):
            return
        ours = await answer_of(self._tracker.look(table, ours_query(), shown, 1))
        yield mark_verdict(where, table, () if isinstance(ours, OutsideError) else ours, sample)
        if not ours and isinstance(hidden := await answer_of(self._tracker.check_view(table)), OutsideError):
            yield view_verdict(where, table, hidden)
        yield await self._notes(where)
        async for each in self._queries(where, () if isinstance(ours, OutsideError) else ours):
            yield each
        chain = await self._directory.chain(table)
        columns = await answer_of(self._directory.columns(chain)) if chain else {}
        for each in self._columns(where, demands, columns, sample):
            yield each
        choices = choices_of(where, self._config, demands)
        asked = self._directory.choices(chain or (table, USUAL_PARENT), (each.column for each in choices))
        offered = await answer_of(asked)
        for verdict in choice_verdicts(table, choices, offered):
            yield verdict
        if not isinstance(offered, OutsideError) and (codes := offered.get("close_code")):
            yield mapped_verdict((*where, "close_codes"), "close code", codes, self._config.close_codes)
        async for each in self._everybody(demands, columns):
            yield each

    async def _former_table(self, where: Steps, table: str) -> AsyncIterator[Inspection]:
        """Whether tickets of ours can be found, read and kept in step where no new ones are opened."""
        ours = await answer_of(self._tracker.look(table, ours_query(), self._shown_columns(()), 1))
        yield table_verdict(where, table, ours)
        if isinstance(ours, OutsideError):
            return
        yield mark_verdict(where, table, ours, ())
        if not ours and isinstance(hidden := await answer_of(self._tracker.check_view(table)), OutsideError):
            yield view_verdict(where, table, hidden)
        if (config := self._config.of_table(table)) is not None:
            choices, chain = choices_of(where, config, ()), await self._directory.chain(table)
            named = (each.column for each in choices)
            offered = await answer_of(self._directory.choices(chain or (table, USUAL_PARENT), named))
            for verdict in choice_verdicts(table, choices, offered):
                yield verdict
        asked = {
            "a mark": self._tracker.carrying(_NO_MARK, table),
            "changes": self._tracker.changes(None, self._clock(), table),
        }
        for what, question in asked.items():
            answer = await answer_of(question)
            yield query_verdict(where, table, what, answer if isinstance(answer, OutsideError) else None, ())

    async def _notes(self, where: Steps) -> Inspection:
        """Whether our work notes are written."""
        table = self._config.table
        users = await answer_of(self._tracker.look(USERS, MYSELF, ("sys_id", "user_name"), 2))
        if isinstance(users, OutsideError) or len(users) != 1:
            return no_closed_record(where, table)
        account, user_name = (text_of(users[0], name) for name in ("sys_id", "user_name"))
        found = await answer_of(self._tracker.look(table, closed_by(account), CLOSED_COLUMNS, _MOST_CLOSED))
        record = None if isinstance(found, OutsideError) else closed_among(found, account)
        if record is None or not is_safe(user_name):
            return no_closed_record(where, table)
        ours = await answer_of(self._tracker.look(JOURNALS, notes_on(record, user_name), ("sys_id",), 1))
        anybodys = await answer_of(self._tracker.look(JOURNALS, ANY_NOTE, ("sys_id",), 1))
        return notes_verdict(where, table, record, ours, anybodys)

    def _columns(
        self, where: Steps, demands: tuple[RecordDemand, ...], columns: Columns, sample: Sequence[Record]
    ) -> Iterator[Inspection]:
        """Whether the columns exist, by the dictionary or else by a record."""
        table = self._config.table
        read = risk_settings(where, self._config)
        yield from column_verdicts(where, table, demands, columns, read)
        if sample and (isinstance(columns, OutsideError) or not columns):
            settings = [*read, *(each for demand in demands for each in (*demand.settings, *demand.closing))]
            yield from sampled_verdicts(table, settings, sample[0])

    async def _everybody(self, demands: tuple[RecordDemand, ...], columns: Columns) -> AsyncIterator[Inspection]:
        """Whether groups, users and other records that are named are there; each is asked about once."""
        told = {} if isinstance(columns, OutsideError) else columns
        references = {**REFERENCES, **{name: each.reference for name, each in told.items() if each.reference}}
        known: dict[tuple[str, str], Sequence[Record] | OutsideError] = {}
        for table, setting in (each for demand in demands for each in demand.named(references)):
            record = (table, str(setting.value))
            if record not in known:
                known[record] = await answer_of(self._named(*record))
            yield reference_verdict(table, setting, known[record])

    async def _named(self, table: str, value: str) -> Sequence[Record]:
        """Whatever has this sys_id or name. Raises Refused for a value that cannot stand in a query."""
        if not is_safe(value):
            raise Refused(self._name, "its name holds signs that no query can")
        query = f"sys_id={value}" if is_sys_id(value) else named_query(table, value)
        return await self._tracker.look(table, query, shown_columns(table), _MOST_ALIKE)

    async def _queries(self, where: Steps, ours: Sequence[Record]) -> AsyncIterator[Inspection]:
        """The very queries that look for a mark and list changes, and whether a time in them means what it shows."""
        table, now = self._config.table, self._clock()
        mark = next(filter(None, (text_of(record, "correlation_id") for record in ours)), _NO_MARK)
        further = Position(time_of(now), after="0" * 32).cursor
        asked = {
            "a mark": self._tracker.carrying(mark, table),
            "changes": self._tracker.changes(None, now),
            "further pages of changes": self._tracker.changes(further, now),
        }
        for what, question in asked.items():
            answer = await answer_of(question)
            error = answer if isinstance(answer, OutsideError) else None
            missing = await self._missing(mark, time_of(now)) if isinstance(error, Refused) else ()
            yield query_verdict(where, table, what, error, missing)
        if ours:
            async for each in self._times(where, ours[0]):
                yield each

    async def _missing(self, mark: str, since: str) -> tuple[str, ...]:
        """The rights that a query was refused for: each is asked for by itself."""
        table = self._config.table
        answers = [
            (each.name, await answer_of(self._tracker.look(table, each.query, ("sys_id",), 1)))
            for each in rights_for(mark, since)
        ]
        return tuple(name for name, answer in answers if isinstance(answer, Refused))

    async def _times(self, where: Steps, record: Record) -> AsyncIterator[Inspection]:
        """Whether a record of ours is found from its time on, and up to it. One that changes meanwhile tells none."""
        table, time = self._config.table, text_of(record, "sys_updated_on")
        this = f"sys_id={text_of(record, 'sys_id')}"
        queries = (f"{this}^sys_updated_on>={time}", f"{this}^sys_updated_on<={time}", this)
        answers = [await answer_of(self._tracker.look(table, query, _TIMES, 1)) for query in queries]
        if not time or any(isinstance(answer, OutsideError) for answer in answers):
            return
        later, earlier, again = ([] if isinstance(answer, OutsideError) else list(answer) for answer in answers)
        if [text_of(each, "sys_updated_on") for each in again] == [time]:
            yield time_verdict(where, table, later=bool(later), earlier=bool(earlier))

    def _shown_columns(self, demands: Sequence[RecordDemand]) -> tuple[str, ...]:
        """What a record must show: the mark, every column that a rule sets, and those that the tracker's words name."""
        named = {name for demand in demands for name in demand.columns if COLUMN.fullmatch(name)}
        named |= {name for name, _ in risk_settings((), self._config)}
        return ("sys_id", "correlation_id", "correlation_display", "sys_updated_on", *sorted(named))
