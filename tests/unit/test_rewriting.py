"""When Redis is asked to rewrite its append-only file, and when a rewrite counts as done."""

from dataclasses import replace

import pytest

from remediation.read_model.status.levels import Level
from remediation.store.server.rewriting import (
    ASK_AGAIN,
    PAUSE,
    SHARE,
    AppendOnlyFile,
    Shredded,
    Step,
    file_of,
    step_of,
)
from remedy.doctor.stored.shredding import shredding_of

NOW = 1_790_000_000.0
FILE = AppendOnlyFile("run-1", exists=True, is_rewritten_now=False, has_failed=False, took=1.0)
NEWS = Shredded(count=7, gone=4, since=NOW - 30)
ASKED = replace(NEWS, asked=6, asked_at=NOW - 60, server="run-1")


@pytest.mark.parametrize(
    ("shredded", "file", "step"),
    [
        (Shredded(), FILE, Step.NOTHING),
        (Shredded(count=7, gone=7), FILE, Step.NOTHING),
        (NEWS, FILE, Step.ASK),
        (NEWS, replace(FILE, exists=False), Step.NOTHING),
        (NEWS, replace(FILE, is_rewritten_now=True), Step.NOTHING),
        (ASKED, FILE, Step.GONE),
        (ASKED, replace(FILE, is_rewritten_now=True), Step.NOTHING),
        (ASKED, replace(FILE, has_failed=True), Step.NOTHING),
        (replace(ASKED, asked_at=NOW - PAUSE), replace(FILE, has_failed=True), Step.ASK),
        (ASKED, replace(FILE, server="run-2"), Step.NOTHING),
        (replace(ASKED, asked_at=NOW - PAUSE), replace(FILE, server="run-2"), Step.ASK),
        (replace(ASKED, gone=6), FILE, Step.NOTHING),
        (replace(ASKED, gone=6, asked_at=NOW - PAUSE), FILE, Step.ASK),
        (replace(ASKED, gone=6, asked_at=NOW - PAUSE), replace(FILE, took=PAUSE / SHARE + 1), Step.NOTHING),
        (replace(ASKED, gone=6, asked_at=NOW + 60), FILE, Step.ASK),  # the clock was set back
        (replace(NEWS, refused_at=NOW - 60), FILE, Step.NOTHING),
        (replace(NEWS, refused_at=NOW - ASK_AGAIN), FILE, Step.ASK),
    ],
)
def test_what_comes_next_follows_from_what_is_known(shredded: Shredded, file: AppendOnlyFile, step: Step) -> None:
    assert step_of(shredded, file, NOW) is step


def test_a_server_that_tells_little_is_read_all_the_same() -> None:
    assert file_of({}) == AppendOnlyFile("", exists=False, is_rewritten_now=False, has_failed=False, took=0.0)
    told = {"aof_enabled": 1, "aof_rewrite_scheduled": 1, "aof_last_bgrewrite_status": "err", "run_id": "r"}
    assert file_of(told) == AppendOnlyFile("r", exists=True, is_rewritten_now=True, has_failed=True, took=0.0)


@pytest.mark.parametrize(
    ("shredded", "file", "severity", "words"),
    [
        (Shredded(count=7, gone=7, gone_at=NOW - 60), FILE, Level.OK, "is not in"),
        (NEWS, FILE, Level.OK, "with its next rewrite"),
        (replace(NEWS, since=None), FILE, Level.OK, "with its next rewrite"),  # no round has noted since when
        (NEWS, replace(FILE, exists=False), Level.OK, "no append-only file"),
        (replace(NEWS, refused_at=NOW), FILE, Level.WARNING, "BGREWRITEAOF"),
        (replace(NEWS, since=NOW - 86_400), FILE, Level.WARNING, "since"),
    ],
)
def test_the_doctor_tells_what_may_be_in_the_file(
    shredded: Shredded, file: AppendOnlyFile, severity: Level, words: str
) -> None:
    found = shredding_of(shredded, file, NOW)
    assert found.severity is severity
    assert words in found.says
