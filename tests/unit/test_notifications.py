"""What people are told, and when: everything once, nothing when nothing is new, and never more than so many an hour."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.status import Severity
from remediation.mapping.config.notifying import NoticeKind, NotifyChannel, WeeklyTime
from remediation.mapping.config.references import SecretFromEnv
from remediation.read_model.notifications.notices import Notice, NoticeKey, is_wanted, notices_of
from remediation.read_model.notifications.planning import (
    HOUR,
    LONGEST_RETRY,
    MOST_KNOWN,
    ChannelTerms,
    NotificationPlan,
    in_vain,
    notification_plan,
    weekly_due,
    with_week_begun,
    with_weekly,
)
from remediation.read_model.notifications.weekly import DistrictWeek, HappenedCases, WeekFigures, weekly_message
from remediation.read_model.notifications.wording import MOST_LINES, message_of
from remediation.read_model.status.codes import TroubleCode, TroubleName, district_of, notice_kind_of
from remediation.read_model.status.levels import Level
from remediation.read_model.status.lines import StatusLine, StatusSection
from remediation.store.audit.entries import AuditedAction, AuditEntry
from remediation.store.cases.appointments import EndingRisk
from remediation.store.notifications.memory import ChannelMemory, KnownNotice, memory_of, memory_wire
from tests.examples import examples

PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
AT = 1_790_000_000.0
MINUTE = 60.0
TERMS = ChannelTerms(at_most=4, after=5 * MINUTE, repeat=72 * HOUR)
URL = SecretFromEnv(env="CHANNEL")


def notice(about: str = "jira", code: str = TroubleCode.SIGN_IN, count: int = 0) -> Notice:
    return Notice(NoticeKey(code, about, ""), f"{about}: does not let us in", "Renew its token.", count=count)


def channel(**words: object) -> NotifyChannel:
    return NotifyChannel.model_validate({"url": URL, **words})


@dataclass
class Told:
    """A channel that is asked every minute, and takes what it is sent unless it is `broken`."""

    terms: ChannelTerms = TERMS
    memory: ChannelMemory = field(default_factory=lambda: ChannelMemory(AT))
    now: float = AT
    broken: bool = False
    messages: list[tuple[float, NotificationPlan]] = field(default_factory=list)

    def minutes(self, count: int, *notices: Notice) -> "list[NotificationPlan]":
        """The messages of the next minutes, in which there are these notices."""
        before = len(self.messages)
        for _ in range(count):
            self.now += MINUTE
            plan = notification_plan(self.memory, notices, self.terms, self.now)
            if plan.is_silent:
                self.memory = plan.memory
                continue
            self.messages.append((self.now, plan))
            self.memory = in_vain(plan.memory, "it hung", self.now) if self.broken else plan.told(self.now)
        return [plan for _, plan in self.messages[before:]]


def test_a_trouble_is_told_once_it_has_stood_for_a_while_and_then_nothing_more() -> None:
    told = Told()
    assert told.minutes(5, notice()) == []
    assert [each.new for each in told.minutes(24 * 60, notice())] == [(notice(),)]


def test_what_comes_and_goes_within_minutes_is_told_to_nobody() -> None:
    told = Told()
    for _ in range(20):
        assert told.minutes(4, notice()) == []
        assert told.minutes(4) == []
    assert told.memory.known == {}


def test_that_a_trouble_is_over_is_told_once_and_a_short_absence_is_none() -> None:
    told = Told()
    told.minutes(10, notice())
    assert told.minutes(4) == []
    assert told.minutes(30, notice()) == []
    assert [each.over for each in told.minutes(60)] == [(notice().key,)]
    assert told.memory.known == {}


def test_a_trouble_that_stands_is_told_again_after_the_time_that_the_channel_says() -> None:
    told = Told(ChannelTerms(4, 0, 2 * HOUR))
    found = told.minutes(60 * 5, notice())
    assert [(len(each.new), len(each.again)) for each in found] == [(1, 0), (0, 1), (0, 1)]


def test_an_accepted_risk_that_ends_soon_is_told_once_however_long_it_takes() -> None:
    told = Told(ChannelTerms(4, 0, HOUR))
    (ends,) = notices_of([], [RISK])
    assert len(told.minutes(60 * 24, ends)) == 1


def test_what_has_doubled_since_it_was_told_is_told_again() -> None:
    told = Told(ChannelTerms(60, 0, 72 * HOUR))
    counts = [3, 5, 6, 11, 12, 200, 200, 1]
    found = [len(told.minutes(1, notice(count=count))) for count in counts]
    assert found == [1, 0, 1, 0, 1, 1, 0, 0]


def test_all_that_is_due_is_one_message() -> None:
    told = Told()
    (plan,) = told.minutes(10, notice("jira"), notice("servicenow"))
    assert [each.key.about for each in plan.new] == ["jira", "servicenow"]


def test_where_no_more_may_be_sent_within_the_hour_the_rest_waits_and_comes_together() -> None:
    told = Told(ChannelTerms(2, 0, 72 * HOUR))
    notices: list[Notice] = []
    for number in range(10):
        notices.append(notice(f"tracker-{number}"))
        told.minutes(1, *notices)
    assert [len(plan.new) for _, plan in told.messages] == [1, 1]
    told.minutes(60, *notices)
    assert [len(plan.new) for _, plan in told.messages] == [1, 1, 8]


def test_a_channel_that_takes_nothing_is_tried_less_and_less_and_told_everything_in_the_end() -> None:
    told = Told(broken=True)
    told.minutes(60 * 24, notice())
    waits = [later - earlier for (earlier, _), (later, _) in zip(told.messages, told.messages[1:], strict=False)]
    assert waits[:3] == [MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert set(waits[6:]) == {LONGEST_RETRY}
    assert told.memory.failures == len(told.messages)
    told.broken = False
    told.minutes(60, notice())
    assert (told.memory.failures, told.memory.why) == (0, "")
    assert told.minutes(60, notice()) == []


def test_a_clock_that_is_set_back_neither_silences_nor_repeats() -> None:
    told = Told()
    told.minutes(10, notice())
    told.now -= 24 * HOUR
    assert told.minutes(60, notice()) == []
    assert [len(each.new) for each in told.minutes(10, notice(), notice("servicenow"))] == [1]


def test_more_than_can_be_known_waits_until_some_of_it_is_over() -> None:
    many = [notice(f"jira-{number}") for number in range(MOST_KNOWN + 10)]
    told = Told(ChannelTerms(4, 0, 72 * HOUR))
    told.minutes(2, *many)
    assert len(told.memory.known) == MOST_KNOWN
    (plan,) = told.minutes(1, *many[20:])
    assert [each.key.about for each in plan.new] == [f"jira-{number}" for number in range(MOST_KNOWN, MOST_KNOWN + 10)]


def test_what_a_channel_is_no_longer_to_tell_is_not_told_to_be_over() -> None:
    told = Told()
    told.minutes(10, notice())
    plan = notification_plan(told.memory, (), TERMS, told.now + HOUR, lambda _: False)
    assert (plan.is_silent, plan.memory.known) == (True, {})


presence = st.lists(st.frozensets(st.sampled_from(["a", "b", "c"])), min_size=1, max_size=120)


@given(presence, st.integers(1, 4), st.integers(0, 10))
@examples(200)
def test_whatever_comes_and_goes_no_hour_has_more_messages_than_it_may(
    minutes: list[frozenset[str]], at_most: int, after: int
) -> None:
    told = Told(ChannelTerms(at_most, after * MINUTE, 24 * HOUR))
    for there in minutes:
        told.minutes(1, *map(notice, sorted(there)))
    times = [at for at, _ in told.messages]
    assert all(len([at for at in times if since <= at < since + HOUR]) <= at_most for since in times)


@given(presence)
@examples(200)
def test_whatever_comes_and_goes_each_beginning_is_told_once_and_each_end_of_it_once(
    minutes: list[frozenset[str]],
) -> None:
    told = Told(ChannelTerms(60, 0, 24 * HOUR))
    for there in [*minutes, frozenset[str](), frozenset[str]()]:
        told.minutes(1, *map(notice, sorted(there)))
    for name in ("a", "b", "c"):
        said = [
            [each.key.about for each in plan.new].count(name) - [each.about for each in plan.over].count(name)
            for _, plan in told.messages
        ]
        happened = [each for each in said if each]
        assert happened == [1, -1] * (len(happened) // 2)


@given(presence)
@examples(100)
def test_a_worker_that_takes_over_tells_what_the_one_before_it_would_have(minutes: list[frozenset[str]]) -> None:
    one, other = Told(), Told()
    for there in minutes:
        notices = [*map(notice, sorted(there))]
        one.minutes(1, *notices)
        other.minutes(1, *notices)
        other.memory = memory_of(memory_wire(other.memory)) or ChannelMemory(0)
    assert one == other


def test_what_another_version_stored_counts_as_nothing() -> None:
    assert memory_of(b'{"since": "yesterday"}') is None
    assert memory_of(b"\xff") is None


SECTIONS = [
    StatusSection("Processes", (StatusLine("worker", "one runs"),)),
    StatusSection(
        "Waiting for",
        (
            StatusLine("jira", "waits", Level.FAILURE, "Renew.", TroubleName(TroubleCode.SIGN_IN, "jira")),
            StatusLine("late", "late", Level.WARNING, "Look.", TroubleName(TroubleCode.CASES_WAITING)),
        ),
    ),
    StatusSection(
        "Feeds",
        (
            StatusLine(
                "hillside/a", "x", Level.FAILURE, "", TroubleName(TroubleCode.FEED_UNREAD, "hillside/a", "hillside")
            ),
            StatusLine("worker", "one", Level.WARNING, "", TroubleName(TroubleCode.VERSIONS_DIFFER, "worker")),
            StatusLine("worker", "two", Level.WARNING, "", TroubleName(TroubleCode.VERSIONS_DIFFER, "worker")),
        ),
    ),
]
RISK = EndingRisk("lakeside:finding:fnd_1", AT)


def test_news_are_the_troubles_of_the_status_failures_first_and_risks_that_end() -> None:
    assert [(each.key.code, each.says) for each in notices_of(SECTIONS, [RISK])] == [
        ("sign-in", "jira: waits"),
        ("feed-unread", "hillside/a: x"),
        ("cases-waiting", "late: late"),
        ("versions-differ", "worker: one (and 1 other)"),
        ("accepted-risk-ends", "lakeside:finding:fnd_1: its accepted risk ends on 2026-09-21"),
    ]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ({}, {"sign-in", "feed-unread", "cases-waiting", "versions-differ", "accepted-risk-ends"}),
        ({"about": "sign_in"}, {"sign-in"}),
        ({"about": ["feeds", "risks"]}, {"feed-unread", "accepted-risk-ends"}),
        ({"districts": "lakeside"}, {"sign-in", "cases-waiting", "versions-differ", "accepted-risk-ends"}),
        ({"about": "feeds", "districts": "lakeside"}, set()),
    ],
)
def test_a_channel_tells_what_it_asks_for_and_what_is_of_no_district(
    words: Mapping[str, object], codes: set[str]
) -> None:
    asked = channel(**words)
    assert {each.key.code for each in notices_of(SECTIONS, [RISK]) if is_wanted("desk", asked, each.key)} == codes


def test_no_channel_tells_that_it_does_not_work_itself_and_others_do() -> None:
    key = NoticeKey(TroubleCode.NOTIFICATIONS_UNDELIVERED, "desk", "")
    assert [is_wanted(name, channel(), key) for name in ("desk", "other")] == [False, True]


def test_every_trouble_is_some_news_and_every_kind_but_risks_has_one() -> None:
    assert {notice_kind_of(code) for code in TroubleCode} == set(NoticeKind) - {NoticeKind.RISKS}


@pytest.mark.parametrize(
    ("system", "district"),
    [
        ("schoolscan:lakeside", "lakeside"),
        ("schoolscan/lakeside", "lakeside"),
        ("incidents:lakeside/handbook", "lakeside"),
        ("jira", ""),
    ],
)
def test_a_district_is_known_from_a_systems_name(system: str, district: str) -> None:
    assert district_of(system) == district


def test_a_key_is_read_as_it_was_written() -> None:
    key = NoticeKey("parked", "action Refused 403 jira|odd", "lakeside")
    assert NoticeKey.parse(str(key)) == key
    assert NoticeKey.parse("of-a-later-version||x").kind is None


def test_an_end_of_a_kind_that_is_unknown_or_of_a_risk_is_not_told() -> None:
    known = {key: KnownNotice(AT, AT) for key in ("of-a-later-version||x", str(notices_of([], [RISK])[0].key))}
    plan = notification_plan(ChannelMemory(AT, known), (), TERMS, AT + HOUR)
    assert (plan.is_silent, plan.memory.known) == (True, {})


def test_a_message_says_what_is_so_and_what_to_do_and_a_title_says_how_much() -> None:
    plan = NotificationPlan(
        ChannelMemory(AT), (notice(),), (notice("servicenow"),), (NoticeKey("feed-unread", "a/b", "a"),)
    )
    message = message_of(plan)
    assert message.title == "remedy: 1 new, 1 still there, 1 over"
    assert message.text.splitlines() == [
        *("New:", "- jira: does not let us in", "  Renew its token.", ""),
        *("Still there:", "- servicenow: does not let us in", "  Renew its token.", ""),
        *("Over:", "- feed unread (a/b)", ""),
        "remedy status says how it is now, and remedy doctor looks deeper.",
    ]
    assert message_of(NotificationPlan(ChannelMemory(AT), (notice(),))).title == "remedy: jira: sign in"
    assert message_of(NotificationPlan(ChannelMemory(AT), over=plan.over)).title == "remedy: over: feed unread (a/b)"


def test_a_long_message_names_some_and_counts_the_rest() -> None:
    notices = tuple(notice(f"jira-{number}") for number in range(MOST_LINES + 3))
    text = message_of(NotificationPlan(ChannelMemory(AT), notices)).text
    assert text.count("does not let us in") == MOST_LINES
    assert "- and 3 others" in text


MONDAY_EIGHT = 1_790_596_800.0
"""Monday, 2026-09-28, 08:00 in New York."""
WEEKLY = WeeklyTime.model_validate({"time_zone": "America/New_York"})


WEEK = 7 * 86_400


def due(memory: ChannelMemory, *after: float) -> list[float | None]:
    """The moments for which figures are due, so many seconds after that Monday."""
    return [weekly_due(memory, WEEKLY, TERMS, MONDAY_EIGHT + each) for each in after]


def test_figures_are_due_once_a_week_and_a_new_channel_waits_for_the_next() -> None:
    memory = ChannelMemory(MONDAY_EIGHT - HOUR)
    assert due(memory, -1, 0, 3 * 86_400) == [None, MONDAY_EIGHT, MONDAY_EIGHT]
    told = with_weekly(memory, MONDAY_EIGHT, MONDAY_EIGHT + 90)
    assert due(told, 120, WEEK - 1, WEEK) == [None, None, MONDAY_EIGHT + WEEK]
    assert due(ChannelMemory(MONDAY_EIGHT + 1), 3 * 86_400) == [None]


def test_figures_that_take_until_the_next_ones_are_due_do_not_stand_for_those() -> None:
    (moment,) = due(ChannelMemory(MONDAY_EIGHT - HOUR), WEEK - 1)
    assert moment == MONDAY_EIGHT
    told = with_weekly(ChannelMemory(MONDAY_EIGHT - HOUR), moment, MONDAY_EIGHT + WEEK + 5)
    assert due(told, WEEK + 60) == [MONDAY_EIGHT + WEEK]


def test_figures_wait_where_the_channel_may_send_nothing() -> None:
    waits = in_vain(ChannelMemory(MONDAY_EIGHT - HOUR), "it hung", MONDAY_EIGHT)
    assert due(waits, 59, 60) == [None, MONDAY_EIGHT]
    assert weekly_due(ChannelMemory(0), None, TERMS, MONDAY_EIGHT) is None


def test_the_clock_of_the_time_zone_counts_when_summer_ends() -> None:
    week = WEEKLY.moment_before(MONDAY_EIGHT + 6 * 7 * 86_400 + 2 * HOUR) - MONDAY_EIGHT
    assert week == 6 * 7 * 86_400 + HOUR


def test_the_page_has_every_code_beside_what_a_channel_is_to_be_about() -> None:
    table = PAGE.split("## What is told\n")[1].split("\n\n")[0]
    found: list[tuple[str, str]] = []
    kind = ""
    for kinds, codes in re.findall(r"^\|([^|]*)\|([^|]*)\|", table, re.MULTILINE)[2:]:
        kind = kinds.strip(" `") or kind
        found += [(code, kind) for code in re.findall(r"`([a-z-]+)`", codes)]
    assert sorted(found) == sorted((code.value, notice_kind_of(code).value) for code in TroubleCode)


def decided(case: str, *did: AuditedAction) -> AuditEntry:
    return AuditEntry("decided", int(AT * 1000), case=case, did=did)


def test_a_case_counts_once_for_each_thing_that_happened_to_it_however_often_it_did() -> None:
    first, second, other = "lakeside:finding:fnd_1", "lakeside:incident:inc_1", "hillside:finding:fnd_1"
    entries = [
        decided(first, AuditedAction("open:jira", why="new"), AuditedAction("open:servicenow", why="new")),
        decided(first, AuditedAction("patch:resolved", why="ticket_done")),
        decided(first, AuditedAction("reopen:jira", why="found_again"), AuditedAction("patch:reviewing")),
        decided(first, AuditedAction("patch:resolved", why="ticket_done")),
        decided(second, AuditedAction("open:jira", why="new"), AuditedAction("comment:jira:conflict", why="conflict")),
        decided(other, AuditedAction("patch:accepted_risk", why="ticket_done")),
        AuditEntry("replay", int(AT * 1000), piece="lakeside:finding:fnd_9/open:jira"),
    ]
    happened = HappenedCases()
    for entry in entries:
        happened.add(entry)
    assert happened.by_district() == {
        "lakeside": {"opened": 2, "found again": 1, "resolved": 1},
        "hillside": {"accepted": 1},
    }


def test_each_district_has_its_own_of_the_figures_of_all() -> None:
    figures = WeekFigures({"lakeside": {"opened": 2}}, {}, {"lakeside": 1}, {"hillside": 3})
    assert [figures.of(name) for name in ("lakeside", "hillside")] == [
        DistrictWeek("lakeside", {"opened": 2}, {}, {}, 1, 0),
        DistrictWeek("hillside", {}, {}, {}, 0, 3),
    ]
    assert WeekFigures(None, None, {}, {}).of("lakeside") == DistrictWeek("lakeside")


def test_a_weeks_figures_say_what_could_not_be_counted() -> None:
    weeks = [
        DistrictWeek("lakeside", {"opened": 1_200}, {Severity.CRITICAL: 1, Severity.LOW: 3}, {7: 2, 90: 1}, 4, 5),
        DistrictWeek("hillside"),
    ]
    message = weekly_message(weeks, AT)
    assert message.title == "remedy: the week until 2026-09-21"
    assert message.text.splitlines() == [
        "lakeside",
        "  past week: 1,200 opened, 0 found again, 0 resolved, 0 accepted",
        "  still open: 1 critical, 3 low (2 for over 7 days, 1 for over 90 days)",
        "  parked: 4; accepted risks that end within 14 days: 5",
        "",
        "hillside",
        "  past week: not counted, as the audit has more than 100,000 lines of it",
        "  still open: not counted, as there are more than 20,000 cases",
        "  parked: 0; accepted risks that end within 14 days: 0",
    ]


def test_a_channel_that_takes_nothing_for_months_is_tried_each_hour_and_no_oftener() -> None:
    memory = ChannelMemory(AT)
    for number in range(24 * 60):
        memory = in_vain(memory, "the server did not take it", AT + number * HOUR)
    assert memory.retry_at == max(memory.sent) + LONGEST_RETRY


def test_tries_in_vain_say_nothing_any_more_a_day_after_what_they_were_about_is_gone() -> None:
    told = Told(broken=True)
    told.minutes(10, notice())
    told.minutes(60 * 23)
    assert told.memory.failures > 0
    told.minutes(60 * 3)
    assert (told.memory.failures, told.memory.why) == (0, "")


def test_tries_in_vain_are_known_for_as_long_as_something_waits() -> None:
    told = Told()
    told.minutes(10, notice())
    told.broken = True
    told.minutes(60 * 72)
    assert told.memory.failures > 40


def weekly_after(memory: ChannelMemory, weekly: WeeklyTime, now: float) -> bool:
    return weekly_due(with_week_begun(memory, weekly, now), weekly, TERMS, now) is not None


def test_a_channel_that_gets_the_weeks_figures_from_now_on_begins_with_the_next_ones() -> None:
    """It is known for long, and had none."""
    memory, weekly = with_week_begun(ChannelMemory(AT - 40 * 24 * HOUR), None, AT), WeeklyTime()
    assert not weekly_after(memory, weekly, AT)
    begun = with_week_begun(memory, weekly, AT)
    assert weekly_after(begun, weekly, weekly.moment_before(AT) + 7 * 24 * HOUR)
    assert with_week_begun(begun, None, AT).weekly == 0.0


@pytest.mark.parametrize("words", [{"at": "09:00"}, {"day": "tuesday"}, {"time_zone": "America/Chicago"}])
def test_the_weeks_figures_are_not_sent_twice_where_their_time_is_changed(words: dict[str, str]) -> None:
    sent = WeeklyTime().moment_before(AT)
    memory, changed = ChannelMemory(AT - 40 * 24 * HOUR, weekly=sent), WeeklyTime.model_validate(words)
    assert not any(weekly_after(memory, changed, sent + hours * HOUR) for hours in range(7 * 24))
    assert weekly_after(memory, changed, sent + 8 * 24 * HOUR + HOUR)


def test_a_clock_that_was_ahead_for_a_while_ends_no_weekly_figures() -> None:
    memory, weekly = ChannelMemory(AT + 365 * 24 * HOUR, weekly=AT + 365 * 24 * HOUR), WeeklyTime()
    back = with_week_begun(memory, weekly, AT)
    assert not weekly_after(back, weekly, AT)
    assert weekly_after(back, weekly, AT + 7 * 24 * HOUR)


def test_what_stands_is_told_again_although_the_clock_was_ahead_when_it_was_told() -> None:
    told = Told(now=AT + 365 * 24 * HOUR)
    told.minutes(10, notice())
    told.now = AT
    assert [len(each.again) for each in told.minutes(60 * 73, notice())] == [1]


def test_what_was_told_is_not_over_because_more_than_can_be_known_came_before_it() -> None:
    many = [notice(f"jira-{number}") for number in range(MOST_KNOWN)]
    told = Told(ChannelTerms(60, 0, 72 * HOUR))
    told.minutes(2, *many)
    (plan,) = told.minutes(3, notice("servicenow"), *many)
    assert ([each.key.about for each in plan.new], plan.over) == (["servicenow"], ())
    (plan,) = told.minutes(3, *many)
    assert (plan.new, [each.about for each in plan.over]) == ((), ["servicenow"])
