"""One delivery's way, from its POST to the PATCH of its finding: in one trace, and in one grep of the logs."""

import json
import uuid
from collections.abc import Iterator

import pytest

from sandbox.secrets import DISTRICT
from tests.e2e.scene import BOTH, REVIEWING, Scene, critical, delivered, open_scene
from tests.e2e.watching import becomes, eventually
from tests.listeners import Collector, SeenSpan, open_collector

STRANGER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
"""What a sender says that it is a part of, and that it wants to have recorded."""


def telling(collector: Collector) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{collector.address}/",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-token=test-only%20token",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=trial",
    }


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with open_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def scene(collector: Collector) -> Iterator[Scene]:
    with open_scene() as scene:
        scene.stage.start_receiver(**telling(collector))
        scene.start_worker(**telling(collector))
        yield scene


def found(scene: Scene) -> str:
    """A finding that SchoolScan has, and has told nobody of."""
    finding_id = f"fnd_{uuid.uuid4().hex[:12]}"
    scene.outside.add_findings([{**BOTH, "id": finding_id}])
    return finding_id


def trace_of(collector: Collector, case: str) -> list[SeenSpan]:
    """All spans of the trace in which this case was looked at first, once its last one has arrived."""

    def whole() -> list[SeenSpan]:
        looks = [span for span in collector.named("look_at_case") if span.attributes["remedy.case"] == case]
        spans = [span for span in collector.spans if looks and span.trace == looks[0].trace]
        return spans if {"update_finding", "receive_request"} <= {span.name for span in spans} else []

    return eventually(whole)


def lines(scene: Scene, name: str) -> list[dict[str, object]]:
    (program,) = (program for program in scene.stage.programs if program.name == name)
    return [json.loads(line) for line in program.logged().splitlines()]


def test_one_trace_and_one_request_id_lead_from_post_to_patch(scene: Scene, collector: Collector) -> None:
    finding_id, asked = found(scene), str(uuid.uuid4())
    answer = delivered(scene.stage.receiver_address, critical(finding_id), more={"X-Request-Id": asked})
    assert (answer.status_code, answer.headers["x-request-id"]) == (202, asked)
    scene.settles(finding_id, REVIEWING)
    ref = f"{DISTRICT}:finding:{finding_id}"

    spans = trace_of(collector, ref)
    by_id = {span.id: span for span in spans}
    (patch,) = (span for span in spans if span.name == "update_finding")
    way = [patch]
    while way[-1].parent:
        way.append(by_id[way[-1].parent])
    assert [span.name for span in way] == ["update_finding", "action", "look_at_case", "receive_request"]
    assert [span.process["remedy.process"] for span in way] == ["worker"] * 3 + ["receiver"]
    assert {span.name for span in spans} >= {"store_delivery", "read_delivery", "observe", "plan", "create", "find"}
    root = way[-1].attributes
    assert (root["http.response.status_code"], root["remedy.outcome"], root["remedy.district"]) == (
        202,
        "stored",
        DISTRICT,
    )
    assert patch.attributes["remedy.system"] == f"schoolscan:{DISTRICT}"
    assert patch.attributes["http.response.status_code"] == 201, "of the note, which is the last of its requests"
    assert {span.attributes["remedy.request_id"] for span in spans if "remedy.request_id" in span.attributes} == {asked}

    told = [line for name in ("receiver", "worker") for line in lines(scene, name) if line.get("request_id") == asked]
    assert [line["event"] for line in told][:2] == ["delivery_accepted", "delivery_read"]
    done = {str(line["action"]) for line in told if line["event"] == "action_done"}
    assert done == {"open:jira", "open:servicenow", "patch:reviewing"}
    assert {line["case"] for line in told if "case" in line} == {ref}
    assert {line["trace_id"] for line in told} == {patch.trace}


def test_a_stranger_neither_joins_nor_starts_a_recording(scene: Scene, collector: Collector) -> None:
    body = critical("fnd_1")
    for secret, status in (("test-only-forger", 401), (None, 202)):
        signed = {} if secret is None else {"secret": secret}
        answer = delivered(scene.stage.receiver_address, body, more={"traceparent": STRANGER}, **signed)
        assert answer.status_code == status
    linked = eventually(lambda: [span for span in collector.named("receive_request") if span.links])
    assert {span.links for span in linked} == {(STRANGER.split("-")[1],)}
    assert not [span for span in collector.spans if span.trace == STRANGER.split("-")[1]]


def test_deliveries_that_share_a_look_are_linked_to_it(scene: Scene, collector: Collector) -> None:
    worker = scene.stage.programs[-1]
    assert worker.stop() == 0
    finding_id = found(scene)
    answers = [delivered(scene.stage.receiver_address, critical(finding_id)) for _ in range(3)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    scene.stage.programs.remove(worker)
    scene.start_worker(**telling(collector))
    scene.settles(finding_id, REVIEWING)

    def looks() -> list[SeenSpan]:
        spans = collector.named("look_at_case")
        return [span for span in spans if str(span.attributes["remedy.case"]).endswith(finding_id)]

    def asked() -> set[str]:  # trackers' webhooks, which tell of what we do, lead to looks of their own
        return {part for span in looks() for part in span.attributes.get("remedy.request_id", "").split(",")} & {*ids}

    becomes(asked, {*ids})
    traces = {span.trace for span in collector.named("receive_request") if span.attributes["remedy.request_id"] in ids}
    assert traces <= {trace for span in looks() for trace in (span.trace, *span.links)}


def test_the_process_is_described_by_settings_alone(scene: Scene, collector: Collector) -> None:
    span = eventually(lambda: collector.named("receive_request"))[0]
    assert span.process.pop("service.version")
    assert span.process == {
        "service.name": "remedy",
        "remedy.process": "receiver",
        "deployment.environment.name": "trial",
    }
    assert collector.headers["x-token"] == "test-only token"


def test_a_process_whose_collector_is_away_works_and_stops_as_ever(scene: Scene) -> None:
    worker = scene.start_worker("lonely", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    finding_id = found(scene)
    assert delivered(scene.stage.receiver_address, critical(finding_id)).status_code == 202
    scene.settles(finding_id, REVIEWING)
    assert worker.stop() == 0
