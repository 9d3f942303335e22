"""What every answer of the console keeps to: headers, who is let in, errors, sizes, a prefix of its addresses."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from console.answers import NotShown
from console.app import PAGES, create_app
from console.context import context_of
from console.ending import ConsoleEnding
from console.forms import sent_form
from console.http.bodies import MOST_BYTES
from console.http.headers import SECURITY_HEADERS
from console.metrics import REQUESTS
from remediation.domain.errors import ConfigurationError, StoreUnavailable
from remediation.readiness import Readiness
from tests.integration.console_world import Browser, ConsoleWorld, same_for_all

MOST_ON_THE_WIRE = 60 * 1024
CANARY = "ZZPII-6f1f2f54"


async def _breaks(_request: Request) -> Response:
    raise RuntimeError(CANARY)


async def _away(_request: Request) -> Response:
    raise StoreUnavailable("Redis does not answer", "away")


async def _unknown(_request: Request) -> Response:
    raise NotShown("There is no such case.")


async def _hangs(_request: Request) -> Response:
    await asyncio.sleep(60)
    return Response()


async def _reads_form(request: Request) -> Response:
    return Response(str(len(await sent_form(request))))


class Site:
    """A console with a few pages more, below a prefix or not."""

    def __init__(self, world: ConsoleWorld, prefix: str = "", readiness: Readiness | None = None) -> None:
        async def ready() -> Readiness:
            return readiness or Readiness()

        self.world, self.prefix = world, prefix
        self.ending = ConsoleEnding()
        self.app = create_app(world.context, self.ending, ready, prefix=prefix)
        self.app.router.routes += [
            Route("/breaks", _breaks, name="breaks"),
            Route("/away", _away, name="away"),
            Route("/hangs", _hangs, name="hangs"),
            Route("/unknown", _unknown, name="unknown"),
            Route("/form", _reads_form, name="form", methods=["POST"]),
        ]

    def browser(self, who: str | None = "administrator of all") -> AbstractAsyncContextManager[Browser]:
        """A browser in which somebody has signed in, or nobody."""
        return self.world.client(who or "nobody", self.app, self.prefix)


@pytest.fixture
def site(console: ConsoleWorld) -> Site:
    return Site(console)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/", 200), ("/livez", 200), ("/readyz", 200), ("/static/console.0.js", 200)),
        *(("/nowhere", 404), ("/static/nothing.0.js", 404), ("/unknown", 404), ("/form", 405)),
        *(("/breaks", 500), ("/away", 503)),
    ],
)
async def test_every_answer_has_the_headers_of_all(site: Site, path: str, status: int) -> None:
    async with site.browser() as browser:
        answer = await browser.get(path)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == dict(SECURITY_HEADERS)
    assert answer.headers["cache-control"] == "no-store"
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/", "/nowhere", "/unknown", "/breaks", "/form"])
async def test_nothing_is_shown_to_somebody_who_has_not_signed_in_and_nothing_is_told_of_what_there_is(
    site: Site, path: str
) -> None:
    async with site.browser(None) as browser:
        answers = [await browser.get(path), await browser.post(path)]
    assert [each.status_code for each in answers] == [303, 401]
    assert answers[0].headers["location"].startswith("/sign-in")
    assert "<nav" not in answers[1].text
    assert "Sign in" in answers[1].text


async def test_every_route_of_every_page_is_behind_the_sign_in(site: Site) -> None:
    async with site.browser(None) as browser:
        for route in (route for page in PAGES for route in page.ROUTES):
            path = re.sub(r"\{[^}]*\}", "x", route.path)
            for method in route.methods or ():
                is_read = method in {"GET", "HEAD"}
                assert (await browser.request(method, path)).status_code == (303 if is_read else 401), route


async def test_a_defect_shows_the_id_of_the_request_and_says_nothing_of_itself(site: Site) -> None:
    async with site.browser() as browser:
        with capture_logs() as logs:
            answer = await browser.get("/breaks", headers={"x-request-id": "0123456789abcdef"})
    assert "0123456789abcdef" in answer.text
    assert CANARY not in answer.text
    assert "Traceback" not in answer.text
    failed = [each for each in logs if each["event"] == "request_failed"]
    assert len(failed) == 1


async def test_redis_that_is_away_is_a_page_that_says_what_to_do(site: Site) -> None:
    async with site.browser() as browser:
        answer = await browser.get("/away")
    assert answer.headers["retry-after"] == "5"
    assert "remedy doctor" in answer.text


async def test_a_line_of_the_log_has_the_route_and_no_query(site: Site) -> None:
    async with site.browser() as browser:
        with capture_logs() as logs:
            await browser.get("/", params={"q": CANARY})
            await browser.get(f"/{CANARY}")
    lines = [each for each in logs if each["event"] == "request"]
    assert [(each["route"], each["status"], each["method"]) for each in lines] == [
        ("now", 200, "GET"),
        ("other", 404, "GET"),
    ]
    assert CANARY not in json.dumps(logs, default=str)


async def test_requests_are_counted_by_route_and_status(site: Site) -> None:
    before = REQUESTS.labels("now", "200")._value.get()
    async with site.browser() as browser:
        await browser.get("/?anything")
    assert REQUESTS.labels("now", "200")._value.get() == before + 1


async def test_a_form_that_is_too_large_is_refused_with_a_page(site: Site) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a=1&b="
        for _ in range(MOST_BYTES // 1_024 + 1):
            yield b"x" * 1_024

    kind = {"content-type": "application/x-www-form-urlencoded"}
    async with site.browser() as browser:
        assert (await browser.submit("/form", a="1", b="2")).text == "3", "with its token"
        refused = await browser.post("/form", content=chunks(), headers=kind)
    assert refused.status_code == 413
    assert "Choose fewer things" in refused.text


async def test_a_form_that_comes_too_slowly_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.http.bodies.BODY_SECONDS", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"a=1"
        await asyncio.sleep(10)
        yield b"&b=2"

    kind = {"content-type": "application/x-www-form-urlencoded"}
    async with site.browser() as browser:
        assert (await browser.post("/form", content=slowly(), headers=kind)).status_code == 413


def sizes(site: Site, page: str) -> int:
    """Bytes over the wire of a page, and of all that it names."""
    assets = context_of(Request({"type": "http", "app": site.app})).assets
    named = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert len(named) >= 3
    files = [assets.addressed(each) for each in named]
    return len(gzip.compress(page.encode(), 5)) + sum(len(each.compressed) for each in files if each)


async def test_a_page_with_all_it_needs_is_light_with_charts_too(site: Site) -> None:
    async with site.browser() as browser:
        page = await browser.get("/", headers={"accept-encoding": "gzip"})
    charts = sum(len(site.app.state.context.assets[name].compressed) for name in ("charts.css", "charts.js"))
    assert sizes(site, page.text) + charts <= MOST_ON_THE_WIRE


async def test_pages_and_files_are_compressed_for_those_who_take_it(site: Site) -> None:
    async with site.browser() as browser:
        page = await browser.get("/", headers={"accept-encoding": "gzip"})
        plain = await browser.get("/", headers={"accept-encoding": "identity"})
        file = re.findall(r'src="(/static/live[^"]+)"', page.text)[0]
        script = await browser.get(file, headers={"accept-encoding": "gzip"})
    assert (page.headers.get("content-encoding"), plain.headers.get("content-encoding")) == ("gzip", None)
    assert same_for_all(page) == same_for_all(plain)
    assert script.headers["content-encoding"] == "gzip"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "htmx" in script.text


@pytest.mark.parametrize("asked", ["/", "/remedy/", "/remedy"])
async def test_links_have_the_prefix_whether_or_not_the_proxy_takes_it_away(console: ConsoleWorld, asked: str) -> None:
    site = Site(console, prefix="/remedy")
    async with site.browser() as browser:
        page = await browser.get(asked)
        assert page.status_code == 200
        links = re.findall(r'(?:src|href)="([^"#][^"]*)"', page.text)
        assert links
        assert [link for link in links if not link.startswith("/remedy/")] == []
        for link in links:
            assert (await browser.get(link)).status_code == 200, link
            assert (await browser.get(link.removeprefix("/remedy"))).status_code == 200, link


def test_a_prefix_that_is_a_page_is_refused(console: ConsoleWorld) -> None:
    with pytest.raises(ConfigurationError, match="ROOT_PATH"):
        Site(console, prefix="/static")


async def test_the_end_of_the_process_makes_it_unready_and_leaves_it_alive(site: Site) -> None:
    async with site.browser(None) as browser:
        site.ending.begin()
        ready, alive = await browser.get("/readyz"), await browser.get("/livez")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "problems": ["stopping"]})
    assert alive.status_code == 200


async def test_what_is_wrong_is_told_to_strangers_in_words_of_a_list(console: ConsoleWorld) -> None:
    site = Site(console, readiness=Readiness([f"Redis {CANARY}"], [f"the file {CANARY}"]))
    async with site.browser(None) as browser:
        ready = await browser.get("/readyz")
    assert (ready.status_code, ready.json()["problems"]) == (503, ["store", "trouble"])


async def test_the_navigation_says_where_one_is(site: Site) -> None:
    async with site.browser() as browser:
        page = (await browser.get("/")).text
    assert '<a href="/" aria-current="page">Now</a>' in page
    assert '<a class="skip" href="#main">' in page
    assert "administrator.of.all@example.org" in page


async def test_a_request_that_the_end_of_the_process_cuts_off_is_answered_that_it_may_come_again(site: Site) -> None:
    async with site.browser() as browser:
        asking = asyncio.create_task(browser.get("/hangs"))
        await asyncio.sleep(0.3)
        asking.cancel()  # as the server does with what has not ended in time
        answer = await asking
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.text == "The console is being restarted.\n"
