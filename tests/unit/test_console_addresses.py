"""Where a change comes from, where a browser may be sent to, and how cookies are named."""

import pytest

from console.people.addresses import cookie_place, is_background, is_from_us, own_path

OURS = "https://console.example/remedy"


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://console.example", "host": "console.example"}, False),
        ({"origin": "https://console.example", "host": "console.example"}, True),
        ({"origin": "https://console.example", "host": "10.0.0.7:8080"}, True),
        ({"origin": "http://127.0.0.1:8090", "host": "127.0.0.1:8090"}, True),
        ({"origin": "https://console.example:8443", "host": "console.example"}, False),
        ({"origin": "https://evil.example", "host": "console.example"}, False),
        ({"origin": "null", "host": "console.example"}, False),
        ({"origin": "null"}, False),
        ({"host": "console.example"}, False),
        ({}, False),
    ],
)
def test_a_change_comes_from_a_page_of_ours_or_is_none(headers: dict[str, str], is_ours: bool) -> None:  # noqa: FBT001
    assert is_from_us(headers, OURS) is is_ours


def test_without_an_address_of_our_own_an_origin_is_compared_with_the_host() -> None:
    assert is_from_us({"origin": "http://localhost:8090", "host": "localhost:8090"}, "")
    assert not is_from_us({"origin": "", "host": ""}, "")


@pytest.mark.parametrize(
    "path", ["/", "/cases", "/cases?district=lakeside&state=parked", "/cases/lakeside/finding/f%2F1"]
)
def test_a_path_of_ours_is_one_to_come_back_to(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "cases",
        "/a b",
        "/a\nSet-Cookie: x",
        "/\t/evil.example",
        "/a\\b",
        "/é",
        "/" + "a" * 3_000,
    ],
)
def test_anything_else_leads_to_the_first_page(path: str) -> None:
    assert own_path(path) == "/"


@pytest.mark.parametrize(
    ("scheme", "host", "root", "name", "flags"),
    [
        ("https", "console.example", "", "__Host-word", "Path=/; HttpOnly; SameSite=Lax; Secure"),
        ("https", "console.example", "/remedy", "__Secure-word", "Path=/remedy; HttpOnly; SameSite=Lax; Secure"),
        ("http", "console.example", "", "__Host-word", "Path=/; HttpOnly; SameSite=Lax; Secure"),
        ("http", "127.0.0.1:8090", "", "word", "Path=/; HttpOnly; SameSite=Lax"),
        ("http", "[::1]:8090", "/remedy", "word", "Path=/remedy; HttpOnly; SameSite=Lax"),
        ("http", "localhost.evil.example", "", "__Host-word", "Path=/; HttpOnly; SameSite=Lax; Secure"),
        ("http", "", "", "__Host-word", "Path=/; HttpOnly; SameSite=Lax; Secure"),
        ("http", "[", "", "__Host-word", "Path=/; HttpOnly; SameSite=Lax; Secure"),
    ],
)
def test_only_on_this_very_machine_a_cookie_goes_over_plain_http(
    scheme: str, host: str, root: str, name: str, flags: str
) -> None:
    place = cookie_place({"scheme": scheme, "root_path": root}, host)
    assert place.header("word", "value") == f"{name}=value; {flags}"


def test_a_script_that_asks_is_told_from_a_person_who_opens_a_page() -> None:
    assert is_background({"sec-fetch-dest": "empty"})
    assert is_background({"hx-request": "true"})
    assert not is_background({"sec-fetch-dest": "document"})
    assert not is_background({})
