"""Several secrets of one sender: which of them verify, how each is counted, and what Redis remembers of them."""

from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from receiver.accounts import Account, Accounts
from receiver.admission import NOTED_SECONDS, Admission
from receiver.app import replace_accounts
from remediation.deliveries.jira import JIRA
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.deliveries.webhook_secrets import WebhookSecret
from remediation.sealing import Keyring
from remediation.store.deliveries.signing import SecretUse, read_secret_uses
from remediation.store.server.connection import Connection
from tests.integration.receivers import Receiver, account, event, keyspace

NEW, OLD = "test-only-new-secret", "test-only-old-secret"
START = 1_800_000_000.0
PATH = "schoolscan/lakeside"


def with_secrets(*secrets: WebhookSecret, signature: SignatureFormat = SignatureFormat.TIMESTAMPED) -> Account:
    return replace(account(signature=signature), secrets=secrets)


BOTH = (WebhookSecret("new", NEW), WebhookSecret("old", OLD))


@pytest.fixture
def receiver(connection: Connection, keyring: Keyring) -> Receiver:
    receiver = Receiver(connection, keyring, {"lakeside": with_secrets(*BOTH)})
    receiver.app.state.context.admission = Admission(receiver.clock)
    return receiver


def uses(secret: str, sender: str = "schoolscan", name: str = "lakeside") -> float:
    labels = {"sender": sender, "account": name, "secret": secret}
    return REGISTRY.get_sample_value("remedy_webhook_secret_uses_total", labels) or 0.0


async def remembered(receiver: Receiver) -> dict[str, SecretUse]:
    return dict((await read_secret_uses(receiver.connection, [PATH]))[PATH])


async def test_which_secret_signed_is_counted_by_its_id(receiver: Receiver) -> None:
    before = uses("new"), uses("old")
    for number, secret in enumerate((OLD, NEW, OLD)):
        assert (await receiver.deliver(event(number), secret=secret)).status_code == 202
    assert (await receiver.deliver(event(9), secret="test-only-other")).status_code == 401
    assert (uses("new") - before[0], uses("old") - before[1]) == (1, 2)


@pytest.mark.parametrize("form", [SignatureFormat.TIMESTAMPED, SignatureFormat.STANDARD])
async def test_a_sender_that_signs_with_both_uses_both(receiver: Receiver, form: SignatureFormat) -> None:
    replace_accounts(receiver.app, Accounts({"lakeside": with_secrets(*BOTH, signature=form)}))
    new, old = (sign(event(), secret, form, receiver.clock(), "msg_1") for secret in (NEW, OLD))
    *others, (name, value) = new
    more = b" " + old[-1][1] if form is SignatureFormat.STANDARD else b"," + old[-1][1].partition(b",")[2]
    headers = [*others, (name, value + more)]
    before = uses("new"), uses("old")
    assert (await receiver.post(headers, event())).status_code == 202
    assert (uses("new") - before[0], uses("old") - before[1]) == (1, 1)
    assert {each.last for each in (await remembered(receiver)).values()} == {START}


async def test_at_its_end_a_secret_stops_verifying_without_a_reload(receiver: Receiver) -> None:
    secrets = (BOTH[0], WebhookSecret("old", OLD, START + 60))
    replace_accounts(receiver.app, Accounts({"lakeside": with_secrets(*secrets)}))
    receiver.clock.pass_by(59)
    assert (await receiver.deliver(event(1), secret=OLD)).status_code == 202
    receiver.clock.pass_by(1)
    assert (await receiver.deliver(event(2), secret=OLD)).status_code == 401
    assert (await receiver.deliver(event(2), secret=NEW)).status_code == 202
    replace_accounts(receiver.app, Accounts({"lakeside": with_secrets(secrets[1])}))
    assert (await receiver.deliver(event(3), secret=OLD)).status_code == 401, "no secret at all verifies nothing"


async def test_the_end_of_a_secret_is_a_metric_as_long_as_it_is_in_the_list(receiver: Receiver) -> None:
    labels = {"sender": "schoolscan", "account": "lakeside", "secret": "old"}
    name = "remedy_webhook_secret_ends_timestamp_seconds"
    replace_accounts(receiver.app, Accounts({"lakeside": with_secrets(BOTH[0], WebhookSecret("old", OLD, START))}))
    assert REGISTRY.get_sample_value(name, labels) == START
    assert REGISTRY.get_sample_value(name, {**labels, "secret": "new"}) is None
    replace_accounts(receiver.app, Accounts({"lakeside": with_secrets(*BOTH)}))
    assert REGISTRY.get_sample_value(name, labels) is None


async def test_redis_remembers_when_each_secret_was_used_and_is_told_once_a_minute(receiver: Receiver) -> None:
    await receiver.deliver(event(1), secret=OLD)
    assert await remembered(receiver) == {"new": SecretUse(START), "old": SecretUse(START, START)}
    receiver.clock.pass_by(NOTED_SECONDS - 1)
    await receiver.deliver(event(2), secret=OLD)
    assert (await remembered(receiver))["old"].last == START
    receiver.clock.pass_by(1)
    await receiver.deliver(event(3), secret=OLD)
    await receiver.deliver(event(4), secret=NEW)
    later = START + NOTED_SECONDS
    assert await remembered(receiver) == {"new": SecretUse(START, later), "old": SecretUse(START, later)}


async def test_what_leaves_the_list_is_forgotten_and_begins_anew_when_it_is_back(receiver: Receiver) -> None:
    await receiver.deliver(event(1), secret=OLD)
    receiver.clock.pass_by(1000)
    replace_accounts(receiver.app, Accounts({"lakeside": with_secrets(BOTH[0])}))
    await receiver.deliver(event(2), secret=NEW)
    assert await remembered(receiver) == {"new": SecretUse(START, START + 1000)}
    receiver.clock.pass_by(1000)
    replace_accounts(receiver.app, Accounts({"lakeside": with_secrets(*BOTH)}))
    await receiver.deliver(event(3), secret=NEW)
    assert (await remembered(receiver))["old"] == SecretUse(START + 2000)


async def test_nothing_that_was_not_stored_counts_as_noted(receiver: Receiver, connection: Connection) -> None:
    await connection.redis.config_set("maxmemory", "1")
    try:
        assert (await receiver.deliver(event(1), secret=OLD)).status_code == 503
        assert await keyspace(connection.redis) == {}
    finally:
        await connection.redis.config_set("maxmemory", "0")
    await receiver.deliver(event(1), secret=OLD)
    assert (await remembered(receiver))["old"].last == START


async def test_nothing_of_a_secret_lies_in_redis(receiver: Receiver, connection: Connection) -> None:
    await receiver.deliver(event(1), secret=OLD)
    lying = b"".join(key + (value or b"") for key, value in (await keyspace(connection.redis)).items())
    assert b"since:old" in lying
    assert b"test-only" not in lying


async def test_a_tracker_has_a_memory_of_its_own(connection: Connection, keyring: Keyring) -> None:
    trackers = {"jira": Account("jira", BOTH, SignatureFormat.AUTO, JIRA)}
    receiver = Receiver(connection, keyring, trackers=trackers)
    before = uses("old", "jira", "jira")
    header = "x-hub-signature"
    body = b'{"webhookEvent": "jira:version_released"}'
    signed = sign(body, OLD, SignatureFormat.PREFIXED, START, "", header=header)
    assert (await receiver.post(signed, body, "/webhooks/jira")).status_code == 202
    assert uses("old", "jira", "jira") == before + 1
    known = await read_secret_uses(connection, ["jira/jira", PATH])
    assert known["jira/jira"]["old"].last == START
    assert known[PATH] == {}


# `auto` and Redis


async def commands(connection: Connection) -> int:
    """How many commands Redis has carried out, this one not among them."""
    return int((await connection.redis.info("stats"))["total_commands_processed"])


@pytest.mark.parametrize("form", [SignatureFormat.HEX, SignatureFormat.TIMESTAMPED, SignatureFormat.STANDARD])
async def test_a_signature_that_does_not_fit_asks_redis_nothing(
    connection: Connection, keyring: Keyring, form: SignatureFormat
) -> None:
    receiver = Receiver(connection, keyring, {"lakeside": account(signature=SignatureFormat.AUTO)})
    before = await commands(connection)
    assert (await receiver.deliver(event(), form, secret="test-only-forger")).status_code == 401
    assert (await receiver.post([(b"x-schoolscan-signature", b"0" * 64)], event())).status_code == 401
    assert await commands(connection) == before + 1, "the question itself"
    assert (await receiver.deliver(event(), form)).status_code == 202
