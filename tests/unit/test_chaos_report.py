import pytest

from chaos.experiment import Experiment, Goal, Outcome
from chaos.experiments.writing import Order, order_in
from chaos.figures import Figures, defects
from chaos.journal import Attempt, Delivery, Journal
from chaos.table import Played, as_json, remarks, table

ZEROS = ("lost", "twice", "unsettled", "dishonest", "defects")
SOUND = {"attempts": 9, "accepted": 4, "tickets": 3, "parked": 0, "settle_seconds": 1.5, **dict.fromkeys(ZEROS, 0)}

LOG = "10</data/appendonly.aof.1.incr.aof>"
CLIENT = "12<UNIX-STREAM:[1->2]>"


def never(*_: object) -> Outcome:
    raise AssertionError


EXPERIMENT = Experiment("cuts", "the link is cut", never, 2, 200)


def figures(**changed: int) -> Figures:
    return Figures(**{**SOUND, **changed})  # type: ignore[arg-type]  # one of them is a float


def attempt(answer: str, at: float = 1.0) -> Attempt:
    return Attempt(at, 0.25, answer)


@pytest.mark.parametrize("name", ZEROS)
def test_any_figure_that_must_be_zero_and_is_not_makes_an_experiment_unsound(name: str) -> None:
    assert Outcome({"cuts": 1}, figures()).sound
    assert not Outcome({"cuts": 1}, figures(**{name: 1})).sound


def test_an_experiment_in_which_nothing_was_injected_proves_nothing() -> None:
    assert not Outcome({"cuts": 0}, figures()).sound


def test_an_experiments_own_zeros_count_too() -> None:
    assert not Outcome({"cuts": 1}, figures(), zeros={"keys evicted": 1}).sound


def test_the_table_has_a_line_for_each_experiment_and_one_that_broke_off_says_so() -> None:
    played = [Played(EXPERIMENT, Outcome({"cuts": 3}, figures(lost=2)), 7.0), Played(EXPERIMENT, None, 1.0, "OSError")]
    lines = table(played).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        *("cuts", "3", "4", "3", "2", "0", "0", "0", "1.5 s", "7 s")
    ]
    assert "BROKE OFF" in lines[3]
    assert "OSError" in remarks(played)
    assert [each["sound"] for each in as_json(played)] == [False, False]


def test_times_are_told_with_what_is_wanted_and_fail_nothing() -> None:
    outcome = Outcome({"cuts": 1}, figures(), (Goal("well again within", 6.0, 5.0),))
    assert outcome.sound
    assert str(outcome.goals[0]) == "well again within 6.0 s (≤ 5 s, NOT met)"


@pytest.mark.parametrize(("short", "scale", "times"), [(True, 1.0, 2), (False, 1.0, 200), (False, 0.001, 1)])
def test_a_scale_is_for_the_long_form(*, short: bool, scale: float, times: int) -> None:
    assert EXPERIMENT.times(scale, short=short) == times


def test_a_delivery_counts_as_accepted_once_any_copy_was() -> None:
    journal = Journal({"fnd_1": ("jira",), "fnd_2": ("jira",)})
    for event, finding, answer in (("a", "fnd_1", "503"), ("a", "fnd_1", "202"), ("a", "fnd_1", "202")):
        journal.note(Delivery(event, finding, b""), attempt(answer))
    journal.note(Delivery("b", "fnd_2", b""), attempt("ConnectionResetError"))
    assert journal.accepted == ["a"]
    assert journal.told == {"fnd_1": ("jira",)}
    assert journal.answers()["202"] == 2


def test_only_errors_that_nobody_foresaw_are_defects() -> None:
    lines = ['{"event": "job_failed"}', '{"event": "job_let_go"}', '{"event": "uncaught_exception"}']
    assert defects("\n".join(lines)) == 2


@pytest.mark.parametrize(
    ("calls", "order"),
    [
        ([f"write({LOG}, ...) = 9", f"fdatasync({LOG}) = 0", f"write({CLIENT}, ...) = 4"], Order(1, 1, 0)),
        ([f"write({LOG}, ...) = 9", f"write({CLIENT}, ...) = 4", f"fdatasync({LOG}) = 0"], Order(1, 1, 1)),
        ([f"write({LOG}, ...) = 9", f"fdatasync({LOG}) = -1 EIO", f"write({CLIENT}, ...) = 4"], Order(1, 0, 1)),
        ([f"sendto({CLIENT}, ...) = 4", "+++ exited with 1 +++"], Order(1, 0, 0)),
        (["write(1</data/valkey.log>, ...) = 4"], Order(0, 0, 0)),
    ],
)
def test_a_reply_that_leaves_before_its_sync_is_seen(calls: list[str], order: Order) -> None:
    assert order_in("\n".join(calls)) == order
