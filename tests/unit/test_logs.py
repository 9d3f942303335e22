"""Log lines hold ids, codes and numbers, whoever logs what: a planted canary never gets out."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaos.figures import DEFECTS
from remediation.domain.errors import TryLater
from remediation.log_context import LogContext, add_to_context
from remediation.log_writer import Loss
from remediation.logs import KNOWN_KEYS, LOSSES, configure_logs, keep_known
from remediation.sealing import Keyring

CANARY = "ZZPII-7d1c2e90-3f5a-4f0e-9a55-0c7a5a1f3b6e"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What was written to the logs, with everything that configuring them changed put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    target = io.StringIO()
    configure_logs("info", json=True, stream=target)
    yield target
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    structlog.reset_defaults()


logger = structlog.get_logger()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    written = stream.getvalue()
    assert CANARY[:6] not in written
    return [json.loads(line) for line in written.splitlines()]


def only(stream: io.StringIO) -> dict[str, Any]:
    (line,) = lines(stream)
    return line


def fail() -> None:
    raise ValueError(CANARY)


def caught() -> TryLater:
    """An error with a cause, both of them telling too much."""
    error = TryLater("tracker", CANARY)
    error.__cause__ = ValueError(CANARY)
    with pytest.raises(TryLater) as raised:
        raise error
    return raised.value


def test_known_keys_with_ids_and_numbers_pass(stream: io.StringIO) -> None:
    values = {
        "case": "lakeside:finding:fnd_9d2",
        "ticket": "SEC-12",
        "count": 3,
        "seconds": 0.25,
        "route": "/webhooks/schoolscan/{district}",
        "address": "http://127.0.0.1:8000",
        "due": "2026-04-15T14:00:00+00:00",
        "outcome": None,
        "reason": "fixed",
    }
    logger.info("ticket_opened", **values)
    line = only(stream)
    assert {key: line[key] for key in values} == values
    assert (line["event"], line["level"]) == ("ticket_opened", "info")
    assert line["timestamp"].endswith("Z")
    assert "dropped" not in line


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (f"a title with {CANARY}", "<str>"),
        ("words with blanks", "<str>"),
        ("https://host/path?query=1", "<str>"),
        ("pupil@example.org", "<str>"),
        ("Zoë", "<str>"),
        ("x" * 201, "<str>"),
        ("two\nlines", "<str>"),
        (CANARY.encode(), "<bytes>"),
        ({"title": CANARY}, "<dict>"),
        ([CANARY], "<list>"),
        (ValueError(CANARY), "ValueError"),
        (float("nan"), "<float>"),
        (Keyring([]), "<Keyring>"),
    ],
)
def test_values_that_are_no_ids_become_their_types_name(stream: io.StringIO, value: object, written: str) -> None:
    logger.info("ticket_opened", ticket=value)
    assert only(stream)["ticket"] == written


def test_unknown_keys_are_dropped_and_named(stream: io.StringIO) -> None:
    logger.info("ticket_opened", title=CANARY, body={"a": CANARY}, ticket="SEC-12", **{CANARY: 1, "Key": 2})
    line = only(stream)
    assert line["dropped"] == "<key>,body,title"
    assert set(line) == {"event", "level", "timestamp", "ticket", "dropped"}


@pytest.mark.parametrize("event", [CANARY, f"opened {CANARY}", "Roster of class four", "", {"a": CANARY}])
def test_an_event_that_is_no_fixed_phrase_is_not_written(stream: io.StringIO, event: Any) -> None:
    logger.info(event)
    assert only(stream)["event"] == "<event>"


def test_words_put_into_an_event_are_not_written(stream: io.StringIO) -> None:
    logger.info("opened %s", CANARY)
    assert only(stream)["event"] == "<event>"


def test_context_goes_the_same_way(stream: io.StringIO) -> None:
    with LogContext(case="lakeside:finding:f1", title=CANARY):
        logger.bind(worker="w1", note=CANARY).info("case_looked_at")
    line = only(stream)
    assert (line["case"], line["worker"], line["dropped"]) == ("lakeside:finding:f1", "w1", "note,title")


def test_lines_carry_the_facts_of_the_blocks_around_them_and_none_of_those_that_have_ended(stream: io.StringIO) -> None:
    with LogContext(job="look_at_case", case="first"):
        with LogContext(case="second"):
            add_to_context(request_id="r1")
            logger.info("case_looked_at", job="its own word")
            logger.info("case_looked_at", ticket="SEC-12")
        logger.info("case_looked_at")
    logger.info("case_looked_at")
    told = [{key: line.get(key) for key in ("job", "case", "request_id", "ticket")} for line in lines(stream)]
    assert [tuple(each.values()) for each in told] == [
        ("<str>", "second", "r1", None),
        ("look_at_case", "second", "r1", "SEC-12"),
        ("look_at_case", "first", None, None),
        (None, None, None, None),
    ]


def test_an_exception_is_its_classes_and_our_lines(stream: io.StringIO) -> None:
    try:
        Keyring.parse(CANARY)
    except Exception:
        logger.exception("start_failed")
    line = only(stream)
    assert line["error"] == "ConfigurationError"
    assert line["at"].startswith("remediation/sealing.py:")
    assert line["level"] == "error"


@pytest.mark.parametrize("given_as", ["instance", "triple"])
def test_an_exception_handed_over_names_its_causes(stream: io.StringIO, given_as: str) -> None:
    error = caught()
    logger.warning("call_failed", exc_info=error if given_as == "instance" else (type(error), error, None))
    line = only(stream)
    assert line["error"] == "TryLater<-ValueError"
    assert line["at"].startswith("test_logs.py:")


def test_a_group_of_exceptions_names_its_members(stream: io.StringIO) -> None:
    logger.error("calls_failed", exc_info=ExceptionGroup(CANARY, [ValueError(CANARY), caught()]))
    assert only(stream)["error"] == "ExceptionGroup(ValueError,TryLater)"


@pytest.mark.parametrize("given_value", [None, False, True, (None, None, None)])
def test_no_exception_is_no_error(stream: io.StringIO, given_value: object) -> None:
    logger.info("case_looked_at", exc_info=given_value)
    assert "error" not in only(stream)


@pytest.mark.parametrize("name", ["arq.worker", "uvicorn.error", "httpx2", "redis", "urllib3", "asyncio"])
def test_a_librarys_message_is_its_logger_level_and_place(stream: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("ZZPII-in-the-template %s", CANARY, extra={"payload": CANARY})
    line = only(stream)
    assert (line["event"], line["logger"], line["level"]) == ("library_message", name, "warning")
    assert line["at"].startswith("test_logs:")


def test_a_librarys_exception_is_its_class(stream: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        logging.getLogger("arq.worker").exception("job %s failed", CANARY, stack_info=True)
    line = only(stream)
    assert (line["error"], line["level"]) == ("ValueError", "error")


def test_libraries_are_heard_from_warning_on(stream: io.StringIO) -> None:
    for name in ("httpx2", "uvicorn.access", "arq.worker"):
        library = logging.getLogger(name)
        library.setLevel(logging.DEBUG)
        library.info(CANARY)
        library.setLevel(logging.NOTSET)
    assert lines(stream) == []


@pytest.mark.parametrize(("number", "level"), [(35, "warning"), (45, "error"), (60, "critical")])
def test_levels_of_a_librarys_own_making_become_ours(stream: io.StringIO, number: int, level: str) -> None:
    logging.getLogger("library").log(number, CANARY)
    assert only(stream)["level"] == level


def test_warnings_go_the_same_way(stream: io.StringIO) -> None:
    logging.captureWarnings(False)  # pytest has put its own hook over ours since the fixture ran
    configure_logs("info", json=True, stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(CANARY, UserWarning, stacklevel=1)
    assert only(stream)["logger"] == "py.warnings"


def test_uncaught_exceptions_are_log_lines(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    error = caught()
    sys.excepthook(type(error), error, error.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert [(line["event"], line["error"]) for line in lines(stream)] == [
        ("uncaught_exception", "TryLater<-ValueError"),
        ("uncaught_exception_in_thread", "ValueError"),
    ]
    assert CANARY not in capsys.readouterr().err


def test_a_closed_stream_does_not_break_a_library(stream: io.StringIO) -> None:
    stream.close()
    logging.getLogger("library").error("words")


def test_whoever_logs_is_not_told_that_a_line_could_not_be_written(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(LOSSES.lines)

    def full(_text: str) -> int:
        raise OSError(28, "no space")

    monkeypatch.setattr(stream, "write", full)
    configure_logs("info", json=True, stream=stream)
    logger.info("case_looked_at")
    assert LOSSES.lines[Loss.UNWRITABLE] == before[Loss.UNWRITABLE] + 1


def test_whoever_logs_is_not_told_that_a_line_could_not_be_made(stream: io.StringIO) -> None:
    class Broken(str):
        __slots__ = ()

        def __str__(self) -> str:
            raise RuntimeError

    before = dict(LOSSES.lines)
    logger.info("case_looked_at", case=Broken("x"))
    assert LOSSES.lines[Loss.DEFECT] == before[Loss.DEFECT] + 1
    assert lines(stream) == []


def test_our_own_events_obey_the_level(stream: io.StringIO) -> None:
    logger.debug("case_looked_at")
    assert lines(stream) == []
    configure_logs("error", json=True, stream=stream)
    logger.warning("call_failed")
    logging.getLogger("library").warning("words")
    assert lines(stream) == []


def test_a_person_at_a_terminal_sees_the_same_without_json(stream: io.StringIO) -> None:
    configure_logs("info", json=False, stream=stream)
    logger.error("call_failed", ticket="SEC-12", title=CANARY, exc_info=caught())
    written = stream.getvalue()
    assert CANARY not in written
    for part in ("call_failed", "ticket=SEC-12", "dropped=title", "error=TryLater<-ValueError"):
        assert part in written


values = st.recursive(
    st.none() | st.integers() | st.floats() | st.text() | st.just(f"x {CANARY}") | st.just(CANARY.encode()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
keys = st.sampled_from(sorted(KNOWN_KEYS - {"event", "level"})) | st.text(min_size=1).filter(
    lambda key: key not in {"self", "event", "exc_info", "level", "name"}
)


@given(kwargs=st.dictionaries(keys, values, max_size=5), event=st.text() | st.just(CANARY))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_logged_a_line_of_json_comes_out(stream: io.StringIO, kwargs: dict[str, Any], event: str) -> None:
    stream.seek(0)
    stream.truncate()
    logger.bind(**kwargs).info(event)
    assert set(only(stream)) <= KNOWN_KEYS


@given(
    known=st.lists(
        st.dictionaries(
            keys.filter(lambda key: key != "timestamp"),
            st.sampled_from(["SEC-12", "a\nb", 'x"y', "", "%s"]) | st.text(),
            max_size=4,
        )
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_of_a_form_that_has_come_before_are_written_as_json_writes_them(
    stream: io.StringIO, known: list[dict[str, str]]
) -> None:
    stream.seek(0)
    stream.truncate()
    for values in known:
        logger.info("case_looked_at", **values)
    written = stream.getvalue().splitlines()
    assert [json.dumps(json.loads(line)) for line in written] == written
    for values, line in zip(known, map(json.loads, written), strict=True):
        kept = keep_known(None, "info", {**values, "event": "case_looked_at"})
        assert {key: line.get(key) for key in kept} == kept


def test_a_line_is_spaced_as_people_and_the_fault_suite_search_it(stream: io.StringIO) -> None:
    logger.warning("job_failed", job="look_at_case")
    assert stream.getvalue().startswith('{"job": "look_at_case"')
    assert DEFECTS[0] in stream.getvalue()
