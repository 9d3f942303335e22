"""A start that cannot be: one message that says where, exit code 2, and no stack trace."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediation.sealing import generate_key
from remediation.settings import environ
from sandbox.secrets import ENVIRONMENT
from tests.e2e.scene import REPOSITORY, remedy

ROLES = ["receiver", "worker"]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """All that a start needs, but for Redis: nobody gets that far here."""
    folder = tempfile.mkdtemp(prefix="remedy-")
    yield {
        **environ(),
        **ENVIRONMENT,
        "DATA_KEYS": generate_key(),
        "DATA_DIR": folder,
        "REDIS_URL": f"unix://{folder}/nobody.sock",
        "MAPPINGS_PATH": str(REPOSITORY / "mappings.yaml"),
        "RECEIVER_PORT": "0",
        "METRICS_PORT": "0",
        "WORKER_PORT": "0",
    }
    shutil.rmtree(folder)


def message_of(role: str, environment: dict[str, str]) -> str:
    result = remedy("run", role, environment=environment)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    told = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1, result.stderr
    assert "Traceback" not in result.stderr
    return told[0]


@pytest.mark.parametrize(
    ("role", "name"),
    [("receiver", "SCHOOLSCAN_WEBHOOK_SECRET"), ("worker", "JIRA_TOKEN"), ("worker", "SCHOOLSCAN_TOKEN")],
)
def test_a_missing_secret_is_named_with_its_place_in_the_file(
    environment: dict[str, str], role: str, name: str
) -> None:
    del environment[name]
    message = message_of(role, environment)
    assert name in message
    line = int(message.removeprefix(f"error: {environment['MAPPINGS_PATH']}:").split(":")[0])
    assert name in (REPOSITORY / "mappings.yaml").read_text(encoding="utf-8").splitlines()[line - 1]


@pytest.mark.parametrize("role", ROLES)
def test_a_broken_mappings_file_is_named_with_line_and_column(environment: dict[str, str], role: str) -> None:
    broken = Path(environment["DATA_DIR"]) / "broken.yaml"
    text = (REPOSITORY / "mappings.yaml").read_text(encoding="utf-8")
    broken.write_text(text.replace("project: WEB", "projct: WEB"), encoding="utf-8")
    line = next(number for number, each in enumerate(broken.read_text().splitlines(), start=1) if "projct" in each)
    result = remedy("run", role, environment={**environment, "MAPPINGS_PATH": str(broken)})
    assert result.returncode == 2
    assert f"error: {broken}:{line}:" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("role", ROLES)
def test_missing_data_keys_are_named_and_how_to_make_one(environment: dict[str, str], role: str) -> None:
    del environment["DATA_KEYS"]
    message = message_of(role, environment)
    assert message.startswith("error: DATA_KEYS: ")
    assert "remedy keys generate" in message


@pytest.mark.parametrize(
    ("role", "setting"), [("receiver", "RECEIVER_PORT"), ("receiver", "METRICS_PORT"), ("worker", "WORKER_PORT")]
)
def test_a_port_in_use_is_named_by_its_setting(environment: dict[str, str], role: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment[setting] = str(taken.getsockname()[1])
        assert message_of(role, environment).startswith(f"error: {setting}: cannot listen on 127.0.0.1:")


@pytest.mark.parametrize(
    ("host", "why"), [("192.0.2.1", "Cannot assign"), ("no host", "is known"), ("a" * 64, "is known")]
)
def test_a_host_that_is_not_ours_is_named_by_its_setting(environment: dict[str, str], host: str, why: str) -> None:
    message = message_of("worker", {**environment, "WORKER_HOST": host})
    assert message.startswith(f"error: WORKER_HOST: cannot listen on {host}:0: ")
    assert why in message


@pytest.mark.parametrize("words", [("run", "receiver"), ("run", "worker"), ("doctor",), ("parked", "list")])
def test_a_folder_that_cannot_be_used_is_one_message(environment: dict[str, str], words: tuple[str, ...]) -> None:
    del environment["REDIS_URL"]
    result = remedy(*words, environment={**environment, "DATA_DIR": "/dev/null"})
    told = "/dev/null: the embedded server cannot keep its data there: File exists"
    assert told in result.stdout + result.stderr
    assert result.returncode == (1 if words == ("doctor",) else 2)
    assert "Traceback" not in result.stderr


def test_a_setting_that_is_none_is_named_without_its_value(environment: dict[str, str]) -> None:
    environment["RECEIVER_PORT"] = "test-only-not-a-port"
    message = message_of("receiver", environment)
    assert message == "error: RECEIVER_PORT: must be a whole number"
