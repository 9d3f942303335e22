"""Probes and stops: the chart's times, and compose.yaml's, leave room for what the processes do in them."""

import pytest
from ruamel.yaml import YAML

from remediation.settings import Settings
from remediation.store.server.readiness import DEADLINE
from remedy.runtime.stopping import STOPS_WITHIN
from tests.chart.rendering import ROOT, Object, of_kind, rendered
from tests.chart.soundness import DRAIN_MARGIN

STUCK_AT_LEAST = 30
"""Seconds for which an event loop may be stuck before its process is ended: a slow machine is not dead."""


def containers() -> list[Object]:
    """Our processes' containers, as the chart has them by itself."""
    return [each["spec"]["template"]["spec"]["containers"][0] for each in of_kind(rendered(), "Deployment")]


def test_the_least_margin_is_more_than_a_stop_takes_beyond_its_time() -> None:
    assert STOPS_WITHIN < DRAIN_MARGIN


@pytest.mark.parametrize("container", containers(), ids=lambda container: container["name"])
def test_probes_wait_longer_than_an_answer_takes_and_end_nobody_who_is_only_slow(container: Object) -> None:
    live, ready = container["livenessProbe"], container["readinessProbe"]
    assert live["httpGet"]["path"] == "/livez"
    assert live["periodSeconds"] * live["failureThreshold"] > STUCK_AT_LEAST
    assert ready["httpGet"]["path"] == "/readyz"
    assert ready["timeoutSeconds"] > DEADLINE
    assert "terminationGracePeriodSeconds" not in live, "a worker that is told to stop hands back what it has"


def test_compose_waits_for_a_stop() -> None:
    composed = YAML(typ="safe").load(ROOT / "compose.yaml")
    wait = Settings.model_fields["completion_wait"].default
    for name in ("receiver", "worker"):
        grace = composed["services"][name]["stop_grace_period"]
        assert int(grace.removesuffix("s")) >= wait + DRAIN_MARGIN
