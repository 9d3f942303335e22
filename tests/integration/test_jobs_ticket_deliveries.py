"""What a tracker tells makes us look at the ticket's case, unless we know it already; and it does nothing else (P5)."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from remediation.deliveries.events import Sender
from remediation.deliveries.jira import JIRA
from remediation.deliveries.servicenow import SERVICENOW
from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.status import Status
from remediation.domain.tickets import Draft, Reason, Ticket, TicketChange, TicketState
from remediation.queue import WORK_QUEUE, Job
from remediation.sealing import Keyring
from remediation.store.cases.links import LeasedLinks
from remediation.store.deliveries.inbox import DeliveryState
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.readings import DeliveryNews
from remediation.store.keys import CASE, INBOX, INDEX
from remediation.store.server.connection import Connection
from tests.integration.indexed import known_version
from tests.integration.offices import KEY, Office
from tests.integration.telling import TellingTracker, jira_body
from tests.stand_ins import ManualClock
from workers.jobs.deliveries import read_delivery

OTHER = CaseKey("lakeside", CaseKind.FINDING, "fnd_2")
AT = "2026-04-15T14:02:03.456000+00:00"
TICKET = Ticket("jira", "10042", "SEC-12", "https://jira.example/SEC-12", TicketState.OPEN, mark=KEY.mark, version=AT)
SYS_ID = "9d385017c611228701d22104cc95c371"
SAMPLES = Path(__file__).parent.parent / "payloads"


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> Office:
    return Office(connection, keyring)


async def linked(office: Office, ticket: Ticket, key: CaseKey = KEY) -> None:
    """The case has this ticket and has seen it, and nothing is left to be done."""
    await office.mark(key)
    lease = await office.context.todo.take(key.ref, office.clock())
    assert lease is not None
    await LeasedLinks(office.connection, lease).link(ticket)
    await office.context.todo.settle(lease, Memory(), office.clock(), seen=[ticket])
    await office.redis.delete(WORK_QUEUE)


async def read(office: Office, body: bytes, sender: Sender = JIRA, delivery: str = "d1") -> str | None:
    """Store what a tracker told and read it; answers the outcome that the log has."""
    await office.context.inbox.accept(delivery, sender, str(sender), body, office.clock())
    with capture_logs() as lines:
        await read_delivery(office.arq_context, delivery)
    return next((str(line["outcome"]) for line in lines if line["event"] == "delivery_read"), None)


async def test_a_change_of_a_linked_ticket_marks_its_case_and_the_delivery_is_done_and_shredded(
    office: Office,
) -> None:
    await linked(office, replace(TICKET, version="2026-04-15T14:00:00+00:00"))
    assert await read(office, jira_body(TICKET)) == "marked"
    assert await office.context.todo.dirty() == 1
    assert await office.connection.ask(office.redis.hget(CASE + KEY.ref, "cause")) == b"webhook:jira"
    assert await office.context.inbox.state("d1") is DeliveryState.DONE
    assert not await office.connection.ask(office.redis.hexists(INBOX + "d1", "body"))
    assert 0 < await office.redis.ttl(INBOX + "d1") <= 30 * 86_400


async def test_a_record_of_servicenow_marks_its_case(office: Office) -> None:
    ticket = Ticket("servicenow", f"incident/{SYS_ID}", "INC0010001", "https://now.example", TicketState.OPEN)
    await linked(office, ticket)
    body = (SAMPLES / "servicenow/update.json").read_bytes()
    assert await read(office, body, SERVICENOW) == "marked"
    assert await read(office, body + b" ", SERVICENOW, "d2") == "known"


V1, V2, V3 = "2026-04-15T14:02:03+00:00", AT, "2026-04-15T14:02:04.001000+00:00"
RECORD = "2026-04-15 14:02:03/"


@pytest.mark.parametrize(
    ("known", "told", "outcome"),
    [
        (V2, V3, "marked"),
        (V2, V2, "known"),
        (V2, V1, "known"),
        (V1, V2, "marked"),
        ("", V1, "marked"),
        (V2, "", "marked"),
        ("", "", "marked"),
        (f"{RECORD}9", f"{RECORD}10", "marked"),
        (f"{RECORD}10", f"{RECORD}10", "known"),
        (f"{RECORD}10", f"{RECORD}9", "known"),
        (f"{RECORD}10", "2026-04-15 14:02:02/11", "known"),
        (f"{RECORD}10", "2026-04-15 14:02:04/9", "marked"),
        ("v9", "v10", "marked"),
        ("v10", "v9", "marked"),
        ("v10", "v10", "known"),
        ("v10", V1, "marked"),
    ],
)
async def test_only_a_version_that_is_newer_than_the_one_we_know_is_news(
    office: Office, known: str, told: str, outcome: str
) -> None:
    await linked(office, replace(TICKET, version=known))
    await office.context.inbox.accept("d1", JIRA, "jira", b"{}", office.clock())
    change = TicketChange(TICKET.id, None, told)
    news = DeliveryNews.of_ticket("d1", "jira", change, KEY)
    assert await office.context.inbox.readings.finish("", [news], office.clock()) == [outcome]
    assert await office.context.todo.dirty() == (1 if outcome == "marked" else 0)
    kept = await known_version(office.connection, "jira", TICKET.id)
    assert kept == (told if outcome == "marked" and told else known)


async def test_webhooks_that_overtake_each_other_or_come_again_make_one_look(office: Office) -> None:
    await linked(office, replace(TICKET, version=V1))
    told = [jira_body(replace(TICKET, version=version)) for version in (V3, V2, V3)]
    outcomes = [await read(office, body + b" " * number, delivery=f"d{number}") for number, body in enumerate(told)]
    assert outcomes == ["marked", "known", "known"]
    assert [job for job in await office.waiting() if job.startswith(Job.LOOK_AT_CASE)] == [f"look_at_case:{KEY.ref}:2"]


async def test_a_delivery_is_read_once_however_often_it_is_woken(office: Office) -> None:
    await linked(office, TICKET)
    assert await read(office, jira_body(replace(TICKET, version=""))) == "marked"
    generation = await office.connection.ask(office.redis.hget(CASE + KEY.ref, "gen"))
    await read_delivery(office.arq_context, "d1")
    assert await office.connection.ask(office.redis.hget(CASE + KEY.ref, "gen")) == generation


async def test_an_old_webhook_that_somebody_sends_again_after_its_fingerprint_is_gone_does_nothing(
    office: Office,
) -> None:
    await linked(office, replace(TICKET, version=V3))
    assert await read(office, jira_body(TICKET)) == "known"
    await office.redis.delete(INBOX + "d1")
    assert await read(office, jira_body(TICKET)) == "known"
    assert await office.work() == ["read_delivery"], "the wake-up of a delivery that is done, and no look"


async def test_a_deletion_is_news_although_the_issue_itself_was_known(office: Office) -> None:
    await linked(office, TICKET)
    assert await read(office, jira_body(TICKET, "jira:issue_deleted")) == "marked"


async def test_what_a_poll_lists_after_a_webhook_told_it_is_no_news(office: Office) -> None:
    await linked(office, replace(TICKET, version=V1))
    await read(office, jira_body(TICKET))
    change = TicketChange(TICKET.id, KEY.mark, TICKET.version)
    assert await office.context.todo.mark_changes("jira", [(change, KEY)], "{}", office.clock()) == 0


async def test_a_list_of_changes_may_say_that_a_ticket_went_back_and_a_webhook_may_not(office: Office) -> None:
    """Clocks of a tracker's nodes differ: the list tells how the ticket is, so that nothing stays unseen for good."""
    await linked(office, replace(TICKET, version=V3))
    assert await read(office, jira_body(TICKET)) == "known"
    change = TicketChange(TICKET.id, KEY.mark, TICKET.version)
    assert await office.context.todo.mark_changes("jira", [(change, KEY)], "{}", office.clock()) == 1


async def test_a_ticket_whose_mark_a_person_removed_is_found_by_its_link(office: Office) -> None:
    await linked(office, TICKET)
    assert await read(office, jira_body(replace(TICKET, mark=None, version=V3))) == "marked"


async def test_where_a_link_and_a_mark_name_two_cases_both_are_looked_at(office: Office) -> None:
    """Only a look can tell whose it is; until then a mark is what anybody can write, and a link a number."""
    await linked(office, TICKET)
    await read(office, jira_body(replace(TICKET, mark=OTHER.mark, version=V3)))
    assert (await office.record()).links["jira"].ticket_id == TICKET.id
    assert (await office.record(OTHER)).intents.keys() == {"jira"}
    assert await office.context.todo.dirty() == 2


async def test_a_ticket_that_bears_a_mark_which_we_forgot_brings_its_case_back(office: Office) -> None:
    """Redis was wiped: the next look must search, also where the finding is solved (P8)."""
    assert await read(office, jira_body(TICKET)) == "marked"
    assert (await office.record()).intents.keys() == {"jira"}
    assert await office.context.todo.dirty() == 1


@pytest.mark.parametrize("mark", [None, "remedy:nowhere:finding:fnd_1", "remedy:nonsense", "somebody-elses-mark"])
async def test_a_ticket_that_is_none_of_ours_is_done_and_marks_nothing(office: Office, mark: str | None) -> None:
    assert await read(office, jira_body(replace(TICKET, mark=mark))) == "foreign"
    assert await office.context.inbox.state("d1") is DeliveryState.DONE
    assert not await office.connection.ask(office.redis.hexists(INBOX + "d1", "body"))
    assert await office.context.todo.dirty() == 0
    assert [key async for key in office.redis.scan_iter(f"{INDEX}*")] == []


async def test_the_same_id_in_another_tracker_is_another_ticket(office: Office) -> None:
    await linked(office, replace(TICKET, tracker="elsewhere"))
    assert await read(office, jira_body(replace(TICKET, mark=None))) == "foreign"


@pytest.mark.parametrize("sender", [JIRA, SERVICENOW])
async def test_what_cannot_be_read_after_all_is_quarantined_under_its_tracker(office: Office, sender: Sender) -> None:
    assert await read(office, b'{"webhookEvent":"jira:issue_updated","event":"update"}', sender) is None
    (item,) = (await office.parked()).values()
    assert (item.kind, item.district, item.system) == (ParkedKind.QUARANTINED, "", str(sender))
    assert await office.connection.ask(office.redis.hexists(INBOX + "d1", "body"))


async def test_nothing_that_a_person_wrote_is_kept_or_told(office: Office) -> None:
    with capture_logs() as lines:
        await read(office, jira_body(TICKET))
        await read(office, json.dumps({"webhookEvent": "ZZPII"}).encode(), delivery="d2")
    rows = [await office.redis.dump(key) or b"" async for key in office.redis.scan_iter()]
    assert b"ZZPII" not in b"".join(rows)
    assert "ZZPII" not in str(lines)


# The webhook of our own create is faster than our own link.


async def test_a_webhook_of_our_own_create_that_comes_before_the_link_is_harmless(
    connection: Connection, keyring: Keyring
) -> None:
    office = Office(connection, keyring)
    jira = TellingTracker("jira", office.clock)
    office.trackers["jira"] = jira

    async def tell() -> None:
        assert await read(office, jira.told[-1]) == "marked", "by its mark: nothing is linked yet"

    jira.before_answer = tell
    await office.look()
    assert len(jira.of(KEY.mark)) == 1
    assert office.status() is Status.REVIEWING
    assert (await office.record()).links["jira"].ticket_id in jira.books
    assert (await office.record()).intents == {}
    assert await office.context.todo.dirty() == 0
    assert jira.troubles.calls.count("create") == 1


async def test_a_webhook_of_a_create_whose_answer_was_lost_leads_to_the_ticket(
    connection: Connection, keyring: Keyring
) -> None:
    office = Office(connection, keyring)
    jira = TellingTracker("jira", office.clock)
    office.trackers["jira"] = jira
    jira.keep(Draft(KEY.mark, "SEC", "summary", "body"))
    await read(office, jira.told[-1])
    await office.work()
    assert len(jira.of(KEY.mark)) == 1
    assert (await office.record()).links["jira"].ticket_id in jira.books


async def test_what_a_person_does_in_a_ticket_is_acted_on_without_any_list(
    connection: Connection, keyring: Keyring
) -> None:
    clock = ManualClock()
    jira = TellingTracker("jira", clock)
    office = Office(connection, keyring, trackers={"jira": jira}, clock=clock)
    await office.look()
    ticket = jira.change("10000", TicketState.DONE, Reason.FIXED, by="priya")
    assert await read(office, jira_body(ticket)) == "marked"
    await office.work()
    assert office.status() is Status.RESOLVED
    assert "changes" not in jira.troubles.calls
