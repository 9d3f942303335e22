"""Which site a tracker is: by its own id where it tells one, else by its address; and what that says of a link."""

from dataclasses import replace

import pytest

from remediation.domain.cases.records import Intent, Link
from remediation.domain.ownership import Site, SiteHistory

A, B = Site("https://a.example", "id-a"), Site("https://b.example", "id-b")
NOW = 1_800_000_000.0
LINK = Link("jira", "10001", "SEC-1", "https://a.example/browse/SEC-1")


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (A, True),
        (B, False),
        pytest.param(Site("https://alias.example", "id-a"), True, id="another address of the same site"),
        pytest.param(Site("https://a.example", "id-b"), False, id="another site behind the same address"),
        pytest.param(Site("https://a.example"), True, id="it does not tell its id any more"),
        pytest.param(Site("https://b.example"), False, id="neither id nor address is the same"),
    ],
)
def test_a_site_is_the_same_by_its_id_or_else_by_its_address(other: Site, is_same: bool) -> None:  # noqa: FBT001
    assert A.is_same(other) is other.is_same(A) is is_same


def test_a_history_remembers_the_site_before_and_an_id_that_is_not_told_any_more() -> None:
    first = SiteHistory(A)
    assert first.seen(Site(A.address), NOW) == first
    moved = first.seen(B, NOW)
    assert (moved, moved.seen(B, NOW + 1)) == (SiteHistory(B, A, NOW), moved)
    assert moved.seen(A, NOW + 2) == SiteHistory(A, B, NOW + 2)


def test_a_tracker_that_does_not_tell_is_known_by_its_address_alone() -> None:
    assert SiteHistory(A).untold(A.address) == SiteHistory(A)
    untold = SiteHistory(A).untold(B.address)
    assert (untold.site, untold.before, untold.is_told) == (Site(B.address), A, False)
    assert not any(untold.is_of(replace(LINK, site=site)) for site in ("id-a", A.address, B.address, ""))


@pytest.mark.parametrize(
    ("link", "intent", "elsewhere"),
    [
        pytest.param(replace(LINK, site="id-a"), None, "id-a", id="a ticket on the site before"),
        pytest.param(LINK, None, "id-a", id="one that an earlier version linked, perhaps there"),
        pytest.param(replace(LINK, site="id-b"), Intent("jira", NOW - 1), "", id="a ticket here"),
        pytest.param(None, Intent("jira", NOW - 1), "id-a", id="perhaps one on the site before"),
        pytest.param(None, Intent("jira", NOW + 1), "", id="perhaps one here"),
        pytest.param(None, Intent("jira", 0.0), "", id="one that this site told of"),
        pytest.param(None, None, "", id="nothing"),
    ],
)
def test_where_else_a_case_may_have_its_ticket(link: Link | None, intent: Intent | None, elsewhere: str) -> None:
    assert SiteHistory(B, A, NOW).elsewhere(link, intent) == elsewhere
    assert SiteHistory(B).elsewhere(None, intent) == ""


@pytest.mark.parametrize(
    ("history", "site", "is_of"),
    [
        (SiteHistory(A), "id-a", True),
        (SiteHistory(A), "https://a.example", True),
        (SiteHistory(A), "id-b", False),
        pytest.param(SiteHistory(A), "", True, id="an earlier version made it, and there was one site only"),
        pytest.param(SiteHistory(B, A, NOW), "", False, id="an earlier version made it, perhaps on the other site"),
        (SiteHistory(B, A, NOW), "id-a", False),
        (SiteHistory(B, A, NOW), "id-b", True),
    ],
)
def test_a_link_is_of_the_site_on_which_it_was_made(history: SiteHistory, site: str, is_of: bool) -> None:  # noqa: FBT001
    link = Link(LINK.tracker, LINK.ticket_id, LINK.ticket_key, LINK.url, site=site)
    assert history.is_of(link) is is_of
