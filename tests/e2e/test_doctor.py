"""`remedy doctor` beside real processes: it names them while they run, and no longer when they have ended."""

import json
import signal

from tests.e2e.scene import Scene
from tests.e2e.watching import eventually


def told(scene: Scene) -> dict[str, dict[str, str]]:
    """What it says, by what it looked at."""
    result = scene.remedy("doctor", "--json")
    assert "Traceback" not in result.stderr
    return {check["what"]: check for check in json.loads(result.stdout)["checks"]}


def test_processes_are_named_while_they_run(scene: Scene) -> None:
    assert eventually(lambda: [each for each in (told(scene),) if each["workers"]["says"].startswith("1 run: ")])
    worker = scene.start_worker("worker-second")
    found = eventually(lambda: [each for each in (told(scene),) if each["workers"]["says"].startswith("2 run: ")])[0]
    assert f"/{worker.pid} (" in found["workers"]["says"]
    assert found["receivers"]["severity"] == found["workers"]["severity"] == "ok"
    assert "versions" not in found
    assert "mappings in use" not in found
    worker.stop(signal.SIGTERM)
    assert told(scene)["workers"]["says"].startswith("1 run: ")
