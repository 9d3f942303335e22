"""A tracker's delivery names a ticket, its mark and its version; nothing that a person wrote is taken from it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.deliveries.events import SCHOOLSCAN, Sender, UnknownEvent
from remediation.deliveries.jira import JIRA
from remediation.deliveries.servicenow import DISPLAY as SERVICENOW_DISPLAY
from remediation.deliveries.servicenow import KEYS as SERVICENOW_KEYS
from remediation.deliveries.servicenow import SERVICENOW
from remediation.deliveries.signatures import SignatureFormat
from remediation.deliveries.ticket_events import TicketEventKind, TicketNoticed
from remediation.domain.errors import Unreadable
from remediation.domain.tickets import TicketChange
from remediation.mapping.config.trackers.kinds import sender_named
from remediation.trackers.jira.answers import Found
from remediation.trackers.jira.changes import changes_in
from remediation.trackers.jira.issues import version_of as version_in_jira
from remediation.trackers.servicenow.changes import changes_of
from remediation.trackers.servicenow.records import OURS
from sandbox.servicenow import webhooks as servicenow_webhooks

SAMPLES = Path(__file__).parent.parent / "payloads"
MARK = "remedy:lakeside:finding:fnd_9d2"
SYS_ID = "9d385017c611228701d22104cc95c371"
RECORD = f"incident/{SYS_ID}"
CHANGED, COMMENTED, DELETED = TicketEventKind.CHANGED, TicketEventKind.COMMENTED, TicketEventKind.DELETED
READERS = {JIRA: JIRA.read, SERVICENOW: SERVICENOW.read}
COMMENT = b"https://x.example/jira/rest/api/2/issue/10042/comment/7"
UPDATED = "2026-04-15T14:02:03.456000+00:00"


def sample(name: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_bytes())
    return tree


def known(event: object) -> TicketNoticed:
    """The event, which must be one of ours."""
    assert isinstance(event, TicketNoticed)
    return event


def jira(**issue: object) -> TicketNoticed:
    """What is read of an update of issue 10042 with these fields."""
    tree = {"webhookEvent": "jira:issue_updated", "issue": {"id": "10042", "fields": issue}}
    return known(JIRA.read(json.dumps(tree).encode()))


def servicenow(**other: object) -> TicketNoticed:
    """What is read of the sample with something else in it."""
    return known(SERVICENOW.read(json.dumps({**sample("servicenow/update"), **other}).encode()))


@pytest.mark.parametrize(
    ("name", "kind", "change"),
    [
        ("jira/issue-updated", CHANGED, TicketChange("10042", MARK, UPDATED)),
        ("jira/issue-deleted", DELETED, TicketChange("10042", MARK, "")),
        ("jira/comment-created", COMMENTED, TicketChange("10042", None, "")),
        ("jira/comment-created-data-center", COMMENTED, TicketChange("10042", None, "")),
        ("servicenow/update", CHANGED, TicketChange(RECORD, MARK, "2026-04-15 14:02:03/7")),
        ("servicenow/delete", DELETED, TicketChange(RECORD, MARK, "")),
    ],
)
def test_a_stored_sample_says_which_ticket_changed(name: str, kind: TicketEventKind, change: TicketChange) -> None:
    body = (SAMPLES / f"{name}.json").read_bytes()
    noticed = sender_named(name.split("/", maxsplit=1)[0]).read(body)
    assert noticed == TicketNoticed(kind, change)
    assert "ZZPII" not in repr(noticed)


@pytest.mark.parametrize(
    ("after", "category", "key", "opened_as"),
    [
        (0, "new", "SEC-12", "SEC-12"),
        (4, "indeterminate", "SEC-12", "SEC-12"),
        (6, "new", "SEC-12", ""),
        (-1, "new", "SEC-12", ""),
        (0, "done", "SEC-12", ""),
        (0, None, "SEC-12", ""),
        (0, "new", "no key", ""),
    ],
)
def test_an_issue_is_as_it_was_opened_while_it_is_active_and_was_changed_only_then(
    after: int, category: str | None, key: str, opened_as: str
) -> None:
    fields = {
        "created": "2026-04-15T09:02:10.000-0500",
        "updated": f"2026-04-15T14:02:{10 + after:02}.000+0000",
        "status": {"id": "3", "statusCategory": {"key": category}},
    }
    tree = {"webhookEvent": "jira:issue_updated", "issue": {"id": "10042", "key": key, "fields": fields}}
    assert known(JIRA.read(json.dumps(tree).encode())).change.opened_as == opened_as
    assert known(JIRA.read(json.dumps({**tree, "webhookEvent": "jira:issue_deleted"}).encode())).change.opened_as == ""
    if category is not None:
        (change,) = changes_in([Found.model_validate(tree["issue"])])
        assert change.opened_as == opened_as


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("jira:issue_created", TicketEventKind.CREATED),
        ("jira:issue_updated", CHANGED),
        ("jira:issue_deleted", DELETED),
        ("comment_created", COMMENTED),
        ("comment_updated", COMMENTED),
        ("comment_deleted", COMMENTED),
    ],
)
def test_every_event_of_an_issue_and_its_comments_is_known(word: str, kind: TicketEventKind) -> None:
    assert known(JIRA.read(json.dumps({"webhookEvent": word, "issue": {"id": 10042}}).encode())).kind is kind


@pytest.mark.parametrize(
    ("word", "kind"), [("insert", TicketEventKind.CREATED), ("update", CHANGED), ("delete", DELETED)]
)
def test_every_operation_on_a_record_is_known(word: str, kind: TicketEventKind) -> None:
    assert servicenow(event=word).kind is kind


@pytest.mark.parametrize(
    "updated",
    ["2026-04-15T14:02:03.456+0000", "2026-04-15T09:02:03.456-0500", "2026-04-15T19:32:03.456+05:30"],
)
def test_a_version_is_the_one_that_the_jira_adapter_reads_in_whatever_zone_it_is_told(updated: str) -> None:
    read = Found.model_validate({"id": "10042", "key": "SEC-12", "fields": {"updated": updated, "labels": []}})
    assert jira(updated=updated).change.version == version_in_jira(read) == UPDATED


def test_a_version_is_the_one_that_the_servicenow_adapter_reads() -> None:
    (listed,) = changes_of("incident", [sample("servicenow/update")])
    assert servicenow().change == listed
    assert servicenow(sys_mod_count=7).change == listed, "a script may write it as a number"


@pytest.mark.parametrize("updated", [None, "", "yesterday", "2026-04-15T14:02:03", 1776261723, [], {}, "9" * 400])
def test_a_time_that_is_none_is_a_version_that_nobody_knows(updated: object) -> None:
    assert jira(updated=updated).change.version == ""


@pytest.mark.parametrize(
    "other",
    [
        {"sys_mod_count": ""},
        {"sys_mod_count": None},
        {"sys_mod_count": "-1"},
        {"sys_updated_on": ""},
        {"sys_updated_on": "2026-04-15T14:02:03"},
        {"sys_updated_on": 5},
    ],
)
def test_half_a_version_of_a_record_is_none(other: dict[str, object]) -> None:
    assert servicenow(**other).change.version == ""


@pytest.mark.parametrize(
    ("labels", "mark"),
    [
        ([MARK], MARK),
        (["remedy", "other", MARK, "remedy:lakeside:finding:second"], MARK),
        (["remedy:nonsense", 5, None, {}, MARK], MARK),
        ([f"{MARK} or so"], None),
        ([], None),
        (None, None),
        (MARK, None),
    ],
)
def test_the_mark_is_the_first_label_that_is_one(labels: object, mark: str | None) -> None:
    assert jira(labels=labels).change.mark == mark


@pytest.mark.parametrize(
    "other",
    [
        {"correlation_display": "somebody else"},
        {"correlation_display": None},
        {"correlation_id": "INC-from-elsewhere"},
        {"correlation_id": ["remedy:lakeside:finding:fnd_9d2"]},
    ],
)
def test_a_correlation_that_is_not_ours_is_no_mark(other: dict[str, object]) -> None:
    assert servicenow(**other).change == TicketChange(RECORD, None, "2026-04-15 14:02:03/7")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is not JSON"),
        (b"[]", "the body is not a JSON object"),
        (b"{}", "the body names no event"),
        (b'{"webhookEvent":5}', "the body names no event"),
        (b'{"webhookEvent":"jira:issue_updated","webhookEvent":"jira:issue_deleted"}', "the body names no event"),
        (b'{"webhookEvent":""}', "the event type is not one"),
        (b'{"webhookEvent":"ZZPII what a person wrote"}', "the event type is not one"),
        (b'{"webhookEvent":"%s"}' % (b"a" * 101), "the event type is not one"),
        (b'{"webhookEvent":"comment_created"}', "the body names no issue"),
        (b'{"webhookEvent":"comment_created","comment":{"self":10042}}', "the body names no issue"),
        (b'{"webhookEvent":"comment_created","comment":{"self":"https://x.example/comment/1"}}', "names no issue"),
        (b'{"webhookEvent":"comment_created","issue":null,"comment":{"self":"%s"}}' % COMMENT, "names no issue"),
        (b'{"webhookEvent":"jira:issue_updated","comment":{"self":"%s"}}' % COMMENT, "names no issue"),
        (b'{"webhookEvent":"jira:issue_updated"}', "the body names no issue"),
        (b'{"webhookEvent":"jira:issue_updated","issue":"10042"}', "the body names no issue"),
        (b'{"webhookEvent":"jira:issue_updated","issue":{"id":"SEC-12"}}', "the body names no issue"),
        (b'{"webhookEvent":"jira:issue_updated","issue":{"id":true}}', "the body names no issue"),
        (b'{"webhookEvent":"jira:issue_updated","issue":{"id":"1","id":"2"}}', "the body names no issue"),
        (b'{"webhookEvent":"jira:issue_updated","issue":{"id":"10042\\n"}}', "the body names no issue"),
    ],
)
def test_what_names_no_event_or_no_issue_cannot_be_read(body: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        JIRA.read(body)


@pytest.mark.parametrize(
    "other",
    [
        {"event": "two words"},
        {"event": None},
        {"table": "incident^ORsys_id!="},
        {"table": "../incident"},
        {"table": None},
        {"sys_id": SYS_ID.upper()},
        {"sys_id": SYS_ID[1:]},
        {"sys_id": None},
    ],
)
def test_what_names_no_operation_or_no_record_cannot_be_read(other: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        servicenow(**other)


@pytest.mark.parametrize(
    "address",
    [
        COMMENT.decode(),
        "http://jira:8080/rest/api/2/issue/10042/comment/7",
        "https://x.example/rest/api/latest/issue/10042/comment/7",
    ],
)
@pytest.mark.parametrize("word", ["comment_created", "comment_updated", "comment_deleted"])
def test_a_comment_of_data_center_names_its_issue_in_its_own_address(word: str, address: str) -> None:
    noticed = JIRA.read(json.dumps({"webhookEvent": word, "comment": {"self": address}}).encode())
    assert noticed == TicketNoticed(COMMENTED, TicketChange("10042", None, ""))


@pytest.mark.parametrize(
    "address",
    [
        "https://x.example/issue/10042/comment/7?issue/1/comment/2",
        "https://x.example/issue/SEC-12/comment/7",
        "https://x.example/issue/10042/comment/7\n",
        "javascript:/issue/10042/comment/7",
    ],
)
def test_what_is_no_address_of_a_comment_names_no_issue(address: str) -> None:
    with pytest.raises(Unreadable, match="names no issue"):
        JIRA.read(json.dumps({"webhookEvent": "comment_created", "comment": {"self": address}}).encode())


@pytest.mark.parametrize(
    "word", ["sprint_started", "jira:worklog_updated", "issuelink_created", "project_created", "user_created"]
)
def test_an_event_of_jira_that_is_none_of_ours_is_unknown_and_not_unreadable(word: str) -> None:
    assert JIRA.read(json.dumps({"webhookEvent": word}).encode()) == UnknownEvent()


def test_an_operation_that_is_none_of_ours_is_unknown_and_not_unreadable() -> None:
    assert SERVICENOW.read(b'{"event":"query"}') == UnknownEvent()


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SERVICENOW_KEYS, "x"]), inner),
    max_leaves=12,
)


@given(tree=trees, event=st.sampled_from(["jira:issue_updated", "comment_created", "update", "delete"]))
def test_whatever_comes_is_read_or_is_unreadable(tree: object, event: str) -> None:
    jira_tree = {"webhookEvent": event, "issue": {"id": "1", "fields": tree}}
    record = {**(tree if isinstance(tree, dict) else {}), "event": event}
    for reader, body in ((JIRA.read, jira_tree), (SERVICENOW.read, record)):
        try:
            noticed = reader(json.dumps(body).encode())
        except Unreadable:
            continue
        assert isinstance(noticed, TicketNoticed | UnknownEvent)


@pytest.mark.parametrize(
    ("sender", "header", "usual"),
    [
        (SCHOOLSCAN, "x-schoolscan-signature", SignatureFormat.AUTO),
        (JIRA, "x-hub-signature", SignatureFormat.PREFIXED),
        (SERVICENOW, "x-remedy-signature", SignatureFormat.BASE64),
    ],
)
def test_each_sender_signs_in_its_own_header_and_format(sender: Sender, header: str, usual: SignatureFormat) -> None:
    assert (sender.header, sender.expected_format(SignatureFormat.AUTO)) == (header, usual)
    assert sender.expected_format(SignatureFormat.STANDARD) is SignatureFormat.STANDARD, "what is written counts"


def test_what_the_adapter_writes_and_what_the_sandbox_sends_is_what_is_read() -> None:
    assert OURS == SERVICENOW_DISPLAY == servicenow_webhooks.OURS
    assert servicenow_webhooks.HEADER.lower() == SERVICENOW.header != JIRA.header
    assert tuple(sample("servicenow/update")) == SERVICENOW_KEYS
