"""The three shapes of SchoolScan's lists, and the addresses of their pages."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.errors import Unreadable
from remediation.sources.schoolscan.pages import PAGE_SIZE, address_of, page_of

LIST = "https://api.schoolscan.example/v1/findings"


def query_of(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


def test_a_first_page_is_asked_for_with_its_filters_and_size() -> None:
    address = address_of(LIST, {"scan_id": "scan 1&x=y"}, None)
    assert address.startswith(f"{LIST}?")
    assert query_of(address) == {"scan_id": ["scan 1&x=y"], "per_page": [str(PAGE_SIZE)]}


@pytest.mark.parametrize(
    ("cursor", "name", "value"), [("c:a b/=&", "cursor", "a b/=&"), ("c:x:y", "cursor", "x:y"), ("p:7", "page", "7")]
)
def test_a_later_page_keeps_the_filters(cursor: str, name: str, value: str) -> None:
    address = address_of(LIST, {"severity": "high"}, cursor)
    assert query_of(address) == {"severity": ["high"], "per_page": [str(PAGE_SIZE)], name: [value]}


@pytest.mark.parametrize("cursor", ["l:page=2", "l:/v1/findings?page=2"])
def test_a_linked_page_is_asked_for_at_the_lists_own_address(cursor: str) -> None:
    """Also the one of a cursor as an earlier version stored it."""
    assert address_of(LIST, {}, cursor) == "https://api.schoolscan.example/v1/findings?page=2"


@pytest.mark.parametrize(
    "cursor",
    [
        *(
            "",
            "x",
            "c:",
            "c",
            "p:",
            "p:x",
            "p:1:",
            "p:1:2:3:4",
            "e:",
            "e:x",
            "p:-1",
            "p:²",
            "l:",
            "z:1",
            "c:a\nb",
            f"c:{'x' * 4097}",
            "p:123456789012",
        ),
        *("l:/v1/findings/fnd_1?page=2", "l:/v1/scans?page=2", "l:/v1/../admin?x=1", "l:/\\evil.example?x=1"),
        *(
            "l://evil/x",
            "l:///evil.example/v1/findings?x=1",
            "l:/v1/findings",
            "l:a=b c",
            "l:a=b#c",
            "l:a\r\nHost: evil",
        ),
    ],
)
def test_a_cursor_that_is_not_ours_begins_the_list_anew(cursor: str) -> None:
    assert address_of(LIST, {}, cursor) == address_of(LIST, {}, None)


@pytest.mark.parametrize(
    ("body", "link", "cursor", "following"),
    [
        ({"data": [1], "next_cursor": "abc"}, None, None, "c:abc"),
        ({"data": [1], "next_cursor": 17}, None, None, "c:17"),
        ({"data": [], "next_cursor": "abc"}, None, None, "c:abc"),
        ({"data": [1], "next_cursor": None}, None, "c:abc", None),
        ({"data": [1], "next_cursor": ""}, None, None, None),
        ({"data": [1] * 100, "page": 1, "per_page": 100, "total": 247}, None, None, "p:2:247"),
        ({"data": [1] * 100, "page": 2, "per_page": 100, "total": 247}, None, "p:2", "p:3:247"),
        ({"data": [1] * 100, "page": 2, "per_page": 100, "total": 247}, None, "p:2:247", "p:3:247"),
        ({"data": [1] * 47, "page": 3, "per_page": 100, "total": 247}, None, "p:3", None),
        ({"data": [1] * 50, "page": 2, "per_page": 50, "total": 100}, None, "p:2", None),
        ({"data": [1] * 50, "total": 120}, None, None, "p:2:120"),
        ({"data": [1] * 50, "total": 120}, None, "p:2:120", "p:3:120"),
        ({"data": [1] * 100, "page": 1, "per_page": 100}, None, None, "p:2"),
        ({"data": [1] * 99, "page": 1, "per_page": 100}, None, None, None),
        ({"data": [], "page": 4, "per_page": 100, "total": 900}, None, "p:4", "e:5:900"),
        ({"data": [1], "page": 5, "per_page": 100, "total": 900}, None, "e:5:900", "p:6:900"),
        ({"data": [], "page": 5, "per_page": 100, "total": 900}, None, "e:5:900", None),
        ({"data": [], "page": 4, "per_page": 100, "total": 300}, None, "p:4:300", None),
        ({"data": [], "page": 4, "per_page": 100}, None, "p:4", None),
        ({"data": [1] * 100, "page": 3, "per_page": 100, "total": 498}, None, "p:3:500", "p:2:498:4"),
        ({"data": [1] * 100, "page": 2, "per_page": 100, "total": 490}, None, "p:2:498:4", "p:4:498"),
        ({"data": [1] * 100, "page": 4, "per_page": 100, "total": 600}, None, "p:4:498", "p:5:600"),
        ({"data": [1] * 50, "page": 3, "per_page": 100, "total": 250}, None, "p:3:500", "p:1:250:4"),
        ({"data": [1] * 100, "page": 1, "per_page": 100, "total": 250}, None, "p:1:250:4", "p:2:250:4"),
        ({"data": [1] * 100, "page": 2, "per_page": 100, "total": 250}, None, "p:2:250:4", None),
        ({"data": [1]}, f"{LIST}?page=2", None, "l:page=2"),
        ({"data": [1]}, "https://API.schoolscan.example:443/v1/findings/?page=2", None, "l:page=2"),
        ([1, 2], "/v1/findings?a[x]=1|2%20", None, "l:a[x]=1|2%20"),
        ([1, 2], "?page=2", None, "l:page=2"),
        ([1, 2], None, None, None),
        ({"data": [1], "page": True, "total": "many"}, None, None, None),
    ],
)
def test_the_next_page_is_found_in_every_shape(
    body: object, link: str | None, cursor: str | None, following: str | None
) -> None:
    assert page_of(body, link, address_of(LIST, {}, cursor), cursor).cursor == following


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1/findings?page=2",
        "http://api.schoolscan.example/v1/findings?page=2",
        "https://api.schoolscan.example:8443/v1/findings",
        "//evil.example/v1/findings",
        "https://[broken",
        "https://api.schoolscan.example:port/",
        "javascript:alert(1)",
        "https://api.schoolscan.example/v1/scans?page=2",
        "/v1/findings/fnd_1?page=2",
        "/v1/findings",
        "?page=2\n",
        "?a=\x01",
        "?a=b\u00e9",
        "?a=<b>",
        f"?a={'x' * 5000}",
    ],
)
def test_a_link_to_another_host_or_path_or_with_odd_characters_is_not_followed_and_does_not_end_the_list_in_silence(
    link: str,
) -> None:
    with pytest.raises(Unreadable):
        page_of({"data": [1]}, link, LIST, None)


@pytest.mark.parametrize("body", [None, {}, {"data": None}, {"data": {}}, "x", 5])
def test_an_answer_without_a_list_is_unreadable(body: object) -> None:
    with pytest.raises(Unreadable):
        page_of(body, None, LIST, None)


@pytest.mark.parametrize(
    ("body", "link", "cursor"),
    [
        ({"data": [1], "next_cursor": "abc"}, None, "c:abc"),
        ({"data": [1] * 100, "page": 1, "per_page": 100, "total": 300}, None, "p:2"),
        ({"data": [1] * 100, "page": 1, "per_page": 100, "total": 300}, None, "p:2:300"),
        ([1], "/v1/findings?page=2", "l:page=2"),
        ([1], "/v1/findings?per_page=100", None),
        ([1], "?per_page=100", None),
        ([1], "?per_page=100", "c:abc"),
        ([1], "?per_page=100", "l:per_page=100&page=2"),
        ({"data": [1], "next_cursor": "x" * 5000}, None, None),
    ],
)
def test_a_list_whose_next_page_is_this_one_again_is_unreadable(
    body: object, link: str | None, cursor: str | None
) -> None:
    with pytest.raises(Unreadable):
        page_of(body, link, address_of(LIST, {}, cursor), cursor)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ENVELOPES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("data", "next_cursor", "page", "per_page", "total"), ANY_JSON)
)


@given(
    ENVELOPES | ANY_JSON,
    st.none() | st.text() | st.sampled_from(["?", "#", "?per_page=100", "/v1/findings"]),
    st.none() | st.from_regex(r"\A(c:\w+|[pe]:[0-9]{1,6}(:[0-9]{1,6}){0,2})\Z"),
)
def test_any_list_has_a_next_page_that_can_be_asked_for_or_is_unreadable(
    body: object, link: str | None, cursor: str | None
) -> None:
    try:
        page = page_of(body, link, address_of(LIST, {}, cursor), cursor)
    except Unreadable:
        return
    if page.cursor is not None:
        following = address_of(LIST, {}, page.cursor)
        assert following.startswith(f"{LIST}?")
        assert following != address_of(LIST, {}, None), "the list would begin anew, for ever"


@given(
    st.integers(0, 60),
    st.integers(1, 7),
    st.lists(st.integers(0, 59), max_size=20),
    st.lists(st.booleans(), max_size=20),
)
def test_a_numbered_list_that_changes_while_it_is_read_loses_nobody_who_stays(
    count: int, size: int, places: list[int], leaving: list[bool]
) -> None:
    """Now and then a member leaves, from anywhere, or another one comes in anywhere."""
    members, cursor, reads = list(range(count)), None, 0
    staying, seen = set(members), set[object]()
    changes = list(zip(places, leaving, strict=False))
    while reads <= 3 * (count + len(changes)) + 3:
        number = int(query_of(address_of(LIST, {}, cursor)).get("page", ["1"])[0])
        shown = members[(number - 1) * size : number * size]
        body = {"data": shown, "page": number, "per_page": size, "total": len(members)}
        page = page_of(body, None, address_of(LIST, {}, cursor), cursor)
        seen, reads, cursor = seen | set(page.members), reads + 1, page.cursor
        if cursor is None:
            break
        if changes and reads % 3 == 0:
            place, leaves = changes.pop()
            if leaves and members:
                staying.discard(members.pop(place % len(members)))
            elif not leaves:
                members.insert(place, 1_000 + reads)
    assert cursor is None, "it comes to its end"
    assert staying <= seen
