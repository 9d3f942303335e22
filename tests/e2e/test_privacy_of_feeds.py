"""P6 for feeds of incidents: each text of a page is a canary of its own, and stays where the page came from."""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.store.incidents.rows import name_of
from remediation.store.keys import BEGUN, CASE, DIRTY, FEED, INCIDENTS, SYSTEM
from remediation.store.terms import MOST_CRASHES
from remedy.main import main
from sandbox.secrets import DISTRICT, INCIDENT_FEED_TOKEN, JIRA_USER
from sandbox.wire.server import serve
from tests.e2e.defective_feeds.sitecustomize import NOT_KEPT, NOT_SEEN
from tests.e2e.odd_pages import OddFeed, canary, misbehaviours, odd_page, places_of, spelt_with_canaries
from tests.e2e.places import (
    arguments,
    contents_of_redis,
    environments,
    files_of_redis,
    health,
    logs,
    metrics,
    requests,
    tickets,
)
from tests.e2e.scene import REPOSITORY, Scene, open_scene
from tests.e2e.watching import becomes, eventually
from tests.listeners import Collector, SentryStandIn, open_collector, open_sentry
from tests.named_keys import is_named
from workers.rounds.feeds import TAKEN_IN_PART_AFTER

STEADY = frozenset({"incident@uuid", "incident@type", "incident/date", "incident@deleted", "incident@bounced"})
"""What the stand-in writes as it is, so that there are incidents that last; the odd feed has canaries there, too."""

LISTED = frozenset({"weapon@code", "injury@code", "action@code"})
RESTRICTED = frozenset({"school@code", "offense@code"})
"""The elements whose codes may stand in a ticket: always, and where the rule is restricted."""

REFUSAL = canary("what a tracker says when it refuses")
WORDS = canary("what a person wrote in a ticket")
ODD, HANDBOOK = f"{DISTRICT}/odd", f"{DISTRICT}/handbook"
ODD_UUIDS = ("an incident / é ☃", "8f14e45f", "x" * 60, NOT_SEEN, "deadly")


def refusing_jira() -> Starlette:
    """A Jira that refuses every issue, and quotes what nobody may read."""

    async def refuse(request: Request) -> Response:
        return JSONResponse({"errors": {"summary": f"{REFUSAL}: {(await request.body()).decode()}"}}, 400)

    async def permissions(_request: Request) -> Response:
        return JSONResponse({"permissions": {"BROWSE_PROJECTS": {"havePermission": True}}})

    async def search(_request: Request) -> Response:
        return JSONResponse({"issues": [], "isLast": True}, headers={"X-AAccountId": "6a1b"})

    return Starlette(
        routes=[
            Route("/rest/api/2/issue", refuse, methods=["POST"]),
            Route("/rest/api/2/mypermissions", permissions),
            Route("/rest/api/2/search/jql", search, methods=["GET", "POST"]),
        ]
    )


@dataclass(slots=True)
class Play:
    """The scene, and what was seen of it. `printed` has what each command printed."""

    scene: Scene
    odd: OddFeed
    telling: dict[str, str]
    mappings: str = ""
    printed: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    def worker(self) -> Any:
        return self.scene.start_worker(MAPPINGS_PATH=self.mappings, LOG_LEVEL="debug", **self.telling)

    def call(self, *words: str) -> str:
        """What a command prints, to whichever stream."""
        environment = {**self.scene.stage.environment, "MAPPINGS_PATH": self.mappings, "COLUMNS": "250"}
        result = CliRunner().invoke(main, words, env=environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.stdout + result.stderr

    def look_at(self, *words: str) -> None:
        """Keep what a command prints, for people and for programs."""
        for more in ((), ("--json",)):
            self.printed[" ".join((*words, *more))] = self.call(*words, *more)

    def incidents(self, *order: dict[str, object]) -> list[str]:
        added = self.scene.outside.control("incident_feed", "POST", "incidents", json={"incidents": list(order)})
        return [str(each) for each in added["incidents"]]

    def spell(self, **order: object) -> None:
        """From now on, every text of the stand-in's pages is another canary."""
        order = {"instead": spelt_with_canaries(STEADY), "has_unknown": True, "has_comments": True, **order}
        self.scene.outside.control("incident_feed", "DELETE", "spellings")
        order = {**order, "canary": canary("a comment or an unknown element"), "times": None}
        self.scene.outside.control("incident_feed", "POST", "spellings", json=order)

    def state(self, feed: str, name: str) -> int:
        return int(self.scene.redis.hget(FEED + feed, name) or 0)

    def read_anew(self, feed: str) -> None:
        """Have it read from its first page to its last."""
        ended = self.state(feed, "ended_at")
        self.call("incidents", "poll", "--feed", feed)
        eventually(lambda: self.state(feed, "ended_at") > ended)

    def hurry(self, feed: str, attempts: int = 0) -> None:
        """Have a worker read it with its next round, for the first time as far as it knows, or after so many."""
        self.scene.redis.delete(f"{SYSTEM}incidents:{feed}")  # nobody waits for the end of a limit
        self.scene.redis.hset(FEED + feed, "attempts", attempts)
        self.scene.redis.hdel(FEED + feed, "wait_until", "polled_at", "swept_at", "asked_at")

    def is_put_off(self, name: str, answer: Response) -> None:
        """The odd feed gives this answer, to a command and to a worker."""
        self.odd.answer = lambda _request: answer
        words = ("incidents", "poll", "--feed", ODD, "--dry-run")
        self.printed[f"{name}, to people"] = self.call(*words)
        self.printed[f"{name}, to programs"] = self.call(*words, "--json")
        self.hurry(ODD)
        eventually(lambda: self.state(ODD, "attempts"))

    def tickets_of(self, uuid: str) -> list[bool]:
        return [each.is_active for each in self.scene.outside.tickets(uuid, CaseKind.INCIDENT)]

    def comes_to_rest(self) -> None:
        becomes(lambda: self.scene.redis.zcard(DIRTY), 0)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with open_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def sentry() -> Iterator[SentryStandIn]:
    with open_sentry() as sentry:
        yield sentry


@pytest.fixture(scope="module")
def play(collector: Collector, sentry: SentryStandIn) -> Iterator[Play]:
    """Two feeds, the stand-in and one that is as odd as can be; and all that can happen to them."""
    odd = OddFeed()
    telling = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "SENTRY_DSN": sentry.dsn,
        "PYTHONPATH": str(REPOSITORY / "tests" / "e2e" / "defective_feeds"),
    }
    with serve(refusing_jira()) as jira, serve(odd.app) as feed, open_scene(feed=True) as scene:

        def with_both(tree: Any) -> None:
            incidents = {"of": "incidents", "severity": "high"}
            account = {"user": JIRA_USER, "password": {"env": "JIRA_TOKEN"}}
            token = {"env": "INCIDENT_FEED_TOKEN"}
            tree["trackers"]["refusing"] = {"kind": "jira", "url": jira, "auth": {"basic": account}}
            for tracker in tree["trackers"].values():
                tracker |= {"search_horizon": "1s", "read_timeout": "1s", "connect_timeout": "1s"}
            tree["districts"][DISTRICT]["incidents"]["odd"] = {"url": f"{feed}/public/v1", "token": token}
            tree["rules"] = [
                {
                    **incidents,
                    "name": "plain",
                    "match": {"type": ["referral"]},
                    "tickets": dict.fromkeys(("servicenow", "jira")),
                },
                {
                    **incidents,
                    "name": "open-to-few",
                    "match": {"type": ["minor"]},
                    "detail": "restricted",
                    "tickets": {"jira": None},
                },
                {**incidents, "name": "others", "tickets": {"jira": None, "refusing": {"project": "SEC"}}},
                *tree["rules"][1:],
            ]

        happens = Play(scene, odd, telling, scene.mappings("odd.yaml", with_both))
        scene.stage.start_receiver(**telling)
        happen(happens)
        yield happens


def happen(play: Play) -> None:
    """Everything that can happen to a feed and its incidents."""
    control, redis = play.scene.outside.control, play.scene.redis
    victims = [{"injury": "MINOR"}]
    offenders = [{"offenses": ["FIGHT"], "weapons": ["KNIFE"], "actions": ["OSS"], "injury": "NONE"}]
    told: dict[str, object] = {"offenders": offenders, "victims": victims}
    first, second, third = play.incidents(*({"type": each, **told} for each in ("referral", "minor", "pending")))
    play.spell()
    play.worker()
    becomes(lambda: [play.tickets_of(each) for each in (first, second, third)], [[True, True], [True], [True]])
    play.comes_to_rest()
    for ticket in play.scene.outside.tickets(second, CaseKind.INCIDENT):
        play.scene.outside.resolve_as_priya(ticket, words=WORDS)
    play.spell()  # every code is another one now
    play.read_anew(HANDBOOK)
    control("incident_feed", "POST", f"incidents/{first}/delete")
    play.read_anew(HANDBOOK)
    becomes(lambda: play.tickets_of(first), [False, False])
    control("incident_feed", "POST", f"incidents/{first}/undelete")
    play.read_anew(HANDBOOK)
    becomes(lambda: play.tickets_of(first), [True, True])
    play.comes_to_rest()
    answers = misbehaviours()
    for name, answer in answers.items():
        play.is_put_off(name, answer)
    ended = play.state(ODD, "ended_at")
    play.odd.answer = lambda _request: answers["other count"]
    play.hurry(ODD, TAKEN_IN_PART_AFTER)
    eventually(lambda: play.state(ODD, "ended_at") > ended)
    seen_odd_pages(play)
    killed(play)
    seen_by_commands(play, first, second, third)
    redis.hset(f"{BEGUN}{DISTRICT}:incident:{third}", mapping={"crashes": MOST_CRASHES, "first": 1, "last": 2})
    control("incident_feed", "PATCH", f"incidents/{third}", json={"type": "referral"})
    play.read_anew(HANDBOOK)
    eventually(lambda: redis.hexists(f"{CASE}{DISTRICT}:incident:{third}", "parked:look"))
    play.odd.answer = lambda _request: Response(odd_page(NOT_KEPT))
    asked = play.odd.asked

    def is_asked_again() -> bool:
        play.hurry(ODD)
        return play.odd.asked > asked + 1

    eventually(is_asked_again)  # after our own error


def seen_odd_pages(play: Play) -> None:
    """A page in which all is odd, names of elements too; it is known by what tells its version from then on."""
    tag, page = f'"{canary("ETag")}"', odd_page(*ODD_UUIDS)
    headers = {"ETag": tag, "Last-Modified": canary("Last-Modified")}

    def answer(request: Request) -> Response:
        is_known = request.headers.get("if-none-match") == tag
        return Response(status_code=304, headers=headers) if is_known else Response(page, headers=headers)

    play.odd.answer = answer
    play.hurry(ODD)
    play.read_anew(ODD)
    names = {name_of(uuid).encode() for uuid in ODD_UUIDS}
    assert set(play.scene.redis.hkeys(INCIDENTS + ODD)) >= names
    play.read_anew(ODD)


def killed(play: Play) -> None:
    """A worker dies in the middle of a walk, with a page in its hands. Another one goes on."""
    play.scene.outside.control("incident_feed", "PATCH", "settings", json={"page_size": 1})
    play.scene.outside.break_down("incident_feed", "slow", query="page=2", seconds=1.5)
    ended = play.state(HANDBOOK, "ended_at")
    play.hurry(HANDBOOK)
    eventually(lambda: b", 2, " in (play.scene.redis.hget(FEED + HANDBOOK, "walk") or b""))
    play.scene.stage.programs[-1].stop(signal.SIGKILL)
    play.scene.redis.hdel(FEED + HANDBOOK, "asked_at")  # as if it had been asked half a minute ago
    play.worker()
    eventually(lambda: play.state(HANDBOOK, "ended_at") > ended)


def seen_by_commands(play: Play, *uuids: str) -> None:
    """What commands show to whoever has the data keys: what is kept, and nothing else."""
    ref = CaseKey(DISTRICT, CaseKind.INCIDENT, uuids[0]).ref
    for uuid in (*uuids, *ODD_UUIDS):
        play.shown[uuid] = play.call("incidents", "show", uuid)
    for words in (("incidents", "show", uuids[0]), ("incidents", "list"), ("parked", "list")):
        play.shown[f"{' '.join(words)}, to programs"] = play.call(*words, "--json")
    play.printed["incidents list"] = play.call("incidents", "list")
    play.shown["parked list"] = play.call("parked", "list", "--all")
    play.look_at("incidents", "show", "nobody")
    play.look_at("incidents", "poll", "--dry-run", "--sweep")
    play.look_at("incidents", "backfill", "--dry-run")
    play.look_at("incidents", "backfill")
    play.look_at("doctor")
    play.look_at("case", "show", ref)
    play.look_at("case", "plan", ref)
    play.look_at("case", "list")
    play.look_at("mappings", "explain", "--incident", "type=referral", "--incident", "weapon=KNIFE")
    names = re.findall(r'"name": "([^"]+)"', play.shown["parked list, to programs"])
    assert names
    for name in names:
        play.shown[name] = play.call("parked", "show", name)


PLACES = [logs, metrics, health, arguments, environments, files_of_redis, contents_of_redis, requests]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_nothing_that_a_feed_says_stays_anywhere_in_clear(play: Play, place: Any) -> None:
    assert places_of(str(place(play.scene))) == set()


def test_a_ticket_has_the_codes_that_its_rule_allows_and_nothing_else(play: Play) -> None:
    records, issues, links = tickets(play.scene)
    found: set[str] = set()
    for ticket in (*records, *issues):
        there = {place.rpartition("/")[2] for place in places_of(str(ticket))} - {WORDS}
        is_restricted = "open-to-few" in str(ticket)
        assert there <= (LISTED | RESTRICTED if is_restricted else LISTED)
        found |= there
    assert found == LISTED | RESTRICTED
    assert places_of(str(links)) == set()


def test_commands_print_nothing_of_it(play: Play) -> None:
    assert {words: places_of(said) for words, said in play.printed.items() if places_of(said)} == {}


def test_who_has_the_keys_is_shown_the_codes_that_are_kept(play: Play) -> None:
    places = {place.rpartition("/")[2] for said in play.shown.values() for place in places_of(said)}
    assert places == LISTED | RESTRICTED | {"what a tracker says when it refuses"}


def test_who_listens_hears_of_the_work_and_of_no_incident(
    play: Play, collector: Collector, sentry: SentryStandIn
) -> None:
    eventually(lambda: {"poll_feed", "look_at_case"} <= {span.name for span in collector.spans})
    eventually(
        lambda: len({str(event["tags"].get("job")) for event in sentry.events} & {"poll_feeds", "look_at_case"}) == 2
    )
    heard = b"".join((*collector.bodies, *sentry.bodies)).decode(errors="replace")
    assert places_of(heard) == set()
    assert INCIDENT_FEED_TOKEN not in heard


@pytest.mark.parametrize("place", [*PLACES[:4], *PLACES[5:], tickets], ids=lambda place: place.__name__)
def test_the_token_of_a_feed_stays_in_the_environment(play: Play, place: Any) -> None:
    assert INCIDENT_FEED_TOKEN not in str(place(play.scene))


def test_the_log_says_something_all_the_same(play: Play) -> None:
    told = set(re.findall(r'"event": ?"([a-z_]+)"', Path(play.scene.stage.programs[-1].log).read_text()))
    assert {"feed_read", "feed_not_read", "job_failed", "action_done", "action_failed", "case_parked"} <= told


def test_every_key_is_one_that_the_page_about_privacy_has(play: Play) -> None:
    assert [key for key in play.scene.redis.scan_iter() if not is_named(key.decode())] == []
