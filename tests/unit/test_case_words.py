"""A case in words: every reason, cause and action has its own, and no code shows through."""

import pytest

from remediation.domain.actions import Verb, Why
from remediation.domain.cases.records import CaseKind
from remediation.read_model.cases.words import (
    CAUSES,
    STANDS_STILL,
    WHYS,
    cause_words,
    done_words,
    entry_words,
    step_words,
    timeline_lines,
    to_do_words,
    why_words,
)
from remediation.store.cases.entries import (
    Acted,
    Disagreed,
    Doubted,
    Entry,
    GivenUp,
    LookCause,
    Planned,
    PlannedStep,
    PutOff,
    Seen,
    SetAside,
    Settled,
    TicketSeen,
    Triggered,
    Unnamed,
    UnreadableEntry,
)

AT = 1_800_000_000.0
LINES: list[tuple[Entry, str]] = [
    (Triggered(AT, "webhook:schoolscan", AT), "looked, because a webhook came in, from schoolscan"),
    (Triggered(AT, "appointment", AT), "looked, because its appointment had come"),
    (Seen(AT, "open", "high"), "saw the finding open, high; no ticket"),
    (
        Seen(AT, "accepted_risk", "low", (TicketSeen("jira", "SEC-1", "done", "accepted_risk"),), ("snow",)),
        "saw the finding accepted risk, low; SEC-1 in jira done, accepted risk, snow could not be asked",
    ),
    (
        Planned(AT, (PlannedStep("open:jira", "new"), PlannedStep("patch:reviewing", "new"))),
        "planned: open a ticket in jira (the finding is new); set the finding to reviewing (the finding is new)",
    ),
    (Acted(AT, "open:jira", "done", "SEC-1"), "done: opened SEC-1 in jira"),
    (Acted(AT, "patch:accepted_risk", "done"), "done: set the finding to accepted risk"),
    (
        Acted(AT, "resolve:jira", "later", "SEC-1", "TryLater", 503, "r-9"),
        "not yet: close the ticket in jira (try later, HTTP 503, request r-9)",
    ),
    (
        Acted(AT, "patch:reviewing", "later", error="BudgetSpent"),
        "not yet: set the finding to reviewing (its limit leaves no room now)",
    ),
    (
        Acted(AT, "open:snow", "refused", error="Refused", status=400),
        "refused, and parked: open a ticket in snow (said no, HTTP 400)",
    ),
    (Settled(AT), "at rest"),
    (Settled(AT, AT + 60), "at rest; to be looked at again on 2027-01-15 08:01:00"),
    (PutOff(AT, AT + 1, "jira", "TryLater", 503), "put off until 2027-01-15 08:00:01 (jira, try later, HTTP 503)"),
    (
        PutOff(AT, AT + 1, "jira", "TryLater", 401, waiting="sign_in"),
        "put off until 2027-01-15 08:00:01 (jira, our sign-in, or the way there, is refused, try later, HTTP 401)",
    ),
    (SetAside(AT, "KeyError"), "the whole case was parked (KeyError)"),
    (GivenUp(AT, "open:snow"), "given up, as nobody had decided about it for too long: open a ticket in snow"),
    (GivenUp(AT, "look"), "given up, as nobody had decided about it for too long: the whole case"),
    (Disagreed(AT), "conflict: both sides were changed, in ways that disagree"),
    (
        Doubted(AT, "jira", "SEC-1", "other_mark"),
        "SEC-1 in jira carries another case's mark: not this case's ticket, which is searched for by its mark",
    ),
    (
        Unnamed(AT, ("jira-n", "jira-s")),
        "held up: mappings.yaml does not name jira-n, jira-s: nothing is concluded without what is there",
    ),
    (UnreadableEntry(AT), "what was told until then is in a form that this version cannot read; it is kept"),
    (Doubted(AT, "jira", "SEC-1", "of_a_later_version"), "SEC-1 in jira of a later version"),
]


@pytest.mark.parametrize(("entry", "words"), LINES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_kind_of_entry_is_a_sentence(entry: Entry, words: str) -> None:
    assert entry_words(entry, CaseKind.FINDING) == words


OF_INCIDENTS: list[tuple[Entry, str]] = [
    (Triggered(AT, "feed", AT), "looked, because its feed showed it changed"),
    (Seen(AT, "gone", "critical"), "saw the incident gone, critical; no ticket"),
    (
        Planned(AT, (PlannedStep("open:jira", "new"), PlannedStep("patch:reviewing", "found_again"))),
        (
            "planned: open a ticket in jira (the incident is new); set the incident to reviewing in our own row "
            "(the incident is in its feed again)"
        ),
    ),
    (Acted(AT, "patch:accepted_risk", "done"), "done: set the incident to accepted risk in our own row"),
    (
        Acted(AT, "patch:resolved", "refused", error="Refused"),
        "refused, and parked: set the incident to resolved in our own row (said no)",
    ),
    (Disagreed(AT), "conflict: its tickets, and what was decided about it, disagree"),
]


@pytest.mark.parametrize(("entry", "words"), OF_INCIDENTS, ids=lambda value: value if isinstance(value, str) else "")
def test_an_incident_is_called_so(entry: Entry, words: str) -> None:
    assert entry_words(entry, CaseKind.INCIDENT) == words


@pytest.mark.parametrize("why", Why)
def test_no_reason_calls_an_incident_a_finding(why: Why) -> None:
    names = [str(verb) for verb in Verb]
    steps = [step_words(PlannedStep(f"{name}:jira", why), CaseKind.INCIDENT) for name in names]
    assert not [step for step in steps if "finding" in step or "found" in step or "SchoolScan" in step]


def test_a_summary_is_called_so() -> None:
    steps = (PlannedStep("open:jira", "new"), PlannedStep("patch:reviewing", "new"))
    words = "open a ticket in jira (the scan is completed); take the summary for reviewing (the scan is completed)"
    assert entry_words(Planned(AT, steps), CaseKind.SUMMARY) == f"planned: {words}"


def test_a_line_begins_with_its_time() -> None:
    assert list(timeline_lines([Settled(AT)], CaseKind.FINDING)) == ["2027-01-15 08:00:00  at rest"]


def test_a_look_in_which_something_was_refused_is_not_said_to_have_left_the_case_at_rest() -> None:
    refused = Acted(AT, "open:jira", "refused", error="Refused", status=400)
    looks: list[Entry] = [Triggered(AT, "webhook", AT), refused, Settled(AT), Triggered(AT, "person", AT), Settled(AT)]
    told = [line[21:] for line in timeline_lines(looks, CaseKind.FINDING)]
    assert (told[2], told[4]) == (STANDS_STILL, "at rest")


def test_every_reason_and_every_cause_has_words() -> None:
    assert WHYS.keys() == set(Why)
    assert CAUSES.keys() == set(LookCause)
    for kind in CaseKind:
        assert len({why_words(why, kind) for why in Why}) == len(Why)


@pytest.mark.parametrize(
    "name",
    ["open:j", "resolve:j", "reopen:j", "raise:j", "comment:j:refused", "duplicate:j", "patch:resolved", "read:j"],
)
def test_every_action_has_words_for_before_and_after(name: str) -> None:
    for kind in CaseKind:
        assert name not in {to_do_words(name, kind), done_words(Acted(AT, name, "done"), kind)}
        assert ":" not in to_do_words(name, kind)


def test_a_detail_is_told_with_its_step() -> None:
    assert step_words(PlannedStep("resolve:jira", "finding_resolved", "fixed"), CaseKind.FINDING) == (
        "close the ticket in jira (the finding is resolved; fixed)"
    )


def test_words_of_another_version_are_shown_as_they_are() -> None:
    assert cause_words("dream:jira") == "dream, from jira"
    for kind in CaseKind:
        assert why_words("moon_phase", kind) == "moon phase"
        assert (to_do_words("look", kind), to_do_words("sing:jira", kind)) == ("look", "sing:jira")
