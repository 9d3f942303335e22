"""`remedy doctor` beside real processes: it names them while they run, and no longer when they have ended."""

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.e2e.scene import Scene
from tests.e2e.watching import eventually


def told(scene: Scene) -> dict[str, dict[str, str]]:
    """What it says, by what it looked at."""
    result = scene.remedy("doctor", "--json")
    assert "Traceback" not in result.stderr
    return {check["what"]: check for check in json.loads(result.stdout)["checks"]}


def test_processes_are_named_while_they_run(scene: Scene) -> None:
    assert eventually(lambda: [each for each in (told(scene),) if each["workers"]["says"].startswith("1 runs: ")])
    worker = scene.start_worker("worker-second")
    found = eventually(lambda: [each for each in (told(scene),) if each["workers"]["says"].startswith("2 run: ")])[0]
    assert f"/{worker.pid} (" in found["workers"]["says"]
    assert found["receivers"]["severity"] == found["workers"]["severity"] == "ok"
    assert "versions" not in found
    assert "mappings in use" not in found
    worker.stop(signal.SIGTERM)
    assert told(scene)["workers"]["says"].startswith("1 runs: ")


@contextlib.contextmanager
def dripping() -> Iterator[str]:
    """The address of a server that answers each request with a byte now and then, without end."""
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.2):
                connection.sendall(b" ")

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=[listener.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)


def test_a_tracker_whose_answer_never_ends_does_not_keep_it_from_ending(scene: Scene) -> None:
    with dripping() as address:

        def change(tree: Any) -> None:
            tree["trackers"]["jira"] |= {"url": address, "connect_timeout": "1s", "read_timeout": "1s"}

        path = scene.mappings("dripping.yaml", change)
        began = time.monotonic()
        result = scene.remedy("doctor", "--json", MAPPINGS_PATH=path)
        assert time.monotonic() - began < 45
    assert result.returncode == 1
    found = {check["what"]: check for check in json.loads(result.stdout)["checks"]}
    assert found["tracker jira"]["code"] == "outside-away"
    assert found["tracker servicenow"]["severity"] == "ok"
    assert "Traceback" not in result.stderr
