"""Where a text could stay that our processes were given: everything that they write, store and show."""

from pathlib import Path
from typing import Any

import httpx2

from remediation.store.keys import TOLD
from remediation.store.packing import Form, unpacked
from sandbox.jira.state import SERVICE
from sandbox.stage.processes import Program
from tests.e2e.scene import Scene


def logs(scene: Scene) -> str:
    return "".join(path.read_text(errors="replace") for path in sorted(scene.stage.folder.glob("*.log")))


def running(scene: Scene, name: str) -> Program:
    """The one of this name that runs; others may have been killed."""
    return next(each for each in scene.stage.programs[::-1] if each.name == name and each.process.poll() is None)


def metrics(scene: Scene) -> str:
    receiver, worker = running(scene, "receiver"), running(scene, "worker")
    addresses = (receiver.address("metrics_listen"), worker.address("worker_runs"))
    return "".join(httpx2.get(f"{address}/metrics", trust_env=False).text for address in addresses)


def health(scene: Scene) -> str:
    """What the running processes answer to whoever asks how they are."""
    addresses = (scene.stage.receiver_address, running(scene, "worker").address("worker_runs"))
    pages = (f"{address}/{path}" for address in addresses for path in ("livez", "readyz"))
    return "".join(httpx2.get(page, trust_env=False).text for page in pages)


def arguments(scene: Scene) -> list[str]:
    """With which words each running process was started."""
    return [
        Path(f"/proc/{each.pid}/cmdline").read_text() for each in scene.stage.programs if each.process.poll() is None
    ]


def files_of_redis(scene: Scene) -> bytes:
    """Every file that the server has written: the log of all commands, and an uncompressed image of what it holds."""
    scene.redis.config_set("rdbcompression", "no")
    scene.redis.save()
    paths = [path for path in scene.stage.redis_folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert {".aof", ".rdb"} <= {path.suffix for path in paths}
    return b"".join(path.read_bytes() for path in paths)


def opened(key: bytes, value: bytes) -> bytes:
    """A value as it was before it was packed: a canary in a packed text would be found by nobody."""
    return unpacked(value.partition(b" ")[2]) if key.startswith(TOLD.encode()) else value


def opened_row(row: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The same of a case's row, whose memory lies in pieces."""
    later = sorted((name for name in row if name.startswith(b"memory:")), key=lambda name: int(name[7:]))
    memory = {b"memory": row[b"memory"] + b"".join(row[name] for name in later)} if b"memory" in row else {}
    return {
        name: unpacked(value) if value.startswith(Form.ROW.value) and not name.startswith(b"memory:") else value
        for name, value in {**row, **memory}.items()
    }


def contents_of_redis(scene: Scene) -> list[object]:
    """Every key with its value, jobs included; they come and go meanwhile."""
    read = {
        b"none": lambda _gone: None,
        b"string": lambda key: opened(key, scene.redis.get(key)),
        b"hash": lambda key: opened_row(scene.redis.hgetall(key)),
        b"zset": lambda key: scene.redis.zrange(key, 0, -1),
        b"set": scene.redis.smembers,
        b"stream": scene.redis.xrange,
    }
    return [(key, read[scene.redis.type(key)](key)) for key in scene.redis.scan_iter()]


def tickets(scene: Scene) -> list[Any]:
    """All that both trackers hold, with comments, journals, properties and links."""
    issues = scene.outside.control("jira", "GET", "issues")
    address, signed_in = scene.stage.outside["jira"], (SERVICE.email, SERVICE.token)
    links = [
        httpx2.get(f"{address}/rest/api/2/issue/{issue['id']}/remotelink", auth=signed_in, trust_env=False).json()
        for issue in issues
    ]
    return [scene.outside.control("servicenow", "GET", "records"), issues, links]


def requests(scene: Scene) -> list[Any]:
    """Every address that anybody asked for."""
    return [scene.outside.requests(system) for system in scene.stage.outside]


def environments(scene: Scene) -> list[str]:
    """The environment of each running process, as the system shows it."""
    return [
        Path(f"/proc/{each.pid}/environ").read_text() for each in scene.stage.programs if each.process.poll() is None
    ]
