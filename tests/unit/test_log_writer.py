"""Whoever logs waits for nobody, and what cannot be written is counted and told."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from remediation.log_writer import AT_ONCE, TOLD_FOR, LogWriter, Loss, Losses

PIPE_BYTES = 4_096


@dataclass
class Pipe:
    """A pipe that holds little. Both ends are closed at the end of a test, where they still are open."""

    reading: int
    writing: int
    losses: Losses = field(default_factory=Losses)
    told: list[int] = field(default_factory=list)

    def writer(self, most_lines: int = 1_000) -> LogWriter:
        return LogWriter(self.writing, self.losses, self.told.append, most_lines=most_lines)

    def read(self) -> bytes:
        return os.read(self.reading, 1_000_000)

    def read_until(self, text: bytes) -> bytes:
        read = b""
        while text not in read:
            read += self.read()
        return read


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe(*os.pipe())
    fcntl.fcntl(pipe.writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    yield pipe
    for descriptor in (pipe.reading, pipe.writing):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_lines_come_out_in_order(pipe: Pipe) -> None:
    writer = pipe.writer()
    for number in range(50):
        writer.write(f"line {number} ä")
    assert writer.flush()
    assert pipe.read().decode() == "".join(f"line {number} ä\n" for number in range(50))
    assert (pipe.losses.total, pipe.told) == (0, [])


def test_lines_of_processes_that_share_a_pipe_do_not_tear_each_other(pipe: Pipe) -> None:
    writers = [pipe.writer() for _ in range(3)]
    lines = {f"{letter}{number:04}{letter * 300}" for letter in "abc" for number in range(200)}
    for line in sorted(lines, key=lambda line: line[1:5]):
        writers["abc".index(line[0])].write(line)
    read = b""
    while read.count(b"\n") < len(lines):
        read += pipe.read()
    assert set(read.decode().splitlines()) == lines


def test_a_reader_who_is_gone_costs_lines_and_raises_nothing(pipe: Pipe) -> None:
    os.close(pipe.reading)
    writer = pipe.writer()
    writer.write("one")
    writer.write("two")
    assert writer.flush()
    assert pipe.losses.lines == {Loss.SLOW: 0, Loss.UNWRITABLE: 2, Loss.DEFECT: 0}


def test_a_descriptor_that_is_closed_costs_lines(pipe: Pipe) -> None:
    writer = pipe.writer()
    os.close(pipe.writing)
    writer.write("one")
    assert writer.flush()
    assert pipe.losses.lines[Loss.UNWRITABLE] == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_full_disk_costs_lines() -> None:
    losses = Losses()
    with Path("/dev/full").open("wb") as full:
        writer = LogWriter(full.fileno(), losses, lambda _count: None)
        writer.write("one")
        assert writer.flush()
    assert losses.lines[Loss.UNWRITABLE] == 1


def test_nobody_waits_for_a_reader_who_stands_still_and_what_waits_is_bounded(pipe: Pipe) -> None:
    writer = pipe.writer(most_lines=500)
    began = time.monotonic()
    for number in range(5_000):
        writer.write(f"{number:04} " + "x" * 100)
    assert time.monotonic() - began < 2
    assert not writer.flush(0.05)
    lost = pipe.losses.lines[Loss.SLOW]
    assert 5_000 - 500 - AT_ONCE - PIPE_BYTES // 100 <= lost <= 5_000 - 500
    os.set_blocking(pipe.reading, False)
    while not writer.flush(0.01):
        with contextlib.suppress(BlockingIOError):
            pipe.read()
    assert pipe.told == [lost], "it can be written again, and that is told"


def test_a_line_that_was_cut_off_is_ended_before_the_next(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that takes half a line and is full then, until somebody makes room."""
    write, answers = os.write, iter([True, False])

    def on_a_disk(descriptor: int, content: bytes) -> int:
        match next(answers, None):
            case True:
                return write(descriptor, content[:4])
            case False:
                raise OSError(errno.ENOSPC, "no space")
            case _:
                return write(descriptor, content)

    monkeypatch.setattr(os, "write", on_a_disk)
    writer = pipe.writer()
    writer.write("half a line")
    assert writer.flush()
    writer.write("a whole one")
    assert writer.flush()
    assert pipe.read() == b"half\na whole one\n"
    assert pipe.told == [1]


def test_a_descriptor_that_blocks_nobody_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    writer = pipe.writer(most_lines=10_000)
    for number in range(1_000):
        writer.write(f"{number:04} " + "x" * 100)
    assert pipe.read_until(b"0999 x").count(b"\n") >= 999
    assert pipe.losses.total == 0


def test_a_loss_is_told_for_some_minutes() -> None:
    now = [0.0]
    losses = Losses(lambda: now[0])
    assert not losses.problems
    losses.note(Loss.SLOW)
    now[0] = TOLD_FOR - 1
    (problem,) = losses.problems
    assert "log lines are lost" in problem
    now[0] = TOLD_FOR
    assert not losses.problems
