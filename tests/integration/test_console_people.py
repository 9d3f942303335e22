"""The page of who has signed in: for administrators in all districts, who can end sessions there."""

from hashlib import sha256

from remediation.store.audit.entries import AuditAct
from tests.integration.console_world import ConsoleWorld


async def test_an_administrator_sees_who_is_in_and_ends_a_session(console: ConsoleWorld) -> None:
    async with console.client("administrator of all") as browser, console.client("viewer") as other:
        session_id = other.cookies["__Host-remedy-session"]
        shown = sha256(session_id.encode()).hexdigest()[:12]
        page = (await browser.get("/people")).text
        assert "viewer@example.org" in page
        assert "at the identity provider" in page
        assert shown in page
        assert session_id not in page
        answer = await browser.submit("/people/end", session=shown)
        assert (answer.status_code, answer.headers["location"]) == (303, "/people?ended=1")
        page = (await browser.get(answer.headers["location"])).text
        assert "The session has ended" in page
        assert "viewer@example.org" not in page
        assert (await other.get("/")).status_code == 303
        assert (await browser.submit("/people/end", session=shown)).status_code == 400
        assert (await browser.submit("/people/end", session="administrator.of.all@example.org")).status_code == 400
    assert (AuditAct.SESSIONS_ENDED, "administrator.of.all@example.org") in await console.acts()


async def test_only_who_administers_all_districts_is_led_there(console: ConsoleWorld) -> None:
    for who, is_led in (("administrator of all", True), ("administrator", False), ("operator of all", False)):
        async with console.client(who) as browser:
            assert ('href="/people"' in (await browser.get("/")).text) is is_led
