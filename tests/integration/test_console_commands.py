"""What the pages ask of Redis: only commands to which the documented user has a right, however a page is asked for."""

from starlette.routing import Route

from remediation.store.server.rights import COMMANDS, KEYLESS
from tests.integration.console_world import OURS, ConsoleWorld, parked_case, settled_case

RIGHTS = {order.split()[0].lower() for order in (*COMMANDS, *KEYLESS)} | {"multi", "exec", "watch", "unwatch"}
"""By the first word: of SCRIPT, too, only what the list has is sent."""

_NO_PAGES = ("/live", "/sign-in/oidc")
"""A stream without an end, and what asks a provider that is not there."""

_OF_THE_TEST = {"config|resetstat", "info", "hello", "client|setinfo", "auth", "select", "script|load", "ping"}


async def test_the_pages_send_no_command_to_which_our_user_has_no_right(console: ConsoleWorld) -> None:
    """The lists and forms of all pages, and what is shown and done of one case."""
    lists = [
        route.path
        for route in console.app.routes
        if isinstance(route, Route)
        and "{" not in route.path
        and "GET" in (route.methods or ())
        and not route.path.startswith(_NO_PAGES)
    ]
    assert {"/", "/cases", "/cases/find", "/parked"} <= set(lists)
    ref = settled_case(OURS).ref
    ours = [
        f"/cases/of/{ref}",
        f"/cases/news/{ref}",
        "/cases.csv",
        "/cases.json?state=parked",
        "/cases?unchanged-for=1d",
    ]
    async with console.client("administrator of all") as browser:
        await console.connection.redis.config_resetstat()
        for path in (*lists, *ours, "/cases/find?name=LAKESIDE-1", "/parked.csv"):
            assert (await browser.get(path)).status_code < 500, path
        for act in ("retry", "replay", "purge"):
            answer = await browser.submit(f"/cases/act/{parked_case(OURS).ref}", act=act)
            assert (await browser.get(answer.headers["Location"])).status_code == 200
        figures = await console.connection.redis.info("commandstats")
    sent = {name.removeprefix("cmdstat_") for name in figures} - _OF_THE_TEST
    assert sent - RIGHTS == set()
