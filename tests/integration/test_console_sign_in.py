"""Who gets in: sessions, links that sign in once, forms, and what is answered to everybody else."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from console.answers import NotAllowed
from console.context import person_of
from console.forms import sent_form
from console.people.form_tokens import is_masked
from console.rendering import render
from remediation.domain.errors import StoreUnavailable
from remediation.mapping.reading.loading import loaded_of
from remediation.store.audit.entries import AuditAct
from remediation.store.console import attempts
from remediation.store.console.sessions import MOST_SESSIONS, ConsoleIdentity, ConsoleSessions, SessionSpan, new_token
from remediation.store.keys import CONSOLE_SESSION, CONSOLE_SESSIONS
from tests.integration.console_world import ISSUER, OURS, Browser, ConsoleWorld, mappings, person, token_of

SESSION = "__Host-remedy-session"
SPAN = SessionSpan(timedelta(minutes=30), timedelta(hours=8))


async def change(request: Request) -> Response:
    """A page that changes something, and says what came."""
    return PlainTextResponse(f"{person_of(request).name} {(await sent_form(request)).getlist('case')}")


async def forbidden(request: Request) -> Response:
    raise NotAllowed("Only operators may do this.")


async def with_form(request: Request) -> Response:
    return render(request, "nothing_granted.html", who="anybody")


@pytest.fixture
async def world(console: ConsoleWorld) -> ConsoleWorld:
    """The console with three more pages."""
    routes: list[BaseRoute] = [
        Route("/change", change, methods=["POST"]),
        Route("/forbidden", forbidden, methods=["POST"]),
        Route("/form", with_form),
    ]
    console.app.router.routes.extend(routes)
    return console


@pytest.fixture
async def nobody(world: ConsoleWorld) -> AsyncIterator[Browser]:
    async with world.client("nobody") as browser:
        yield browser


async def made_link(world: ConsoleWorld, **more: Any) -> str:
    who = ConsoleIdentity("somebody@example.org", "link", role="operator", form_token=new_token(), **more)
    return await ConsoleSessions(world.connection, world.keyring).make_link(who, b"")


async def refusals(world: ConsoleWorld) -> list[tuple[str, str, str, int | None]]:
    """What the audit has of refusals: what, why, to whom, how often."""
    await world.audit.chain()
    acts = {AuditAct.ATTEMPT_REFUSED, AuditAct.SIGN_IN_REFUSED}
    entries = [line.entry async for line in world.audit.trail.lines() if line.entry.act in acts]
    return [(each.act, each.cause, each.by, each.count) for each in entries]


async def test_somebody_unknown_is_sent_to_sign_in_and_comes_back_to_the_page(nobody: Browser) -> None:
    answer = await nobody.get("/form?a=b&c=d")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fform%3Fa%3Db%26c%3Dd"
    page = await nobody.get(answer.headers["location"])
    assert page.status_code == 200
    assert 'href="/sign-in/oidc?next=%2Fform%3Fa%3Db%26c%3Dd"' in page.text
    assert "<form" not in page.text, "browsers follow no form to another host"
    assert "has ended" not in page.text


async def test_a_page_that_does_not_exist_is_not_told_from_one_that_does(nobody: Browser) -> None:
    assert (await nobody.get("/no/such/page")).headers["location"] == "/sign-in?next=%2Fno%2Fsuch%2Fpage"


async def test_whose_session_is_over_is_told_so(world: ConsoleWorld) -> None:
    async with world.client("viewer") as browser:
        assert (await browser.get("/form")).status_code == 200
        await world.connection.redis.flushall()
        answer = await browser.get("/form")
        assert answer.headers["location"] == "/sign-in?next=%2Fform&ended=1"
        told = (await browser.get(answer.headers["location"])).text
        assert "Your session has ended. Sign in again, and you come back to where you were." in told


async def test_a_background_request_is_told_so_in_its_own_words(nobody: Browser) -> None:
    for headers in ({"sec-fetch-dest": "empty"}, {"sec-fetch-dest": "document", "hx-request": "true"}):
        answer = await nobody.get("/form", headers=headers)
        assert (answer.status_code, answer.headers["x-sign-in"]) == (401, "/sign-in")
        assert "Your session has ended" in answer.text
        assert "<html" not in answer.text


async def test_a_change_without_a_session_is_not_made_and_says_so(nobody: Browser) -> None:
    answer = await nobody.submit("/change", case="x")
    assert answer.status_code == 401
    assert "nothing was done" in answer.text


async def test_a_change_has_the_form_token_of_its_session(world: ConsoleWorld) -> None:
    async with world.client("operator") as browser, world.client("viewer") as other:
        answer = await browser.submit("/change", case=["x", "é&="])
        assert answer.text == "operator@example.org ['x', 'é&=']"
        for token in ("", "wrong", other.form_token):
            refused = await browser.post("/change", data={"token": token, "case": "x"})
            assert refused.status_code == 403
            assert "nothing was done" in refused.text
    assert await refusals(world) == [(AuditAct.ATTEMPT_REFUSED, "form_token", "operator@example.org", 1)]


async def test_every_template_knows_the_form_token_and_the_person(world: ConsoleWorld) -> None:
    async with world.client("viewer") as browser:
        pages = [(await browser.get("/form")).text for _ in range(2)]
        tokens = [re.search(r'name="token" value="([^"]+)"', page)[1] for page in pages]  # type: ignore[index]  # it is there
    assert tokens[0] != tokens[1]
    assert all(is_masked(each, token_of(person("viewer"))) for each in tokens)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": "https://console.test"},
    ],
)
async def test_a_change_that_another_site_sends_is_not_made(world: ConsoleWorld, headers: dict[str, str]) -> None:
    async with world.client("operator") as browser:
        answer = await browser.post("/change", data={"token": browser.form_token}, headers=headers)
        assert answer.status_code == 403
    ((act, cause, by, _count),) = await refusals(world)
    assert (act, cause, by) == (AuditAct.ATTEMPT_REFUSED, "other_site", "console")


async def test_without_sec_fetch_site_the_origin_decides(world: ConsoleWorld) -> None:
    async with world.client("operator") as browser:
        del browser.headers["sec-fetch-site"]
        fields = {"token": browser.form_token}
        ours = await browser.post("/change", data=fields, headers={"origin": "https://console.test"})
        others = await browser.post("/change", data=fields, headers={"origin": "https://evil.test"})
        neither = await browser.post("/change", data=fields)
        assert [ours.status_code, others.status_code, neither.status_code] == [200, 403, 403]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"token": "x"}', "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"token=%ff", "application/x-www-form-urlencoded"),
        (b"&".join([b"a=1"] * 6_000), "application/x-www-form-urlencoded"),
        (b"a=" + b"1" * 1_100_000, "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_form_of_ours_is_refused(world: ConsoleWorld, content: bytes, kind: str) -> None:
    async with world.client("operator") as browser:
        answer = await browser.post("/change", content=content, headers={"content-type": kind})
        assert answer.status_code in {400, 403, 413}
        assert "[" not in answer.text.partition("<main")[2]


async def test_what_somebody_may_not_do_is_refused_and_audited_a_bounded_number_of_times(world: ConsoleWorld) -> None:
    async with world.client("viewer") as browser, world.client("operator") as other:
        for _ in range(12):
            assert (await browser.submit("/forbidden")).status_code == 403
        assert "Only operators" in (await other.submit("/forbidden")).text
    assert await refusals(world) == [
        (AuditAct.ATTEMPT_REFUSED, "not_allowed", "viewer@example.org", 1),
        (AuditAct.ATTEMPT_REFUSED, "not_allowed", "viewer@example.org", 10),
        (AuditAct.ATTEMPT_REFUSED, "not_allowed", "operator@example.org", 1),
    ]


async def test_a_link_signs_in_once(world: ConsoleWorld, nobody: Browser) -> None:
    token = await made_link(world, districts=(OURS,))
    for _ in range(3):
        page = await nobody.get(f"/sign-in/link?token={token}")
        assert page.status_code == 200
        assert f'name="link" value="{token}"' in page.text
    answer = await nobody.post("/sign-in/link", data={"link": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "; Path=/; HttpOnly; SameSite=Lax; Secure" in answer.headers["set-cookie"]
    assert "Max-Age" not in answer.headers["set-cookie"]
    assert (await nobody.get("/form")).status_code == 200
    async with world.client("nobody") as other:
        refused = await other.post("/sign-in/link", data={"link": token})
        assert (refused.status_code, "used before" in refused.text) == (403, True)
        assert 'href="/sign-in"' in refused.text
    assert (AuditAct.SIGNED_IN, "somebody@example.org") in await world.acts()
    assert (await refusals(world))[-1][:2] == (AuditAct.SIGN_IN_REFUSED, "link")


async def test_a_link_that_two_use_at_once_lets_one_in(world: ConsoleWorld) -> None:
    token = await made_link(world)
    async with world.client("nobody") as one, world.client("nobody") as other:
        answers = await asyncio.gather(*(each.post("/sign-in/link", data={"link": token}) for each in (one, other)))
    assert sorted(each.status_code for each in answers) == [303, 403]


async def test_another_site_cannot_use_a_link_for_somebody(world: ConsoleWorld, nobody: Browser) -> None:
    token = await made_link(world)
    answer = await nobody.post("/sign-in/link", data={"link": token}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert (await nobody.post("/sign-in/link", data={"link": token})).status_code == 303


async def test_signing_in_again_gives_a_new_id_and_ends_the_session_before(
    world: ConsoleWorld, nobody: Browser
) -> None:
    ids = []
    for _ in range(2):
        await nobody.post("/sign-in/link", data={"link": await made_link(world)})
        ids.append(nobody.cookies[SESSION])
    assert ids[0] != ids[1]
    nobody.cookies.set(SESSION, ids[0], domain="console.test")
    assert (await nobody.get("/form")).status_code == 303


async def test_an_id_that_a_browser_brings_is_never_taken(world: ConsoleWorld, nobody: Browser) -> None:
    nobody.cookies.set(SESSION, "a" * 43, domain="console.test")
    await nobody.post("/sign-in/link", data={"link": await made_link(world)})
    kept = [key.decode() async for key in world.connection.redis.scan_iter(f"{CONSOLE_SESSION}*")]
    assert len(kept) == 1
    assert sha256(b"a" * 43).hexdigest() not in kept[0]


async def test_neither_ids_nor_names_nor_tokens_lie_in_redis_in_clear(world: ConsoleWorld, nobody: Browser) -> None:
    token = await made_link(world)
    await nobody.post("/sign-in/link", data={"link": token})
    session_id = nobody.cookies[SESSION]
    for key in [key async for key in world.connection.redis.scan_iter("remedy:console*")]:
        kind = await world.connection.redis.type(key)
        value = str(
            await world.connection.ask(
                world.connection.redis.hgetall(key)
                if kind == b"hash"
                else world.connection.redis.zrange(key, 0, -1, withscores=True)
            )
        )
        for word in (session_id, token, "somebody", "127.0.0.1"):
            assert word not in value + key.decode()


async def test_signing_out_ends_the_session_at_once(world: ConsoleWorld) -> None:
    async with world.client("viewer") as browser:
        session_id = browser.cookies[SESSION]
        answer = await browser.submit("/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?out=1")
        assert SESSION not in browser.cookies
        browser.cookies.set(SESSION, session_id, domain="console.test")
        assert (await browser.get("/form")).status_code == 303
    assert (AuditAct.SIGNED_OUT, "viewer@example.org") in await world.acts()


async def test_a_changed_mappings_yaml_counts_at_once(world: ConsoleWorld) -> None:
    async with world.client("viewer") as browser:
        assert (await browser.get("/form")).status_code == 200
        without = mappings().replace(f"user: {person('viewer').name},", "user: else@example.org,")
        world.loaded = loaded_of(without, "mappings.yaml")
        answer = await browser.get("/form")
        assert (answer.status_code, "nothing in mappings.yaml lets you" in answer.text) == (403, True)
        assert (await browser.submit("/change")).status_code == 403
        world.loaded = loaded_of(mappings().replace(ISSUER, "https://another.example"), "mappings.yaml")
        assert (await browser.get("/form")).status_code == 403


async def test_who_may_nothing_any_more_can_still_sign_out(world: ConsoleWorld) -> None:
    async with world.client("viewer") as browser:
        without = mappings().replace(f"user: {person('viewer').name},", "user: else@example.org,")
        world.loaded = loaded_of(without, "mappings.yaml")
        assert (await browser.submit("/sign-out")).headers["location"] == "/sign-in?out=1"


async def test_attempts_to_sign_in_are_limited_by_address(world: ConsoleWorld, nobody: Browser) -> None:
    for _ in range(attempts.MOST_OF_ONE):
        assert (await nobody.post("/sign-in/link", data={"link": "wrong"})).status_code == 403
    answer = await nobody.post("/sign-in/link", data={"link": "wrong"})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= attempts.SPAN_MS / 1000 + 1
    async with world.client("viewer") as browser:
        assert (await browser.get("/form")).status_code == 200, "who is in stays in"
    counts = {cause: count for _, cause, _, count in await refusals(world)}
    assert counts == {"link": 10, "limit": 1}


async def test_who_has_a_link_gets_in_whatever_others_at_that_address_have_tried(
    world: ConsoleWorld, nobody: Browser
) -> None:
    for _ in range(attempts.MOST_OF_ONE):
        await nobody.post("/sign-in/link", data={"link": "wrong"})
    assert (await nobody.post("/sign-in/link", data={"link": "wrong"})).status_code == 429
    assert (await nobody.post("/sign-in/link", data={"link": await made_link(world)})).status_code == 303


async def test_a_session_ends_when_nothing_is_done_and_at_last(world: ConsoleWorld) -> None:
    sessions, now = ConsoleSessions(world.connection, world.keyring), 1_800_000_000.0
    opened = await sessions.open(ConsoleIdentity("a@example.org", "oidc"), SPAN, now, b"")
    assert opened is not None
    for minutes in range(29, 8 * 60, 29):
        assert await sessions.use(opened, SPAN, now + minutes * 60, by_hand=True)
    assert await sessions.use(opened, SPAN, now + 8 * 3_600, by_hand=True) is None
    assert await sessions.use(opened, SPAN, now, by_hand=True) is None, "and it does not come back"


async def test_a_page_that_asks_by_itself_does_not_keep_a_session_alive(world: ConsoleWorld) -> None:
    sessions, now = ConsoleSessions(world.connection, world.keyring), 1_800_000_000.0
    opened = await sessions.open(ConsoleIdentity("a@example.org", "oidc"), SPAN, now, b"")
    assert opened is not None
    for minutes in range(10, 30, 10):
        assert await sessions.use(opened, SPAN, now + minutes * 60, by_hand=False)
    assert await sessions.use(opened, SPAN, now + 30 * 60, by_hand=False) is None


async def test_a_shorter_time_counts_for_sessions_that_there_are(world: ConsoleWorld) -> None:
    sessions, now = ConsoleSessions(world.connection, world.keyring), 1_800_000_000.0
    opened = await sessions.open(ConsoleIdentity("a@example.org", "oidc"), SPAN, now, b"")
    assert opened is not None
    shorter = SessionSpan(timedelta(minutes=5), timedelta(hours=1))
    assert await sessions.use(opened, shorter, now + 301, by_hand=True) is None


async def test_there_are_never_more_sessions_than_the_limit(
    world: ConsoleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remediation.store.console.sessions.MOST_SESSIONS", 3)
    assert MOST_SESSIONS > 3
    sessions, now = ConsoleSessions(world.connection, world.keyring), 1_800_000_000.0
    opened = [await sessions.open(ConsoleIdentity(f"{n}@x", "oidc"), SPAN, now + n, b"") for n in range(5)]
    assert [bool(await sessions.use(str(each), SPAN, now + 9, by_hand=True)) for each in opened] == [
        *(False, False),
        *(True, True, True),
    ]
    assert await world.connection.redis.zcard(CONSOLE_SESSIONS) == 3
    assert len(await sessions.listed(SPAN, now + 9)) == 3


async def test_one_session_row_cannot_stand_for_another(world: ConsoleWorld) -> None:
    async with world.client("viewer") as browser, world.client("administrator of all") as other:
        names = [CONSOLE_SESSION + sha256(each.cookies[SESSION].encode()).hexdigest() for each in (browser, other)]
        redis = world.connection.redis
        row = await world.connection.ask(redis.hget(names[1], "sealed"))
        await world.connection.ask(redis.hset(names[0], "sealed", row))
        assert (await browser.get("/form")).status_code == 303


@pytest.mark.parametrize("path", ["/form", "/sign-in/oidc"])
async def test_while_redis_is_away_nobody_gets_in_and_a_page_says_so(
    world: ConsoleWorld, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def away(*_args: object) -> None:
        raise StoreUnavailable("Redis does not answer")

    async with world.client("viewer") as browser:
        monkeypatch.setattr(world.connection, "run", away)
        answer = await browser.get(path)
        assert (answer.status_code, "cannot read Redis" in answer.text) == (503, True)
