"""A changed file is taken, a broken one refused and told, and nothing else is done, however the file is changed."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from structlog.typing import EventDict

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.watching import ABSENT_POLLS, files_named
from remedy.runtime import polling
from remedy.runtime.reload import Follower

POLL = 0.02
NOW = 1_800_000_000.0

TEXT = """
version: 1
districts:
  lakeside:
    schoolscan:
      url: https://api.schoolscan.example/v1
      token: {file: <token>}
      webhook:
        secrets: [{env: WEBHOOK_SECRET}]
trackers:
  jira:
    kind: jira
    deployment: cloud
    url: https://jira.example
    auth: {basic: {user: svc-remedy, password: {env: JIRA_TOKEN}}}
rules:
  - name: <rule>
    tickets: {jira: {project: SEC}}
templates: {summary: Exposed, body: What to do}
"""


class Folder:
    """A folder with mappings.yaml and the secret that it refers to."""

    def __init__(self, path: Path) -> None:
        self.file, self.secret = path / "mappings.yaml", path / "token"
        self.secret.write_text("test-only-token-1")
        self.write("one")

    def text(self, rule: str) -> str:
        return TEXT.replace("<rule>", rule).replace("<token>", str(self.secret))

    def write(self, rule: str) -> None:
        self.file.write_text(self.text(rule))


class Taker:
    """Keeps what it was given; `refusal` is what it finds wrong."""

    def __init__(self) -> None:
        self.rules: list[str] = []
        self.refusal: Exception | None = None

    async def __call__(self, loaded: Loaded) -> None:
        if self.refusal:
            raise self.refusal
        self.rules.append(loaded.mappings.rules[0].name)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "POLL_SECONDS", POLL)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def taker() -> Taker:
    return Taker()


def token_files(mappings: Mappings) -> Iterator[Path]:
    return files_named([district.schoolscan.token for district in mappings.districts.values()])


@asynccontextmanager
async def following(path: Path, taker: Taker) -> AsyncIterator[Follower]:
    follower = Follower(path, token_files, lambda: NOW)
    follower.first()
    async with follower.following(taker):
        yield follower


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - files have no event to wait for
            await asyncio.sleep(POLL / 4)


async def some_polls(count: int = 12) -> None:
    await asyncio.sleep(count * POLL)


def measured(name: str) -> float:
    value = REGISTRY.get_sample_value(f"remedy_mappings_{name}")
    assert value is not None
    return value


async def test_an_unchanged_file_is_left_alone(folder: Folder, taker: Taker, logged: list[EventDict]) -> None:
    async with following(folder.file, taker) as follower:
        await some_polls()
        assert (taker.rules, follower.problems, logged) == ([], (), [])


async def test_a_changed_file_is_taken_once(folder: Folder, taker: Taker, logged: list[EventDict]) -> None:
    async with following(folder.file, taker) as follower:
        folder.write("two")
        await until(lambda: taker.rules == ["two"])
        await some_polls()
        assert (taker.rules, follower.problems) == (["two"], ())
    assert [(line["event"], line["count"]) for line in logged] == [("mappings_reloaded", 1)]


async def test_a_change_of_times_alone_is_none(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker):
        folder.file.touch()
        folder.file.write_text(folder.file.read_text())
        await some_polls()
        assert taker.rules == []


async def test_an_editor_replaces_the_file(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker):
        new = folder.file.with_suffix(".new")
        new.write_text(folder.text("two"))
        new.replace(folder.file)
        await until(lambda: taker.rules == ["two"])


async def test_a_change_that_keeps_size_and_times_is_noticed(folder: Folder, taker: Taker) -> None:
    before = folder.file.stat()
    async with following(folder.file, taker):
        folder.write("two")
        os.utime(folder.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        await until(lambda: taker.rules == ["two"])


async def test_a_config_map_is_swapped(tmp_path: Path, folder: Folder, taker: Taker) -> None:
    """As the kubelet does it: `..data` points to a folder with a time for its name; the file is a link through it."""
    mounted = tmp_path / "mounted"
    for version, rule in (("..2024_1", "one"), ("..2024_2", "two")):
        (mounted / version).mkdir(parents=True)
        (mounted / version / "mappings.yaml").write_text(folder.text(rule))
    (mounted / "..data").symlink_to("..2024_1")
    (mounted / "mappings.yaml").symlink_to("..data/mappings.yaml")
    async with following(mounted / "mappings.yaml", taker):
        (mounted / "..data_tmp").symlink_to("..2024_2")
        (mounted / "..data_tmp").replace(mounted / "..data")
        (mounted / "..2024_1" / "mappings.yaml").unlink()
        await until(lambda: taker.rules == ["two"])


async def test_two_changes_quickly_after_each_other_end_with_the_newest(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker) as follower:
        for rule in ("two", "three"):
            folder.write(rule)
            follower.ask()
            await asyncio.sleep(0)
        await until(lambda: taker.rules[-1:] == ["three"])
        await some_polls()
        assert taker.rules in (["three"], ["two", "three"])


async def test_a_change_while_a_change_is_being_taken_comes_next(folder: Folder) -> None:
    rules, gate = [], asyncio.Event()

    async def take(loaded: Loaded) -> None:
        rules.append(loaded.mappings.rules[0].name)
        await gate.wait()

    follower = Follower(folder.file, token_files, lambda: NOW)
    follower.first()
    async with follower.following(take):
        folder.write("two")
        await until(lambda: rules == ["two"])
        folder.write("three")
        await some_polls()
        gate.set()
        await until(lambda: rules == ["two", "three"])


async def test_a_broken_file_is_refused_and_told_until_it_is_mended(
    folder: Folder, taker: Taker, logged: list[EventDict]
) -> None:
    async with following(folder.file, taker) as follower:
        failures = measured("reload_failures_total")
        assert measured("valid") == 1
        folder.file.write_text(folder.text("two").replace("project: SEC", "project: SEC, labelz: [a]"))
        await until(lambda: bool(follower.problems))
        assert all(each.startswith(f"mappings.yaml was refused: {folder.file}:") for each in follower.problems)
        assert ":18:" in follower.problems[0]
        assert "labelz" in follower.problems[0]
        assert (taker.rules, measured("valid")) == ([], 0)
        await some_polls()
        assert measured("reload_failures_total") == failures + 1
        folder.write("three")
        await until(lambda: follower.problems == ())
        assert (taker.rules, measured("valid")) == (["three"], 1)
    assert [line["event"] for line in logged] == ["mappings_refused", "mappings_reloaded"]
    assert logged[0]["at"].startswith(f"{folder.file}:18:")


async def test_going_back_to_the_file_in_use_mends_it_too(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker) as follower:
        folder.file.write_text("rules: [")
        await until(lambda: bool(follower.problems))
        folder.write("one")
        await until(lambda: follower.problems == ())


async def test_of_many_problems_the_first_are_told(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker) as follower:
        folder.file.write_text(folder.text("two") + "".join(f"word{number}: 1\n" for number in range(40)))
        await until(lambda: bool(follower.problems))
        assert len(follower.problems) == 11
        assert follower.problems[-1] == "mappings.yaml was refused: and 30 more"


async def test_a_file_that_is_away_for_a_moment_is_no_problem(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker) as follower:
        folder.file.unlink()
        await some_polls(2)
        folder.write("two")
        await until(lambda: taker.rules == ["two"])
        assert follower.problems == ()


async def test_a_file_that_stays_away_is_a_problem_until_it_is_back(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker) as follower:
        folder.file.unlink()
        await until(lambda: bool(follower.problems))
        assert "cannot be read" in follower.problems[0]
        folder.write("one")
        await until(lambda: follower.problems == ())


async def test_a_rotated_secret_counts_as_a_change(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker):
        folder.secret.write_text("test-only-token-2")
        await until(lambda: taker.rules == ["one"])


async def test_a_secret_that_is_not_there_yet_is_waited_for(tmp_path: Path, folder: Folder, taker: Taker) -> None:
    later = tmp_path / "later"

    class Reader(Taker):
        async def __call__(self, loaded: Loaded) -> None:
            self.refusal = None if later.exists() else ConfigurationError([Problem("later", "cannot be read", 7, 9)])
            await super().__call__(loaded)

    taker = Reader()
    async with following(folder.file, taker) as follower:
        folder.file.write_text(folder.text("two").replace(str(folder.secret), str(later)))
        await until(lambda: bool(follower.problems))
        assert follower.problems == ("mappings.yaml was refused: later:7:9: cannot be read",)
        later.write_text("test-only-token-3")
        await until(lambda: follower.problems == ())
        assert taker.rules == ["two"]


async def test_whoever_asks_about_an_unchanged_file_is_told_so(
    folder: Folder, taker: Taker, logged: list[EventDict]
) -> None:
    async with following(folder.file, taker) as follower:
        follower.ask()
        await until(lambda: bool(logged))
        assert [line["event"] for line in logged] == ["mappings_unchanged"]
        assert taker.rules == []


async def test_what_was_refused_is_tried_again_by_whoever_asks(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker) as follower:
        taker.refusal = ConfigurationError([Problem("X", "is not set")])
        folder.write("two")
        await until(lambda: bool(follower.problems))
        taker.refusal = None
        await some_polls()
        assert taker.rules == []
        follower.ask()
        await until(lambda: taker.rules == ["two"])
        assert follower.problems == ()


async def test_an_error_of_ours_does_not_end_the_watch(folder: Folder, taker: Taker, logged: list[EventDict]) -> None:
    async with following(folder.file, taker) as follower:
        taker.refusal = ZeroDivisionError("test-only-text")
        folder.write("two")
        await until(lambda: bool(follower.problems))
        assert list(follower.problems) == ["mappings.yaml was refused: ZeroDivisionError while it was read"]
        assert logged[-1]["event"] == "mappings_not_followed"
        taker.refusal = None
        folder.write("three")
        await until(lambda: taker.rules == ["three"])
        assert follower.problems == ()


async def test_a_pipe_is_read_once_and_never_again(tmp_path: Path, folder: Folder, taker: Taker) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = asyncio.create_task(asyncio.to_thread(pipe.write_text, folder.text("one")))
    follower = Follower(pipe, token_files, lambda: NOW)
    loaded = await asyncio.to_thread(follower.first)
    await writing
    assert loaded.mappings.rules[0].name == "one"
    async with follower.following(taker):
        await some_polls(ABSENT_POLLS + 2)
        assert (taker.rules, follower.problems) == ([], ())


async def test_a_start_with_a_broken_file_is_none(folder: Folder) -> None:
    folder.file.write_text("rules: [")
    with pytest.raises(ConfigurationError):
        Follower(folder.file, token_files, lambda: NOW).first()


async def test_when_the_file_in_use_was_loaded_is_measured(folder: Folder, taker: Taker) -> None:
    async with following(folder.file, taker):
        assert measured("loaded_timestamp_seconds") == NOW
