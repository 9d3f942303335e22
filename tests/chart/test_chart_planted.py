"""Mistakes that charts are known for, planted one by one: each is caught."""

import shutil
from collections.abc import Callable
from pathlib import Path

import helm_python as helm
import pytest

from tests.chart.kubernetes_schemas import problems, versions
from tests.chart.rendering import CHART, rendered, values_of
from tests.chart.soundness import flaws_of

EVERYTHING = CHART / "ci" / "everything-values.yaml"
MINIMAL = CHART / "ci" / "minimal-values.yaml"


def caught(chart: Path, values: Path) -> str:
    """What any check says of a chart."""
    try:
        objects = rendered(values_of(values), chart=chart)
    except (helm.HelmError, ValueError) as refused:
        return str(refused)
    except Exception as refused:  # noqa: BLE001 - whatever a YAML parser raises
        return f"{type(refused).__name__}: {refused}"
    said = [*flaws_of(objects), *(problem for each in objects for problem in problems(each, versions()[-1]))]
    return "\n".join(said)


PLANTED = [
    ("_pod.tpl", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "token is mounted"),
    ("_pod.tpl", "enableServiceLinks: false", "", "every Service becomes variables"),
    ("_pod.tpl", "port: {{ $process.probePort }}", "port: helth", "asks a port that is not there"),
    ("_pod.tpl", "containerPort: {{ $said.containerPort | int64 }}", "containerPort: 90910", "is no port"),
    ("_pod.tpl", "- {name: tmp, mountPath: /tmp}", "- {name: temp, mountPath: /tmp}", "there is no volume temp"),
    (
        "_pod.tpl",
        "{{ add $process.preStopSeconds $process.drainSeconds $process.marginSeconds }}",
        "{{ $process.drainSeconds }}",
        "killed before its work in hand is done",
    ),
    (
        "_pod.tpl",
        "securityContext:\n  {{- toYaml $process.podSecurityContext | nindent 2 }}",
        "securityContext: {}",
        "may run as root",
    ),
    (
        "_env.tpl",
        "$references = append $references",
        '$references = append (append $references (dict "name" "TZ" "valueFrom" $item.valueFrom))',
        "the variable TZ comes",
    ),
    ("_env.tpl", '"value" $value)', '"value" 5)', "is no text"),
    (
        "_helpers.tpl",
        '{{- printf "%s@%s" $repository .image.digest -}}',
        '{{- printf "%s" $repository -}}',
        "no image can be called",
    ),
    (
        "_helpers.tpl",
        "app.kubernetes.io/component: {{ .component | quote }}",
        "app.kubernetes.io/component: {{ .component | quote }}\napp.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}",
        "selects by what changes with an upgrade",
    ),
    ("processes.yaml", 'if not (include "remedy.isScaled" $process)', "if true", "beside what scales it"),
    (
        "processes.yaml",
        "      targetPort: {{ . }}\n      protocol: TCP\n      appProtocol",
        "      targetPort: web\n      protocol: TCP\n      appProtocol",
        "have no port web",
    ),
    (
        "processes.yaml",
        '      {{- include "remedy.selectorLabels" (dict "root" $root "component" $name) | nindent 6 }}\n  template:',
        '      {{- include "remedy.selectorLabels" (dict "root" $root "component" "other") | nindent 6 }}\n  template:',
        "does not select its own pods",
    ),
    (
        "processes.yaml",
        "replicas: {{ $process.replicas | int64 }}",
        "replica: {{ $process.replicas | int64 }}",
        "replica",
    ),
    ("processes.yaml", "kind: ServiceAccount", "kind: ServiceAcount", "knows no v1 ServiceAcount"),
    ("autoscaling.yaml", "name: {{ $full | quote }}}", 'name: "worker"}', "there is no Deployment worker to scale"),
    ("exposure.yaml", "service: {name: {{ $service | quote }}", "service: {name: receiver", "leads nowhere"),
    ("exposure.yaml", "path: {{ . | quote }}", 'path: "/"', "opens / to everybody"),
    ("networkpolicies.yaml", "port: {{ $port }}}]", 'port: "web"}]', "names ports that its pods do not have"),
    (
        "networkpolicies.yaml",
        '"component" "valkey") | nindent 14',
        '"component" "redis") | nindent 14',
        "pods that are not there",
    ),
    (
        "valkey.yaml",
        'serviceName: {{ printf "%s-headless" $name | quote }}',
        "serviceName: valkey",
        "no Service valkey",
    ),
    ("monitoring.yaml", "- port: {{ . }}", "- port: metricz", "reads from nowhere"),
    ("secrets.yaml", "kind: ExternalSecret", "kind: ExternalSecret\nkind: ExternalSecret", "uplicate"),
    (
        "mappings.yaml",
        'component" "mappings")',
        'component" "mappings" "labels" (dict "hash" (.Values.mappings.content | sha256sum)))',
        "no label can have",
    ),
]


def test_there_are_twenty_planted_mistakes_at_the_least() -> None:
    assert len(PLANTED) >= 20


@pytest.mark.parametrize(("file", "old", "new", "words"), PLANTED, ids=[each[3].replace(" ", "-") for each in PLANTED])
def test_a_planted_mistake_is_caught(
    file: str, old: str, new: str, words: str, tmp_path: Path, copied: Callable[[Path], Path]
) -> None:
    chart = copied(tmp_path)
    template = chart / "templates" / file
    text = template.read_text()
    assert old in text
    template.write_text(text.replace(old, new, 1))
    assert words in caught(chart, EVERYTHING) + caught(chart, MINIMAL)


@pytest.fixture
def copied() -> Callable[[Path], Path]:
    return lambda folder: Path(shutil.copytree(CHART, folder / "helm"))


def test_the_chart_as_it_is_has_none_of_them(tmp_path: Path, copied: Callable[[Path], Path]) -> None:
    assert caught(copied(tmp_path), EVERYTHING) == ""
