"""Values that people write without thinking of YAML: whatever the schema takes makes objects that a server takes."""

from typing import Any

import helm_python as helm
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chart.kubernetes_schemas import problems, versions
from tests.chart.rendering import Object, rendered
from tests.chart.soundness import flaws_of

TRAPS = st.sampled_from(
    ["yes", "no", "on", "null", "~", "1e3", "0x1f", "012", "1_000", "1.0", "{a}", "a: b", "- a", "#x", "'", '"', "a\\b"]
)
TEXT = st.one_of(TRAPS, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20))
SCALARS = st.one_of(TEXT, st.integers(-(10**9), 10**9), st.booleans(), st.none())
LABEL_KEYS = st.sampled_from(["team", "cost-centre", "example.com/owner", "no", "4711"])
LABELS = st.dictionaries(
    LABEL_KEYS,
    st.one_of(st.sampled_from(["a", "no", "1e3", "007"]), st.integers(0, 10**8), st.booleans(), st.none()),
    max_size=3,
)
ANNOTATIONS = st.dictionaries(LABEL_KEYS, SCALARS, max_size=3)
ENV_NAMES = st.sampled_from(["LOG_LEVEL", "MAPPINGS_PATH", "WORKER_PORT", "TZ", "NO", "A_1"])
ENV = st.dictionaries(
    ENV_NAMES, st.one_of(SCALARS, st.fixed_dictionaries({"value": st.one_of(TEXT, st.none())})), max_size=4
)
EXTRA_ENV = st.lists(st.fixed_dictionaries({"name": ENV_NAMES, "value": TEXT}), max_size=3)
SECRET_ENV = st.dictionaries(ENV_NAMES, st.one_of(st.sampled_from(["key", "no", "1e3"]), st.none()), max_size=3)
NAMES = st.one_of(st.just(""), st.from_regex(r"[a-z]([-a-z0-9]{0,70}[a-z0-9])?", fullmatch=True))
PROCESS = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.one_of(st.none(), st.integers(0, 10**7)),
        "env": ENV,
        "extraEnv": EXTRA_ENV,
        "secretEnv": SECRET_ENV,
        "labels": LABELS,
        "annotations": ANNOTATIONS,
        "podLabels": LABELS,
        "podAnnotations": ANNOTATIONS,
        "nodeSelector": LABELS,
        "preStopSeconds": st.integers(0, 600),
        "drainSeconds": st.integers(1, 3600),
        "revisionHistoryLimit": st.integers(0, 10**7),
        "autoscaling": st.sampled_from([{}, {"hpa": {"enabled": True}}, {"keda": {"enabled": True}}]),
        "pdb": st.sampled_from(
            [{}, {"enabled": False}, {"minAvailable": 1}, {"minAvailable": "50%"}, {"maxUnavailable": "25%"}]
        ),
        "probes": st.sampled_from([{}, {"startup": None}, {"liveness": {"failureThreshold": 10**7}}]),
        "podSecurityContext": st.sampled_from([{}, {"runAsUser": None}, {"fsGroup": 10**7}]),
    },
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "nameOverride": NAMES,
        "fullnameOverride": NAMES,
        "commonLabels": LABELS,
        "commonAnnotations": ANNOTATIONS,
        "logLevel": st.sampled_from(["debug", "error"]),
        "mappings": st.fixed_dictionaries({"content": TEXT}),
        "secrets": st.fixed_dictionaries(
            {"values": st.dictionaries(ENV_NAMES, st.one_of(TEXT, st.integers(0, 10**9), st.booleans()), max_size=3)}
        ),
        "processDefaults": PROCESS,
        "processes": st.fixed_dictionaries({}, optional={"receiver": st.one_of(PROCESS, st.none()), "worker": PROCESS}),
        "networkPolicy": st.fixed_dictionaries({"enabled": st.booleans()}),
        "image": st.fixed_dictionaries({"tag": st.sampled_from(["1.0", 2, 10**7, "latest", ""])}),
    },
)


def _reaches_a_clash(values: Object) -> bool:
    """HPA and KEDA at once, one from the defaults: refused in words, elsewhere tested."""

    def chosen(part: Any) -> set[str]:
        return set((part or {}).get("autoscaling") or {})

    shared = chosen(values.get("processDefaults"))
    return any(len(shared | chosen(part)) > 1 for part in (values.get("processes") or {}).values())


@pytest.mark.timeout(600)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=VALUES)
def test_whatever_the_schema_takes_a_server_takes(values: Object) -> None:
    try:
        objects = rendered(values)
    except helm.HelmValuesError:  # refused by the schema, with its place
        return
    except helm.HelmError:
        assert _reaches_a_clash(values)
        return
    assert flaws_of(objects) == []
    assert [problem for each in objects for problem in problems(each, versions()[-1])] == []
