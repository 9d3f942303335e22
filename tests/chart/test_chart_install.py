"""Real installs and upgrades by Helm's own SDK, against a small API server that refuses what a real one refuses."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import helm_python as helm
import pytest

from tests.chart.api_server import Cluster, serving
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, VALUES_FILES, Object, values_of

SECONDS = 20


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with serving(Cluster()) as running:
        yield running


def _config(cluster: Cluster) -> helm.Config:
    return helm.Config(kubeconfig_content=cluster.kubeconfig, namespace=NAMESPACE, storage_driver="memory")


def _installed(cluster: Cluster, values: Object, chart: Path = CHART) -> helm.Config:
    config = _config(cluster)
    config.install(helm.Chart.load(str(chart)), RELEASE, values, namespace=NAMESPACE, timeout=SECONDS)
    return config


@pytest.mark.parametrize("path", VALUES_FILES, ids=lambda path: path.stem)
def test_a_server_takes_every_values_file_and_an_upgrade_of_it(path: Path, cluster: Cluster) -> None:
    values = values_of(path)
    config = _installed(cluster, values)
    deployments = {each["metadata"]["name"]: each["spec"]["selector"] for each in cluster.of_kind("Deployment")}
    config.upgrade(
        helm.Chart.load(str(CHART)), RELEASE, {**values, "logLevel": "debug"}, namespace=NAMESPACE, timeout=SECONDS
    )
    assert cluster.refusals == []
    assert {each["metadata"]["name"]: each["spec"]["selector"] for each in cluster.of_kind("Deployment")} == deployments
    assert cluster.of_kind("Job") == []  # the check of mappings has succeeded, and is taken away


def test_an_upgrade_that_was_wrong_is_rolled_back_and_the_release_taken_away(cluster: Cluster) -> None:
    config = _installed(cluster, {})
    chart = helm.Chart.load(str(CHART))
    config.upgrade(chart, RELEASE, {"processDefaults": {"replicas": 5}}, namespace=NAMESPACE, timeout=SECONDS)
    assert {each["spec"]["replicas"] for each in cluster.of_kind("Deployment")} == {5}
    config.rollback(RELEASE, version=1, timeout=SECONDS)
    assert {each["spec"]["replicas"] for each in cluster.of_kind("Deployment")} == {2}
    config.uninstall(RELEASE, timeout=SECONDS)
    assert cluster.of_kind("Deployment") == []


@pytest.mark.parametrize("suffix", ["", "-gke.100", "-eks-a5df82a", "+k3s1"])
def test_clusters_with_a_suffix_in_their_version_are_taken(suffix: str) -> None:
    with serving(Cluster(version="1.29", suffix=suffix)) as cluster:
        _installed(cluster, {})
        assert cluster.of_kind("Deployment")


def test_a_cluster_that_is_too_old_is_refused_before_anything_is_sent() -> None:
    with serving(Cluster(version="1.28")) as cluster:
        with pytest.raises(helm.HelmError, match=r"kubeVersion: >=1\.29\.0-0"):
            _installed(cluster, {})
        assert cluster.objects == {}


def test_a_mappings_file_that_is_refused_stops_the_install(tmp_path: Path) -> None:
    with serving(Cluster(jobs_fail=True)) as cluster:
        with pytest.raises(helm.HelmError, match="pre-install"):
            _installed(cluster, {})
        assert cluster.of_kind("Deployment") == []


def test_the_server_refuses_a_variable_that_comes_twice(tmp_path: Path, cluster: Cluster) -> None:
    chart = Path(shutil.copytree(CHART, tmp_path / "helm"))
    template = chart / "templates" / "_env.tpl"
    twice = "concat $references $texts $texts"
    template.write_text(template.read_text().replace("concat $references $texts", twice))
    with pytest.raises(helm.HelmError, match="duplicate entries for key LOG_LEVEL"):
        _installed(cluster, {}, chart)


def test_the_server_refuses_a_field_that_it_does_not_know(tmp_path: Path, cluster: Cluster) -> None:
    chart = Path(shutil.copytree(CHART, tmp_path / "helm"))
    template = chart / "templates" / "processes.yaml"
    template.write_text(template.read_text().replace("revisionHistoryLimit:", "revisionsKept:"))
    with pytest.raises(helm.HelmError, match="revisionsKept"):
        _installed(cluster, {}, chart)


def test_the_server_refuses_a_selector_that_changes(tmp_path: Path, cluster: Cluster) -> None:
    config = _installed(cluster, {})
    with pytest.raises(helm.HelmError, match="field is immutable"):
        config.upgrade(
            helm.Chart.load(str(CHART)), RELEASE, {"nameOverride": "other", "fullnameOverride": "rel-remedy"},
            namespace=NAMESPACE, timeout=SECONDS,
        )  # fmt: skip
