"""`remedy run console` on a laptop: it prints a link that enters, and none where people sign in elsewhere."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.integration.console_world import MAPPINGS

WITHOUT = MAPPINGS[: MAPPINGS.index("console:")] + MAPPINGS[MAPPINGS.index("rules:") :]


@contextmanager
def running(folder: Path, mappings: str, redis_url: str, data_keys: str) -> Iterator[subprocess.Popen[str]]:
    """The console as a process."""
    (folder / "mappings.yaml").write_text(mappings)
    environment = {
        **os.environ,  # noqa: TID251 - what a process of a test inherits
        "REDIS_URL": redis_url,
        "DATA_KEYS": data_keys,
        "MAPPINGS_PATH": str(folder / "mappings.yaml"),
        "CONSOLE_PORT": "0",
        "CONSOLE_METRICS_PORT": "0",
        "CONSOLE_CLIENT_SECRET": "test-only-secret",
        "ALLOW_WEAK_DURABILITY": "true",
    }
    command = [sys.executable, "-m", "remedy", "run", "console"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=30)


def test_it_prints_a_link_that_enters_once(tmp_path: Path, redis_url: str, data_keys: str) -> None:
    with running(tmp_path, WITHOUT, redis_url, data_keys) as process:
        assert process.stdout is not None
        said, address = process.stdout.readline().strip().rsplit(" ", 1)
        assert said == "Open the console, within ten minutes:"
        assert address.startswith("http://127.0.0.1:")
        base, token = address.partition("/sign-in/")[0], address.partition("token=")[2]
        with httpx2.Client(base_url=base, trust_env=False) as browser:
            assert browser.get(address).status_code == 200
            for status in (303, 403):
                used = browser.post("/sign-in/link", data={"link": token}, headers={"origin": base})
                assert used.status_code == status
            assert browser.get("/").status_code == 200


def test_where_people_sign_in_elsewhere_it_prints_none(tmp_path: Path, redis_url: str, data_keys: str) -> None:
    with running(tmp_path, MAPPINGS, redis_url, data_keys) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "metrics_listen" in line:
                break
        process.terminate()
        assert "sign-in" not in str(process.communicate(timeout=30)[0])


@pytest.mark.parametrize("secret", ["{env: NO_SUCH_SECRET}", "{file: /no/such/file}"])
def test_without_its_secret_it_does_not_start_and_says_where_that_is_named(
    tmp_path: Path, redis_url: str, data_keys: str, secret: str
) -> None:
    text = MAPPINGS.replace("{env: CONSOLE_CLIENT_SECRET}", secret)
    with running(tmp_path, text, redis_url, data_keys) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(timeout=30) == 2
    assert "mappings.yaml:9:" in said
    assert "client_secret" in said
