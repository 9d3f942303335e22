import pytest

from cli.reconcile_patience import Patience
from remediation.store.standings import Stand, Standing

LONGEST = 120.0


JIRA = ("jira",)


def standing(ref: str, stand: Stand, due: float = 0.0) -> Standing:
    return Standing(ref, stand, due, ())


def put_off(ref: str, due: float = 0.0) -> Standing:
    return standing(ref, Stand.PUT_OFF, due)


@pytest.fixture
def patience() -> Patience:
    return Patience(LONGEST, 0.0)


@pytest.mark.parametrize("stand", [Stand.WAITING, Stand.HELD])
def test_a_case_is_waited_for_as_long_as_any_other_comes_to_rest(patience: Patience, stand: Stand) -> None:
    patience.settled(["other"], 100.0)
    assert not patience.is_over(standing("case", stand), 220.0)
    patience.settled([], 220.0)
    assert patience.is_over(standing("case", stand), 221.0)


def test_for_a_system_that_is_down_nobody_waits_longer_because_others_come_to_rest(patience: Patience) -> None:
    patience.put_off(put_off("held"), JIRA, 10.0)
    patience.settled(["other"], 130.0)
    assert not patience.is_over(put_off("held"), 130.0)
    assert patience.is_over(put_off("held"), 131.0)
    assert not patience.is_over(standing("case", Stand.WAITING), 131.0)


def test_what_is_put_off_later_is_waited_for_no_longer_than_the_first(patience: Patience) -> None:
    patience.put_off(put_off("first"), JIRA, 10.0)
    patience.put_off(put_off("last"), JIRA, 129.0)
    assert patience.is_over(put_off("last"), 131.0)


def test_a_system_that_lets_a_case_through_is_waited_for_anew(patience: Patience) -> None:
    for ref in ("first", "second"):
        patience.put_off(put_off(ref), JIRA, 10.0)
    patience.settled(["first"], 100.0)
    assert not patience.is_over(put_off("second"), 220.0)
    assert patience.is_over(put_off("second"), 221.0)


def test_a_system_that_has_let_all_through_begins_anew_with_the_next_one(patience: Patience) -> None:
    patience.put_off(put_off("first"), JIRA, 10.0)
    patience.settled(["first"], 20.0)
    patience.put_off(put_off("second"), JIRA, 500.0)
    patience.settled(["other"], 600.0)
    assert not patience.is_over(put_off("second"), 620.0)
    assert patience.is_over(put_off("second"), 621.0)


def test_before_a_system_is_asked_again_nothing_is_held_against_it(patience: Patience) -> None:
    patience.put_off(put_off("held", due=142.0), JIRA, 10.0)
    patience.settled(["other"], 200.0)
    assert not patience.is_over(put_off("held"), 262.0)
    assert patience.is_over(put_off("held"), 263.0)


def test_where_nothing_moves_nobody_waits_for_a_moment_that_is_far_away(patience: Patience) -> None:
    patience.put_off(put_off("held", due=10_000.0), JIRA, 10.0)
    assert not patience.is_over(put_off("held"), 130.0)
    assert patience.is_over(put_off("held"), 131.0)


def test_systems_do_not_share_a_patience(patience: Patience) -> None:
    patience.put_off(put_off("here"), JIRA, 10.0)
    patience.put_off(put_off("there"), ("snow",), 100.0)
    assert patience.is_over(put_off("here"), 131.0)
    assert not patience.is_over(put_off("there"), 131.0)


def test_a_case_in_a_workers_hands_is_not_given_up_while_its_news_is_about_to_come(patience: Patience) -> None:
    patience.put_off(put_off("held"), JIRA, 10.0)
    assert not patience.is_over(standing("held", Stand.HELD), 10_000.0)


def test_a_case_that_was_put_off_and_marked_again_is_given_up_where_nobody_works(patience: Patience) -> None:
    patience.put_off(put_off("held"), JIRA, 10.0)
    assert not patience.is_over(standing("held", Stand.WAITING), 130.0)
    assert patience.is_over(standing("held", Stand.WAITING), 131.0)
