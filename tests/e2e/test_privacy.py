"""P6: a canary in every string of every payload is found nowhere but where it came from."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from remediation.store.keys import BEGUN, MOST_CRASHES
from sandbox.secrets import DISTRICT, ENVIRONMENT, JIRA_USER, TRACKER_WEBHOOKS
from sandbox.wire.server import serve
from tests.e2e.places import (
    arguments,
    contents_of_redis,
    files_of_redis,
    health,
    logs,
    metrics,
    notes,
    requests,
    tickets,
)
from tests.e2e.scene import BOTH, REPOSITORY, RESOLVED, REVIEWING, Scene, State, critical, delivered, open_scene
from tests.e2e.watching import becomes, eventually
from tests.listeners import Collector, SentryStandIn, open_collector, open_sentry
from tests.named_keys import is_named

CANARY = f"ZZPII-{uuid.uuid4()}"
"""Stands for a student: in every string that SchoolScan has of a finding, and in every delivery."""

SAID = f"ZZSAID-{uuid.uuid4()}"
"""Stands for what a person wrote in a tracker. It may stay there, and goes nowhere else."""


COLLECTOR_TOKEN = "test-only-collector-token"
HEADERS = {"X-Request-Id": CANARY, "traceparent": CANARY, "tracestate": CANARY, "baggage": f"name={CANARY}"}


def quoting_jira() -> Starlette:
    """A Jira that refuses every issue, in words that quote what nobody may read."""

    async def refuse(_request: Request) -> Response:
        return JSONResponse({"errorMessages": [], "errors": {"summary": f"{CANARY} is already known."}}, 400)

    async def permissions(_request: Request) -> Response:
        return JSONResponse({"permissions": {"BROWSE_PROJECTS": {"havePermission": True}}})

    async def search(_request: Request) -> Response:
        return JSONResponse({"issues": [], "isLast": True}, headers={"X-AAccountId": "6a1b"})  # as each real answer

    return Starlette(
        routes=[
            Route("/rest/api/2/issue", refuse, methods=["POST"]),
            Route("/rest/api/2/mypermissions", permissions),
            Route("/rest/api/2/search/jql", search, methods=["GET", "POST"]),
        ]
    )


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with open_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def sentry() -> Iterator[SentryStandIn]:
    with open_sentry() as sentry:
        yield sentry


@pytest.fixture(scope="module")
def scene(collector: Collector, sentry: SentryStandIn) -> Iterator[Scene]:
    """As every stage, but vendor exposures also go to a Jira that quotes what it refuses; and two defects are planted.

    Traces and reports of errors are on.
    """
    telling = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-token={COLLECTOR_TOKEN}",
        "SENTRY_DSN": sentry.dsn,
        "PYTHONPATH": str(REPOSITORY / "tests" / "e2e" / "defective"),
    }
    with serve(quoting_jira()) as address, open_scene() as scene:

        def quoting(tree: Any) -> None:
            account = {"user": JIRA_USER, "password": {"env": "JIRA_TOKEN"}}
            tree["trackers"]["quoting"] = {"kind": "jira", "url": address, "auth": {"basic": account}}
            rule = next(rule for rule in tree["rules"] if rule["name"] == "vendor-exposure")
            rule["tickets"]["quoting"] = {"project": "SEC"}

        mappings = scene.mappings("quoting.yaml", quoting)
        scene.stage.start_receiver(**telling)
        scene.start_worker(MAPPINGS_PATH=mappings, LOG_LEVEL="debug", **telling)
        yield scene


def full_of(canary: str) -> dict[str, object]:
    """A finding's fields with the canary in each string that is no id, and in strings that nobody foresaw."""
    return {
        "title": f"Roster of {canary}",
        "description": f"The page shows {canary}.",
        "url": f"https://{canary.lower()}.lakeside.example/{canary}.html?student={canary}#{canary}",
        "evidence": [{"kind": canary, "snippet": f"born {canary}", "matched_values": [canary, {canary: canary}]}],
        "expert_review": {"outcome": canary, "comment": canary},
        "detector": {"name": canary, canary: 7},
        "assignee": canary,
        "detected_at": canary,
        canary: canary,
    }


UNKNOWN_WORDS = {"severity": CANARY, "domain_type": CANARY, "confidence": CANARY}


def deliveries() -> dict[str, bytes]:
    """Authentic deliveries that are full of the canary and that nobody can read, by what is wrong with them."""
    data = json.dumps({CANARY: CANARY, "finding": {"name": CANARY}})
    return {
        "broken": f'{{"type": "finding.critical", "data": {{"name": "{CANARY}'.encode(),
        "type": f'{{"id": "evt_1", "type": "{CANARY}", "data": {data}}}'.encode(),
        "nameless": f'{{"id": "evt_2", "type": "finding.critical", "data": {data}}}'.encode(),
        "twice": f'{{"id": "evt_3", "type": "{CANARY}", "type": "{CANARY}", "data": {data}}}'.encode(),
    }


def play(scene: Scene) -> str:
    """Everything that can happen to a finding, with the canary in it. Answers the id of the one that was resolved."""
    finding_id = scene.opened(**full_of(CANARY))
    (strange,) = scene.outside.scan([{**full_of(CANARY), **UNKNOWN_WORDS}])
    scene.told("finding.critical", {"finding_id": strange, "summary": CANARY, "student": {CANARY: [CANARY]}})
    refused = scene.find(**{**full_of(CANARY), "domain_type": "vendor_exposure"})
    scene.told("finding.critical", {"finding_id": "fnd_nowhere", "summary": CANARY})
    scene.told("scan.completed", {"scan_id": "scan_nowhere", "domain": CANARY, "grade": CANARY})
    for body in deliveries().values():
        assert delivered(scene.stage.receiver_address, body, more=HEADERS).status_code == 202
    poison(scene)
    forged = critical("fnd_forged").replace(b'"data": {', f'"data": {{"name": "{CANARY}", '.encode())
    assert delivered(scene.stage.receiver_address, forged, secret="test-only-forger").status_code == 401
    lost = httpx2.post(
        f"{scene.stage.receiver_address}/webhooks/{CANARY}?q={CANARY}", json={CANARY: CANARY}, headers=HEADERS
    )
    assert lost.status_code == 404
    scene.settles(strange, State("reviewing", ("jira open",)))
    scene.settles(refused, State("reviewing", ("servicenow open",)))
    for ticket in scene.outside.tickets(finding_id):
        scene.outside.resolve_as_priya(ticket, words=f"{SAID} asked for it to be taken down.")
    scene.settles(finding_id, RESOLVED)
    scene.outside.scan(find_again=[finding_id])
    scene.settles(finding_id, REVIEWING)
    fail(scene)  # last: the case is tried again and again
    return finding_id


def poison(scene: Scene) -> None:
    """A finding over which worker after worker has died, as far as Redis can tell."""
    scene.outside.add_findings([{**BOTH, **full_of(CANARY), "id": "fnd_deadly"}])
    scene.redis.hset(f"{BEGUN}{DISTRICT}:finding:fnd_deadly", mapping={"crashes": MOST_CRASHES, "first": 1, "last": 2})
    scene.told("finding.critical", {"finding_id": "fnd_deadly", "summary": CANARY})


def fail(scene: Scene) -> None:
    """A defect of ours in a worker, and one in the receiver. Both quote all that they know."""
    scene.outside.add_findings([{**BOTH, **full_of(CANARY), "id": "fnd_defect"}])
    scene.told("finding.critical", {"finding_id": "fnd_defect", "summary": CANARY})
    body = critical("fnd_defect").replace(b'"data": {', f'"data": {{"receiver": "{CANARY}", '.encode())
    assert delivered(scene.stage.receiver_address, body, more=HEADERS).status_code == 503


@pytest.fixture(scope="module")
def played(scene: Scene) -> str:
    return play(scene)


SECRETS = {**ENVIRONMENT, **TRACKER_WEBHOOKS}

PLACES = [logs, metrics, health, arguments, files_of_redis, contents_of_redis, notes, requests]


@pytest.mark.parametrize("place", [*PLACES, tickets], ids=lambda place: place.__name__)
def test_what_schoolscan_says_of_a_student_stays_there(scene: Scene, played: str, place: Any) -> None:
    assert re.findall(f"(?i){CANARY}", str(place(scene))) == []


def test_every_key_is_one_that_the_page_about_privacy_has(scene: Scene, played: str) -> None:
    assert [key for key in scene.redis.scan_iter() if not is_named(key.decode())] == []


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_what_a_person_wrote_in_a_ticket_stays_there(scene: Scene, played: str, place: Any) -> None:
    assert re.findall(f"(?i){SAID}", str(place(scene))) == []


@pytest.mark.parametrize("secret", sorted(SECRETS))
@pytest.mark.parametrize("place", [*PLACES, tickets], ids=lambda place: place.__name__)
def test_a_secret_stays_in_the_environment(scene: Scene, played: str, secret: str, place: Any) -> None:
    assert SECRETS[secret] not in str(place(scene))


def test_the_canary_really_was_in_all_that_we_read(scene: Scene, played: str) -> None:
    assert CANARY in str(scene.outside.finding(played))
    assert any(CANARY in each["body"] for each in scene.outside.deliveries())
    assert SAID in str(tickets(scene))


def test_what_was_set_aside_with_the_canary_in_it_is_sealed_and_can_be_read_by_who_has_the_key(
    scene: Scene, played: str
) -> None:
    parked = scene.parked()
    kinds = sorted(item["kind"] for item in parked.values())
    assert kinds.count("quarantined") == len(deliveries()) - 1, "one is merely of an unknown type, and ignored"
    refused = [item for item in parked.values() if item["system"] == "quoting"]
    assert [CANARY in item["words"] for item in refused] == [True] * len(refused) != []
    assert f"{DISTRICT}:finding:fnd_nowhere/look" in parked
    rows = [scene.redis.hget(f"remedy:inbox:{name.removeprefix('delivery/')}", "body") for name in parked]
    assert all(CANARY.encode() not in row for row in rows if row is not None)


def test_a_delivery_that_has_been_read_leaves_no_body_behind(scene: Scene, played: str) -> None:
    becomes(lambda: scene.redis.zcard("remedy:inbox-pending"), 0)
    rows = [scene.redis.hgetall(key) for key in scene.redis.keys("remedy:inbox:*")]
    assert {b"body" in row for row in rows if row[b"state"] == b"done"} == {False}


def test_the_log_says_something_all_the_same(scene: Scene, played: str) -> None:
    told = {json.loads(line).get("event") for line in Path(scene.stage.programs[-1].log).read_text().splitlines()}
    assert {"delivery_read", "action_done", "action_failed", "case_parked"} <= told


@pytest.fixture(scope="module")
def heard(played: str, collector: Collector, sentry: SentryStandIn) -> dict[str, bytes]:
    """All that a collector and Sentry were sent, once both have heard of everything that happened."""
    eventually(lambda: {span.name for span in collector.spans} >= SPANS)
    eventually(lambda: {str(span.attributes.get("remedy.outcome")) for span in collector.spans} >= OUTCOMES)
    eventually(lambda: {"worker", "receiver"} <= {event["logger"] for event in sentry.events})
    return {"traces": b"".join(collector.bodies), "reports": b"".join(sentry.bodies)}


SPANS = {
    *("receive_request", "store_delivery", "read_delivery", "page_scan", "look_at_case", "observe", "plan", "action"),
    *("finding", "findings_page", "find", "create", "read", "update_finding", "poll_tracker", "changes"),
}
OUTCOMES = {"stored", "quarantined", "ignored", "done", "refused", "settled", "parked"}


NOT_HEARD = {"what schoolscan says": CANARY, "what a person wrote": SAID, "a token": COLLECTOR_TOKEN, **SECRETS}


@pytest.mark.parametrize("what", NOT_HEARD)
@pytest.mark.parametrize("listener", ["traces", "reports"])
def test_who_listens_hears_of_the_work_and_of_nobody(heard: dict[str, bytes], listener: str, what: str) -> None:
    assert heard[listener]
    assert re.findall(f"(?i){re.escape(NOT_HEARD[what])}".encode(), heard[listener]) == []


def test_a_report_is_built_of_classes_our_own_frames_and_ids(heard: dict[str, bytes], sentry: SentryStandIn) -> None:
    by_process = {event["logger"]: event for event in sentry.events}
    fields = {"event_id", "timestamp", "platform", "level", "release", "environment", "logger", "exception", "tags"}
    assert all(set(event) <= fields for event in sentry.events)
    worker, receiver = by_process["worker"], by_process["receiver"]
    assert [each["type"] for each in worker["exception"]["values"]] == ["ValueError", "RuntimeError"]
    assert [each["type"] for each in receiver["exception"]["values"]] == ["LookupError"]
    every = [each for event in sentry.events for each in event["exception"]["values"]]
    frames = [frame for each in every for frame in (each.get("stacktrace") or {"frames": []})["frames"]]
    assert {frozenset(frame) for frame in frames} == {frozenset({"filename", "function", "lineno", "in_app"})}
    assert {each.get("value") for each in every} == {None}
    assert (worker["tags"]["job"], worker["tags"]["case"]) == ("look_at_case", f"{DISTRICT}:finding:fnd_defect")
    assert set(receiver["tags"]) >= {"request_id", "trace_id", "district"}


def test_an_error_in_a_trace_is_a_class_and_a_place(heard: dict[str, bytes], collector: Collector) -> None:
    failed = [span for span in collector.spans if span.error]
    assert {"RuntimeError", "LookupError", "Refused"} <= {span.attributes["error.type"] for span in failed}
    assert all(re.fullmatch(r"[a-z_/]+\.py:\d+", span.attributes["remedy.at"]) for span in failed)
