"""Signing in at an identity provider, end to end over HTTP; and behind a proxy that signs."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from console.people.oidc import MOST_ATTEMPTS, cookie_word
from remediation.mapping.reading.loading import loaded_of
from remediation.store.audit.entries import AuditAct
from sandbox.wire.ports import free_port
from tests.identity_provider import open_provider
from tests.integration.console_world import OTHERS, OURS, Browser, ConsoleWorld, mappings
from tests.unit.console_observers import key_files, token

USERS: list[dict[str, Any]] = [
    {"sub": "1", "email": "ana@lakeside.example", "groups": ["privacy"]},
    {"sub": "2", "email": "bo@lakeside.example", "groups": ["nobody"]},
    {"sub": "3", "email": "cy@lakeside.example", "email_verified": False, "groups": ["privacy"]},
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with open_provider(USERS) as issuer:
        yield issuer


def file_with(sign_in: str) -> str:
    """mappings.yaml with this way of signing in, and a group that may look at one district."""
    text = mappings(sign_in)
    grant = f"    - {{group: privacy, role: operator, districts: [{OURS}]}}\n"
    return text.replace("  access:\n", f"  access:\n{grant}")


@pytest.fixture
def world(console: ConsoleWorld, issuer: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleWorld:
    monkeypatch.setenv("CONSOLE_CLIENT_SECRET", "test-only-secret")
    oidc = f"oidc: {{issuer: {issuer}, client_id: console, client_secret: {{env: CONSOLE_CLIENT_SECRET}}}}"
    console.loaded = loaded_of(file_with(oidc), "mappings.yaml")
    return console


@pytest.fixture
async def browser(world: ConsoleWorld) -> AsyncIterator[Browser]:
    async with world.client("nobody") as browser:
        yield browser


async def to_provider(browser: Browser, path: str = "/sign-in/oidc?next=/cases") -> str:
    answer = await browser.get(path)
    assert answer.status_code == 303
    return answer.headers["location"]


async def at_provider(address: str, sub: str = "1", **form: str) -> str:
    """Somebody signs in there. Returns the path of the console to which that leads, with what it brings."""
    async with httpx2.AsyncClient(trust_env=False) as provider:
        answer = await provider.post(address, data={"sub": sub, **form})
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}" == "https://console.test"
    return f"{parts.path}?{parts.query}"


async def causes(world: ConsoleWorld) -> list[tuple[str, str]]:
    """Why sign-ins were refused, and to whom."""
    await world.audit.chain()
    entries = [line.entry async for line in world.audit.trail.lines()]
    return [(each.cause, each.by) for each in entries if each.act == AuditAct.SIGN_IN_REFUSED]


async def test_a_group_of_the_provider_becomes_a_role(world: ConsoleWorld, browser: Browser) -> None:
    address = await to_provider(browser)
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["https://console.test/sign-in/oidc/callback"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    answer = await browser.get(await at_provider(address))
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
    assert not [name for name in browser.cookies if "sign-in" in name], "nothing is left of the attempt"
    page = (await browser.get("/cases")).text
    assert "ana@lakeside.example" in page
    assert OURS in page
    assert OTHERS not in page.lower()
    assert (AuditAct.SIGNED_IN, "ana@lakeside.example") in await world.acts()


async def test_who_is_in_no_group_that_counts_is_told_so_and_has_no_session(
    world: ConsoleWorld, browser: Browser
) -> None:
    answer = await browser.get(await at_provider(await to_provider(browser), "2"))
    assert (answer.status_code, "signed in as bo@lakeside.example" in answer.text) == (403, True)
    assert (await browser.get("/cases")).status_code == 303
    assert await causes(world) == [("no_access", "bo@lakeside.example")]


async def test_an_address_that_is_not_verified_lets_nobody_in(world: ConsoleWorld, browser: Browser) -> None:
    answer = await browser.get(await at_provider(await to_provider(browser), "3"))
    assert answer.status_code == 403
    assert await causes(world) == [("email_not_verified", "console")]


async def test_somebody_whom_the_provider_refuses_is_told_so(world: ConsoleWorld, browser: Browser) -> None:
    brought = await at_provider(await to_provider(browser), action="deny")
    assert "state" not in brought, "this one leaves it out"
    state = parse_qs(urlsplit(await to_provider(browser)).query)["state"][0]
    for path, again in ((brought, "/sign-in"), (f"{brought}&state={state}", "/sign-in?next=%2Fcases")):
        answer = await browser.get(path)
        assert (answer.status_code, "did not let you in" in answer.text) == (403, True)
        assert f'href="{again}"' in answer.text
    assert (await browser.get("/cases")).status_code == 303


async def test_two_tabs_may_sign_in_at_once(browser: Browser) -> None:
    first, second = await to_provider(browser), await to_provider(browser, "/sign-in/oidc?next=/parked")
    one, other = await browser.get(await at_provider(first)), await browser.get(await at_provider(second))
    assert [one.headers["location"], other.headers["location"]] == ["/cases", "/parked"]


async def test_sign_ins_that_nobody_ends_do_not_fill_a_browser(browser: Browser) -> None:
    addresses = [await to_provider(browser) for _ in range(MOST_ATTEMPTS + 2)]
    begun = [parse_qs(urlsplit(each).query)["state"][0] for each in addresses]
    kept = {cookie_word(each) for each in begun[-MOST_ATTEMPTS:]}
    assert {name.removeprefix("__Host-") for name in browser.cookies} == kept
    assert (await browser.get(await at_provider(addresses[-1]))).headers["location"] == "/cases"


async def test_what_another_browser_brings_is_started_again_once_and_then_refused(
    world: ConsoleWorld, browser: Browser
) -> None:
    brought = await at_provider(await to_provider(browser))
    async with world.client("nobody") as victim:
        again = await victim.get(brought)
        assert again.status_code == 303
        assert "/oauth2/authorize" in again.headers["location"]
        victim.cookies.clear()
        answer = await victim.get(await at_provider(again.headers["location"]))
        assert (answer.status_code, "did not begin this sign-in" in answer.text) == (403, True)
    assert ("state", "console") in await causes(world)


async def test_what_was_brought_once_is_of_no_use_again(browser: Browser) -> None:
    brought = await at_provider(await to_provider(browser))
    cookies = list(browser.cookies.jar)
    assert (await browser.get(brought)).status_code == 303
    browser.cookies.clear()
    for each in cookies:
        browser.cookies.jar.set_cookie(each)
    assert (await browser.get(brought)).status_code == 403


async def test_a_token_for_another_sign_in_or_another_client_is_refused(world: ConsoleWorld, browser: Browser) -> None:
    for name, code in (("nonce", "claim_nonce"), ("client_id", "code")):
        parts = urlsplit(await to_provider(browser))
        asked = dict(parse_qsl(parts.query)) | {name: "another"}
        answer = await browser.get(await at_provider(parts._replace(query=urlencode(asked)).geturl()))
        assert (answer.status_code, name) == (403, name)
        assert (await causes(world))[-1][0] == code


async def test_a_provider_that_is_away_is_a_page_that_says_so(world: ConsoleWorld, browser: Browser) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    oidc = f"oidc: {{issuer: {away}, client_id: console, client_secret: {{env: CONSOLE_CLIENT_SECRET}}}}"
    world.loaded = loaded_of(file_with(oidc), "mappings.yaml")
    answer = await browser.get("/sign-in/oidc?next=/cases")
    assert (answer.status_code, "The identity provider does not answer" in answer.text) == (503, True)
    assert 'href="/sign-in?next=%2Fcases"' in answer.text


async def test_a_secret_that_is_not_there_is_said_without_its_name(
    world: ConsoleWorld, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = await at_provider(await to_provider(browser))
    monkeypatch.delenv("CONSOLE_CLIENT_SECRET")
    answer = await browser.get(brought)
    assert (answer.status_code, "remedy doctor" in answer.text) == (503, True)
    assert "CONSOLE_CLIENT_SECRET" not in answer.text


async def test_signing_out_names_the_page_where_the_provider_lets_people_sign_out(browser: Browser) -> None:
    await browser.get(await at_provider(await to_provider(browser)))
    page = (await browser.get("/cases")).text
    token_in_form = page.partition('name="token" value="')[2].partition('"')[0]
    answer = await browser.post("/sign-out", data={"token": token_in_form})
    out = (await browser.get(answer.headers["location"])).text
    assert "You have signed out" in out
    assert "/oauth2/end_session?client_id=console" in out


class TestBehindAProxy:
    """The proxy's token says who somebody is, at each request."""

    @pytest.fixture
    def proxied(self, console: ConsoleWorld, tmp_path_factory: pytest.TempPathFactory) -> ConsoleWorld:
        right, _ = key_files(tmp_path_factory.mktemp("keys"))
        words = f"header: X-Assertion, key: {right}, issuer: https://id.example, audience: console"
        console.loaded = loaded_of(file_with(f"proxy: {{{words}}}"), "mappings.yaml")
        return console

    async def test_who_is_named_is_in_and_has_one_session(self, proxied: ConsoleWorld) -> None:
        async with proxied.client("nobody") as browser:
            first = await browser.get("/cases", headers={"x-assertion": token()})
            assert first.status_code == 200
            assert "ana@example.org" in first.text
            session = browser.cookies["__Host-remedy-session"]
            await browser.get("/cases", headers={"x-assertion": token()})
            assert browser.cookies["__Host-remedy-session"] == session
        assert [act for act, _ in await proxied.acts()].count(AuditAct.SIGNED_IN) == 1

    async def test_the_session_of_one_is_not_that_of_another(self, proxied: ConsoleWorld) -> None:
        async with proxied.client("nobody") as browser:
            await browser.get("/cases", headers={"x-assertion": token()})
            page = await browser.get("/cases", headers={"x-assertion": token(email="bo@example.org")})
            assert "bo@example.org" in page.text
            assert "ana@example.org" not in page.text

    async def test_a_page_that_asks_by_itself_signs_nobody_in(self, proxied: ConsoleWorld) -> None:
        """Or else whoever has signed out would be in again, by another tab that is open."""
        by_itself = {"x-assertion": token(), "sec-fetch-dest": "empty"}
        async with proxied.client("nobody") as browser:
            page = (await browser.get("/cases", headers={"x-assertion": token()})).text
            assert (await browser.get("/now/state", headers=by_itself)).status_code == 200
            sent = {"token": page.partition('name="token" value="')[2].partition('"')[0]}
            out = await browser.post("/sign-out", data=sent, headers={"x-assertion": token()})
            assert out.status_code == 303
            assert (await browser.get("/now/state", headers=by_itself)).status_code == 401
            assert "__Host-remedy-session" not in browser.cookies
            assert (await browser.get("/cases", headers={"x-assertion": token()})).status_code == 200
        signed = [act for act, _ in await proxied.acts() if act in {AuditAct.SIGNED_IN, AuditAct.SIGNED_OUT}]
        assert signed == [AuditAct.SIGNED_IN, AuditAct.SIGNED_OUT, AuditAct.SIGNED_IN]

    async def test_groups_are_those_of_the_latest_token(self, proxied: ConsoleWorld) -> None:
        async with proxied.client("nobody") as browser:
            assert (await browser.get("/cases", headers={"x-assertion": token()})).status_code == 200
            assert (await browser.get("/cases", headers={"x-assertion": token(groups=[])})).status_code == 403

    @pytest.mark.parametrize("said", [None, "x", token(aud="another"), token(iss="x"), token(exp=1)])
    async def test_nobody_else_gets_in_with_a_session_or_without(self, proxied: ConsoleWorld, said: str | None) -> None:
        async with proxied.client("nobody") as browser:
            headers = {"x-assertion": said} if said else {}
            assert (await browser.get("/cases", headers=headers)).status_code == 403
            await browser.get("/cases", headers={"x-assertion": token()})
            assert (await browser.get("/cases", headers=headers)).status_code == 403, "a cookie alone is nothing"

    async def test_a_header_that_comes_twice_is_not_believed(self, proxied: ConsoleWorld) -> None:
        async with proxied.client("nobody") as browser:
            twice = [("x-assertion", token()), ("x-assertion", token())]
            assert (await browser.get("/cases", headers=twice)).status_code == 403
