"""A tracker becomes another site, another kind, or has another account, under the same name and under living cases.

What was opened where the file does not lead any more is unseen: nothing is concluded without it, and no second ticket
is opened, until the file says that it is given up. The stand-ins are real HTTP.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from remediation.deliveries.jira import JIRA
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.domain.ownership import Site
from remediation.domain.status import Status
from remediation.look.observing import observe
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.operations.examining.sites import histories_of, left_site
from remediation.read_model.cases.forecasts import case_forecast, forecast_facts
from remediation.sealing import Keyring
from remediation.sources.schoolscan.source import FindingSource
from remediation.store.server.connection import Connection
from remediation.store.systems import Sites
from remedy.runtime.assembly import accounts_of
from sandbox.jira.state import PERSON, SERVICE
from tests.integration.changing_files import AFTER_THE_OVERLAP, NORTH, ChangingWorld, File, Standing, open_sites
from tests.integration.receivers import Receiver
from tests.stand_ins import RealClock

START = 1_770_000_000.0
READ = f"{NORTH.ref}/read:jira-web"
ELSEWHERE = {"url": File(web_at="south"), "kind": File(web_at="snow", web_kind="servicenow")}


@pytest.fixture
async def world(connection: Connection, keyring: Keyring) -> AsyncIterator[ChangingWorld]:
    clock = RealClock()
    with capture_logs(), open_sites(clock) as sites:
        world = ChangingWorld(connection, keyring, sites, clock)
        await world.take(File())
        yield world
        for tracker in set(world.trackers.values()) - {world.jira, world.snow}:
            await tracker.close()


def status(world: ChangingWorld) -> Status:
    return world.books["north"].findings["fnd_1"].status


async def web_ticket(world: ChangingWorld) -> Standing:
    link = (await world.record(NORTH)).links["jira-web"]
    return next(each for each in world.standing(NORTH) if (each.site, each.id) == ("north", link.ticket_id))


@pytest.mark.parametrize("file", ELSEWHERE.values(), ids=ELSEWHERE)
async def test_what_is_open_where_the_tracker_was_is_unseen_and_goes_on_when_it_is_there_again(
    world: ChangingWorld, file: File
) -> None:
    """Polls alone tell of what a person did there meanwhile: its list of changes goes on where it stood."""
    await world.begin()
    before, web = world.standing(NORTH), await web_ticket(world)
    await world.take(file)
    await world.look_at(NORTH)
    assert world.standing(NORTH) == before
    words = (await world.parked())[READ].words
    assert world.sites.north.address in words
    assert getattr(world.sites, file.web_at).address in words
    for ticket in before:
        if ticket != web:
            world.close_as_person(ticket)
    await world.look_at(NORTH)
    world.close_as_person(web)
    for _ in range(2):
        await world.rounds(AFTER_THE_OVERLAP)
    assert (status(world), world.wrongs) == (Status.REVIEWING, [])
    await world.take(File())
    await world.rounds(60.0)
    assert (status(world), world.wrongs, await world.parked()) == (Status.RESOLVED, [], {})
    assert len(world.standing(NORTH)) == len(before)


@pytest.mark.parametrize("file", ELSEWHERE.values(), ids=ELSEWHERE)
async def test_a_solved_findings_open_ticket_is_closed_when_the_tracker_is_there_again(
    world: ChangingWorld, file: File
) -> None:
    """Its link is kept: otherwise nobody would look there any more."""
    await world.begin()
    await world.take(file)
    world.books["north"].set_status("fnd_1", Status.RESOLVED)
    await world.look_at(NORTH)
    assert (await web_ticket(world)).is_active
    await world.take(File())
    await world.replay()
    assert not any(ticket.is_active for ticket in world.standing(NORTH))


@pytest.mark.parametrize("file", ELSEWHERE.values(), ids=ELSEWHERE)
async def test_a_create_whose_answer_was_lost_where_the_tracker_was_is_no_second_ticket(
    world: ChangingWorld, file: File
) -> None:
    await world.rounds(1.0)
    world.sites.lose_an_answer("north", "/issue$")
    await world.look_at(NORTH)
    await world.take(file)
    for _ in range(3):
        await world.rounds(AFTER_THE_OVERLAP)
        await world.look_at(NORTH)
    assert not world.too_many(NORTH), world.too_many(NORTH)
    assert world.sites.north.address in (await world.parked())[READ].words
    await world.take(File())
    for _ in range(2):
        await world.rounds(AFTER_THE_OVERLAP)
        await world.replay()
    assert (world.agreement(NORTH), world.wrongs, await world.parked()) == ("", [], {})


async def test_tickets_that_the_file_gives_up_are_opened_anew_once(world: ChangingWorld) -> None:
    await world.begin()
    former = world.sites.north.address
    await world.take(File(web_at="south"))
    await world.look_at(NORTH)
    await world.take(File(web_at="south", web_more=f", former_sites: ['{former}/']"))
    await world.replay()
    await world.look_at(NORTH)
    assert [each.site for each in world.standing(NORTH)].count("south") == 1
    assert (status(world), await world.parked()) == (Status.REVIEWING, {})


async def test_what_would_be_done_says_which_ticket_is_unseen_and_why(world: ChangingWorld) -> None:
    """As `case plan` and `reconcile --dry-run` do, and as the doctor compares the sites."""
    await world.begin()
    await world.take(File(web_at="south"))
    record, source = await world.record(NORTH), FindingSource("north", world.books["north"])
    sites = await histories_of(world.connection, world.trackers, world.clock())
    snapshot = await observe(record, source, world.trackers, world.context.rulebook, world.clock(), sites)
    facts = list(forecast_facts(case_forecast(record, snapshot, world.clock(), known=True)))
    (unseen,) = (fact.words for fact in facts if fact.name == "not seen")
    assert world.sites.north.address in unseen
    await world.rounds(60.0)
    known, south = await Sites(world.connection).read("jira-web"), world.sites.south.address
    assert known is not None
    former = left_site(known, Site(south, south), ())
    assert former is not None
    assert former.key == world.sites.north.address, "also after a worker has noted the change"
    assert left_site(known, Site(south, south), [former.key]) is None


async def test_another_address_of_the_same_site_changes_nothing(world: ChangingWorld) -> None:
    address = world.sites.north.address
    base = {"base_url": "https://jira.lakeside.example"}
    assert world.sites.north.http.put("/_sandbox/settings", json=base).is_success
    await world.begin()
    before, web = world.standing(NORTH), await web_ticket(world)
    world.sites.north.write("PUT", f"issue/{web.id}", {"fields": {"labels": [NORTH.mark]}})
    await world.take(File(web_at=address.replace("127.0.0.1", "localhost")))
    await world.look_at(NORTH)
    assert (world.standing(NORTH), await world.parked()) == (before, {})


async def test_a_site_that_names_itself_anew_keeps_the_tickets_that_carry_our_mark(world: ChangingWorld) -> None:
    await world.begin()
    before = world.standing(NORTH)
    base = {"base_url": "https://renamed.lakeside.example"}
    assert world.sites.north.http.put("/_sandbox/settings", json=base).is_success
    await world.take(File())
    await world.look_at(NORTH)
    assert (world.standing(NORTH), await world.parked()) == (before, {})
    assert (await world.record(NORTH)).links["jira-web"].site == "https://renamed.lakeside.example"


async def test_another_account_keeps_its_tickets_and_after_a_wipe_those_of_the_one_that_is_named(
    world: ChangingWorld,
) -> None:
    await world.begin()
    before = world.standing(NORTH)
    other = File(web_account=PERSON)
    await world.take(other)
    await world.look_at(NORTH)
    assert (world.standing(NORTH), await world.parked()) == (before, {})
    await world.wipe()
    await world.look_at(NORTH)
    await world.rounds(AFTER_THE_OVERLAP)
    assert world.standing(NORTH) == before
    assert "no account of ours opened it" in (await world.parked())[READ].words
    await world.take(replace(other, web_more=f", former_accounts: [{SERVICE.account_id}]"))
    await world.replay()
    assert (world.agreement(NORTH), await world.parked()) == ("", {})


def hooked(secrets: str) -> Loaded:
    """A file in which the tracker's webhook is signed with these."""
    return loaded_of(
        f"""\
version: 1
districts: {{lakeside: {{schoolscan: {{token: {{env: A}}, webhook: {{secrets: [{{env: OLD}}]}}}}}}}}
trackers:
  jira:
    kind: jira
    url: https://jira.example
    auth: {{basic: {{user: remedy, password: {{env: A}}}}}}
    webhook: {{secrets: [{secrets}]}}
templates: {{body: "{{{{ finding.id }}}}"}}
rules: [{{name: all, tickets: {{jira: {{project: SEC}}}}}}]
""",
        "mappings.yaml",
    )


async def answers(receiver: Receiver, loaded: Loaded) -> list[int]:
    """What a delivery gets that is signed with the old secret, and one that is signed with the new one."""
    under = replace(receiver, trackers=accounts_of(loaded, START).trackers, clock=receiver.clock)
    found = []
    for number, secret in enumerate(("test-only-old-secret", "test-only-new-secret")):
        body = json.dumps({"webhookEvent": "jira:version_released", "timestamp": number}).encode()
        headers = sign(body, secret, SignatureFormat.PREFIXED, receiver.clock(), "", header=JIRA.header)
        found.append((await under.post(headers, body, "/webhooks/jira")).status_code)
    return found


async def test_another_webhook_secret_refuses_what_the_one_before_signed_unless_both_are_named(
    connection: Connection, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OLD", "NEW"):
        monkeypatch.setenv(name, f"test-only-{name.lower()}-secret")
    receiver, refused = Receiver(connection, keyring), {"sender": "jira", "account": "jira"}

    def failures() -> float:
        return REGISTRY.get_sample_value("remedy_signature_failures_total", refused) or 0.0

    before = failures()
    assert await answers(receiver, hooked("{env: OLD}")) == [202, 401]
    assert await answers(receiver, hooked("{env: NEW}")) == [401, 202]
    assert failures() == before + 2
    assert await answers(receiver, hooked("{env: NEW}, {env: OLD}")) == [202, 202]
