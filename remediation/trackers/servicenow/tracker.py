"""ServiceNow as a tracker, on its Table API."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from remediation.domain.cases.records import Link
from remediation.domain.errors import NotFound, Refused
from remediation.domain.outside_words import SITE_ID
from remediation.domain.ownership import Site
from remediation.domain.reports import ReportFile
from remediation.domain.tickets import ChangePage, Draft, MemberList, Reason, Ticket, TicketState
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.config.trackers.tracker_settings import LONGEST_CALL
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.trackers.replies import served_at
from remediation.trackers.servicenow.attachments import keep_report
from remediation.trackers.servicenow.changes import PAGE_SIZE, advanced, changes_of, cursor_at, position_of
from remediation.trackers.servicenow.client import ServiceNowClient
from remediation.trackers.servicenow.journals import JOURNALS as JOURNAL_ROWS
from remediation.trackers.servicenow.journals import names_ticket, notes_of
from remediation.trackers.servicenow.limits import RuleReader
from remediation.trackers.servicenow.records import (
    CHANGE_FIELDS,
    CLOSING_FIELDS,
    DESCRIPTION,
    JOURNALS,
    NAMING_FIELDS,
    Record,
    checked_mark,
    checked_table,
    closer_name_of,
    closing_of,
    closing_words_of,
    columns,
    dropped_mark,
    fields_of,
    gone_ticket,
    is_unchanged,
    moment_of,
    not_kept,
    noting,
    oldest_first,
    opening,
    ours_query,
    reopening,
    table_and_sys_id,
    text_of,
    ticket_of,
    untaken,
    with_members,
)
from remediation.trackers.servicenow.references import References
from remediation.trackers.servicenow.replies import explained, has_more, hidden, total_of
from remediation.trackers.servicenow.sign_in import NO_SCOPE, sign_in_of
from remediation.trackers.threads import Threads, in_time

_MOST_NOTES = 200
"""The newest work notes of a record that are searched for a ticket's number."""
_INSTANCE_ID = "instance_id"
"""The property that keeps its value where an instance is cloned over another."""


class ServiceNow:
    """A ServiceNow instance: the protocol `Tracker` over its Table API.

    `secret` is what `config.auth` refers to: a password, a token, a client's secret or a key. Every call ends within
    `config.longest_call`.
    """

    def __init__(
        self, name: str, config: ServiceNowTracker, secret: str, *, largest_answer: int = LARGEST_ANSWER
    ) -> None:
        self._longest = config.longest_call
        self._name = name
        self._config = config
        sign_in, limits = sign_in_of(name, config, secret), RuleReader()
        self._threads = Threads.configured(
            name, config, lambda: ServiceNowClient(name, config, sign_in, limits), largest_answer
        )
        self._references = References(name, self.look)
        self._own_id = ""
        self._own_name = ""

    @property
    def name(self) -> str:
        """The tracker's name in mappings.yaml."""
        return self._name

    @property
    def address(self) -> str:
        """The address in mappings.yaml."""
        return str(self._config.url).rstrip("/")

    @property
    def search_horizon(self) -> timedelta:
        """How long a ticket may exist before `find` sees it: the call's own time, and what ServiceNow does after it."""
        return self._longest + self._config.search_horizon

    async def create(self, draft: Draft) -> Ticket:
        """Open one record, its mark in the same request.

        Raises Refused, naming the new record, where access rules dropped the mark: nothing would ever find it again.
        """
        mark = checked_mark(self._name, draft.mark)
        table = checked_table(self._name, draft.place)
        fields, spent = await self._resolved(table, draft.fields)
        payload = opening(replace(draft, fields=fields))
        shown = tuple(name for name in fields if name not in JOURNALS)
        record = await self._threads.call(lambda client: client.create(table, payload, shown), spent=spent)
        if refused := dropped_mark(self._name, table, mark, record):
            raise refused
        return replace(self._ticket(table, record), not_kept=not_kept(fields, record))

    async def read(self, ticket_id: str, *, closed: bool = False) -> Ticket:  # noqa: ARG002 - a record tells who closed it
        """The record as it is now; state GONE where it is deleted or hidden from us.

        Where all records of ours are hidden, none counts as gone: then it is our account that lost something.
        """
        table, sys_id, config = self._parts(ticket_id)
        try:
            return self._ticket(table, await self._threads.call(lambda client: client.read(table, sys_id)))
        except NotFound:
            await self.check_view(table)
            return gone_ticket(self._name, config, table, sys_id)

    async def find(self, mark: str, place: str) -> tuple[Ticket, ...]:
        """Every record of the table `place`, and of former ones, that carries exactly this mark, oldest first.

        Raises TryLater where there are some and we see none of them: a second one must not be opened beside those.
        """
        tables = dict.fromkeys((place, *self._config.former_tables))
        found = await asyncio.gather(*(self.carrying(mark, table) for table in tables))
        return tuple(sorted((ticket for tickets in found for ticket in tickets), key=_created))

    async def carrying(self, mark: str, table: str) -> tuple[Ticket, ...]:
        """Every record of this one table that carries exactly this mark, oldest first."""
        query, table = oldest_first(checked_mark(self._name, mark)), checked_table(self._name, table)
        records = await self._threads.call(lambda client: client.all_rows(table, query))
        return tuple(self._ticket(table, record) for record in records if text_of(record, "correlation_id") == mark)

    async def resolve(
        self, ticket_id: str, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
    ) -> Ticket:
        """Set the state, the close code of the reason, the notes, a work note and `fields`, in one request.

        A column that has a value already is left as it is.
        """
        table, _, config = self._parts(ticket_id)
        given, spent = await self._resolved(table, fields or {})

        def payload(record: Record) -> Mapping[str, object]:
            return closing_of(config, reason, comment, given, record)

        try:
            return await self._move(
                ticket_id, payload, lambda ticket: ticket.state is TicketState.DONE, tuple(given), spent=spent
            )
        except NotFound:
            raise
        except Refused as no:
            words, status, request_id = explained(no), no.status, no.request_id
        raise Refused(self._name, words, status=status, request_id=request_id)

    async def reopen(self, ticket_id: str, comment: str) -> Ticket:
        """Set the state in which work goes on, with a work note."""
        payload = reopening(self._parts(ticket_id)[2], comment)
        return await self._move(ticket_id, lambda _: payload, lambda ticket: ticket.state.is_active)

    async def raise_urgency(self, ticket_id: str, fields: Mapping[str, str]) -> Ticket:
        """Write the columns in one request, whose answer is the record. Raises Refused where it dropped one."""
        table, sys_id, _ = self._parts(ticket_id)
        payload = columns(fields)
        before, after = await self._threads.call(lambda client: client.change(table, sys_id, payload))
        if dropped := untaken(before, after, payload):
            raise self._may_not_write(table, after, dropped)
        return self._ticket(table, after)

    async def keep_list(self, ticket_id: str, members: MemberList, *, known: bool) -> Ticket | None:
        """Write the description, which is read for that alone. Raises Refused where the record dropped it."""
        table, sys_id, config = self._parts(ticket_id)

        def work(client: ServiceNowClient) -> tuple[Record | None, Record]:
            before = client.read(table, sys_id, (*fields_of(config), DESCRIPTION))
            text = text_of(before, DESCRIPTION)
            after = with_members(text, members, known=known)
            if after is None:
                return None, before
            return (before if after == text else client.update(table, sys_id, {DESCRIPTION: after})), before

        after, before = await self._threads.call(work)
        if after is None:
            return None
        if after is not before and is_unchanged(before, after):
            raise self._may_not_write(table, after, (DESCRIPTION,))
        return self._ticket(table, after)

    async def keep_report(self, ticket_id: str, report: ReportFile) -> None:
        """Attach it, and delete what it replaces. Raises Refused where our account is not shown what it attached."""
        table, sys_id, _ = self._parts(ticket_id)
        async with in_time(self._name, LONGEST_CALL.total_seconds(), wrote=True):
            accounts = await self.accounts()
            await self._threads.call(lambda client: keep_report(self._name, client, table, sys_id, report, accounts))

    async def comment(self, ticket_id: str, text: str) -> None:
        """Add a work note. Raises Refused where the record shows that it dropped it: journals read back empty."""
        table, sys_id, _ = self._parts(ticket_id)
        note = noting(text)
        before, after = await self._threads.call(lambda client: client.change(table, sys_id, note))
        if is_unchanged(before, after):
            raise self._may_not_write(table, after, note)

    async def relate(self, ticket_id: str, other: Link, text: str) -> None:
        """Add a work note, unless one names the ticket: records of two tables have no relation that every instance has.

        Where our account may not read the notes, a note that was lost sight of in a crash is written once more.
        """
        _, sys_id, _ = self._parts(ticket_id)
        notes: Sequence[Record] = ()
        with suppress(Refused):
            notes = await self.look(JOURNAL_ROWS, notes_of(sys_id), ("value",), _MOST_NOTES)
        if not any(names_ticket(text_of(note, "value"), other.ticket_key) for note in notes):
            await self.comment(ticket_id, text)

    async def closing_words(self, ticket_id: str) -> str | None:
        """The close notes, if somebody else closed the record, and ServiceNow tells us who we are."""
        table, sys_id, config = self._parts(ticket_id)

        def work(client: ServiceNowClient) -> Record:
            self._own_id = self._own_id or client.own_id()
            return client.read(table, sys_id, CLOSING_FIELDS)

        try:
            record = await self._threads.call(work)
        except NotFound:
            return None
        return closing_words_of(config, record, self._own_id) if self._own_id else None

    async def closer_name(self, ticket_id: str) -> str | None:
        """The name of the user who resolved or closed the record."""
        table, sys_id, config = self._parts(ticket_id)
        record = await self._threads.call(lambda client: client.read(table, sys_id, NAMING_FIELDS))
        return closer_name_of(config, record)

    def cursor_at(self, moment: datetime) -> str:
        """Where a list of changes begins that holds all since `moment`."""
        return cursor_at(moment)

    def former_places(self, linked: Collection[str]) -> tuple[str, ...]:
        """The former tables that the file names, and others in which there are linked tickets."""
        return tuple(sorted({*self._config.former_tables, *linked} - {self._config.table, ""}))

    async def changes(self, cursor: str | None, now: datetime, place: str = "") -> ChangePage:
        """Records of the table that carry our correlation_display and changed since the cursor."""
        position = position_of(cursor, now)
        table = checked_table(self._name, place or self._config.table)
        rows, headers = await self._threads.call(
            lambda client: client.rows(table, position.query, position.offset, CHANGE_FIELDS)
        )
        if not rows and total_of(headers):
            await self.check_view(table)
        more = has_more(headers, position.offset, PAGE_SIZE, len(rows))
        following = advanced(position, rows, more=more, served_at=min(now, served_at(headers) or now))
        return ChangePage(changes_of(table, rows), following.cursor, more, moment_of(following.since))

    async def whoami(self) -> str:
        """The user name of the account we are signed in as. Raises TryLater where it no longer sees our records.

        Raises Refused without a status where we are signed in and are not told: rules hide our own record from us.
        """
        user = await self.account()
        await self.check_view(self._config.table)
        return user

    async def accounts(self) -> frozenset[str]:
        """Our account by its user name, where it is told, and those that mappings.yaml names besides."""
        if not self._own_name:
            with suppress(Refused):
                self._own_name = await self.account()
        return frozenset(filter(None, (self._own_name, *self._config.former_accounts)))

    async def account(self) -> str:
        """The user name of the account we are signed in as, whatever it may see. Raises Refused as `whoami` does."""
        try:
            rows = await self._threads.call(ServiceNowClient.myself)
        except Refused as no:
            if no.status != HTTPStatus.FORBIDDEN or NO_SCOPE in no.words:
                raise
            rows = ()
        if len(rows) != 1 or not text_of(rows[0], "user_name"):
            raise Refused(self._name, "does not tell who we are: grant our account read access to its own sys_user")
        return text_of(rows[0], "user_name")

    async def site(self) -> Site:
        """The instance by its own id. Where our account may not read that, only its address tells."""
        try:
            rows = await self.look("sys_properties", f"name={_INSTANCE_ID}", ("name", "value"), 2)
        except Refused:
            rows = ()
        ids = [text_of(row, "value") for row in rows if text_of(row, "name") == _INSTANCE_ID]
        return Site(self.address, SITE_ID.of(ids[0]) if len(ids) == 1 else "")

    async def check_view(self, table: str) -> None:
        """Make sure that our account sees records of ours, if there are any. One request; raises TryLater.

        ServiceNow answers for a record that access rules hide as for one that does not exist, and leaves it out of
        lists; only the total of a list counts it. Nobody is told of what a rule on queries hides.
        """
        rows, headers = await self._threads.call(lambda client: client.rows(table, ours_query(), 0, ("sys_id",)))
        if not rows and total_of(headers):
            raise hidden(self._name, f"none of our records in {table} is shown to us")

    async def look(self, table: str, query: str, columns: Sequence[str], limit: int) -> Sequence[Record]:
        """The first rows of a query on any table, with only these columns: what the instance tells of itself."""
        table = checked_table(self._name, table)
        return await self._threads.call(lambda client: client.look(table, query, columns, limit))

    async def close(self) -> None:
        """Close connections and threads."""
        await self._threads.close()

    async def _resolved(self, table: str, fields: Mapping[str, object]) -> tuple[dict[str, object], float]:
        """The fields with sys_ids in place of names, and the seconds that it took.

        They are part of the call: however long it takes, a create is given up within `longest_call`, or a search that
        begins after the horizon could miss it.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        async with in_time(self._name, self._longest.total_seconds() / 2, wrote=False):
            resolved = await self._references.resolved(table, fields)
        return resolved, clock() - began

    async def _move(
        self,
        ticket_id: str,
        payload: Callable[[Record], Mapping[str, object]],
        there: Callable[[Ticket], bool],
        columns: Sequence[str] = (),
        *,
        spent: float = 0.0,
    ) -> Ticket:
        """Write the payload unless the ticket is there already. Raises Refused where that did not bring it there.

        The payload is made of the record as it is, which then shows `columns` too.
        """
        table, sys_id, _ = self._parts(ticket_id)
        shown = (*fields_of(self._config), *columns)

        def work(client: ServiceNowClient) -> Ticket:
            record = client.read(table, sys_id, shown)
            ticket = self._ticket(table, record)
            return ticket if there(ticket) else self._ticket(table, client.update(table, sys_id, payload(record)))

        ticket = await self._threads.call(work, spent=spent)
        if not there(ticket):
            raise Refused(self._name, f"{ticket.key} kept its state: grant our account write access to {table}.state")
        return ticket

    def _may_not_write(self, table: str, record: Record, dropped: Iterable[str]) -> Refused:
        names = " and ".join(f"{table}.{name}" for name in dropped)
        key = self._ticket(table, record).key
        return Refused(self._name, f"{key} dropped {names} without a word: grant our account write access to that")

    def _ticket(self, table: str, record: Record) -> Ticket:
        return ticket_of(self._name, self._words(table), table, record)

    def _parts(self, ticket_id: str) -> tuple[str, str, ServiceNowTracker]:
        """A ticket's table and sys_id, and what its table's words mean. Raises Refused."""
        table, sys_id = table_and_sys_id(self._name, ticket_id)
        return table, sys_id, self._words(table)

    def _words(self, table: str) -> ServiceNowTracker:
        """What the words of a table mean, whatever the table of our tickets is today.

        Raises Refused where nobody says that: by another table's states an open ticket may look like one that is done.
        """
        config = self._config.of_table(table)
        if config is None:
            advice = f"write its states in trackers.{self._name}.former_tables"
            raise Refused(self._name, f"what the states of {table} mean is not known: {advice}")
        return config


def _created(ticket: Ticket) -> datetime:
    return ticket.created_at or datetime.min.replace(tzinfo=UTC)
