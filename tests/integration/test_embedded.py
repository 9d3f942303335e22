"""The embedded server: its data survive, it has one holder, and what a kill leaves behind is put right."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from remediation.domain.errors import ConfigurationError
from remedy.embedded.server import LONGEST_SOCKET_PATH, EmbeddedServer
from tests.processes import is_running

REPOSITORY = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from remedy.embedded.server import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: pytest's own are too long for a socket in them."""
    path = Path(tempfile.mkdtemp(prefix="remedy-"))
    yield path / "data"
    shutil.rmtree(path)


@pytest.fixture
def other_holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("unix://")
        yield process


def client_of(server: EmbeddedServer) -> Redis:
    return Redis.from_url(server.url, socket_timeout=5)


def pid_of(server: EmbeddedServer) -> int:
    with client_of(server) as client:
        return int(client.info("server")["process_id"])


def test_a_folder_that_cannot_be_looked_at_is_not_called_new_and_its_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / ("x" * 300))
    assert not server.is_new
    with pytest.raises(ConfigurationError, match="cannot keep its data there: File name too long"), server:
        pass


def test_data_are_there_again_after_a_restart(folder: Path) -> None:
    with EmbeddedServer(folder) as server, client_of(server) as client:
        client.set("kept", "yes")
    with EmbeddedServer(folder) as server, client_of(server) as client:
        assert client.get("kept") == b"yes"


def test_an_answered_write_is_there_after_the_server_is_killed(folder: Path) -> None:
    with EmbeddedServer(folder) as server, client_of(server) as client:
        client.set("kept", "yes")
        os.kill(pid_of(server), signal.SIGKILL)
    with EmbeddedServer(folder) as server, client_of(server) as client:
        assert client.get("kept") == b"yes"


@pytest.mark.parametrize(
    ("option", "value"),
    [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction"), ("save", ""), ("port", "0")],
)
def test_it_is_configured_to_lose_nothing_and_to_let_nobody_in(folder: Path, option: str, value: str) -> None:
    with EmbeddedServer(folder) as server, client_of(server) as client:
        assert client.config_get(option) == {option: value}


def test_it_runs_scripts(folder: Path) -> None:
    with EmbeddedServer(folder) as server, client_of(server) as client:
        assert client.eval("return redis.call('incr', KEYS[1])", 1, "count") == 1


def test_only_its_owner_reaches_the_socket(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o750])
def test_a_folder_that_others_may_enter_is_closed_to_them(folder: Path, mode: int) -> None:
    folder.mkdir()
    for _ in ("empty", "with data"):
        folder.chmod(mode)
        with EmbeddedServer(folder) as server:
            client_of(server).set("kept", "yes")
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [path for path in folder.rglob("*") if not path.is_socket() and not path.name.endswith(".lock")]
    assert [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_an_open_folder_with_the_files_of_others_is_refused_and_left_alone(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "thesis.txt").touch()
    with pytest.raises(ConfigurationError, match=r"mode 0755.*thesis\.txt.*chmod 700"), EmbeddedServer(folder):
        pass
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_folder_of_somebody_else_must_be_closed_to_everybody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    folder.chmod(0o775)
    with pytest.raises(ConfigurationError, match=r"somebody else.*mode 0775.*below it"), EmbeddedServer(folder):
        pass
    folder.chmod(0o770)
    with EmbeddedServer(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o770


def test_a_place_for_the_socket_that_others_may_enter_is_closed_to_them(folder: Path) -> None:
    server = EmbeddedServer(folder / ("deep" * 30))
    server.socket.parent.mkdir()
    server.socket.parent.chmod(0o777)
    with server:
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    server.socket.parent.rmdir()


def test_leaving_ends_the_server_and_its_socket(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        pid = pid_of(server)
    assert not is_running(pid)
    assert not server.socket.exists()
    with pytest.raises(RedisConnectionError):
        client_of(server).ping()


def test_the_server_also_ends_when_the_body_raises(folder: Path) -> None:
    pids = []

    def fail() -> None:
        with EmbeddedServer(folder) as server:
            pids.append(pid_of(server))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not is_running(pids[0])


def test_a_second_holder_is_told_who_the_first_is_and_how_to_join(
    folder: Path, other_holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(ConfigurationError) as refusal, EmbeddedServer(folder):
        pass
    message = str(refusal.value)
    assert f"pid {other_holder.pid}" in message
    assert f"REDIS_URL={EmbeddedServer(folder).url}" in message
    assert len(refusal.value.problems) == 1
    assert client_of(EmbeddedServer(folder)).ping()


def test_one_process_cannot_hold_a_folder_twice(folder: Path) -> None:
    with EmbeddedServer(folder), pytest.raises(ConfigurationError), EmbeddedServer(folder):
        pass


def test_a_server_left_behind_by_a_killed_holder_is_ended_before_the_next_starts(
    folder: Path, other_holder: subprocess.Popen[str]
) -> None:
    left_behind = pid_of(EmbeddedServer(folder))
    client_of(EmbeddedServer(folder)).set("kept", "yes")
    other_holder.kill()
    other_holder.wait()
    assert is_running(left_behind)
    with EmbeddedServer(folder) as server, client_of(server) as client:
        assert not is_running(left_behind)
        assert pid_of(server) != left_behind
        assert client.get("kept") == b"yes"


def test_a_holder_whose_server_was_killed_too_leaves_nothing_in_the_way(
    folder: Path, other_holder: subprocess.Popen[str]
) -> None:
    server_pid = pid_of(EmbeddedServer(folder))
    other_holder.kill()
    os.kill(server_pid, signal.SIGKILL)
    other_holder.wait()
    with EmbeddedServer(folder) as server:
        assert client_of(server).ping()


def test_ctrl_c_at_the_terminal_does_not_end_the_server_before_its_holder(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        assert os.getpgid(pid_of(server)) != os.getpgid(0)


@pytest.mark.parametrize("name", ["with a space", 'with "quotes"', "mit-Umläuten", "100%20#?x"])
def test_a_folder_may_have_any_name(folder: Path, name: str) -> None:
    with EmbeddedServer(folder / name) as server, client_of(server) as client:
        client.set("kept", "yes")
    assert (folder / name / "appendonlydir").is_dir()


def test_a_folder_too_deep_for_a_socket_gets_a_private_place_for_it(folder: Path) -> None:
    deep = folder / ("deep" * 30)
    with EmbeddedServer(deep) as server, client_of(server) as client:
        assert client.ping()
        assert len(os.fsencode(server.socket)) <= LONGEST_SOCKET_PATH
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        with pytest.raises(ConfigurationError, match="REDIS_URL"), EmbeddedServer(deep):
            pass
    server.socket.parent.rmdir()


def test_a_place_for_the_socket_that_is_not_ours_is_refused(folder: Path) -> None:
    server = EmbeddedServer(folder / ("deep" * 30))
    server.socket.parent.symlink_to(folder.parent)
    with pytest.raises(ConfigurationError, match="belongs to somebody else"), server:
        pass
    server.socket.parent.unlink()


def test_a_folder_that_cannot_be_used_is_one_clear_message(folder: Path) -> None:
    folder.mkdir()
    (file := folder / "file").touch()
    (circle := folder / "circle").symlink_to(circle)
    for unusable in (file, file / "below", circle, Path("/proc/remedy")):
        with pytest.raises(ConfigurationError, match=r"cannot keep its data there: [A-Z]"), EmbeddedServer(unusable):
            pass


def test_a_server_that_cannot_start_says_where_to_look(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        client_of(server).set("kept", "yes")
    manifest = next((folder / "appendonlydir").glob("*.manifest"))
    manifest.write_text("this is no manifest\n", encoding="ascii")
    with pytest.raises(ConfigurationError, match=r"valkey\.log says why"), EmbeddedServer(folder):
        pass
