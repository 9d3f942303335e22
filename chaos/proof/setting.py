"""What the proof plays on: a world of its own, with a relay before each system and everything watched."""

import contextlib
import gzip
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from ruamel.yaml import YAML
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chaos.proof.canaries import Canaries
from chaos.proof.planting import Sign
from chaos.proof.relay import Relay
from chaos.world import Slot, World, open_world
from sandbox.jira.stand_in import jira_app
from sandbox.jira.webhooks import signature as jira_signature
from sandbox.schoolscan.signing import signed_headers
from sandbox.secrets import DISTRICT, ENVIRONMENT, TRACKER_WEBHOOKS
from sandbox.servicenow.webhooks import HEADER
from sandbox.servicenow.webhooks import signature as servicenow_signature
from sandbox.wire.server import serve

T = TypeVar("T")

DEFECTS = Path(__file__).parent / "defects"
SYSTEMS = ("schoolscan", "servicenow", "jira", "incident_feed", "jira-dc")
RESTRICTED = "open-to-few"
"""The label of tickets whose rule says `detail: restricted`."""

FEW = {"severity": "medium", "domain_type": "direct_pii"}
"""The findings of that rule."""

_SECONDS = 40.0
_PAUSE = 0.05
_SAMPLED_EVERY = 0.2
CHANNEL = "desk"
CHANNEL_TOKEN = "test-only-channel-token"  # noqa: S105 - a made-up one
"""What is secret in the address of the channel."""

_KEY = "0123456789abcdef0123456789abcdef"


@dataclass(slots=True)
class Heard:
    """All that was sent to listeners, as bytes: to a collector of traces, Sentry, a syslog server, and people."""

    traces: list[bytes] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    reports: list[bytes] = field(default_factory=list)
    syslog: list[bytes] = field(default_factory=list)
    notifications: list[bytes] = field(default_factory=list)
    address: str = ""

    def app(self) -> Starlette:
        """What collects traces and error reports, and the channel by which people are told."""

        async def take(request: Request) -> Response:
            body = await request.body()
            if request.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            self.headers.append(b"".join(b"%b: %b\n" % pair for pair in request.headers.raw))
            places = {"/v1/traces": self.traces, f"/{CHANNEL_TOKEN}": self.notifications}
            places.get(request.url.path, self.reports).append(body)
            return Response(b"{}", media_type="application/json")

        return Starlette(routes=[Route("/{path:path}", take, methods=["POST"])])


@dataclass(slots=True)
class Watch:
    """What was seen of processes, temporary files and Redis while the play went on."""

    arguments: set[bytes] = field(default_factory=set)
    environments: set[bytes] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    commands: list[bytes] = field(default_factory=list)

    def sample(self, folders: tuple[Path, ...]) -> None:
        """Look at every process below this one, and at every file in these folders."""
        for pid in _descendants():
            with contextlib.suppress(OSError):
                self.arguments.add(Path(f"/proc/{pid}/cmdline").read_bytes())
                self.environments.add(Path(f"/proc/{pid}/environ").read_bytes())
                for each in Path(f"/proc/{pid}/fd").iterdir():
                    if "(deleted)" in str(each.readlink()):
                        self.files[f"{pid} {each.name}"] = each.read_bytes()
        for path in (path for folder in folders for path in folder.rglob("*")):
            with contextlib.suppress(OSError):
                if path.is_file():
                    self.files[str(path)] = path.read_bytes() + str(path).encode()


@dataclass(slots=True)
class Setting:
    """A world, its relays, what listens and what was seen. `printed` has what each command printed."""

    world: World
    canaries: Canaries
    relays: Mapping[str, Relay]
    receiver_relay: Relay
    heard: Heard
    watch: Watch
    temporary: Path
    listened: Path
    environment: dict[str, str]
    printed: dict[str, list[str]] = field(default_factory=dict)
    read: dict[str, list[bytes]] = field(default_factory=dict)
    ways: list[str] = field(default_factory=list)

    def worker(self, **environment: str) -> Slot:
        """A worker, and no other one: those that run are killed, and their leases are over."""
        for slot in self.world.workers:
            slot.program.stop(signal.SIGKILL)
        self.world.workers.clear()
        self.world.end_leases()
        self.world.workers.append(self.world.start("worker", name="", words=(), wait=True, **environment))
        return self.world.workers[0]

    def until(self, read: Callable[[], T], what: str, seconds: float = _SECONDS) -> T:
        """The first answer that is true, waited for. Raises RuntimeError where none comes."""
        deadline = time.monotonic() + seconds
        while not (seen := read()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"after {seconds:.0f} s there is still no {what}: {seen!r}")
            time.sleep(_PAUSE)
        return seen

    def way(self, name: str) -> None:
        """Note that this happened."""
        self.ways.append(name)


@contextlib.contextmanager
def open_setting(seed: int, **more: str) -> Iterator[Setting]:
    """A setting with a receiver that runs; `more` is added to the environment of all processes."""
    canaries, heard, watch = Canaries(), Heard(), Watch()
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(open_world(seed, (DISTRICT,)))
        folder = world.stage.folder
        targets = {**world.stage.outside}
        targets["jira-dc"] = stack.enter_context(serve(jira_app(deployment="data_center", search_lag=0.5)))
        relays = {name: stack.enter_context(Relay(name, canaries, targets[name]).running()) for name in SYSTEMS}
        before = stack.enter_context(Relay("receiver", canaries, sign=_signer_for).running())
        heard.address = stack.enter_context(serve(heard.app()))
        syslog = stack.enter_context(_syslog(heard))
        temporary = folder / "tmp"
        temporary.mkdir()
        environment = {
            **world.stage.environment,
            "MAPPINGS_PATH": str(_rules(folder, {name: relay.address for name, relay in relays.items()})),
            "LOG_LEVEL": "debug",
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(DEFECTS),
            "OTEL_EXPORTER_OTLP_ENDPOINT": heard.address,
            "SENTRY_DSN": f"{heard.address.replace('://', f'://{_KEY}@')}/7",
            "AUDIT_FILE": str(folder / "audit.jsonl"),
            "AUDIT_SYSLOG": syslog,
            "CHANNEL_URL": f"{heard.address.replace('http://', 'json://')}/{CHANNEL_TOKEN}",
            "COLUMNS": "250",
            **more,
        }
        world.stage.environment = environment
        world.redis.config_set("rdbcompression", "no")  # a rewritten file would have canaries cut in two
        listened = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remedy-listened-")))
        setting = Setting(world, canaries, relays, before, heard, watch, temporary, listened, environment)
        stack.enter_context(_sampled(setting))
        stack.enter_context(_monitored(environment["REDIS_URL"], watch))
        world.staff(receivers=1, workers=0)
        before.target = world.addresses[0]
        world.stage.subscribe(before.address)
        stack.enter_context(_listening(setting))
        yield setting


def _rules(folder: Path, addresses: Mapping[str, str]) -> Path:
    """The stage's rules with the relays' addresses, a Jira Data Center, and rules that let few read more.

    Findings of one kind share a ticket, what people mend of another is scanned again, and each scan is summed up, with
    its report.
    """
    yaml = YAML()
    tree = yaml.load(folder / "mappings.yaml")
    district = tree["districts"][DISTRICT]
    district["schoolscan"] |= {"url": f"{addresses['schoolscan']}/v1", "scans": {"wait": "1s", "every": "1m"}}
    summary = {"project": "SEC", "type": "Task", "labels": [RESTRICTED]}
    district["scan_summary"] = {"detail": "restricted", "tickets": {"jira": summary}, "report": {"format": "json"}}
    for feed in district["incidents"].values():
        feed["url"] = f"{addresses['incident_feed']}/public/v1"
    timeouts = {"search_horizon": "1s", "read_timeout": "2s", "connect_timeout": "1s"}
    for name in ("servicenow", "jira"):
        tree["trackers"][name] |= {"url": addresses[name], **timeouts}
    tree["trackers"]["jira-dc"] = {
        "kind": "jira",
        "deployment": "data_center",
        "url": addresses["jira-dc"],
        "auth": {"bearer": {"env": "JIRA_TOKEN"}},
        **timeouts,
    }
    few = {
        "name": RESTRICTED,
        "match": {name: [word] for name, word in FEW.items()},
        "detail": "restricted",
        "copy_comments": "closing",
        "people": "names",
        "resolve_when": "any",
        "tickets": {"jira": {"labels": [RESTRICTED]}, "jira-dc": {"project": "SEC", "labels": [RESTRICTED]}},
    }
    everywhere = {"servicenow": None, "jira": None, "jira-dc": {"project": "SEC"}}
    grouped = {"match": {"domain_type": "metadata"}, "group_by": ["domain_type", "site"], "tickets": everywhere}
    verified = {"match": {"domain_type": "directory_info"}, "verify": "scan", "tickets": {"jira": None}}
    incidents = {"of": "incidents", "severity": "high"}
    mild = {**incidents, "name": "mild", "match": {"type": ["minor"]}, "detail": "restricted"}
    tree["rules"] = [
        {**incidents, "name": "severe", "match": {"type": ["referral"]}, "tickets": everywhere},
        {**mild, "tickets": {"jira": {"labels": [RESTRICTED]}}},
        {**incidents, "name": "others", "tickets": {"jira": None}},
        few,
        {"name": "grouped", **grouped},
        {"name": "verified", **verified},
        *(rule for rule in tree["rules"] if rule.get("of") != "incidents"),
    ]
    next(rule for rule in tree["rules"] if rule["name"] == "vendor-exposure")["tickets"]["jira-dc"] = {"project": "SEC"}
    tree["notify"] = {CHANNEL: {"url": {"env": "CHANNEL_URL"}, "after": "1s", "per_hour": 60, "weekly": {}}}
    path = folder / "planted.yaml"
    yaml.dump(tree, path)
    return path


def _signer_for(path: str) -> tuple[str, Sign] | None:
    """Whose deliveries come to this path of the receiver, and how they are signed."""
    match path.rsplit("/", 1)[-1]:
        case "jira":
            secret = TRACKER_WEBHOOKS["JIRA_WEBHOOK_SECRET"]
            return "jira", lambda body: {"X-Hub-Signature": jira_signature(secret, body)}
        case "servicenow":
            secret = TRACKER_WEBHOOKS["SERVICENOW_WEBHOOK_SECRET"]
            return "servicenow", lambda body: {HEADER: servicenow_signature(secret, body)}
        case district if district == DISTRICT:
            secret = ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"]
            return "schoolscan", lambda body: signed_headers("timestamped", secret, body, "", time.time())
        case _:
            return None


def _descendants() -> set[int]:
    """The ids of all processes that come from this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, new = {os.getpid()}, {os.getpid()}
    while new := {pid for pid, parent in parents.items() if parent in new} - found:
        found |= new
    return found - {os.getpid()}


@contextlib.contextmanager
def _sampled(setting: Setting) -> Iterator[None]:
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_SAMPLED_EVERY):
            setting.watch.sample((setting.temporary,))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def _listening(setting: Setting) -> Iterator[None]:
    """Have `remedy listen` write all that it tells, in both forms, into files of `listened`."""
    with contextlib.ExitStack() as stack:
        for form, more in (("text", ()), ("json", ("--json",))):
            file = stack.enter_context((setting.listened / form).open("wb"))
            command = [sys.executable, "-m", "remedy", "listen", *more]
            process = subprocess.Popen(command, env=setting.environment, stdout=file, stderr=file)  # noqa: S603 - our own interpreter, with arguments of ours
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


@contextlib.contextmanager
def _monitored(url: str, watch: Watch) -> Iterator[None]:
    """Keep all that MONITOR shows; on a socket of its own, since no library hands out its bytes."""
    path = unquote(urlsplit(url).path)
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        link.sendall(b"MONITOR\r\n")

        def listen() -> None:
            with contextlib.suppress(OSError):
                while said := link.recv(1 << 20):
                    watch.commands.append(said)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextlib.contextmanager
def _syslog(heard: Heard) -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        link.settimeout(0.2)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    heard.syslog.append(link.recv(1 << 16))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield f"udp://127.0.0.1:{link.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()
