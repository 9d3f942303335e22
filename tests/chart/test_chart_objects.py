"""Every values file that the chart ships, rendered: what a cluster would be sent."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path

import helm_python as helm
import pytest
from pydantic import BaseModel

from remediation.mapping.config.references import SecretFromEnv
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import loaded_of
from remediation.mapping.reading.warnings import warnings_of
from remediation.redis_address import RedisAddress
from tests.chart.kubernetes_schemas import CUSTOM, CUSTOM_SCHEMAS, custom_problems, problems, versions
from tests.chart.rendering import CHART, VALUES_FILES, Object, named, notes, of_kind, pods, rendered, values_of
from tests.chart.soundness import flaws_of

SECRET = "test-only-ZZSECRET"

every_values_file = pytest.mark.parametrize("path", VALUES_FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="module", params=VALUES_FILES, ids=lambda path: path.stem)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return rendered(values_of(request.param))


def test_there_are_values_files_to_look_at() -> None:
    assert len(VALUES_FILES) >= 13


@every_values_file
def test_lint_finds_nothing_to_warn_of(path: Path) -> None:
    report = helm.lint(str(CHART), values_of(path), strict=True, namespace="ns")
    assert [message for message in report["messages"] if message["severity"] >= 2] == []
    assert not report["errors"]


def test_objects_fit_each_other_and_a_server_takes_them(objects: list[Object]) -> None:
    assert flaws_of(objects) == []


@pytest.mark.parametrize("version", versions())
def test_objects_have_the_form_of_each_version_of_kubernetes(version: str, objects: list[Object]) -> None:
    assert [problem for each in objects for problem in problems(each, version)] == []


def test_custom_resources_have_the_form_of_their_own_schemas(objects: list[Object]) -> None:
    if not CUSTOM_SCHEMAS.is_dir():
        pytest.skip(f"the schemas of custom resources are not at {CUSTOM_SCHEMAS}")
    assert [problem for each in objects if each["kind"] in CUSTOM for problem in custom_problems(each)] == []


def test_a_process_reads_only_the_secrets_that_it_is_given() -> None:
    objects = rendered(values_of(CHART / "ci" / "districts-values.yaml"))
    read = {
        name: {item["name"] for item in _container(objects, name)["env"] if "valueFrom" in item}
        for name in ("rel-remedy-receiver", "rel-remedy-worker")
    }
    assert read == {
        "rel-remedy-receiver": {"DATA_KEYS", "LAKESIDE_WEBHOOK_SECRET", "HILLSIDE_WEBHOOK_SECRET"},
        "rel-remedy-worker": {"DATA_KEYS", "LAKESIDE_TOKEN", "HILLSIDE_TOKEN", "SERVICENOW_PASSWORD", "JIRA_TOKEN"},
    }


def _container(objects: list[Object], name: str) -> Object:
    pod: Object = named(objects, "Deployment", name)["spec"]["template"]["spec"]
    container: Object = pod["containers"][0]
    return container


def _env(objects: list[Object], name: str) -> dict[str, object]:
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in _container(objects, name)["env"]}


def test_a_user_s_variable_wins_over_the_chart_s_and_comes_once() -> None:
    values = {
        "processDefaults": {"extraEnv": [{"name": "LOG_LEVEL", "value": "warning"}, {"name": "TZ", "value": "UTC"}]},
        "processes": {
            "worker": {"env": {"MAX_JOBS": 128, "LOG_LEVEL": "debug", "POLL_SECONDS": 7.5, "WORKER_HOST": None}}
        },
    }
    objects = rendered(values)
    assert flaws_of(objects) == []
    env = _env(objects, "rel-remedy-worker")
    assert (env["MAX_JOBS"], env["LOG_LEVEL"], env["TZ"], env["POLL_SECONDS"]) == ("128", "warning", "UTC", "7.5")
    assert "WORKER_HOST" not in env


def test_secrets_come_before_variables_that_may_refer_to_them() -> None:
    items = _container(rendered(), "rel-remedy-worker")["env"]
    kinds = ["valueFrom" in item for item in items]
    assert kinds == sorted(kinds, reverse=True)


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "redis://rel-remedy-valkey:6379/0"),
        ({"valkey": {"enabled": False}, "redis": {"host": "redis.example"}}, "redis://redis.example:6379/0"),
        (
            {
                "valkey": {"enabled": False},
                "redis": {"host": "redis.example", "port": 6380, "database": 3, "tls": {"enabled": True}},
            },
            "rediss://redis.example:6380/3",
        ),
        ({"valkey": {"enabled": False}, "redis": {"url": "rediss://r.example:7000/1"}}, "rediss://r.example:7000/1"),
        (
            {
                "valkey": {"enabled": False},
                "redis": {"sentinel": {"hosts": ["a.example", "b.example:26380"], "master": "main"}, "database": 1},
            },
            "redis+sentinel://a.example,b.example:26380/main/1",
        ),
    ],
)
def test_the_address_of_redis_is_put_together(values: Object, address: str) -> None:
    RedisAddress.parse(address)
    objects = rendered(values)
    assert _env(objects, "rel-remedy-receiver")["REDIS_URL"] == address
    assert _env(objects, "rel-remedy-worker")["REDIS_URL"] == address


def _egress_to_redis(redis: Object) -> list[int]:
    """The ports that network policies open towards Redis."""
    policies = [
        each for each in rendered({"valkey": {"enabled": False}, "redis": redis}) if each["kind"] == "NetworkPolicy"
    ]
    opened = {tuple(port["port"] for port in policy["spec"]["egress"][1]["ports"]) for policy in policies}
    (ports,) = opened
    return list(ports)


@pytest.mark.parametrize(
    ("redis", "ports"),
    [
        ({"host": "r.example", "port": 6390}, [6390]),
        ({"url": "redis://r.example/1"}, [6379]),
        ({"url": "rediss://[::1]:7000/1", "port": 6390}, [7000]),
        ({"sentinel": {"hosts": ["a.example", "b.example:26380", "c.example"], "master": "m"}}, [6379, 26379, 26380]),
        ({"url": "redis+sentinel://a.example:26380,b.example/m", "port": 6390}, [6390, 26380, 26379]),
        ({"existingSecret": "s", "urlKey": "url", "port": 6390}, [6390, 26379]),
        ({"existingSecret": "s", "urlKey": "url", "sentinel": {"port": 26380}}, [6379, 26380]),
        ({"existingSecret": "s", "urlKey": "url", "url": "redis://r.example:7000"}, [6379, 26379]),
        ({"existingSecret": "s", "host": "r.example"}, [6379]),
    ],
)
def test_network_policies_let_processes_reach_redis_and_its_sentinels(redis: Object, ports: list[int]) -> None:
    assert _egress_to_redis(redis) == ports


def test_a_process_shows_its_certificate_to_redis() -> None:
    tls = {"enabled": True, "clientSecret": {"name": "client", "certKey": "c", "keyKey": "k"}, "verifyName": False}
    objects = rendered({"valkey": {"enabled": False}, "redis": {"host": "r.example", "tls": tls}})
    env = _env(objects, "rel-remedy-worker")
    assert env["REDIS_CERT_FILE"] == "/etc/remedy-redis-client/c"
    assert env["REDIS_KEY_FILE"] == "/etc/remedy-redis-client/k"
    assert env["REDIS_TLS_VERIFY_NAME"] == "false"
    mounts = {each["name"]: each["mountPath"] for each in _container(objects, "rel-remedy-worker")["volumeMounts"]}
    assert mounts["redis-client"] == "/etc/remedy-redis-client"


def test_a_process_that_is_added_needs_values_only() -> None:
    mirror = {
        "args": ["run", "mirror"],
        "ports": {"web": {"containerPort": 8090, "portVariable": "MIRROR_PORT"}},
        "publicPort": "web",
        "metricsPort": "web",
        "probePort": "web",
        "replicas": 1,
    }
    objects = rendered({"processes": {"mirror": mirror}})
    assert flaws_of(objects) == []
    assert _container(objects, "rel-remedy-mirror")["args"] == ["run", "mirror"]
    assert named(objects, "Service", "rel-remedy-mirror")["spec"]["ports"][0]["targetPort"] == "web"


def test_a_process_that_is_null_is_not_there() -> None:
    objects = rendered({"processes": {"receiver": None}})
    assert {each["metadata"]["name"] for each in of_kind(objects, "Deployment")} == {"rel-remedy-worker"}


def test_no_scaler_and_replicas_beside_each_other() -> None:
    for values in ({"hpa": {"enabled": True}}, {"keda": {"enabled": True}}):
        objects = rendered({"processes": {"worker": {"autoscaling": values}}})
        assert "replicas" not in named(objects, "Deployment", "rel-remedy-worker")["spec"]
        assert named(objects, "Deployment", "rel-remedy-receiver")["spec"]["replicas"] == 2


def test_workers_are_scaled_by_the_work_that_is_due() -> None:
    objects = rendered(
        {"processes": {"worker": {"autoscaling": {"keda": {"enabled": True, "dueJobsPerReplica": 2_000_000}}}}}
    )
    (trigger,) = named(objects, "ScaledObject", "rel-remedy-worker")["spec"]["triggers"]
    assert trigger["metadata"] == {
        "url": "http://rel-remedy-worker-metrics.ns.svc:9091/metrics",
        "format": "prometheus",
        "valueLocation": "remedy_queue_due",
        "targetValue": "2000000",
    }


def test_a_changed_file_or_secret_restarts_processes() -> None:
    def checksums(values: Object) -> set[tuple[str, str]]:
        pod = named(rendered(values), "Deployment", "rel-remedy-worker")["spec"]["template"]
        return set((pod["metadata"].get("annotations") or {}).items())

    first = checksums({"mappings": {"content": "version: 1"}})
    assert first != checksums({"mappings": {"content": "version: 2"}})
    assert checksums({"mappings": {"restartOnChange": False}}) == set()
    secret = {"secrets": {"values": {"DATA_KEYS": "a"}}}
    assert checksums(secret) != checksums({"secrets": {"values": {"DATA_KEYS": "b"}}})


def test_secrets_stand_in_secret_objects_and_nowhere_else() -> None:
    objects = rendered({"secrets": {"values": {"DATA_KEYS": SECRET}}})
    (secret,) = of_kind(objects, "Secret")
    assert base64.b64decode(secret["data"]["DATA_KEYS"]).decode() == SECRET
    elsewhere = [each for each in objects if each["kind"] != "Secret"]
    assert SECRET not in str(elsewhere)
    assert secret["data"]["DATA_KEYS"] not in str(elsewhere)


def test_nothing_of_the_chart_reads_the_cluster_or_makes_secrets_up() -> None:
    texts = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    assert not re.search(r"\b(lookup|randAlphaNum|randAlpha|genCA|genSelfSignedCert|uuidv4)\b", texts)


def test_an_upgrade_keeps_every_selector() -> None:
    def selectors(objects: list[Object]) -> list[object]:
        return [each["spec"]["selector"] for each in of_kind(objects, "Deployment", "StatefulSet")]

    now = selectors(rendered({}))
    assert now == selectors(rendered({"commonLabels": {"team": "b"}, "image": {"tag": "9.9.9"}}))
    text = (CHART / "Chart.yaml").read_text()
    version = re.search(r"^version: (.*)$", text, re.MULTILINE)
    assert version
    assert version.group(1) not in str(now)


def test_only_the_paths_of_webhooks_are_public_beside_pages_with_a_sign_in() -> None:
    objects = rendered(values_of(CHART / "ci" / "everything-values.yaml"))
    paths = {
        each["metadata"]["name"]: [path["path"] for rule in each["spec"]["rules"] for path in rule["http"]["paths"]]
        for each in of_kind(objects, "Ingress")
    }
    assert paths == {"rel-bridge-receiver": ["/webhooks"], "rel-bridge-console": ["/remedy"]}


def test_the_check_of_mappings_runs_first_and_needs_no_secret() -> None:
    objects = rendered()
    job = named(objects, "Job", "rel-remedy-mappings-check")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["mappings", "check", "/etc/remedy/mappings.yaml"]
    assert not [item for item in container["env"] if "valueFrom" in item]
    copy = named(objects, "ConfigMap", "rel-remedy-mappings-check")
    assert copy["data"] == named(objects, "ConfigMap", "rel-remedy-mappings")["data"]


@every_values_file
def test_every_mappings_file_of_the_chart_passes_its_own_check(path: Path) -> None:
    objects = rendered(values_of(path))
    for each in of_kind(objects, "ConfigMap"):
        if each["metadata"]["name"].endswith("-mappings"):
            loaded = loaded_of(each["data"]["mappings.yaml"], "mappings.yaml")
            assert warnings_of(loaded) == ()
            named = {secret.env for secret in _secrets(loaded.mappings)}
            read = {item["name"] for _, pod in pods(objects) for item in pod["spec"]["containers"][0].get("env", [])}
            assert named <= read


def _secrets(mappings: Mappings) -> list[SecretFromEnv]:
    """Every reference to a secret, in whatever form the trackers sign in."""
    found: list[SecretFromEnv] = []

    def look(value: object) -> None:
        if isinstance(value, SecretFromEnv):
            found.append(value)
        elif isinstance(value, BaseModel):
            for name in type(value).model_fields:
                look(getattr(value, name))
        elif isinstance(value, Mapping | list | tuple):
            for inner in value.values() if isinstance(value, Mapping) else value:
                look(inner)

    look(mappings)
    return found


def test_on_openshift_no_user_and_no_group_is_named() -> None:
    objects = rendered(values_of(CHART / "ci" / "openshift-values.yaml"))
    for where, pod in pods(objects):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & pod["spec"]["securityContext"].keys(), where
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


def test_a_null_in_values_takes_a_variable_away() -> None:
    env = _env(rendered({"processes": {"worker": {"secretEnv": {"JIRA_TOKEN": None}}}}), "rel-remedy-worker")
    assert "JIRA_TOKEN" not in env
    assert "SCHOOLSCAN_TOKEN" in env


def test_the_whole_proxy_and_certificate_reach_every_process() -> None:
    objects = rendered(values_of(CHART / "ci" / "proxy-values.yaml"))
    for name in ("rel-remedy-receiver", "rel-remedy-worker"):
        env = _env(objects, name)
        assert env["OUTBOUND_PROXY"] == "http://proxy.lakeside.example:3128"
        assert env["OUTBOUND_CA_FILE"] == "/etc/remedy-ca/company.pem"


def test_who_is_told_of_spans_and_errors_is_named_to_every_process_and_reachable() -> None:
    objects = rendered(values_of(CHART / "ci" / "everything-values.yaml"))
    for name in ("rel-bridge-receiver", "rel-bridge-worker", "rel-bridge-console"):
        env = _env(objects, name)
        assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://collector.lakeside.example"
        assert env["OTEL_RESOURCE_ATTRIBUTES"] == "deployment.environment.name=trial%20run,team.number=4711"
        assert (env["OTEL_TRACES_SAMPLER_ARG"], env["OTEL_SERVICE_NAME"]) == ("0.25", "bridge")
        assert env["OTEL_EXPORTER_OTLP_CERTIFICATE"] == "/etc/remedy-tracing/ca.pem"
        assert env["SENTRY_ENVIRONMENT"] == "trial"
    policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    there = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "tracing"}}}]
    rule = {"ports": [{"protocol": "TCP", "port": 443}], "to": there}
    assert [rule in policy.get("egress", []) for policy in policies].count(True) == 3


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [("http://otel.monitoring:4318", 4318), ("http://otel/base", 80), ("https://otel.example/", 443)],
)
def test_the_port_of_a_collector_is_open(endpoint: str, port: int) -> None:
    objects = rendered({"networkPolicy": {"enabled": True}, "tracing": {"endpoint": endpoint}})
    policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    rule = {"ports": [{"protocol": "TCP", "port": port}]}
    assert [rule in policy.get("egress", []) for policy in policies].count(True) == 2


@pytest.mark.parametrize(("address", "protocol", "port"), [("udp://log.audit", "UDP", 514), ("tcp://log", "TCP", 601)])
def test_the_audit_is_sent_to_its_syslog_server_at_its_port(address: str, protocol: str, port: int) -> None:
    syslog = f"{address}:{port}"
    objects = rendered({"networkPolicy": {"enabled": True}, "audit": {"syslog": syslog}})
    assert _env(objects, "rel-remedy-worker")["AUDIT_SYSLOG"] == syslog
    policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    rule = {"ports": [{"protocol": protocol, "port": port}]}
    assert [rule in policy.get("egress", []) for policy in policies].count(True) == 2


def test_data_keys_are_a_file_or_a_variable_and_never_both() -> None:
    assert {"DATA_KEYS", "DATA_KEYS_FILE"} & _env(rendered(), "rel-remedy-worker").keys() == {"DATA_KEYS"}
    for said, secret in (({}, "rel-remedy"), ({"existingSecret": "keys", "key": "list"}, "keys")):
        objects = rendered({"dataKeys": {"asFile": True, **said}})
        for name in ("rel-remedy-receiver", "rel-remedy-worker"):
            env = _env(objects, name)
            assert "DATA_KEYS" not in env
            file = Path(str(env["DATA_KEYS_FILE"]))
            pod = named(objects, "Deployment", name)["spec"]["template"]["spec"]
            (volume,) = (each for each in pod["volumes"] if each["name"] == "data-keys")
            assert volume["secret"]["secretName"] == secret
            assert volume["secret"]["items"] == [{"key": said.get("key", "DATA_KEYS"), "path": file.name}]
            mounts = {each["name"]: each for each in _container(objects, name)["volumeMounts"]}
            assert mounts["data-keys"] == {"name": "data-keys", "mountPath": str(file.parent), "readOnly": True}


def test_what_needs_no_data_keys_gets_no_file_with_them() -> None:
    objects = rendered({"dataKeys": {"asFile": True}, "processDefaults": {"secretEnv": {"DATA_KEYS": None}}})
    assert "data-keys" not in str(objects)
    assert "DATA_KEYS_FILE" not in _env(objects, "rel-remedy-worker")


def test_without_a_listener_nothing_is_said_of_one() -> None:
    assert not {name for name in _env(rendered(), "rel-remedy-worker") if name.startswith(("OTEL_", "SENTRY_"))}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {},
            (
                "create secret generic rel-remedy",
                "--from-literal=DATA_KEYS=",
                "WARNING: the built-in Valkey",
                "not public yet",
            ),
        ),
        ({"secrets": {"values": {"A": "b"}}}, ("WARNING: secrets.values stay",)),
        ({"processes": {"worker": {"replicas": 1}}}, ("WARNING: processes.worker.replicas is 1",)),
        ({"networkPolicy": {"enabled": False}}, ("WARNING: networkPolicy.enabled=false",)),
        ({"redis": {"allowWeakDurability": True}}, ("WARNING: redis.allowWeakDurability=true",)),
        ({"ingress": {"enabled": True, "hosts": ["hooks.example"]}}, ("https://hooks.example",)),
    ],
)
def test_the_notes_say_what_is_to_do_and_what_is_risky(values: Object, words: tuple[str, ...]) -> None:
    said = notes(values)
    assert [word for word in words if word not in said] == []
