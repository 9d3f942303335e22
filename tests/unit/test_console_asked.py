"""What an address asks of a list is read once, and whatever it cannot be gets words that say why."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from console.answers import PageRefused
from console.questions.asked import ListAddress
from console.rendering import RouteNames, path_of
from remediation.store.newest import ListPlace

APP = Starlette(
    routes=[Route("/things", lambda _: None, name="things"), Route("/things.{form}", lambda _: None, name="file")]
)
APP.state.routes = RouteNames(APP.routes)


def asked(query: str) -> ListAddress:
    scope = {"type": "http", "method": "GET", "path": "/things", "headers": [(b"host", b"x")], "scheme": "https"}
    return ListAddress(Request(scope | {"query_string": query.encode(), "app": APP}))


def test_filters_are_kept_for_the_next_page_and_its_place_is_not() -> None:
    address = asked("account=schoolscan%2Flakeside&state=&after=5~d1&odd=1")
    assert address.text("account") == "schoolscan/lakeside"
    assert address.choice("state", ["done"]) == ""
    place = address.place(ListPlace.parse)
    assert place == ListPlace(5, "d1")
    assert address.filters == {"account": "schoolscan/lakeside"}
    assert address.of_route("things", ListPlace(4, "d0")) == "/things?account=schoolscan%2Flakeside&after=4~d0"
    assert address.of_route("file", form="csv") == "/things.csv?account=schoolscan%2Flakeside"
    assert address.words() == "--account schoolscan/lakeside"


def test_an_address_has_the_prefix_of_a_proxy_and_an_id_in_it_is_quoted() -> None:
    scope = {"type": "http", "method": "GET", "path": "/remedy/things", "headers": [], "app": APP}
    below = Request(scope | {"root_path": "/remedy"})
    assert (path_of(below, "things"), path_of(Request(scope), "things")) == ("/remedy/things", "/things")
    assert path_of(below, "file", form="a?b#c d") == "/remedy/things.a%3Fb%23c%20d"


def test_a_day_begins_at_midnight_utc_and_the_last_one_ends_there() -> None:
    address = asked("since=2026-04-15&until=2026-04-15")
    since, until = address.day("since"), address.day("until", is_last=True)
    assert (since, until) == (1_776_211_200.0, 1_776_297_600.0)
    assert asked("").day("since") is None


@pytest.mark.parametrize("query", ["since=15.4.2026", "since=9999-12-31", "since=2026-02-30", "since=2026-04-15T00:00"])
def test_what_is_no_day_is_refused(query: str) -> None:
    with pytest.raises(PageRefused):
        asked(query).day("since", is_last=True)


def test_a_word_that_nobody_can_choose_and_a_text_without_end_are_refused() -> None:
    with pytest.raises(PageRefused):
        asked("state=odd").choice("state", ["done"])
    with pytest.raises(PageRefused):
        asked(f"case={'x' * 2_000}").text("case")


@pytest.mark.parametrize("text", ["", "5", "x~d1", "-5~d1", "\u0665~d1", f"{'9' * 16}~d1", f"5~{'d' * 2_000}"])
def test_what_is_no_place_of_a_list_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        ListPlace.parse(text)


def test_a_cursor_is_read_as_it_was_written() -> None:
    for place in (ListPlace(5, "a~b"), ListPlace.before(7.5)):
        assert ListPlace.parse(str(place)) == place
