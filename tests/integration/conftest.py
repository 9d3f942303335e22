"""A real Valkey for the tests of what lies in it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis as PlainRedis
from redis.asyncio import Redis
from structlog.testing import capture_logs

from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring, generate_key
from remediation.store.server.connection import Connection, open_pool
from remedy.embedded.server import EmbeddedServer
from tests.contract.jira_world import JiraWorld, jira_world
from tests.contract.servicenow_world import ServiceNowWorld, servicenow_world
from tests.integration.asking_world import RULES, AskingWorld, open_asking
from tests.integration.console_world import ConsoleWorld, open_console


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="remedy-"))
    with EmbeddedServer(folder) as server:
        yield server.url
    shutil.rmtree(folder)


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[Connection]:
    pool = open_pool(RedisAddress.parse(redis_url), socket_timeout=5.0, retries=1)
    redis = Redis(connection_pool=pool)
    await redis.flushall()
    yield Connection(redis)
    await redis.aclose()
    await pool.aclose()


@pytest.fixture
def remedy(redis_url: str, data_keys: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    """The command with a Redis in which nothing is, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with PlainRedis.from_url(redis_url) as redis:
        redis.flushall()
    return CliRunner(env={"REDIS_URL": redis_url, "DATA_KEYS": data_keys, "MAPPINGS_PATH": None, "COLUMNS": "200"})


@pytest.fixture
def data_keys() -> str:
    """DATA_KEYS of a command."""
    return generate_key()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.parse(generate_key())


@pytest.fixture
def quiet() -> Iterator[None]:
    """What is logged is not printed."""
    with capture_logs():
        yield


@pytest.fixture
def jira() -> Iterator[JiraWorld]:
    """A Jira in the cloud, of this test alone."""
    with jira_world("cloud") as world:
        yield world


@pytest.fixture
def snow() -> Iterator[ServiceNowWorld]:
    """A ServiceNow, of this test alone."""
    with servicenow_world() as world:
        world.name = "servicenow"
        yield world


@pytest.fixture
async def console(connection: Connection, keyring: Keyring) -> AsyncIterator[ConsoleWorld]:
    """The operator's pages, with data of two districts (see console_world.py)."""
    async with open_console(connection, keyring) as world:
        yield world


@pytest.fixture
def rules() -> str:
    """The rules of the mappings.yaml that the console and the worker of `asking` have; a module may have others."""
    return RULES


@pytest.fixture
async def asking(
    connection: Connection, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str
) -> AsyncIterator[AskingWorld]:
    """A console that asks, and a worker that answers (see asking_world.py)."""
    async with open_asking(connection, keyring, tmp_path, monkeypatch, rules) as world:
        yield world
