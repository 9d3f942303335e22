"""A case in the names that its trackers have now: nothing of it is lost, and nothing else is touched."""

from dataclasses import fields

from remediation.domain.cases.closings import Closing
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Intent, Link, Memory
from remediation.domain.cases.renaming import names_in, renamed, renamed_action
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from tests.action_names import action_named, actions_named

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
NAMES = {"old": "new"}


def link(tracker: str, ticket_id: str = "1") -> Link:
    return Link(tracker, ticket_id, f"SEC-{ticket_id}", "https://jira.example")


def memory_of(tracker: str) -> Memory:
    return Memory(
        finding=Status.REVIEWING,
        tickets={tracker: TicketState.DONE, "snow": TicketState.OPEN},
        doing=actions_named(f"open:{tracker}", f"comment:{tracker}:conflict", "patch:resolved"),
        closed_at={tracker: 7},
        wrote={tracker: {"priority": "2"}},
        told=frozenset({f"{tracker}/kept_open=cancelled", "snow/conflict="}),
        closings={tracker: Closing(Reason.FIXED, "Done", None)},
        left_over={tracker: "Done"},
        listed={tracker: "0123"},
        attached={tracker: "rep_1@1"},
    )


def record_of(tracker: str) -> CaseRecord:
    return CaseRecord(
        KEY,
        links={tracker: link(tracker), "snow": link("snow", "2")},
        intents={tracker: Intent(tracker, 7.0, "SEC")},
        memory=memory_of(tracker),
        parked=actions_named(f"open:{tracker}", "patch:resolved", "look"),
        again=actions_named(f"comment:{tracker}:refused"),
        given_up=actions_named(f"raise:{tracker}"),
    )


def test_a_record_that_is_renamed_is_as_if_the_name_had_always_been_so() -> None:
    assert renamed(record_of("old"), NAMES) == record_of("new")


def test_every_field_that_may_name_a_tracker_is_in_these_records() -> None:
    """A new one fails here until somebody has thought of it."""
    harmless = {"key", "attempts", "overtaken", "waits_for", "unnamed", "born", "came_due", "home", "members"}
    harmless |= {"known", "ended", "forgotten", "verification", "joined", "unlisted"}
    touched = {"links", "intents", "memory", "parked", "again", "given_up"}
    assert {each.name for each in fields(CaseRecord)} == harmless | touched
    harmless = {"finding", "planned_at", "severity", "rule", "said", "conflict_at"}
    touched = {"tickets", "doing", "closed_at", "wrote", "told", "closings", "left_over", "listed", "attached"}
    assert {each.name for each in fields(Memory)} == harmless | touched


def test_where_both_names_have_a_ticket_the_one_of_now_counts_and_the_other_is_to_be_found() -> None:
    record = CaseRecord(KEY, links={"old": link("old"), "new": link("new", "2")})
    after = renamed(record, NAMES)
    assert (after.links, after.intents) == ({"new": link("new", "2")}, {"new": Intent("new", 0.0)})


def test_the_same_ticket_under_both_names_is_one() -> None:
    record = CaseRecord(KEY, links={"old": link("old"), "new": link("new")})
    assert renamed(record, NAMES) == CaseRecord(KEY, links={"new": link("new")})


def test_of_two_attempts_the_later_one_counts() -> None:
    record = CaseRecord(KEY, intents={"old": Intent("old", 8.0, "A"), "new": Intent("new", 5.0, "B")})
    assert renamed(record, NAMES).intents == {"new": Intent("new", 8.0, "A")}


def test_only_former_names_that_a_record_speaks_of_are_named() -> None:
    assert names_in(record_of("old"), {"old": "new", "older": "new"}) == NAMES
    assert names_in(record_of("new"), NAMES) == {}
    assert names_in(CaseRecord(KEY, memory=Memory(left_over={"old": "Done"})), NAMES) == NAMES


def test_a_status_is_no_name_of_a_tracker() -> None:
    assert renamed_action(action_named("patch:resolved"), {"resolved": "new"}) == action_named("patch:resolved")
    assert renamed_action(action_named("look"), {"look": "new"}) == action_named("look")
