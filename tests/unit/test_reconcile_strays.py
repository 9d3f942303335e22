"""Which marked tickets of a tracker's list belong to no case, and how many there are."""

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.tickets import TicketChange
from remedy.reconcile.strays import MOST_STRAYS, Strays
from tests.stand_ins import PlainRulebook

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")


def change(number: int, mark: str | None = KEY.mark, meant_for: str = "") -> TicketChange:
    return TicketChange(str(number), mark, meant_for=meant_for)


def strays(*changes: TicketChange, tracker: str = "old", rulebook: PlainRulebook | None = None) -> Strays:
    found = Strays()
    found.note(tracker, changes, [()] * len(changes), rulebook or PlainRulebook("jira"))
    return found


def test_a_ticket_that_a_list_tells_of_twice_counts_once_and_one_without_a_mark_not_at_all() -> None:
    assert strays(change(1), change(1), change(2, None), change(3, "nonsense")).tickets == {("old", "lakeside"): {"1"}}


def test_a_ticket_that_concerns_a_case_is_none() -> None:
    found = Strays()
    found.note("old", [change(1)], [(KEY,)], PlainRulebook("jira"))
    assert found.tickets == {}


def test_a_ticket_that_another_tracker_on_the_installation_may_have_is_none() -> None:
    rulebook = PlainRulebook("jira")
    rulebook.one_installation = ("jira", "old")
    assert strays(change(1), rulebook=rulebook).tickets == {}


def test_of_several_trackers_on_one_installation_the_one_that_a_ticket_names_tells_of_it_or_else_the_first() -> None:
    rulebook = PlainRulebook()
    rulebook.one_installation = ("a", "b")
    rulebook.former_names = {"former": "b"}
    changes = [change(1), change(2, meant_for="a"), change(3, meant_for="former"), change(4, meant_for="elsewhere")]
    assert strays(*changes, tracker="a", rulebook=rulebook).tickets["a", "lakeside"] == {"1", "2", "4"}
    assert strays(*changes, tracker="b", rulebook=rulebook).tickets["b", "lakeside"] == {"3"}


def test_so_many_are_counted_one_by_one_and_no_more() -> None:
    found = strays(*(change(number) for number in range(MOST_STRAYS)))
    assert (found.counted, found.stopped) == (MOST_STRAYS, False)
    found.note("old", [change(0)], [()], PlainRulebook("jira"))
    assert not found.stopped
    found.note("old", [change(MOST_STRAYS)], [()], PlainRulebook("jira"))
    assert (found.counted, found.stopped) == (MOST_STRAYS, True)
