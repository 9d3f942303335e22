"""Every kept input of the fuzzer is played, without the fuzzer; and the kept ones reach whatever can be answered."""

import pytest
from structlog.testing import capture_logs

from chaos.fuzzing import answering, connecting, reading, signing
from chaos.fuzzing.script import Script
from chaos.fuzzing.targets import CORPUS, TARGETS, kept
from remediation.deliveries.signatures import SignatureFormat

MOST_BYTES = 512
"""Of one kept input: a script of few words for our own targets, and nothing that could be sent to anybody."""


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_keeps_every_promise(name: str) -> None:
    with capture_logs():
        for each in kept(name):
            assert len(each) <= MOST_BYTES
            try:
                TARGETS[name].play(each)
            except Exception as error:
                error.add_note(f"played: {each.hex()}")
                raise


def test_there_is_a_file_for_each_target() -> None:
    assert sorted(each.stem for each in CORPUS.iterdir()) == sorted(TARGETS)
    assert sum(target.share for target in TARGETS.values()) == pytest.approx(1)


def test_kept_deliveries_are_verified_in_every_format() -> None:
    seen = {signing.play(each) for each in kept("signing")}
    assert seen == {None, *SignatureFormat} - {SignatureFormat.AUTO}


def test_kept_requests_get_every_answer() -> None:
    with capture_logs():
        seen = {answering.play(each) for each in kept("answering")}
    assert seen == {0, *answering.STATUSES}, "0: who has gone gets none"


def test_kept_connections_get_every_answer_of_the_server() -> None:
    with capture_logs():
        seen = {status for each in kept("connecting") for status in connecting.play(each)}
    assert seen == connecting.STATUSES


def test_kept_pages_are_read_and_refused_for_every_reason() -> None:
    seen = {(reading.play(each) or "whole").partition(", in line")[0] for each in kept("reading")}
    assert seen == {
        "whole",
        "the answer is an HTML page",
        "the answer is no page of incidents",
        "the page ends early",
        "the page has a document type, which is not read",
        "the page has a processing instruction, which is not obeyed",
        "the page is nested too deeply",
        "the page is no XML: junk after document element",
        "the page is no XML: undefined entity",
    }


def test_a_script_never_runs_out() -> None:
    script = Script(b"\x05abc")
    assert (script.literal(3), script.rest(), script.is_over) == (b"a", b"bc", True)
    assert (script.number(7), script.literal(), script.one_of("xy"), script.rest()) == (0, b"", "x", b"")
