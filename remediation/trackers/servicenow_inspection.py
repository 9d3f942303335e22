"""A ServiceNow asked whether it is as mappings.yaml says. Sends nothing but GET."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence

from remediation.errors import OutsideError, Refused
from remediation.mapping.inspections import Inspection, right, signed_out, untold
from remediation.mapping.positions import Steps
from remediation.mapping.schema import Mappings
from remediation.mapping.trackers import ServiceNowTracker
from remediation.trackers.asking import answer_of
from remediation.trackers.servicenow import ServiceNow
from remediation.trackers.servicenow_catalogue import (
    CHOICE_COLUMNS,
    DICTIONARY_COLUMNS,
    TABLE_COLUMNS,
    Chain,
    Column,
    choices_in,
    columns_of,
    parent_of,
)
from remediation.trackers.servicenow_demands import GROUPS, USERS, Choice, Demand, choices_of, demands_of, risk_settings
from remediation.trackers.servicenow_journals import (
    ANY_NOTE,
    CLOSED_COLUMNS,
    JOURNALS,
    closed_among,
    closed_by,
    no_closed_record,
    notes_on,
    notes_verdict,
)
from remediation.trackers.servicenow_records import MYSELF, Record, text_of
from remediation.trackers.servicenow_verdicts import (
    choice_verdicts,
    column_verdicts,
    mark_verdict,
    ours_query,
    person_verdict,
    sampled_verdicts,
    table_verdict,
)

_LONGEST_CHAIN = 8
_MOST_CLOSED = 20
_USUAL_PARENT = "task"
"""What the tables of tickets extend, where ServiceNow does not let us read it."""
_MOST_ROWS = 5_000
_COLUMN = re.compile(r"[A-Za-z0-9_]+")
_UNSAFE = ("^", "javascript:")
"""What would be more than a value inside a query."""


class ServiceNowInspector:
    """The `Inspector` of a configured ServiceNow. Asks one question after another, each about all rules at once."""

    def __init__(self, name: str, config: ServiceNowTracker, secret: str) -> None:
        self._name = name
        self._config = config
        self._tracker = ServiceNow(name, config, secret)

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """Who we are first; where nobody answers to that, nothing else is asked."""
        where: Steps = ("trackers", self._name)
        try:
            user = await self._tracker.whoami()
        except Refused as error:
            if error.status is not None:
                return (signed_out((*where, "url"), (*where, "auth"), error),)
            found = [untold((*where, "auth"), f"signs in, but as whom: {error}")]
        except OutsideError as error:
            return (signed_out((*where, "url"), (*where, "auth"), error),)
        else:
            found = [right((*where, "auth"), f"signs in as {user}")]
        found += [each async for each in self._table(where, demands_of(mappings, self._name))]
        return tuple(found)

    async def close(self) -> None:
        """Let go of connections and threads."""
        await self._tracker.close()

    async def _table(self, where: Steps, demands: tuple[Demand, ...]) -> AsyncIterator[Inspection]:
        """Everything about the table of our tickets."""
        table = self._config.table
        shown = self._shown_columns(demands)
        sample = await answer_of(self._tracker.look(table, "ORDERBYDESCsys_created_on", shown, 1))
        yield table_verdict(where, table, sample)
        if isinstance(sample, OutsideError):
            return
        ours = await answer_of(self._tracker.look(table, ours_query(), shown, 1))
        yield mark_verdict(where, table, () if isinstance(ours, OutsideError) else ours, sample)
        yield await self._notes(where)
        chain = await self._chain(table)
        async for each in self._columns(where, demands, chain, sample):
            yield each
        choices = choices_of(where, self._config, demands)
        offered = await answer_of(self._choices(chain or (table, _USUAL_PARENT), choices))
        for verdict in choice_verdicts(table, choices, offered):
            yield verdict
        async for each in self._everybody(demands):
            yield each

    async def _notes(self, where: Steps) -> Inspection:
        """Whether our work notes are written."""
        table = self._config.table
        users = await answer_of(self._tracker.look(USERS, MYSELF, ("sys_id", "user_name"), 2))
        if isinstance(users, OutsideError) or len(users) != 1:
            return no_closed_record(where, table)
        account, user_name = (text_of(users[0], name) for name in ("sys_id", "user_name"))
        found = await answer_of(self._tracker.look(table, closed_by(account), CLOSED_COLUMNS, _MOST_CLOSED))
        record = None if isinstance(found, OutsideError) else closed_among(found, account)
        if record is None or any(sign in user_name for sign in _UNSAFE):
            return no_closed_record(where, table)
        ours = await answer_of(self._tracker.look(JOURNALS, notes_on(record, user_name), ("sys_id",), 1))
        anybodys = await answer_of(self._tracker.look(JOURNALS, ANY_NOTE, ("sys_id",), 1))
        return notes_verdict(where, table, record, ours, anybodys)

    async def _columns(
        self, where: Steps, demands: tuple[Demand, ...], chain: Chain, sample: Sequence[Record]
    ) -> AsyncIterator[Inspection]:
        """From the dictionary, or else from a record."""
        table = self._config.table
        columns = await answer_of(self._dictionary(chain)) if chain else {}
        read = risk_settings(where, self._config)
        for verdict in column_verdicts(where, table, demands, columns, read):
            yield verdict
        if sample and (isinstance(columns, OutsideError) or not columns):
            settings = [*read, *(each for demand in demands for each in (*demand.settings, *demand.closing))]
            for verdict in sampled_verdicts(table, settings, sample[0]):
                yield verdict

    async def _chain(self, table: str) -> Chain:
        """The table and what it extends; empty where that cannot be read."""
        chain: list[str] = []
        while table and table not in chain and len(chain) < _LONGEST_CHAIN:
            rows = await answer_of(self._tracker.look("sys_db_object", f"name={table}", TABLE_COLUMNS, 1))
            if isinstance(rows, OutsideError) or not rows:
                return ()
            chain.append(table)
            table = parent_of(rows)
        return tuple(chain)

    async def _dictionary(self, chain: Chain) -> Mapping[str, Column]:
        rows = await self._tracker.look("sys_dictionary", f"nameIN{','.join(chain)}", DICTIONARY_COLUMNS, _MOST_ROWS)
        return columns_of(chain, rows)

    async def _choices(self, chain: Chain, choices: Sequence[Choice]) -> Mapping[str, tuple[str, ...]]:
        columns = ",".join(sorted({choice.column for choice in choices if _COLUMN.fullmatch(choice.column)}))
        query = f"nameIN{','.join(chain)}^elementIN{columns}"
        return choices_in(chain, await self._tracker.look("sys_choice", query, CHOICE_COLUMNS, _MOST_ROWS))

    async def _everybody(self, demands: tuple[Demand, ...]) -> AsyncIterator[Inspection]:
        """Whether groups and users are there; each is asked about once."""
        known: dict[tuple[str, str], Sequence[Record] | OutsideError] = {}
        for kind, setting in (each for demand in demands for each in demand.people()):
            person = (kind, str(setting.value))
            if person not in known:
                known[person] = await answer_of(self._people(*person))
            yield person_verdict(kind, setting, known[person])

    async def _people(self, kind: str, value: str) -> Sequence[Record]:
        """Whoever has this sys_id or name. Raises Refused for a value that cannot stand in a query."""
        if not value.strip() or any(sign in value.lower() for sign in _UNSAFE):
            raise Refused(self._name, "its name holds signs that no query can")
        name = "name" if kind == GROUPS else "user_name"
        return await self._tracker.look(kind, f"sys_id={value}^OR{name}={value}", ("sys_id", name, "active"), 2)

    def _shown_columns(self, demands: Sequence[Demand]) -> tuple[str, ...]:
        """What a record must show: the mark, every column that a rule sets, and those that the tracker's words name."""
        named = {name for demand in demands for name in demand.columns if _COLUMN.fullmatch(name)}
        named |= {name for name, _ in risk_settings((), self._config)}
        return ("sys_id", "correlation_id", "correlation_display", *sorted(named))
