"""Every route of the console, asked as every kind of person: who gets what, and nothing of another district's.

A new route needs a row in TABLE: a test fails until it has one. A row says how a route is asked about a district, and
what is answered: to who has a role in that district, to who has one in another district only, and to who has one in
all.
`{district}`, `{case}`, `{parked}`, `{ticket}` and `{delivery}` stand for what is planted there (see console_world.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from starlette.routing import Route

from tests.integration.console_world import OTHERS, OURS, PEOPLE, Browser, ConsoleWorld, parked_case, settled_case

ELSEWHERE: Mapping[str, str] = {
    "livez": "for everybody; says nothing of any district",
    "readyz": "for everybody; says nothing of any district",
    "static": "for everybody; files of ours",
    "live": "a stream that says only that something changed (test_console_live.py)",
    "sign in": "for everybody (test_console_sign_in.py)",
    "sign in with a link": "for everybody (test_console_sign_in.py)",
    "use a link": "for everybody (test_console_sign_in.py)",
    "sign in at the provider": "for everybody (test_console_oidc.py)",
    "back from the provider": "for everybody (test_console_oidc.py)",
    "sign out": "for who has signed in, of their own session (test_console_sign_in.py)",
}
"""Routes that are not walked, each with the reason."""

Statuses = tuple[int, int, int]
"""What a viewer, an operator and an administrator are answered."""

READ: Statuses = (200, 200, 200)
LED: Statuses = (303, 303, 303)
HIDDEN: Statuses = (404, 404, 404)
REFUSED: Statuses = (400, 400, 400)


@dataclass(frozen=True, slots=True)
class Visit:
    """How a route is asked about a district; with `sent`, by a form. `ours`, `others`, `of_all`: see above."""

    address: str
    ours: Statuses = READ
    others: Statuses | None = None
    of_all: Statuses = READ
    sent: Mapping[str, str] | None = field(default=None)


def listing(address: str) -> list[Visit]:
    """A page that everybody may read, each with what they may see of it."""
    return [Visit(address)]


TABLE: Mapping[str, list[Visit]] = {
    "now": listing("/"),
    "now state": listing("/now/state"),
    "cases": [Visit("/cases"), Visit("/cases?district={district}", READ, READ)],
    "find_case": [
        Visit("/cases/find?name={case}", LED, HIDDEN, LED),
        Visit("/cases/find?name={ticket}", LED, HIDDEN, LED),
    ],
    "cases_file": [
        *(Visit("/cases.csv"), Visit("/cases.json")),
        Visit("/cases.csv?district={district}", READ, READ),
    ],
    "case": [Visit("/cases/of/{case}", READ, HIDDEN)],
    "case_news": [Visit("/cases/news/{case}", READ, HIDDEN)],
    "case_names": [Visit("/cases/names/{case}", (403, 200, 200), HIDDEN, (403, 200, 200), sent={})],
    "retry_cases": [
        Visit(
            "/cases/retry",
            (403, 303, 303),
            (403, 400, 400),
            (403, 303, 303),
            sent={"which": "ticked", "case": "{case}"},
        )
    ],
    "act_on_case": [Visit("/cases/act/{case}", (403, 303, 303), HIDDEN, (403, 303, 303), sent={"act": "retry"})],
    "parked": [Visit("/parked"), Visit("/parked?district={district}", READ, READ)],
    "parked_file": [Visit("/parked.csv"), Visit("/parked.json")],
    "choose_parked": [Visit("/parked/choose", REFUSED, REFUSED, REFUSED, sent={})],
    "parked_piece": [Visit("/parked/of/{parked}", READ, HIDDEN)],
    "deliveries": listing("/deliveries"),
    "deliveries_file": listing("/deliveries.csv"),
    "refused_deliveries": listing("/deliveries/refused"),
    "refused_deliveries_file": listing("/deliveries/refused.csv"),
    "delivery": [Visit("/deliveries/of/{delivery}", READ, HIDDEN)],
    "scans": listing("/scans"),
    "scans_state": listing("/scans/state"),
    "scans_file": listing("/scans.csv"),
    "incidents": listing("/incidents"),
    "incidents_of": [Visit("/incidents/of/{district}/none", HIDDEN, HIDDEN, HIDDEN)],
    "incidents_file": [Visit("/incidents.csv/{district}/none", HIDDEN, HIDDEN, HIDDEN)],
    "plan": [Visit("/plan/{case}", READ, HIDDEN)],
    "ask plan": [Visit("/plan/{case}", LED, HIDDEN, LED, sent={})],
    "rules": listing("/rules"),
    "explain": [Visit("/explain/{district}/fnd_1", READ, HIDDEN)],
    "ask explain": [Visit("/explain", LED, HIDDEN, LED, sent={"district": "{district}", "finding": "fnd_1"})],
    "systems": listing("/systems"),
    "systems state": listing("/systems/state"),
    "live systems": [Visit("/systems/live", HIDDEN)],
    "ask systems": [Visit("/systems/live", HIDDEN, None, LED, sent={})],
    "selection": [Visit("/selections/none", HIDDEN, None, HIDDEN)],
    "confirm_selection": [Visit("/selections/none", HIDDEN, None, HIDDEN, sent={})],
    "task": [Visit("/tasks/none", HIDDEN, None, HIDDEN)],
    "task_progress": [Visit("/tasks/none/progress", HIDDEN, None, HIDDEN)],
    "stop_task": [Visit("/tasks/none/stop", HIDDEN, None, HIDDEN, sent={})],
    "charts": [Visit("/charts"), Visit("/charts?district={district}", READ, REFUSED)],
    "audit": [Visit("/audit"), Visit("/audit?case={case}", READ, READ)],
    "audit_file": listing("/audit.csv"),
    "people": [Visit("/people", HIDDEN, None, (404, 404, 200))],
    "end_session": [Visit("/people/end", HIDDEN, None, (404, 404, 400), sent={"session": "none"})],
}
"""By the names of routes."""

ROLES = ("viewer", "operator", "administrator")
LIMITED = [who for who in PEOPLE if who in ROLES]
UNLIMITED = [who for who in PEOPLE if who not in ROLES]


def planted(district: str) -> dict[str, str]:
    """What stands for the words of a row, in this district."""
    return {
        "district": district,
        "case": settled_case(district).ref,
        "parked": f"{parked_case(district).ref}/open:jira",
        "ticket": f"{district.upper()}-1",
        "delivery": f"dlv_{district}_new",
    }


SECRET = {f"fnd_{OTHERS}_settled", f"fnd_{OTHERS}_parked", f"{OTHERS.upper()}-1", f"dlv_{OTHERS}", f"{OTHERS}-rule"}
"""The ids of what the other district has."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, and all that was said to get it."""

    status: int
    page: str
    headers: str
    asked: str

    @property
    def text(self) -> str:
        """All of the answer."""
        return self.page + self.headers


async def visited(browser: Browser, visit: Visit, district: str) -> Answered:
    words = planted(district)
    address = visit.address.format(**words)
    if visit.sent is None:
        answer = await browser.get(address)
    else:
        answer = await browser.submit(address, **{name: each.format(**words) for name, each in visit.sent.items()})
    sent = " ".join(each.format(**words) for each in (visit.sent or {}).values())
    return Answered(answer.status_code, answer.text, str(answer.headers), f"{address} {sent}")


async def nothing_is_asked(console: ConsoleWorld) -> None:
    """As after a minute: one person may have some questions open at once."""
    keys = [key async for key in console.connection.redis.scan_iter("remedy:question*")]
    if keys:
        await console.connection.redis.delete(*keys)


def test_every_route_is_walked_or_said_why_not(console: ConsoleWorld) -> None:
    routes = [route for route in console.app.routes if isinstance(route, Route)]
    assert sorted(route.name for route in routes) == sorted([*TABLE, *ELSEWHERE])


def test_what_a_row_sends_is_what_its_route_takes(console: ConsoleWorld) -> None:
    taken = {route.name: route.methods or set() for route in console.app.routes if isinstance(route, Route)}
    for name, visits in TABLE.items():
        assert all(("GET" if visit.sent is None else "POST") in taken[name] for visit in visits), name


async def test_nobody_is_shown_anything(console: ConsoleWorld) -> None:
    async with console.client("nobody") as browser:
        for name, visits in TABLE.items():
            for visit in visits:
                answered = await visited(browser, visit, OURS)
                assert answered.status == (303 if visit.sent is None else 401), name
                assert "fnd_" not in answered.page, name


@pytest.mark.parametrize("who", LIMITED)
async def test_who_has_a_role_in_one_district_sees_nothing_of_another(console: ConsoleWorld, who: str) -> None:
    role = ROLES.index(who)
    async with console.client(who) as browser:
        for name, visits in TABLE.items():
            for visit in visits:
                answered = await visited(browser, visit, OURS)
                assert (name, answered.status) == (name, visit.ours[role])
                assert OTHERS not in answered.text.lower(), name
                if visit.others is not None:
                    hidden = await visited(browser, visit, OTHERS)
                    assert (name, hidden.status) == (name, visit.others[role])
                    seen = [each for each in SECRET if each in hidden.text and each not in hidden.asked]
                    assert (name, seen) == (name, [])


@pytest.mark.parametrize("who", UNLIMITED)
async def test_who_has_a_role_in_all_districts_sees_both(console: ConsoleWorld, who: str) -> None:
    role = ROLES.index(who.removesuffix(" of all"))
    async with console.client(who) as browser:
        for name, visits in TABLE.items():
            for visit in visits:
                for district in (OURS, OTHERS):
                    await nothing_is_asked(console)
                    answered = await visited(browser, visit, district)
                    assert (name, answered.status) == (name, visit.of_all[role])
        for address in ("/cases", "/cases.csv", "/parked", "/deliveries.csv", "/audit.csv"):
            text = (await browser.get(address)).text
            assert OURS in text
            assert OTHERS in text


async def test_a_viewer_changes_nothing_by_any_form(console: ConsoleWorld) -> None:
    """But questions: a worker answers them, and nothing is done."""
    async with console.client("viewer") as browser:
        for name, visits in TABLE.items():
            for visit in visits:
                if visit.sent is not None and not name.startswith("ask "):
                    assert (await visited(browser, visit, OURS)).status >= 400, name
