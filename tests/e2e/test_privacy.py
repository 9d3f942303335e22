"""P6: a canary in every word of every other system is found nowhere but where it may be; short form of the proof."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from chaos.proof.defects.sitecustomize import LEAKS, MARKED
from chaos.proof.judging import ALLOWED, leaks_in, needed, secrets_in
from chaos.proof.places import PLACES, everything, read_places
from chaos.proof.setting import CHANNEL_TOKEN, FEW, SYSTEMS, Setting, open_setting
from chaos.proof.ways import BOTH, happen
from sandbox.secrets import DISTRICT, ENVIRONMENT, INCIDENT_FEED_TOKEN, TRACKER_WEBHOOKS
from tests.listeners import SeenSpan, events_of, spans_of
from tests.named_keys import is_named

pytestmark = pytest.mark.timeout(300)

SPANS = {
    *("receive_request", "store_delivery", "read_delivery", "page_scan", "look_at_case", "observe", "plan", "action"),
    *("finding", "findings_page", "find", "create", "read", "update_finding", "poll_tracker", "changes", "poll_feed"),
}
OUTCOMES = {"stored", "quarantined", "ignored", "done", "refused", "settled", "parked"}


@dataclass(frozen=True, slots=True)
class Played:
    """What was read when everything had happened, and the setting, in which more may happen."""

    setting: Setting
    places: Mapping[str, bytes]

    @property
    def spans(self) -> list[SeenSpan]:
        return [span for body in self.setting.heard.traces for span in spans_of(body)]

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [event for body in self.setting.heard.reports for event in events_of(body)]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with open_setting(seed=1) as setting:
        happen(setting, whole=False)
        yield Played(setting, everything(setting))


def test_no_word_of_another_system_is_anywhere_but_where_it_may_be(played: Played) -> None:
    assert [str(each) for each in leaks_in(played.places, played.setting.canaries)] == []


def test_canaries_were_in_what_each_system_said_in_success_and_in_failure(played: Played) -> None:
    planted = played.setting.canaries.planted
    assert len(planted) > 2_000
    said = {
        (origin.system, re.findall(r" ([245])\d\d$", origin.answer)[-1])
        for origin in planted
        if origin.answer[-3:].isdigit()
    }
    assert said >= {(system, digit) for system in SYSTEMS[:4] for digit in "245"}
    spots = {re.sub(r".*: ", "", origin.spot) for origin in planted}
    assert {"an unknown key", "name of a header", "the reason phrase", "a cursor", "a comment"} <= spots


def test_each_row_of_what_is_allowed_was_needed(played: Played) -> None:
    assert [each for each in ALLOWED if each not in needed(played.places, played.setting.canaries)] == []


def test_every_place_was_read_and_has_something_in_it(played: Played) -> None:
    assert {name for name, content in played.places.items() if not content} == set()
    assert set(PLACES) | {f"sent to {system}" for system in SYSTEMS} <= set(played.places)


def test_a_secret_is_where_it_was_given_and_where_it_opens_something(played: Played) -> None:
    data_key = played.setting.environment["DATA_KEYS"].partition(":")[2]
    secrets = {**ENVIRONMENT, **TRACKER_WEBHOOKS, "INCIDENT_FEED_TOKEN": INCIDENT_FEED_TOKEN, "DATA_KEYS": data_key}
    secrets["CHANNEL_URL"] = CHANNEL_TOKEN
    found = secrets_in(played.places, secrets)
    assert {place for place, _ in found if not place.startswith("sent to ")} == {"environments"}
    assert {(place, name) for place, name in found if place.startswith("sent to ")} == {
        ("sent to schoolscan", "SCHOOLSCAN_TOKEN"),
        ("sent to servicenow", "SERVICENOW_PASSWORD"),
        ("sent to jira", "JIRA_TOKEN"),
        ("sent to jira-dc", "JIRA_TOKEN"),
        ("sent to incident_feed", "INCIDENT_FEED_TOKEN"),
    }


def test_every_key_is_one_that_the_page_about_privacy_has(played: Played) -> None:
    assert [key for key in played.setting.world.redis.scan_iter() if not is_named(key.decode())] == []


def test_a_delivery_that_has_been_read_leaves_no_body_behind(played: Played) -> None:
    redis = played.setting.world.redis
    rows = [redis.hgetall(key) for key in redis.keys("remedy:inbox:*")]
    assert {b"body" in row for row in rows if row[b"state"] == b"done"} == {False}


def test_the_log_and_the_traces_say_something_all_the_same(played: Played) -> None:
    told = set(re.findall(rb'"event": ?"([a-z_]+)"', played.places["logs"]))
    assert {b"delivery_read", b"action_done", b"action_failed", b"case_parked", b"feed_read", b"job_failed"} <= told
    assert {span.name for span in played.spans} >= SPANS
    assert {str(span.attributes.get("remedy.outcome")) for span in played.spans} >= OUTCOMES


def test_a_report_is_built_of_classes_our_own_frames_and_ids(played: Played) -> None:
    by_process = {event["logger"]: event for event in played.reports}
    fields = {"event_id", "timestamp", "platform", "level", "release", "environment", "logger", "exception", "tags"}
    assert all(set(event) <= fields for event in played.reports)
    worker, receiver = by_process["worker"], by_process["receiver"]
    assert [each["type"] for each in worker["exception"]["values"]] == ["ValueError", "RuntimeError"]
    assert [each["type"] for each in receiver["exception"]["values"]] == ["LookupError"]
    every = [each for event in played.reports for each in event["exception"]["values"]]
    frames = [frame for each in every for frame in (each.get("stacktrace") or {"frames": []})["frames"]]
    assert {frozenset(frame) for frame in frames} == {frozenset({"filename", "function", "lineno", "in_app"})}
    assert {each.get("value") for each in every} == {None}
    assert (worker["tags"]["job"], worker["tags"]["case"]) == ("look_at_case", f"{DISTRICT}:finding:fnd_{MARKED}")
    assert set(receiver["tags"]) >= {"request_id", "trace_id", "district"}


def test_an_error_in_a_trace_is_a_class_and_a_place(played: Played) -> None:
    failed = [span for span in played.spans if span.error]
    assert {"RuntimeError", "LookupError", "Refused"} <= {span.attributes["error.type"] for span in failed}
    assert all(re.fullmatch(r"[a-z_/]+\.py:\d+", span.attributes["remedy.at"]) for span in failed)


@pytest.fixture(scope="module")
def leaky(played: Played) -> set[tuple[str, str]]:
    """What is found after a worker has let titles out in every way that it can, and a word was put elsewhere by hand.

    By place and spot.
    """
    setting, outside = played.setting, played.setting.world.outside
    setting.read.clear()
    setting.worker(LEAK=",".join(LEAKS))
    word = setting.canaries.at("planted", "leak", "a word")
    finding, few = outside.scan([BOTH, FEW])
    many = setting.until(lambda: outside.tickets(finding), "ticket")[0]
    open_to_few = setting.until(lambda: outside.tickets(few), "ticket that few may read")[0]
    outside.edit_as_priya(many, {"summary" if many.tracker == "jira" else "short_description": word})
    outside.edit_as_priya(open_to_few, {"summary": word})
    token = {"Authorization": f"Bearer {ENVIRONMENT['SCHOOLSCAN_TOKEN']}"}
    for each in (finding, few):
        address = f"{setting.world.stage.outside['schoolscan']}/v1/findings/{each}"
        httpx2.patch(address, json={"status": "reviewing", "note": word}, headers=token, trust_env=False)
    for system in SYSTEMS:
        httpx2.get(f"{setting.relays[system].address}/?word={word}", trust_env=False)
    setting.printed["doctor"].append(word)
    setting.heard.traces.append(word.encode())
    setting.heard.syslog.append(word.encode())
    (setting.listened / "planted").write_text(f"finding: {word}")
    setting.heard.notifications.append(word.encode())
    read_places(setting, last=True)
    return {(leak.place, leak.origin.spot) for leak in leaks_in(everything(setting), setting.canaries)}


FROM_A_WORKER = {
    *("logs", "metrics and health", "arguments", "environments", "files"),
    *("redis files", "redis contents", "monitor"),
}
BY_HAND = {
    *("tickets", "restricted tickets", "notes", "restricted notes", "traces and reports", "audit", "notifications"),
    *("command doctor", "command listen"),
    *(f"sent to {system}" for system in SYSTEMS),
}


@pytest.mark.parametrize("place", sorted(FROM_A_WORKER))
def test_what_a_worker_lets_out_is_found(leaky: set[tuple[str, str]], place: str) -> None:
    assert (place, "$.title") in leaky


@pytest.mark.parametrize("place", sorted(BY_HAND))
def test_what_is_put_where_it_may_not_be_is_found(leaky: set[tuple[str, str]], place: str) -> None:
    assert (place, "a word") in leaky


def test_each_place_has_its_leak() -> None:
    assert set(PLACES) <= FROM_A_WORKER | BY_HAND
