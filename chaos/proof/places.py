"""Where a word could be: everything that our processes write, store, send and show, as bytes by place."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx2

from chaos.proof.setting import FEW, RESTRICTED, Setting
from remediation.store.packing import Form, unpacked
from sandbox.jira.state import SERVICE

_ARGUMENT = re.compile(rb'"((?:\\.|[^"\\])*)"')
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LONE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def logs(setting: Setting) -> bytes:
    """What every process of ours wrote to its output and its errors."""
    every = sorted(setting.world.stage.folder.glob("*.log"))
    return b"".join(path.read_bytes() for path in every if path.name != "sandbox.log")


def metrics_and_health(setting: Setting) -> bytes:
    """Every page of the receiver and of the workers."""
    if not setting.world.workers[-1].lives:  # one may have been killed again
        setting.worker()
    worker = setting.world.workers[-1].program.address("worker_runs")
    receiver = setting.world.receivers[-1].program
    addresses = (setting.world.addresses[0], receiver.address("metrics_listen"), worker)
    pages = [f"{address}/{path}" for address in addresses for path in ("livez", "readyz", "metrics", "nothing")]
    answers = [httpx2.get(page, timeout=20, trust_env=False) for page in pages]
    return b"\n".join(str(answer.headers).encode() + answer.content for answer in answers)


def traces_and_reports(setting: Setting) -> bytes:
    """What a collector and Sentry were sent."""
    return b"\n".join((*setting.heard.traces, *setting.heard.reports, *setting.heard.headers))


def notifications(setting: Setting) -> bytes:
    """What people were sent by the channel."""
    return b"\n".join(setting.heard.notifications)


def audit(setting: Setting) -> bytes:
    """AUDIT_FILE and what a syslog server took."""
    file = setting.world.stage.folder / "audit.jsonl"
    return b"\n".join((file.read_bytes() if file.exists() else b"", *setting.heard.syslog))


def arguments(setting: Setting) -> bytes:
    """The words with which processes below this one were started."""
    return b"\n".join(sorted(setting.watch.arguments))


def environments(setting: Setting) -> bytes:
    """The environment of each."""
    return b"\n".join(sorted(setting.watch.environments))


def files(setting: Setting) -> bytes:
    """Temporary files, and all other files in the folder that processes work in, with their names."""
    stage = setting.world.stage
    ours = (path for path in stage.folder.rglob("*") if path.is_file() and stage.redis_folder not in path.parents)
    contents = [str(path).encode() + path.read_bytes() for path in ours if path.suffix != ".log"]
    return b"\n".join((*contents, *setting.watch.files.values()))


def redis_files(setting: Setting) -> bytes:
    """The log of all commands, and an image, neither compressed; also each argument as it was before it was packed."""
    setting.world.redis.save()
    paths = [path for path in setting.world.stage.redis_folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    if not {".aof", ".rdb"} <= {path.suffix for path in paths}:
        raise RuntimeError("the server wrote no file")
    parts = [path.read_bytes() for path in paths]
    return b"\n".join((*parts, *(text for part in parts for text in _packed(_sent(part)))))


def redis_contents(setting: Setting) -> bytes:
    """Every key with its value, jobs included; what is packed, unpacked."""
    redis = setting.world.redis
    readers: Mapping[bytes, Callable[[bytes], Any]] = {
        b"none": lambda _gone: b"",
        b"string": redis.get,
        b"hash": lambda key: _whole_row(redis.hgetall(key)),
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"set": redis.smembers,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"stream": redis.xrange,
    }
    values = list(_flat([(key, readers[redis.type(key)](key)) for key in redis.scan_iter(count=1000)]))
    return b"\n".join((*values, *_packed(values)))


def monitor(setting: Setting) -> bytes:
    """Every command that the server was sent, as MONITOR shows it and as it was."""
    shown = b"".join(setting.watch.commands)
    told = (_ESCAPE.sub(_unescaped, each[1]) for each in _ARGUMENT.finditer(shown))
    values = [each for each in told if each[:1] in _FORMS or b" " in each[:20]]
    return b"\n".join((shown, *_packed(values)))


def listened(setting: Setting) -> bytes:
    """What `remedy listen` told. Raises RuntimeError where that was nothing of a finding."""
    told = [path.read_bytes() for path in setting.listened.iterdir()]
    if not all(b"finding" in each for each in told):
        raise RuntimeError("remedy listen told nothing of a finding")
    return b"\n".join(told)


def notes(setting: Setting) -> bytes:
    """Every note at a finding in SchoolScan."""
    outside = setting.world.outside
    return json.dumps([outside.notes(each["id"]) for each in outside.findings() if not _is_few(each)]).encode()


def restricted_notes(setting: Setting) -> bytes:
    """The same of findings whose rule says `detail: restricted`, and quotes people."""
    outside = setting.world.outside
    return json.dumps([outside.notes(each["id"]) for each in outside.findings() if _is_few(each)]).encode()


def tickets(setting: Setting) -> bytes:
    """All that trackers hold, with comments and journals, of tickets that many may read."""
    return json.dumps([each for each in _tickets(setting) if RESTRICTED not in str(each)]).encode()


def restricted_tickets(setting: Setting) -> bytes:
    """The same of tickets whose rule says `detail: restricted`."""
    return json.dumps([each for each in _tickets(setting) if RESTRICTED in str(each)]).encode()


PLACES: Mapping[str, Callable[[Setting], bytes]] = {
    "logs": logs,
    "metrics and health": metrics_and_health,
    "traces and reports": traces_and_reports,
    "audit": audit,
    "notifications": notifications,
    "arguments": arguments,
    "environments": environments,
    "files": files,
    "redis files": redis_files,
    "redis contents": redis_contents,
    "monitor": monitor,
    "command listen": listened,
    "notes": notes,
    "restricted notes": restricted_notes,
    "tickets": tickets,
    "restricted tickets": restricted_tickets,
}
"""Those that can be read; what commands print and what other systems are sent is kept as it happens."""

CHANGING = ("metrics and health", "redis contents", "tickets", "restricted tickets")
"""Those in which something may be gone a moment later. All others only grow."""

_FORMS = frozenset(form.value for form in Form)


def read_places(setting: Setting, *, last: bool) -> None:
    """Read them as they are now, beside what was read before; those that only grow, the last time."""
    for name, read in PLACES.items():
        if last or name in CHANGING:
            setting.read.setdefault(name, []).append(read(setting))


def everything(setting: Setting) -> Mapping[str, bytes]:
    """By place: all that was read there, what each command printed, and what each system was sent by us."""
    return {
        **{name: b"\n".join(parts) for name, parts in setting.read.items()},
        **{f"command {name}": "\n".join(said).encode() for name, said in setting.printed.items()},
        **{f"sent to {name}": b"\n".join(relay.heard) for name, relay in setting.relays.items()},
    }


def _is_few(finding: Mapping[str, Any]) -> bool:
    return all(finding[name] == word for name, word in FEW.items())


def _tickets(setting: Setting) -> list[Any]:
    control = setting.world.outside.control
    issues = control("jira", "GET", "issues")
    address = setting.world.stage.outside["jira"]
    signed_in = (SERVICE.email, SERVICE.token)
    for issue in issues:
        link = f"{address}/rest/api/2/issue/{issue['id']}/remotelink"
        issue["links"] = httpx2.get(link, auth=signed_in, trust_env=False).json()
    others = httpx2.get(f"{setting.relays['jira-dc'].target}/_sandbox/issues", trust_env=False).json()
    return [*control("servicenow", "GET", "records"), *issues, *others]


def _packed(values: Any) -> Iterator[bytes]:
    """Those that are packed, unpacked; also behind a word and a blank."""
    for value in values:
        for each in (value, value.partition(b" ")[2]):
            if each[:1] in _FORMS:
                try:
                    yield unpacked(each)
                except ValueError:
                    continue


def _sent(file: bytes) -> Iterator[bytes]:
    """Each argument of each command in a file of commands."""
    at = 0
    while found := re.compile(rb"\$([0-9]+)\r\n").search(file, at):
        at = found.end() + int(found[1])
        yield file[found.end() : at]


def _whole_row(row: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """A row with its memory in one piece."""
    later = sorted((name for name in row if name.startswith(b"memory:")), key=lambda name: int(name[7:]))
    memory = {b"memory": row[b"memory"] + b"".join(row[name] for name in later)} if b"memory" in row else {}
    return {**row, **memory}


def _flat(value: Any) -> Iterator[bytes]:
    match value:
        case bytes():
            yield value
        case dict():
            for pair in value.items():
                yield from _flat(pair)
        case list() | tuple() | set():
            for each in value:
                yield from _flat(each)
        case _:
            yield str(value).encode()


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)]) if found[1] else _LONE.get(found[2], found[2])
