"""A kind of tracker is one row: what the product has of it comes from its own classes, from the file to the poll."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from receiver.accounts import Accounts
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.domain.errors import ConfigurationError
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.mapping.config.trackers.kinds import KINDS, sender_named
from remediation.mapping.reading.json_schema import json_schema
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.warnings import warnings_of
from remediation.read_model.rules.previews import Previews, asked_about
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.server.connection import Connection
from remediation.trackers.adapters import adapter_of
from remedy.runtime.assembly import accounts_of, open_outside
from remedy.runtime.calls.outbound import outbound
from tests.integration.logbook import LIBRARY, LOGBOOK
from tests.integration.offices import KEY, Office
from tests.integration.receivers import Receiver
from tests.stand_ins import LATER
from tests.unit.kind_suite import SECRET, KindContract
from workers.rounds.polls import poll_trackers

MAPPINGS = """
version: 1
districts:
  lakeside:
    schoolscan: {url: http://localhost:9/v1, token: {env: TEST_TOKEN}, webhook: {secrets: [{env: TEST_TOKEN}]}}
trackers:
  book:
    kind: logbook
    url: https://book.example
    pencil: {env: TEST_PENCIL}
    webhook: {secrets: [{env: TEST_PENCIL}]}
defaults: {tickets: {book: {chapter: privacy, ink: {high: red}}}}
rules: [{name: all, tickets: {book: {}}}]
templates: {summary: exposed, body: "{{ finding.id }}"}
"""
PENCIL = "test-only-pencil"


@pytest.fixture(autouse=True)
def logbook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one registration."""
    monkeypatch.setitem(KINDS, "logbook", LOGBOOK)
    monkeypatch.setenv("TEST_TOKEN", "test-only-token")
    monkeypatch.setenv("TEST_PENCIL", PENCIL)
    LIBRARY.books.clear()
    yield
    LIBRARY.books.clear()


@pytest.fixture
def loaded() -> Loaded:
    return loaded_of(MAPPINGS, "mappings.yaml")


class Running:
    """A receiver and a worker on one Redis, put together as the command does it; SchoolScan is a stand-in."""

    def __init__(self, office: Office, keyring: Keyring, accounts: Accounts) -> None:
        self.office, clock = office, office.clock
        self.receiver = Receiver(office.connection, keyring, accounts.districts, accounts.trackers, clock=clock)
        self.book = LIBRARY.books["book"]

    @property
    def entry(self) -> Ticket:
        (ticket,) = self.book.of(KEY.mark)
        return ticket

    async def tell(self, secret: str = PENCIL) -> int:
        """The book tells how its entry is now; answers the receiver's status."""
        said = {"what": "written", "entry": self.entry.id, "mark": KEY.mark, "version": self.entry.version}
        body, header = json.dumps(said).encode(), sender_named("logbook").header
        signed = sign(body, secret, SignatureFormat.HEX, self.receiver.clock(), "", header=header)
        return (await self.receiver.post(signed, body, "/webhooks/book")).status_code


@asynccontextmanager
async def running(loaded: Loaded, connection: Connection, keyring: Keyring) -> AsyncIterator[Running]:
    async with open_outside(loaded) as outside:
        rulebook = MappingsRulebook(loaded.mappings, outside.identities)
        office = Office(connection, keyring, trackers=outside.trackers, rulebook=rulebook)
        LIBRARY.clock = office.clock
        yield Running(office, keyring, accounts_of(loaded, office.clock()))


async def test_a_ticket_of_a_third_kind_is_opened_told_of_by_webhook_reopened_and_polled(
    loaded: Loaded, connection: Connection, keyring: Keyring
) -> None:
    async with running(loaded, connection, keyring) as world:
        office, book = world.office, world.book
        await office.look()
        assert (world.entry.place, world.entry.urgency) == ("privacy", {"priority": "red"})
        assert book.books[world.entry.id].draft.body == "fnd_1"
        assert office.status() is Status.REVIEWING

        book.change(world.entry.id, TicketState.DONE, Reason.FIXED, by="priya")
        assert await world.tell(secret="test-only-other") == 401
        assert await world.tell() == 202
        await office.work()
        assert office.status() is Status.RESOLVED

        office.source.set_status("fnd_1", Status.OPEN)
        await office.look()
        assert world.entry.state is TicketState.OPEN
        assert office.status() is Status.REVIEWING

        await poll_trackers(office.arq_context)
        await office.work()
        book.change(world.entry.id, TicketState.DONE, Reason.FIXED, by="priya")
        await poll_trackers(office.arq_context)
        await office.work()
        assert office.status() is Status.RESOLVED


async def test_a_delivery_of_a_kind_that_this_version_does_not_know_waits_for_one_that_does(
    loaded: Loaded, connection: Connection, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a step back to an earlier version: nothing is lost, and no job fails for ever."""
    async with running(loaded, connection, keyring) as world:
        office = world.office
        await office.look()
        world.book.change(world.entry.id, TicketState.DONE, Reason.FIXED, by="priya")
        assert await world.tell() == 202
        with monkeypatch.context() as earlier:
            earlier.delitem(KINDS, "logbook")
            await office.work()
        ((name, item),) = (await office.parked()).items()
        assert (item.kind, item.system) == (ParkedKind.QUARANTINED, "book")
        assert "this version does not know" in item.words

        await office.context.parked.replay(name, office.clock())
        await office.work()
        assert office.status() is Status.RESOLVED


async def test_a_ticket_of_a_third_kind_is_resolved_with_its_closing_fields(
    loaded: Loaded, connection: Connection, keyring: Keyring
) -> None:
    text = MAPPINGS.replace("ink: {high: red}", "close_fields: {witness: '{{ finding.id }}'}")
    async with running(loaded_of(text, "mappings.yaml"), connection, keyring) as world:
        await world.office.look()
        world.office.source.set_status("fnd_1", Status.RESOLVED)
        await world.office.look()
        assert world.entry.state is TicketState.DONE
        assert world.book.books[world.entry.id].closing_fields == {"witness": "fnd_1"}
    assert world.book.closed
    assert LIBRARY.secrets["book"] == PENCIL


def complaints(text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        loaded_of(text, "m.yaml")
    return "\n".join(str(problem) for problem in raised.value.problems)


def test_the_schema_the_messages_and_the_warnings_of_the_file_know_a_third_kind(loaded: Loaded) -> None:
    assert {"LogbookTracker", "LogbookTicket"} <= json_schema()["definitions"].keys()
    said = complaints(MAPPINGS.replace("chapter: privacy, ink:", "inc:").replace("pencil:", "pencils:"))
    assert "trackers.book.pencils: is not known here; did you mean 'pencil'? (allowed: ca_file, concurrency" in said
    assert "rules[0].tickets.book.chapter: is missing: write it here" in said
    assert "did you mean 'ink'?" in said
    assert "must be jira, servicenow or logbook; did you mean 'logbook'?" in complaints(
        MAPPINGS.replace("gbook\n", "gbok\n")
    )
    assert any("one hand writes" in warning.message for warning in warnings_of(loaded))


async def test_commands_preview_and_inspect_a_third_kind(loaded: Loaded) -> None:
    finding = Finding("fnd_1", Status.OPEN, Severity.HIGH)
    (preview,) = Previews(loaded).previews(asked_about("lakeside", finding, LATER))
    assert (preview.kind, preview.words["chapter"], preview.sent["priority"]) == ("logbook", "privacy", "red")
    config = loaded.mappings.trackers["book"]
    assert [each.message for each in await outbound().inspector("book", config, PENCIL).inspect(loaded.mappings)] == [
        "is a book"
    ]
    assert adapter_of(config).sign_in_advice(config) == "is it sharp?"


def test_who_opens_no_tracker_loads_no_library_of_one() -> None:
    """The receiver and the commands about mappings.yaml: their memory, and what may break in them."""
    code = "import sys, receiver.app, remedy.runtime.assembly, remedy.mappings.command; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"jira", "pysnow", "requests"} & set(ran.stdout.split())


class TestLogbook(KindContract):
    """The suite that every kind inherits."""

    kind = "logbook"
    tracker: ClassVar = {"pencil": SECRET}
    ticket: ClassVar = {"chapter": "privacy", "ink": {"high": "red"}}
    event = json.dumps({"what": "written", "entry": "id-1", "mark": KEY.mark, "version": "v1"}).encode()
