from collections.abc import AsyncIterator, Sequence

import pytest

from remediation.store.cases.entries import Entry, PutOff
from remediation.store.cases.standings import Stand, Standing, Standings
from remediation.store.cases.timeline import Timeline, TimelineEntry
from remedy.reconcile.patience import Patience
from remedy.reconcile.wait import CaseWaiter

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


def test_a_case_that_another_system_holds_up_now_is_charged_to_that_one(patience: Patience) -> None:
    for ref in ("case", "first", "second"):
        patience.put_off(put_off(ref), JIRA, 0.0)
    patience.put_off(put_off("case", due=10.0), ("snow",), 10.0)
    patience.settled(["first"], 100.0)
    assert not patience.is_over(put_off("case", due=10.0), 130.0)
    assert patience.is_over(put_off("case", due=10.0), 131.0)
    assert not patience.is_over(put_off("second"), 220.0)


def test_a_system_that_has_passed_its_last_case_on_begins_anew_with_the_next_one(patience: Patience) -> None:
    patience.put_off(put_off("case"), JIRA, 0.0)
    patience.put_off(put_off("case", due=10.0), ("snow",), 10.0)
    patience.put_off(put_off("other"), JIRA, 500.0)
    patience.settled(["third"], 600.0)
    assert not patience.is_over(put_off("other"), 620.0)
    assert patience.is_over(put_off("other"), 621.0)


def test_being_put_off_again_and_again_is_no_news(patience: Patience) -> None:
    for at in range(0, 130, 10):
        patience.put_off(put_off("held", due=at + 10.0), JIRA, float(at))
    assert patience.is_over(put_off("held", due=130.0), 121.0)


def test_a_case_is_put_off_anew_when_it_is_due_at_another_time(patience: Patience) -> None:
    assert patience.is_put_off_anew(put_off("held", due=10.0))
    patience.put_off(put_off("held", due=10.0), JIRA, 0.0)
    assert not patience.is_put_off_anew(put_off("held", due=10.0))
    assert patience.is_put_off_anew(put_off("held", due=20.0))
    assert not patience.is_put_off_anew(standing("held", Stand.HELD, due=20.0))
    patience.settled(["held"], 30.0)
    assert patience.is_put_off_anew(put_off("held", due=10.0))


class Rounds(Standings):
    """The cases' standings, and who holds the first one up, as they are round after round; 100 s lie between two."""

    def __init__(self, *rounds: list[Standing], holders: list[str]) -> None:
        self.rounds, self.holders = rounds, holders
        self.number = 0

    def clock(self) -> float:
        return 100.0 * self.number

    async def sleep(self, seconds: float) -> None:
        del seconds
        self.number += 1

    async def of(self, refs: Sequence[str]) -> list[Standing]:
        return [each for each in self.rounds[self.number] if each.ref in refs]

    async def anybody_at_work(self) -> bool:
        return True


class Holders(Timeline):
    """Timelines that tell who holds the cases up now."""

    def __init__(self, rounds: Rounds) -> None:
        self.rounds = rounds

    async def read(self, ref: str, limit: int = 0) -> list[Entry]:
        del limit
        return [PutOff(0.0, 0.0, self.rounds.holders[self.rounds.number] if ref == "case" else "jira")]

    async def since(self, ref: str, after: str = "") -> AsyncIterator[TimelineEntry]:
        del ref, after
        told: list[TimelineEntry] = []
        for each in told:
            yield each


async def test_while_jira_lets_others_through_nobody_waits_longer_for_a_case_that_servicenow_holds_up() -> None:
    others = [put_off(str(number)) for number in range(5)]
    done = [standing(each.ref, Stand.SETTLED) for each in others]
    rounds = Rounds(
        *([put_off("case", due=10.0 * number), *done[:number], *others[number:]] for number in range(6)),
        holders=["jira", *["snow"] * 5],
    )
    said: list[str] = []
    waiting = CaseWaiter(rounds, Holders(rounds), "", LONGEST, rounds.clock, said.append, rounds.sleep)
    ended = {each.ref: rounds.number async for each in waiting.outcomes(["case", *(each.ref for each in others)])}
    assert ended == {"case": 3, **{str(number): number + 1 for number in range(5)}}
