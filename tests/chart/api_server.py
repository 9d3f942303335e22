"""A small API server: enough of Kubernetes's API for a real `helm install`, `upgrade`, `rollback` and `uninstall`.

It keeps objects in memory, takes server-side apply, and refuses what a real server refuses there: fields and kinds that
its version does not know, wrong types, a key that comes twice in a list that is a map (variables, ports, volumes,
containers), a changed selector, and names that no object can have. Jobs are done as soon as they are there.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ruamel.yaml import YAML

from tests.chart.kubernetes_schemas import CUSTOM, problems
from tests.chart.rendering import Object, containers_of, plain, pod_of

GROUPS = {
    "v1": {
        "configmaps": "ConfigMap",
        "events": "Event",
        "namespaces": "Namespace",
        "pods": "Pod",
        "secrets": "Secret",
        "serviceaccounts": "ServiceAccount",
        "services": "Service",
    },
    "apps/v1": {"deployments": "Deployment", "replicasets": "ReplicaSet", "statefulsets": "StatefulSet"},
    "batch/v1": {"jobs": "Job"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "networking.k8s.io/v1": {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
    "gateway.networking.k8s.io/v1": {"httproutes": "HTTPRoute"},
    "keda.sh/v1alpha1": {"scaledobjects": "ScaledObject", "triggerauthentications": "TriggerAuthentication"},
    "monitoring.coreos.com/v1": {
        "podmonitors": "PodMonitor",
        "prometheusrules": "PrometheusRule",
        "servicemonitors": "ServiceMonitor",
    },
    "external-secrets.io/v1": {"externalsecrets": "ExternalSecret"},
}
IMMUTABLE = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "volumeClaimTemplates"),
    "Job": ("template",),
}


@dataclass
class Cluster:
    """What the server holds. `refusals` are the messages of all that it refused; `jobs_fail` is how jobs end."""

    version: str = "1.33"
    suffix: str = ""
    objects: dict[str, Object] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    jobs_fail: bool = False
    address: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def git_version(self) -> str:
        """The version as a cluster tells it; a vendor's has a suffix."""
        return f"v{self.version}.2{self.suffix}"

    @property
    def kubeconfig(self) -> str:
        """How clients find this server."""
        cluster = {"name": "c", "cluster": {"server": self.address}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "ns"}}
        user = {"name": "u", "user": {"token": "test-only-token"}}
        whole = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context], "users": [user]}
        return json.dumps(whole | {"current-context": "c"})

    def of_kind(self, kind: str) -> list[Object]:
        """All objects of a kind."""
        return [each for each in self.objects.values() if each["kind"] == kind]

    def refusal(self, each: Object, before: Object | None) -> str | None:
        """Why a server would not take this object."""
        said = [] if each["kind"] in CUSTOM else problems(_without_server_s_own(each), self.version)
        said += _doubled(each)
        if before is not None:
            for key in IMMUTABLE.get(each["kind"], ()):
                if plain(each["spec"].get(key)) != plain(before["spec"].get(key)):
                    said.append(f"spec.{key}: Invalid value: field is immutable")
        return "; ".join(said) or None


def _without_server_s_own(each: Object) -> Object:
    metadata = {k: v for k, v in each["metadata"].items() if k not in {"resourceVersion", "uid", "creationTimestamp"}}
    return {**{k: v for k, v in each.items() if k != "status"}, "metadata": metadata}


def _doubled(each: Object) -> list[str]:
    """Keys that come twice in lists that server-side apply treats as maps."""
    pod = pod_of(each)
    lists: list[tuple[str, list[Any]]] = []
    if pod is not None:
        lists.append(("containers", [container["name"] for container in containers_of(pod)]))
        lists.append(("volumes", [volume["name"] for volume in pod["spec"].get("volumes", [])]))
        for container in containers_of(pod):
            lists.append(("env", [item["name"] for item in container.get("env", [])]))
            ports = container.get("ports", [])
            lists.append(("ports", [(port["containerPort"], port.get("protocol", "TCP")) for port in ports]))
            lists.append(("volumeMounts", [mount["mountPath"] for mount in container.get("volumeMounts", [])]))
    if each["kind"] == "Service":
        lists.append(("ports", [(port["port"], port.get("protocol", "TCP")) for port in each["spec"]["ports"]]))
    return [
        f"{name}: duplicate entries for key {key}" for name, keys in lists for key in set(keys) if keys.count(key) > 1
    ]


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        """Say nothing."""

    def do_GET(self) -> None:
        """Discovery, an object, a list, or a list that goes on."""
        url = urlsplit(self.path)
        if (told := self._discovery(url.path)) is not None:
            self._answer(HTTPStatus.OK, told)
            return
        if url.path in self.cluster.objects:
            self._answer(HTTPStatus.OK, self.cluster.objects[url.path])
            return
        kind = self._kind_of_list(url.path)
        if kind is None:
            self._refuse(HTTPStatus.NOT_FOUND, "NotFound", "not found")
            return
        found = [each for path, each in self.cluster.objects.items() if path.rpartition("/")[0] == url.path]
        asked = parse_qs(url.query)
        for name, _, value in (part.partition("=") for part in asked.get("fieldSelector", [""])[0].split(",")):
            if name == "metadata.name":
                found = [each for each in found if each["metadata"]["name"] == value]
        for name, _, value in (part.partition("=") for part in asked.get("labelSelector", [""])[0].split(",")):
            if name:
                found = [each for each in found if each["metadata"].get("labels", {}).get(name) == value]
        api = url.path.removeprefix("/apis/").removeprefix("/api/").split("/namespaces/")[0]
        if asked.get("watch"):
            self._watch(found, {"kind": kind, "apiVersion": api})
            return
        whole = {"kind": f"{kind}List", "apiVersion": api, "metadata": {"resourceVersion": "1"}, "items": found}
        self._answer(HTTPStatus.OK, whole)

    def do_POST(self) -> None:
        """Create."""
        url = urlsplit(self.path)
        each = self._body()
        self._take(f"{url.path}/{each['metadata']['name']}", each, HTTPStatus.CREATED)

    def do_PUT(self) -> None:
        """Replace."""
        self._take(urlsplit(self.path).path, self._body(), HTTPStatus.OK)

    def do_PATCH(self) -> None:
        """Server-side apply; any other patch is refused, so that no test stands on it by accident."""
        if "apply-patch" not in self.headers.get("Content-Type", ""):
            self._body()
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", "server-side apply only")
            return
        self._take(urlsplit(self.path).path, self._body(), HTTPStatus.OK)

    def do_DELETE(self) -> None:
        """Delete."""
        self._body()
        gone = self.cluster.objects.pop(urlsplit(self.path).path, None)
        if gone is None:
            self._refuse(HTTPStatus.NOT_FOUND, "NotFound", "not found")
        else:
            self._answer(HTTPStatus.OK, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _take(self, path: str, each: Object, status: HTTPStatus) -> None:
        before = self.cluster.objects.get(path)
        if status is HTTPStatus.CREATED and before is not None:
            self._refuse(HTTPStatus.CONFLICT, "AlreadyExists", f"{path} exists")
            return
        if said := self.cluster.refusal(each, before):
            self.cluster.refusals.append(said)
            self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", said)
            return
        each["metadata"] |= {"uid": path, "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
        if each["kind"] == "Job":
            kind = "Failed" if self.cluster.jobs_fail else "Complete"
            condition = {"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": "it failed"}
            each["status"] = {"conditions": [condition], "startTime": "2026-01-01T00:00:00Z"}
        self.cluster.objects[path] = each
        self._answer(status, each)

    def _kind_of_list(self, path: str) -> str | None:
        group, _, rest = path.removeprefix("/apis/").removeprefix("/api/").partition("/namespaces/")
        return GROUPS.get(group, {}).get(rest.rpartition("/")[2])

    def _discovery(self, path: str) -> Object | None:  # noqa: PLR0911 - one address a line
        match path.strip("/").split("/"):
            case ["version"]:
                major, minor = self.cluster.version.split(".")
                return {"major": major, "minor": minor, "gitVersion": self.cluster.git_version}
            case ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"]}
            case ["apis"]:
                return {
                    "kind": "APIGroupList",
                    "apiVersion": "v1",
                    "groups": [_group(name) for name in GROUPS if "/" in name],
                }
            case ["api", "v1"]:
                return _resources("v1")
            case ["apis", group, version] if f"{group}/{version}" in GROUPS:
                return _resources(f"{group}/{version}")
            case ["openapi", "v3"]:
                paths = [("apis/" if "/" in name else "api/") + name for name in GROUPS]
                return {"paths": {each: {"serverRelativeURL": f"/openapi/v3/{each}"} for each in paths}}
            case ["openapi", "v3", root, *parts]:
                return _openapi(root, "/".join(parts))
            case _:
                return None

    def _body(self) -> Object:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        yaml = YAML(typ="safe", pure=True)
        yaml.allow_duplicate_keys = False
        body: Object = (json.loads(raw) if raw[:1] == b"{" else yaml.load(raw.decode())) if raw else {}
        return body

    def _refuse(self, status: HTTPStatus, reason: str, message: str) -> None:
        whole = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status.value}
        self._answer(status, whole | {"message": message})

    def _answer(self, status: HTTPStatus, body: object) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _watch(self, found: list[Object], kind: Object) -> None:
        """What is there, the mark that this was all, and then silence until the server stops."""
        annotations = {"k8s.io/initial-events-end": "true"}
        end = kind | {"metadata": {"resourceVersion": "1", "annotations": annotations}}
        events = [*({"type": "ADDED", "object": each} for each in found), {"type": "BOOKMARK", "object": end}]
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write("".join(json.dumps(event) + "\n" for event in events).encode())
        self.wfile.flush()
        self.close_connection = True
        self.cluster.stopped.wait()


def _group(name: str) -> Object:
    group, _, version = name.partition("/")
    known = {"groupVersion": name, "version": version}
    return {"name": group, "versions": [known], "preferredVersion": known}


def _resources(name: str) -> Object:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    found = [
        {"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": kind != "Namespace", "verbs": verbs}
        for plural, kind in GROUPS[name].items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found}


def _openapi(root: str, name: str) -> Object | None:
    """What tells a client that a patch may ask for validation."""
    if name not in GROUPS:
        return None
    group, _, version = name.rpartition("/")
    paths = {}
    for plural, kind in GROUPS[name].items():
        said = {"group": group, "version": version, "kind": kind}
        parameters = [{"name": "fieldValidation", "in": "query"}, {"name": "dryRun", "in": "query"}]
        patch = {"parameters": parameters, "x-kubernetes-group-version-kind": said}
        paths[f"/{root}/{name}/namespaces/{{namespace}}/{plural}/{{name}}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1"}, "paths": paths}


@contextmanager
def serving(cluster: Cluster) -> Iterator[Cluster]:
    """Serve a cluster on a free port for as long as this is open."""
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        cluster.address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield cluster
        finally:
            cluster.stopped.set()
            server.shutdown()
            thread.join()
