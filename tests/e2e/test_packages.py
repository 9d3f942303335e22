"""What talks to the trackers really is `jira` and `pysnow`: seen from inside a worker, request by request."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.scene import RESOLVED, REVIEWING, Scene, open_scene

WITNESS = '''
"""Loaded by the interpreter before anything else: writes down which packages each request of requests came through."""

import json
import os
import sys

import requests

_send = requests.Session.send


def send(self, request, **options):
    frame, packages = sys._getframe(), set()
    while frame is not None:
        packages.add(frame.f_globals.get("__name__", "").partition(".")[0])
        frame = frame.f_back
    with open(os.environ["WITNESS"], "a", encoding="utf-8") as file:
        by = sorted(packages & {"jira", "pysnow"})
        file.write(json.dumps({"address": request.url.split("/")[2], "method": request.method, "by": by}) + "\\n")
    return _send(self, request, **options)


requests.Session.send = send
'''


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """As every stage, but the worker carries a witness."""
    with open_scene() as scene:
        (scene.stage.folder / "sitecustomize.py").write_text(WITNESS, encoding="utf-8")
        scene.stage.start_receiver()
        scene.start_worker(PYTHONPATH=str(scene.stage.folder), WITNESS=str(witnessed(scene)))
        yield scene


def witnessed(scene: Scene) -> Path:
    return scene.stage.folder / "witness.jsonl"


def test_every_request_to_a_tracker_came_through_its_package(scene: Scene) -> None:
    finding_id = scene.opened()
    for ticket in scene.outside.tickets(finding_id):
        scene.outside.resolve_as_priya(ticket)
    scene.settles(finding_id, RESOLVED)
    scene.outside.scan(find_again=[finding_id])
    scene.settles(finding_id, REVIEWING)
    worker = scene.stage.programs[-1]
    assert worker.stop() == 0  # the journals are complete now
    seen = [json.loads(line) for line in witnessed(scene).read_text(encoding="utf-8").splitlines()]
    for tracker, package in (("jira", "jira"), ("servicenow", "pysnow")):
        address = scene.stage.outside[tracker].removeprefix("http://")
        ours = [each for each in seen if each["address"] == address]
        assert {tuple(each["by"]) for each in ours} == {(package,)}
        assert Counter(each["method"] for each in ours) == asked(scene, tracker)


def asked(scene: Scene, tracker: str) -> Counter[str]:
    """The requests in the tracker's own journal, by method, without those of the person at her desk."""
    agents = {"jira": "remedy", "servicenow": "pysnow"}
    journal = scene.outside.requests(tracker)
    assert {each["user_agent"].partition("/")[0] for each in journal} == {agents[tracker], "python-httpx2"}
    return Counter(each["method"] for each in journal if each["user_agent"] == agents[tracker])
