"""Prometheus reads a receiver and a worker at work, and each panel of the dashboard shows something."""

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sandbox.wire.ports import free_port
from tests.e2e.scene import REVIEWING, Scene, open_scene
from tests.e2e.watching import eventually
from tests.prometheus import program
from tests.watched import ALERTS_FILE, metrics, panels, selectors, without_variables

QUERIES = [(title, query) for title, queries in panels().items() for query in queries]
STARTS_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that reads both processes each second."""

    address: str

    def asked(self, query: str) -> list[dict[str, Any]]:
        """What it answers to a query now."""
        with httpx2.Client(timeout=10, trust_env=False) as client:
            answer = client.get(f"{self.address}/api/v1/query", params={"query": query})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def is_ready(self) -> bool:
        """Whether it answers and has read both processes."""
        with contextlib.suppress(httpx2.HTTPError):  # not yet there, or not yet ready
            return len(self.asked("rate(process_cpu_seconds_total[10s])")) == 2
        return False


def configured(folder: Path, scene: Scene) -> Path:
    """Its configuration: both processes, as the chart's monitors would have it read them, and the rules of alerts."""
    addresses = {each.name: each for each in scene.stage.programs}
    at = [addresses["receiver"].address("metrics_listen"), addresses["worker"].address("worker_runs")]
    labels = {"namespace": "ns", "release": "rel"}
    targets = [{"targets": [each.removeprefix("http://") for each in at], "labels": labels}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS_FILE)],
        "scrape_configs": [{"job_name": "remedy", "static_configs": targets}],
    }
    path = folder / "prometheus.yml"
    path.write_text(json.dumps(config))
    return path


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with open_scene(feed=True) as scene:
        scene.stage.start_receiver()
        scene.start_worker()
        yield scene


@pytest.fixture(scope="module")
def prometheus(scene: Scene) -> Iterator[Prometheus]:
    folder = Path(tempfile.mkdtemp(prefix="remedy-prometheus-"))
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus"),
        f"--config.file={configured(folder, scene)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        started = Prometheus(f"http://{address}")
        eventually(started.is_ready, STARTS_WITHIN)
        play(scene)
        yield started
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


def play(scene: Scene) -> None:
    """A finding is told, ticketed and set to reviewing."""
    finding_id = scene.find()
    scene.settles(finding_id, REVIEWING)


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_every_panel_shows_something(prometheus: Prometheus, title: str, query: str) -> None:
    def shown() -> list[str]:
        values = (each["value"][1] for each in prometheus.asked(without_variables(query)))
        return [value for value in values if value != "NaN"]  # a quantile of nothing

    assert eventually(shown, 30), title


def test_prometheus_takes_every_series_as_it_is(prometheus: Prometheus) -> None:
    """None is renamed for a label that Prometheus gives itself, and both processes tell what all share alike."""
    shown = prometheus.asked('{__name__=~"remedy_.*"}')
    assert [each["metric"] for each in shown if any(label.startswith("exported_") for label in each["metric"])] == []
    names = {each["metric"]["__name__"] for each in shown}
    known = {sample for metric in metrics().values() for sample in metric.samples}
    assert {name for name in names if not name.endswith("_created")} <= known
    assert len(prometheus.asked("remedy_queue_due")) == 2


def test_nothing_is_wrong_with_what_is_well(prometheus: Prometheus) -> None:
    assert prometheus.asked('ALERTS{alertstate="firing"}') == []
    assert all(list(selectors(without_variables(query))) for _, query in QUERIES)


def test_the_times_from_the_delivery_on_were_counted(prometheus: Prometheus) -> None:
    both = " and ".join(f"sum(remedy_delivery_to_{what}_seconds_count) > 0" for what in ("ticket", "status"))
    assert eventually(lambda: prometheus.asked(both), 30)
