"""What no schema looks at: whether the objects of one release fit each other and what a server takes.

`flaws_of` returns one sentence for each thing that is wrong. kubernetes-validate passes bad names, quantities, ports,
enums and selectors, and knows nothing of two objects that belong together.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chart.rendering import Object, containers_of, of_kind, pod_of, pods

DRAIN_MARGIN = 5
"""Seconds that a pod needs after its work has ended, at the least."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})")
_SERVICE_LIKE = {"Service", "Deployment", "StatefulSet", "Job", "Pod"}
_ENUMS = {
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "restartPolicy": {"Always", "OnFailure", "Never"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "whenUnsatisfiable": {"DoNotSchedule", "ScheduleAnyway"},
    "pathType": {"Prefix", "Exact", "ImplementationSpecific"},
    "ipFamilyPolicy": {"SingleStack", "PreferDualStack", "RequireDualStack"},
}


def flaws_of(objects: list[Object]) -> list[str]:
    """Everything that is wrong with the objects of a release."""
    checks = (_identity, _enums, _pods, _services, _selectors, _scaling, _exposure, _monitoring, _policies)
    return [flaw for check in checks for flaw in check(objects)]


def _identity(objects: list[Object]) -> Iterator[str]:
    """Names, labels and annotations that a server takes, and no object twice."""
    counts = Counter((each["kind"], each["metadata"]["name"]) for each in objects)
    yield from (f"{kind} {name} comes {count} times" for (kind, name), count in counts.items() if count > 1)
    for each in objects:
        where = f"{each['kind']} {each['metadata']['name']}"
        pattern = _NAME if each["kind"] in _SERVICE_LIKE else _SUBDOMAIN
        if not pattern.fullmatch(each["metadata"]["name"]):
            yield f"{where}: no name that a server takes"
        pod = pod_of(each)
        for metadata in (each["metadata"], *([pod["metadata"]] if pod and pod is not each else [])):
            yield from (f"{where}: {flaw}" for flaw in _texts(metadata))


def _texts(metadata: Mapping[str, Any]) -> Iterator[str]:
    for key, value in (metadata.get("labels") or {}).items():
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            yield f"the label {key} has a value that no label can have: {value!r}"
        if not _LABEL_KEY.fullmatch(key):
            yield f"no label can be called {key!r}"
    for key, value in (metadata.get("annotations") or {}).items():
        if not isinstance(value, str):
            yield f"the annotation {key} is no text: {value!r}"


def _enums(objects: list[Object]) -> Iterator[str]:
    for each in objects:
        for key, value in _leaves(each):
            if key in _ENUMS and value not in _ENUMS[key]:
                yield f"{each['kind']} {each['metadata']['name']}: {key} cannot be {value!r}"


def _leaves(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value


def _pods(objects: list[Object]) -> Iterator[str]:
    there = {kind: {each["metadata"]["name"] for each in of_kind(objects, kind)} for kind in ("ServiceAccount",)}
    for where, pod in pods(objects):
        spec = pod["spec"]
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{where}: a service account's token is mounted"
        if spec.get("enableServiceLinks") is not False:
            yield f"{where}: every Service becomes variables"
        account = spec.get("serviceAccountName", "default")
        if account != "default" and account.startswith(where.split()[1]) and account not in there["ServiceAccount"]:
            yield f"{where}: there is no ServiceAccount {account}"
        yield from (f"{where}: {flaw}" for flaw in _restricted(spec))
        yield from (f"{where}: {flaw}" for flaw in _grace(spec))
        volumes = {volume["name"] for volume in spec.get("volumes", [])} | _claims(objects, where)
        for container in containers_of(pod):
            yield from (f"{where}/{container['name']}: {flaw}" for flaw in _container(container, volumes))


def _claims(objects: list[Object], where: str) -> set[str]:
    for each in of_kind(objects, "StatefulSet"):
        if where == f"StatefulSet {each['metadata']['name']}":
            return {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])}
    return set()


def _restricted(spec: Object) -> Iterator[str]:
    """What Pod Security "restricted" demands, and a read-only root in our own containers."""
    pod = spec.get("securityContext") or {}
    if pod.get("runAsNonRoot") is not True:
        yield "may run as root"
    if pod.get("runAsUser") == 0:
        yield "runs as root"
    if (pod.get("seccompProfile") or {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "has no seccomp profile"
    if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares the host's namespaces"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"mounts {volume['name']} of the host"
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        yield from _confined(container)


def _confined(container: Object) -> Iterator[str]:
    own = container.get("securityContext") or {}
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{container['name']} may gain rights"
    if (own.get("capabilities") or {}).get("drop") != ["ALL"]:
        yield f"{container['name']} keeps capabilities"
    is_ours = "remedy" in container["image"] or "valkey" in container["image"]
    if is_ours and own.get("readOnlyRootFilesystem") is not True:
        yield f"{container['name']} can write to its image"


def _grace(spec: Object) -> Iterator[str]:
    """The grace period leaves room for the sleep before the signal and for the work in hand."""
    for container in spec["containers"]:
        env = {item["name"]: item.get("value") for item in container.get("env", [])}
        if container.get("args", [""])[0] != "run" or "COMPLETION_WAIT" not in env:
            continue
        command = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", "0"])
        needed = int(command[-1]) + int(env["COMPLETION_WAIT"] or 0) + DRAIN_MARGIN
        if spec.get("terminationGracePeriodSeconds", 30) < needed:
            yield f"{container['name']} is killed before its work in hand is done"


def _container(container: Object, volumes: set[str]) -> Iterator[str]:
    if not _IMAGE.fullmatch(container.get("image", "")):
        yield f"no image can be called {container.get('image')!r}"
    yield from _variables(container)
    yield from _ports(container)
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes:
            yield f"there is no volume {mount['name']}"
    for kind in ("requests", "limits"):
        for name, amount in ((container.get("resources") or {}).get(kind) or {}).items():
            if not _QUANTITY.fullmatch(str(amount)):
                yield f"no quantity of {name}: {amount!r}"


def _variables(container: Object) -> Iterator[str]:
    counts = Counter(item["name"] for item in container.get("env", []))
    yield from (f"the variable {name} comes {count} times" for name, count in counts.items() if count > 1)
    for item in container.get("env", []):
        if not _ENV_NAME.fullmatch(item["name"]):
            yield f"no variable can be called {item['name']!r}"
        if not isinstance(item.get("value", ""), str):
            yield f"the variable {item['name']} is no text"
        if ("value" in item) == ("valueFrom" in item):
            yield f"the variable {item['name']} has no value, or two"


def _ports(container: Object) -> Iterator[str]:
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    yield from (f"no port can be called {name!r}" for name in ports if not _PORT_NAME.fullmatch(name))
    yield from (f"{number} is no port" for number in ports.values() if not 0 < number < 65536)
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(kind, {})
        asked = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
        if isinstance(asked, str) and asked not in ports:
            yield f"its {kind} asks a port that is not there: {asked}"


def _port_names(pod: Object) -> set[str]:
    return {port["name"] for container in containers_of(pod) for port in container.get("ports", [])}


def _selected(objects: list[Object], labels: Mapping[str, str]) -> list[Object]:
    found = [pod for _, pod in pods(objects)]
    return [pod for pod in found if labels.items() <= (pod["metadata"].get("labels") or {}).items()]


def _services(objects: list[Object]) -> Iterator[str]:
    for service in of_kind(objects, "Service"):
        where = f"Service {service['metadata']['name']}"
        chosen = _selected(objects, service["spec"].get("selector") or {})
        if not service["spec"].get("selector") or not chosen:
            yield f"{where} selects nothing"
        for port in service["spec"]["ports"]:
            if any(port["targetPort"] not in _port_names(pod) for pod in chosen):
                yield f"{where}: its pods have no port {port['targetPort']}"


def _selectors(objects: list[Object]) -> Iterator[str]:
    for each in of_kind(objects, "Deployment", "StatefulSet"):
        wanted = each["spec"]["selector"]["matchLabels"]
        if not wanted.items() <= each["spec"]["template"]["metadata"]["labels"].items():
            yield f"{each['kind']} {each['metadata']['name']} does not select its own pods"
        if "app.kubernetes.io/version" in wanted or "helm.sh/chart" in wanted:
            yield f"{each['kind']} {each['metadata']['name']} selects by what changes with an upgrade"
        if each["kind"] == "StatefulSet":
            names = {service["metadata"]["name"] for service in of_kind(objects, "Service")}
            if each["spec"]["serviceName"] not in names:
                yield f"StatefulSet {each['metadata']['name']}: no Service {each['spec']['serviceName']}"
    yield from _spread(objects)


def _spread(objects: list[Object]) -> Iterator[str]:
    for each in of_kind(objects, "PodDisruptionBudget"):
        if not _selected(objects, each["spec"]["selector"]["matchLabels"]):
            yield f"PodDisruptionBudget {each['metadata']['name']} protects nothing"
    for where, pod in pods(objects):
        for spread in pod["spec"].get("topologySpreadConstraints", []):
            wanted = (spread.get("labelSelector") or {}).get("matchLabels") or {}
            if not wanted.items() <= pod["metadata"]["labels"].items():
                yield f"{where} is spread by labels that it does not have"


def _scaling(objects: list[Object]) -> Iterator[str]:
    deployments = {each["metadata"]["name"]: each for each in of_kind(objects, "Deployment")}
    scaled = Counter(each["spec"]["scaleTargetRef"]["name"] for each in of_kind(objects, *_SCALERS))
    for name, count in scaled.items():
        if name not in deployments:
            yield f"there is no Deployment {name} to scale"
        elif "replicas" in deployments[name]["spec"]:
            yield f"Deployment {name} says how many replicas it has beside what scales it"
        if count > 1:
            yield f"Deployment {name} is scaled twice"
    services = {each["metadata"]["name"] for each in of_kind(objects, "Service")}
    for each in of_kind(objects, "ScaledObject"):
        for trigger in each["spec"]["triggers"]:
            host = re.match(r"http://([^.:/]+)\.", trigger["metadata"].get("url", ""))
            if host and host.group(1) not in services:
                yield f"ScaledObject {each['metadata']['name']} asks a Service that is not there: {host.group(1)}"


_SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def _exposure(objects: list[Object]) -> Iterator[str]:
    yield from _ingresses(objects, _offered(objects))
    yield from _routes(objects, _offered(objects))


def _offered(objects: list[Object]) -> dict[str, set[str | int]]:
    """The names and numbers of every Service's ports."""
    services = {each["metadata"]["name"]: each["spec"]["ports"] for each in of_kind(objects, "Service")}
    return {name: {port[key] for port in ports for key in ("name", "port")} for name, ports in services.items()}


def _ingresses(objects: list[Object], offered: Mapping[str, set[str | int]]) -> Iterator[str]:
    for each in of_kind(objects, "Ingress"):
        for rule in each["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                if service["port"].get("name", service["port"].get("number")) not in offered.get(service["name"], ()):
                    yield f"Ingress {each['metadata']['name']} leads nowhere"
                if not _may_be_open(service["name"], path["path"]):
                    yield f"Ingress {each['metadata']['name']} opens {path['path']} to everybody"


def _may_be_open(service: str, path: str) -> bool:
    """The console asks everybody to sign in; of the others only what senders need."""
    return service.endswith("-console") or path.startswith("/webhooks")


def _routes(objects: list[Object], offered: Mapping[str, set[str | int]]) -> Iterator[str]:
    for each in of_kind(objects, "HTTPRoute"):
        for rule in each["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                if backend["port"] not in offered.get(backend["name"], ()):
                    yield f"HTTPRoute {each['metadata']['name']} leads nowhere"
            names = {backend["name"] for backend in rule["backendRefs"]}
            for match in rule["matches"]:
                if not all(_may_be_open(name, match["path"]["value"]) for name in names):
                    yield f"HTTPRoute {each['metadata']['name']} opens {match['path']['value']} to everybody"


def _monitoring(objects: list[Object]) -> Iterator[str]:
    for each in of_kind(objects, "PodMonitor"):
        chosen = _selected(objects, each["spec"]["selector"]["matchLabels"])
        ports = {endpoint["port"] for endpoint in each["spec"]["podMetricsEndpoints"]}
        if not chosen or any(not ports <= _port_names(pod) for pod in chosen):
            yield f"PodMonitor {each['metadata']['name']} reads from nowhere"
    for each in of_kind(objects, "ServiceMonitor"):
        wanted = each["spec"]["selector"]["matchLabels"].items()
        chosen = [service for service in of_kind(objects, "Service") if wanted <= service["metadata"]["labels"].items()]
        names = {port["name"] for service in chosen for port in service["spec"]["ports"]}
        if len(chosen) != 1 or not {endpoint["port"] for endpoint in each["spec"]["endpoints"]} <= names:
            yield f"ServiceMonitor {each['metadata']['name']} does not read from exactly one Service"


def _policies(objects: list[Object]) -> Iterator[str]:
    policies = of_kind(objects, "NetworkPolicy")
    for policy in policies:
        where = f"NetworkPolicy {policy['metadata']['name']}"
        chosen = _selected(objects, policy["spec"]["podSelector"]["matchLabels"])
        if not chosen:
            yield f"{where} is about nothing"
        named = {
            port["port"]
            for rule in policy["spec"].get("ingress", [])
            for port in rule.get("ports", [])
            if isinstance(port.get("port"), str)
        }
        if any(not named <= _port_names(pod) for pod in chosen):
            yield f"{where} names ports that its pods do not have"
        for rule in policy["spec"].get("egress", []):
            for peer in rule.get("to", []):
                wanted = (peer.get("podSelector") or {}).get("matchLabels")
                if wanted and not _selected(objects, wanted):
                    yield f"{where} lets out to pods that are not there"
