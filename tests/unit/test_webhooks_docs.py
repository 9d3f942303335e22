"""docs/webhooks.md says what is so: addresses, headers, events, the business rule's keys, and every answer."""

import json
import re
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest
from redis.asyncio import Redis
from starlette.routing import Route

from receiver.accounts import Accounts
from receiver.app import create_app
from receiver.context import Clocks, Limits
from remediation.deliveries.events import DeliveryLimit, EventKind
from remediation.deliveries.jira import JIRA
from remediation.deliveries.servicenow import DISPLAY as SERVICENOW_DISPLAY
from remediation.deliveries.servicenow import KEYS as SERVICENOW_KEYS
from remediation.deliveries.servicenow import SERVICENOW
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.errors import Unreadable
from remediation.mapping.config.signing_in import Webhook
from remediation.mapping.config.trackers.kinds import all_senders
from remediation.mapping.reading.document import read_document
from remediation.mapping.reading.loading import loaded_of
from remediation.sealing import Keyring, generate_key
from remediation.store.deliveries.inbox import Inbox
from remediation.store.server.connection import Connection
from remediation.trackers.jira.issues import OUR_LABEL
from remedy.send import MEANINGS
from sandbox.jira import webhooks as jira_webhooks
from sandbox.servicenow import webhooks as servicenow_webhooks

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
AROUND = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: ONE}, webhook: {secrets: [{env: TWO}]}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, tickets: {jira: {project: SEC}}}]
"""


DISTRICTS = re.compile(r"^districts: .*\n", re.MULTILINE)


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def script() -> str:
    (block,) = re.findall(r"```javascript\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


def test_the_business_rule_sends_what_is_read_and_nothing_else() -> None:
    written = re.search(r"JSON\.stringify\(\{(.*?)\}\)", script(), re.DOTALL)
    assert written
    assert tuple(re.findall(r"^\s*(\w+):", written[1], re.MULTILINE)) == SERVICENOW_KEYS
    columns = re.findall(r"(\w+): current\.getValue\('(\w+)'\)", written[1])
    assert columns
    assert all(key == column for key, column in columns)


def test_the_business_rule_signs_the_body_that_it_sends_in_the_header_that_is_read() -> None:
    assert re.search(r"generateMac\(key, 'HmacSHA256', body\)", script())
    assert "setRequestBody(body)" in script()
    (header,) = re.findall(r"setRequestHeader\('(X-[\w-]+)', signature\)", script())
    assert header.lower() == SERVICENOW.header
    assert header == servicenow_webhooks.HEADER


@pytest.mark.parametrize("event", re.findall(r"var EVENT = '(\w+)'", PAGE))
def test_the_events_of_the_business_rules_are_read(event: str) -> None:
    record = {"event": event, "table": "incident", "sys_id": "0" * 32}
    noticed = SERVICENOW.read(json.dumps(record).encode())
    assert isinstance(noticed, TicketNoticed)
    assert noticed.change.ticket_id == f"incident/{'0' * 32}"
    assert event in servicenow_webhooks.EVENTS


def test_both_rules_are_written_down_with_their_condition() -> None:
    assert set(re.findall(r"var EVENT = '(\w+)'", PAGE)) == set(servicenow_webhooks.EVENTS)
    assert f"*Correlation display* is `{SERVICENOW_DISPLAY}`" in section("ServiceNow")


def test_every_event_of_jira_that_is_named_is_read_and_those_of_the_sandbox_are_named() -> None:
    named = re.findall(r"\| `([a-z:_]+)` \|", section("Jira Cloud"))
    for event in named:
        noticed = JIRA.read(json.dumps({"webhookEvent": event, "issue": {"id": "1"}}).encode())
        assert isinstance(noticed, TicketNoticed)
        assert noticed.change.ticket_id == "1"
    assert set(named) == set(jira_webhooks.EVENTS)
    assert f"`labels = {OUR_LABEL}`" in section("Jira Cloud")
    with pytest.raises(Unreadable):
        JIRA.read(b"")  # a body that was excluded


def test_every_event_of_schoolscan_is_named() -> None:
    assert {kind.value for kind in EventKind} <= set(re.findall(r"`([\w.]+)`", section("SchoolScan")))


def test_each_sender_has_its_header_in_the_table_and_its_address_is_a_route() -> None:
    assert [sender for sender in all_senders() if f"`{sender.header}".lower() not in PAGE.lower()] == []
    addresses = {found.replace("<", "{").replace(">", "}") for found in re.findall(r"`POST (/webhooks/[^`]+)`", PAGE)}
    connection = Connection(Redis())
    inbox = Inbox(connection, Keyring.parse(generate_key()))
    app = create_app(Accounts({}), connection, inbox, Clocks(float, float), limits=Limits())
    routes = {route.path for route in app.routes if isinstance(route, Route)}
    assert {"/webhooks/schoolscan/{district}", "/webhooks/{tracker}"} == addresses
    assert addresses <= routes


EXAMPLES = [dedent(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_the_examples_are_what_they_say() -> None:
    example, rotation, limits = EXAMPLES
    trackers = loaded_of(AROUND + example, "webhooks.md").mappings.trackers
    assert {name: len(each.webhook.secrets) if each.webhook else 0 for name, each in trackers.items()} == {
        "jira": 1,
        "servicenow": 1,
    }
    secrets = Webhook.model_validate(read_document(rotation, "webhooks.md").data).secrets
    assert [(each.name, each.until) for each in secrets] == [("2026-11", None), ("2026-05", date(2026, 12, 5))]
    read = loaded_of("\n".join([DISTRICTS.sub("", AROUND), limits, example]), "webhooks.md").mappings
    usual, own = read.defaults.delivery_limit, read.districts["lakeside"].schoolscan.webhook.delivery_limit
    assert usual is not None
    assert own is not None
    assert (usual.limit, own.limit) == (DeliveryLimit(0.05, 400), DeliveryLimit(0.1, 100))


def test_every_answer_of_the_receiver_is_in_the_table() -> None:
    rows = re.findall(r"^\| (\d{3})", section("When it does not work"), re.MULTILINE)
    assert {int(row) for row in rows} == set(MEANINGS)
