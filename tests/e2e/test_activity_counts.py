"""What receivers and workers count reaches Redis: at the latest when a process ends, and a command tells it."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.scene import Scene, open_scene


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene() as scene:
        yield scene


def last(scene: Scene, chart: str) -> dict[str, int]:
    """What a chart tells of the last day, summed up."""
    *rows, _ = scene.stage.asked("report", "activity", "--chart", chart, "--since", "24h", "--json").splitlines()
    found = [json.loads(row) for row in rows]
    return {name: sum(row[name] or 0 for row in found) for name in found[0] if name != "begin"}


def test_what_a_process_counted_is_told_when_it_has_ended(scene: Scene) -> None:
    receiver, worker = scene.stage.start_receiver(), scene.start_worker()
    scene.opened()
    assert (receiver.stop(), worker.stop()) == (0, 0)
    assert last(scene, "deliveries")["stored"] >= 1
    assert last(scene, "work")["opened"] == 2
    assert last(scene, "responses")["ticket_count"] >= 1
