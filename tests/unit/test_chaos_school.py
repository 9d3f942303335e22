"""The judge of the experiment on feeds of incidents: what it calls wrong."""

from dataclasses import replace

import pytest

from chaos.school import Reported, overlaps, wrong_with

BOTH = [("jira", True), ("servicenow", True)]
CLOSED = [("jira", False), ("servicenow", False)]
TAKEN = Reported(is_taken=True)
DELETED = replace(TAKEN, is_deleted=True)


@pytest.mark.parametrize(
    ("reported", "tickets", "wrong"),
    [
        (TAKEN, BOTH, ""),
        (TAKEN, [], "lost"),
        (TAKEN, BOTH[:1], "lost"),
        (TAKEN, CLOSED, "apart"),
        (TAKEN, [*BOTH, ("jira", False)], "twice"),
        (replace(TAKEN, is_closed=True), CLOSED, ""),
        (replace(TAKEN, is_closed=True), BOTH, "apart"),
        (DELETED, CLOSED, ""),
        (DELETED, [], ""),
        (DELETED, [("jira", True), ("servicenow", False)], "apart"),
        (DELETED, [("jira", False)] * 2, "twice"),
        (replace(TAKEN, is_unsure=True), CLOSED, ""),
        (replace(TAKEN, is_unsure=True), [], "lost"),
        (Reported(is_taken=False), [], ""),
        (Reported(is_taken=False), BOTH, "apart"),
    ],
)
def test_each_incident_has_exactly_the_tickets_that_follow_from_it(
    reported: Reported, tickets: list[tuple[str, bool]], wrong: str
) -> None:
    assert wrong_with(reported, tickets) == wrong


def came(at: float, ended_at: float | None, path: str = "/public/v1/incidents.xml") -> dict[str, object]:
    return {"path": path, "at": at, "ended_at": ended_at}


@pytest.mark.parametrize(
    ("requests", "count"),
    [
        ([], 0),
        ([came(1, 2), came(2, 3)], 0),
        ([came(1, 3), came(2, 4)], 1),
        ([came(1, None), came(2, 3)], 1),
        ([came(1, 9), came(2, 3), came(4, 5)], 2),
        ([came(1, 3), came(2, 4, "/other")], 0),
    ],
)
def test_a_request_overlaps_if_it_comes_while_another_is_in_hand(requests: list[dict[str, object]], count: int) -> None:
    assert overlaps(requests) == count


def test_a_request_that_is_under_way_when_redis_is_wiped_is_one_that_nobody_knows_of() -> None:
    assert overlaps([came(1, 5), came(3, 4)], forgotten=[2]) == 0
    assert overlaps([came(1, 5), came(3, 4)], forgotten=[0.5, 3.5]) == 1
