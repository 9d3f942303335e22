"""What of the chart is known outside, and that the proxy there is told what docs/proxies.md asks of one."""

import helm_python as helm
import pytest

from remediation.settings import Settings
from tests.chart.rendering import CHART, Object, named, of_kind, rendered, schema_problems, values_of
from tests.unit.test_proxy_files import LONGEST_ANSWER, default

KEPT_BY_INGRESS_NGINX = 60
"""Seconds for which ingress-nginx keeps an idle connection to a pod, where its ConfigMap says nothing else."""

ANNOTATION = "nginx.ingress.kubernetes.io/"


def receiver_env(objects: list[Object]) -> dict[str, str]:
    (container,) = named(objects, "Deployment", "rel-remedy-receiver")["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item["value"] for item in container["env"] if "value" in item}


def route(**values: object) -> Object:
    objects = rendered({"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}], **values}})
    (rule,) = of_kind(objects, "HTTPRoute")[0]["spec"]["rules"]
    return dict(rule)


def test_the_ingress_of_the_example_holds_what_the_receiver_has_by_itself() -> None:
    objects = rendered(values_of(CHART / "ci" / "ingress-tls-values.yaml"))
    annotations = of_kind(objects, "Ingress")[0]["metadata"]["annotations"]
    assert int(annotations[f"{ANNOTATION}proxy-body-size"]) == default("max_body_bytes")
    assert int(annotations[f"{ANNOTATION}proxy-read-timeout"]) > LONGEST_ANSWER
    assert "non_idempotent" in annotations[f"{ANNOTATION}proxy-next-upstream"].split()
    assert not [name for name in annotations if "auth-tls" in name], "no sender has a certificate"
    assert int(receiver_env(objects)["IDLE_SECONDS"]) > KEPT_BY_INGRESS_NGINX
    assert default("idle_seconds") < KEPT_BY_INGRESS_NGINX, "or the example need not say it"


def test_a_gateway_waits_longer_than_a_delivery_may_take() -> None:
    assert int(route()["timeouts"]["request"].removesuffix("s")) > LONGEST_ANSWER


def test_a_gateway_that_knows_no_timeouts_is_told_none() -> None:
    assert "timeouts" not in route(timeouts=None)
    assert route(timeouts={"backendRequest": "14s"})["timeouts"] == {"request": "15s", "backendRequest": "14s"}


@pytest.mark.parametrize("timeouts", [{"request": 15}, {"request": "15 s"}, {"answer": "15s"}])
def test_times_are_written_as_kubernetes_writes_them(timeouts: dict[str, object]) -> None:
    with pytest.raises(helm.HelmError) as refused:
        route(timeouts=timeouts)
    assert "at '/httpRoute/timeouts" in schema_problems(refused.value)


def test_every_limit_of_the_receiver_is_a_value_of_its_environment() -> None:
    values = {name.upper(): "1" for name in Settings.model_fields if name.startswith("max_")}
    assert values.keys() <= receiver_env(rendered({"processes": {"receiver": {"env": values}}})).keys()


CONSOLE = {"processes": {"console": {"enabled": True}}}


def test_there_is_no_console_unless_it_is_asked_for() -> None:
    assert not [each for each in rendered({}) if each["metadata"]["name"].endswith("-console")]


def test_a_console_has_the_data_keys_and_no_other_secret() -> None:
    deployment = named(rendered(CONSOLE), "Deployment", "rel-remedy-console")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in container["env"] if each.get("valueFrom")] == ["DATA_KEYS"]
    assert container["args"] == ["run", "console"]


def test_people_reach_the_console_and_senders_the_receiver_each_at_an_address_of_its_own() -> None:
    console = {"ingress": {"enabled": True, "hosts": ["duty.example"]}}
    ingress = {"enabled": True, "hosts": ["hooks.example"]}
    objects = rendered({**CONSOLE, "console": console, "ingress": ingress})
    found = {
        rule["host"]: (path["path"], path["backend"]["service"]["name"])
        for each in of_kind(objects, "Ingress")
        for rule in each["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    assert found == {
        "duty.example": ("/", "rel-remedy-console"),
        "hooks.example": ("/webhooks", "rel-remedy-receiver"),
    }


def test_a_way_to_a_console_that_does_not_run_is_refused() -> None:
    with pytest.raises(helm.HelmError, match=r"console\.ingress\.process: no process console runs"):
        rendered({"console": {"ingress": {"enabled": True, "hosts": ["duty.example"]}}})
    with pytest.raises(helm.HelmError, match=r"console\.httpRoute\.parentRefs names the Gateway"):
        rendered({**CONSOLE, "console": {"httpRoute": {"enabled": True}}})


def test_an_open_page_is_not_cut_off_by_the_gateway() -> None:
    route = {"enabled": True, "parentRefs": [{"name": "staff"}]}
    (rule,) = of_kind(rendered({**CONSOLE, "console": {"httpRoute": route}}), "HTTPRoute")[0]["spec"]["rules"]
    assert "timeouts" not in rule
    assert rule["backendRefs"] == [{"name": "rel-remedy-console", "port": 80}]
