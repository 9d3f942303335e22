"""What needs a person: the troubles of the status, worst first, and of those only what the reader may know."""

from dataclasses import replace
from typing import Any

from remediation.domain.errors import Waiting
from remediation.read_model.activity.responses import ResponseTimes, response_times, within_words
from remediation.read_model.status.codes import TroubleCode
from remediation.read_model.status.levels import Level
from remediation.read_model.status.needs import present_state
from remediation.read_model.status.overview import SenderStatus, ServiceStatus
from remediation.store.activity.tally import ResponseKind
from remediation.store.budgets.learned import BudgetFigures
from remediation.store.deliveries.parked import ParkedKind
from remediation.store.deliveries.parked_causes import ParkedCause
from remediation.store.figures import Figures
from remediation.store.processes import Process
from remediation.store.systems import SystemTrouble

NOW = 1_800_000_000.0
FIGURES = Figures(0, 0, 0, None, 0, 0, None, 0, NOW - 1, {}, {})
CAUSE = ParkedCause(ParkedKind.ACTION, "Refused", "jira", 400, 7, NOW - 90, NOW)


def status(**other: Any) -> ServiceStatus:
    """All is well, but for this."""
    processes = (Process("pod/1", "worker", "1", NOW - 60), Process("pod/2", "receiver", "1", NOW - 60))
    senders = (SenderStatus("schoolscan/lakeside", NOW - 5), SenderStatus("schoolscan/harbor", NOW - 3))
    well = ServiceStatus(NOW, "1", None, processes, FIGURES, senders, (), {}, (), (), {}, ())
    return replace(well, **other)


def trouble(system: str) -> SystemTrouble:
    return SystemTrouble(system, Waiting.AWAY, since=NOW - 60, status=503, cases=2)


def test_the_worst_comes_first() -> None:
    state = present_state(status(causes=(CAUSE,)), {}, None)
    assert [(need.level, need.code) for need in state.needs] == [
        (Level.FAILURE, TroubleCode.PARKED),
        (Level.WARNING, TroubleCode.MAPPINGS_WRONG),
    ]
    assert state.level is Level.FAILURE
    assert state.says == "2 things need a person: 1 now, the others can wait for the day."


def test_where_nothing_is_pressing_it_says_that_all_can_wait() -> None:
    assert present_state(status(), {}, None).says == "1 thing needs a person, and can wait for the day."


def test_each_need_says_what_to_do() -> None:
    state = present_state(status(causes=(CAUSE,)), {}, None)
    assert all(need.advice for need in state.needs)
    assert state.needs[0].advice == "remedy parked list says why."


def test_where_nothing_needs_anybody_it_says_so_with_what_was_last_seen() -> None:
    state = present_state(status(), {}, None, frozenset({"lakeside"}))
    assert (state.says, state.level, state.needs) == ("Nothing needs you.", Level.OK, ())
    assert state.last_delivery == NOW - 5


def test_who_reads_one_district_is_told_nothing_of_another_or_of_the_whole_service() -> None:
    troubles = (trouble("schoolscan:lakeside"), trouble("schoolscan:harbor"), trouble("jira"))
    budgets = tuple(
        BudgetFigures(system, "read", 60, 3, 0) for system in ("schoolscan:lakeside", "schoolscan:harbor", "jira")
    )
    figures = replace(
        FIGURES, unread=3, oldest_unread=NOW - 900, parked_accounts={"lakeside": 2, "harbor": 5, "jira": 1}
    )
    whole = status(troubles=troubles, budgets=budgets, figures=figures, causes=(CAUSE,), processes=())
    state = present_state(whole, {}, None, frozenset({"lakeside"}))
    assert [(need.code, need.district) for need in state.needs] == [
        (TroubleCode.SYSTEM_WAITED_FOR, "lakeside"),
        (TroubleCode.PARKED, "lakeside"),
    ]
    assert state.needs[1].says == "2 pieces of lakeside"
    assert [each.system for each in state.troubles] == ["schoolscan:lakeside"]
    assert [each.system for each in state.budgets] == ["schoolscan:lakeside"]
    assert (state.unread, state.unread_since, state.last_sweep, state.processes) == (None, None, None, {})


def test_who_reads_everything_is_told_everything() -> None:
    figures = replace(FIGURES, unread=3, oldest_unread=NOW - 900)
    state = present_state(status(troubles=(trouble("jira"),), figures=figures), {}, None)
    assert {need.code for need in state.needs} == {
        TroubleCode.DELIVERIES_UNREAD,
        TroubleCode.SYSTEM_WAITED_FOR,
        TroubleCode.MAPPINGS_WRONG,
    }
    assert (state.unread, state.unread_since, state.processes) == (3, NOW - 900, {"receiver": 1, "worker": 1})


def test_response_times_are_told_in_words() -> None:
    assert ResponseTimes().says == "none"
    assert ResponseTimes(1, 4.0, 190.0).says == "half of 1 delivery within 4 s, 95 % within 3 min"
    assert within_words(259_200) == "3 d 0 h or more"
    counts = {"ticket:high:2": 1, "ticket:low:2": 3, "status:high:0": 1}
    assert response_times([counts, {"ticket:high:2": 4}], ResponseKind.TICKET).count == 8
