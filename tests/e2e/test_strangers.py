"""Whoever is over a limit of the receiver hurts only itself: everybody else's deliveries are accepted meanwhile."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.processes import environment_for, running
from bench.senders.load import Order, put_load
from bench.senders.strangers import KINDS, SETTINGS
from bench.topics.guarding import MOST_GROWTH_MB, good_beside
from remedy.embedded.server import EmbeddedServer
from sandbox.stage.processes import Program

ANSWERS = {
    "pipelines": {"404"},
    "does not listen": set(),
    "long address": {"414"},
    "large head": {"431"},
    "large trailers": {"431"},
    "slow head": {"408"},
    "slow body": {"408"},
    "unread body": {"404"},
    "no HTTP": {"400"},
    "crowd": set(),
}
SECONDS = 2.0


@pytest.fixture(scope="module")
def receiver() -> Iterator[Program]:
    folder = Path(tempfile.mkdtemp(prefix="remedy-"))  # short: there is a socket in it
    with EmbeddedServer(folder / "redis") as redis:
        environment = {**environment_for(folder, redis.url), **SETTINGS}
        with running("receiver", ("remedy", "run", "receiver"), folder, environment) as program:
            put_load(Order(program.address("receiver_listens"), "warm", 202, 0.5))
            yield program
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_good_deliveries_are_all_accepted_beside_strangers(receiver: Program, kind: str) -> None:
    beside = good_beside(kind, receiver, SECONDS)  # fails where one of them gets another answer than 202
    assert beside.good.count > 0
    assert set(beside.answers) == ANSWERS[kind]
    assert beside.grown_mb <= MOST_GROWTH_MB


def test_what_strangers_did_is_told_in_few_lines(receiver: Program) -> None:
    lines = receiver.logged().splitlines()
    assert 0 < sum("requests_refused" in line for line in lines) < 40
    assert sum("sender_gone" in line for line in lines) < 20
    assert not any("request_failed" in line or "uncaught" in line for line in lines)
