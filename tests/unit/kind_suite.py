"""What every kind of tracker promises before anything is sent: a kind inherits `KindContract` and brings samples.

What its adapter promises on the wire is `tests/contract/tracker_suite.py`.
"""

import json
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, ClassVar

import pytest

from remediation.deliveries.events import UnknownEvent
from remediation.deliveries.ticket_events import TicketNoticed
from remediation.domain.errors import ConfigurationError, Unreadable
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.mapping.config.trackers.kinds import KINDS, TrackerKind, sender_named
from remediation.mapping.config.trackers.tracker_settings import LONGEST_CALL, TrackerSettings
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.ports import Tracker
from remediation.read_model.rules.previews import Previews, asked_about
from remediation.trackers.adapters import adapter_of

SECRET = {"env": "TEST_SECRET"}
AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
FINDING = Finding("fnd_1", Status.OPEN, Severity.HIGH, detected_at=AT)


class KindContract:
    """Nothing listens at the address of `tracker`: who asks it anything fails."""

    kind: str
    """The word of the kind."""
    tracker: ClassVar[dict[str, Any]]
    """A tracker's map without `kind` and `url`; its secret is SECRET."""
    ticket: ClassVar[dict[str, Any]]
    """A ticket's map that says how urgent a finding of severity high is."""
    event: bytes
    """A delivery about a ticket that carries a mark."""

    @pytest.fixture
    def loaded(self) -> Loaded:
        written = {"kind": self.kind, "url": "http://localhost:9", **self.tracker}
        account = {"token": SECRET, "webhook": {"secrets": [SECRET]}}
        file = {
            "version": 1,
            "districts": {"lakeside": {"schoolscan": account}},
            "trackers": {"one": written},
            "rules": [{"name": "all", "due": "2d", "tickets": {"one": self.ticket}}],
            "templates": {"summary": "exposed", "body": "what to do"},
        }
        return loaded_of(json.dumps(file), "m.yaml")

    def test_a_rule_relates_incidents_only_where_the_kind_can_tell_of_other_tickets(self, loaded: Loaded) -> None:
        written = loaded.mappings.trackers["one"]
        account = {"token": SECRET, "webhook": {"secrets": [SECRET]}}
        rule = {"name": "all", "of": "incidents", "severity": "high", "relate": {"within": "7d"}}
        file = {
            "version": 1,
            "districts": {"lakeside": {"schoolscan": account, "schools": {"101": "www.example.org"}}},
            "trackers": {"one": {"kind": self.kind, "url": "http://localhost:9", **self.tracker}},
            "rules": [{**rule, "tickets": {"one": self.ticket}}],
            "templates": {"body": "what to do"},
        }
        if written.relates:
            assert loaded_of(json.dumps(file), "m.yaml").mappings.rules[0].relate
        else:
            with pytest.raises(ConfigurationError, match="has no way to tell of other tickets"):
                loaded_of(json.dumps(file), "m.yaml")

    @pytest.fixture
    def config(self, loaded: Loaded) -> TrackerSettings:
        return loaded.mappings.trackers["one"]

    @property
    def row(self) -> TrackerKind:
        return KINDS[self.kind]

    def test_the_file_is_read_as_its_own_classes(self, loaded: Loaded, config: TrackerSettings) -> None:
        assert type(config) is self.row.tracker
        assert type(loaded.mappings.rules[0].tickets["one"]) is self.row.ticket
        assert config.sender is sender_named(self.kind)

    def test_the_longest_call_fits_into_a_job(self, config: TrackerSettings) -> None:
        assert timedelta(0) < config.longest_call <= LONGEST_CALL

    def test_the_way_to_the_secret_leads_to_it(self, config: TrackerSettings) -> None:
        words, ref = config.secret
        assert reduce(lambda written, word: written[word], words, self.tracker) == SECRET == ref.model_dump()

    def test_a_preview_has_the_place_the_texts_and_what_would_be_sent(self, loaded: Loaded) -> None:
        (preview,) = Previews(loaded).previews(asked_about("lakeside", FINDING, AT))
        assert preview.words[self.row.tracker.place_word] == preview.draft.place != ""
        assert (preview.words["summary"], preview.words["body"]) == ("exposed", "what to do")
        assert "what to do" in str(preview.requests)
        assert (preview.tracker, preview.kind) == ("one", self.kind)

    def test_its_own_words_say_how_urgent_a_ticket_is(self, loaded: Loaded, config: TrackerSettings) -> None:
        ticket = loaded.mappings.rules[0].tickets["one"]
        fields = ticket.own_fields(config, Severity.HIGH, AT)
        assert set(ticket.urgency_fields) & fields.keys()
        due = {name: str(fields[name]) for name in ticket.urgency_fields if "2026" in str(fields.get(name))}
        assert all(value.startswith("2026-04-15") for value in due.values())

    def test_a_delivery_tells_of_its_ticket(self) -> None:
        told = sender_named(self.kind).read(self.event)
        assert isinstance(told, TicketNoticed)
        assert told.change.ticket_id
        assert (told.change.mark or "").startswith("remedy:")
        assert told.change.version

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"a": NaN}', b'"text"', b"{"])
    def test_what_is_no_delivery_is_unreadable(self, body: bytes) -> None:
        with pytest.raises(Unreadable):
            sender_named(self.kind).read(body)

    def test_an_event_of_another_type_is_ignored(self) -> None:
        tree = json.loads(self.event)
        words = [name for name, value in tree.items() if isinstance(value, str)]
        read = [_read_or_none(self.kind, json.dumps({**tree, name: "something_else"}).encode()) for name in words]
        assert UnknownEvent() in read

    async def test_an_adapter_that_is_opened_has_sent_nothing(self, config: TrackerSettings) -> None:
        adapter = adapter_of(config)
        tracker: Tracker = adapter.tracker("one", config, "test-only-secret", largest_answer=LARGEST_ANSWER)
        assert tracker.name == "one"
        assert tracker.search_horizon >= timedelta(0)
        await tracker.close()
        inspector = adapter.inspector("one", config, "test-only-secret", largest_answer=LARGEST_ANSWER)
        await inspector.close()
        assert isinstance(adapter.sign_in_advice(config), str)


def _read_or_none(kind: str, body: bytes) -> object:
    try:
        return sender_named(kind).read(body)
    except Unreadable:
        return None
