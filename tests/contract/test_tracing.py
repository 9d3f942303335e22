"""What leaves a process as spans and reports, whatever it is given; and that nobody waits for who listens."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remediation import telemetry
from remediation.domain.errors import ConfigurationError, TryLater
from remediation.settings import Settings, load_settings
from remedy.telemetry.error_reports import Rebuilt
from remedy.telemetry.switches import CLOSING_SECONDS, told_outside
from remedy.telemetry.tracing import ATTRIBUTES, attributes
from sandbox.wire.server import serve
from tests.listeners import Collector, SentryStandIn, open_collector, open_sentry

FIRST, SECOND = (f"00-{digit * 32}-{digit * 16}-01" for digit in "ab")
UNRECORDED = f"00-{'c' * 32}-{'c' * 16}-00"
MALFORMED = [
    *("", "00", "ZZPII-name", f"00-{'0' * 32}-{'a' * 16}-01", f"00-{'a' * 32}-{'0' * 16}-01", FIRST.upper()),
    *(f"ff{FIRST[2:]}", f"{FIRST}-more", f"{FIRST} ", f"{FIRST}\n", FIRST[:-1], FIRST.replace("a", "g")),
]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with open_collector() as collector:
        yield collector


def settings(**given: object) -> Settings:
    return Settings.model_validate(given)


@contextlib.contextmanager
def traced(collector: Collector, **more: object) -> Iterator[None]:
    """A process whose traces are on; they have arrived when this ends."""
    with told_outside(settings(otel_exporter_otlp_endpoint=collector.address, **more), "worker"):
        yield


def test_spans_nest_and_tell_what_they_are_about(collector: Collector) -> None:
    with (
        traced(collector),
        telemetry.span("look_at_case", case="lakeside:finding:fnd_1", follows=[FIRST, SECOND]),
        telemetry.span("call", role=telemetry.Role.CLIENT, system="jira"),
    ):
        telemetry.note(status=201)
    call, look = collector.spans
    assert (look.trace, look.parent, look.links) == ("a" * 32, "a" * 16, ("b" * 32,))
    assert (call.trace, call.parent) == (look.trace, look.id)
    assert call.attributes == {"remedy.system": "jira", "http.response.status_code": 201}
    assert look.attributes == {"remedy.case": "lakeside:finding:fnd_1"}


def test_a_recorded_trace_is_gone_on_with_rather_than_one_that_is_not(collector: Collector) -> None:
    with traced(collector):
        with telemetry.span("one", follows=[UNRECORDED, FIRST]):
            assert telemetry.trace_id() == "a" * 32
        with telemetry.span("two", follows=[UNRECORDED]):
            assert telemetry.traceparent().endswith("-00"), "what the receiver has decided holds in the worker"
    assert [span.name for span in collector.spans] == ["one"]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_traceparent_is_none(collector: Collector, text: str) -> None:
    with traced(collector), telemetry.span("one", follows=[text], links=[text]):
        pass
    (span,) = collector.spans
    assert (span.parent, span.links) == ("", ())


def test_a_part_of_all_traces_can_be_recorded(collector: Collector) -> None:
    with traced(collector, otel_traces_sampler_arg=0), telemetry.span("one"), telemetry.span("two"):
        assert telemetry.traceparent().endswith("-02"), "a random id, and not recorded"
    assert collector.spans == []


def test_an_exception_is_its_class_and_what_our_own_classes_say(collector: Collector) -> None:
    with traced(collector), contextlib.suppress(TryLater), telemetry.span("call"):
        raise TryLater("jira", "ZZPII-words", status=429)
    (span,) = collector.spans
    assert span.error
    place = span.attributes.pop("remedy.at")
    assert span.attributes == {
        "error.type": "TryLater",
        "http.response.status_code": 429,
        "remedy.waiting": "limit",
    }
    assert "ZZPII" not in place + repr(collector.bodies)


TEXTS = st.text() | st.from_regex(r"ZZPII-[a-z ]{1,20}")


@given(st.dictionaries(st.sampled_from(sorted(ATTRIBUTES)) | TEXTS, TEXTS | st.integers() | st.floats() | st.none()))
def test_only_known_names_and_harmless_values_leave(facts: Mapping[str, str | int | float | None]) -> None:
    for name, value in attributes(facts).items():
        assert name in ATTRIBUTES.values()
        assert not isinstance(value, str) or (" " not in value and "?" not in value and "@" not in value)


def test_without_a_setting_nobody_listens() -> None:
    with told_outside(settings(), "worker"), telemetry.span("one", case="x"):
        telemetry.note(status=200)
        telemetry.report(ValueError("nobody hears this"))
        assert telemetry.traceparent() == telemetry.trace_id() == ""


def test_a_process_that_nobody_listens_to_imports_nothing_for_it() -> None:
    code = (
        "import sys, remedy.run; print([name for name in sys.modules if name.startswith(('opentelemetry', 'sentry'))])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "setting", "extra"),
    [
        ({"otel_exporter_otlp_endpoint": "http://collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT", "otel"),
        ({"sentry_dsn": "https://key@sentry.example/1"}, "SENTRY_DSN", "sentry"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], setting: str, extra: str
) -> None:
    for module in ("opentelemetry", "sentry_sdk", "remedy.telemetry.tracing", "remedy.telemetry.error_reports"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as caught, told_outside(settings(**given), "worker"):
        pass
    assert str(caught.value) == f"{setting}: needs packages that are not installed: pip install 'remedy[{extra}]'"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("OTEL_EXPORTER_OTLP_ENDPOINT", value) for value in ("collector:4318", "http://", "http://user@collector")),
        *(("OTEL_EXPORTER_OTLP_HEADERS", value) for value in ("test-only-token", "a=1,test-only", "=test-only")),
        *(("SENTRY_DSN", value) for value in ("test-only-key", "https://sentry.example/1", "https://test-only@host")),
        *(("OTEL_TRACES_SAMPLER_ARG", value) for value in ("2", "-1", "nan")),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name}: must be ")
    assert "test-only" not in str(caught.value)


def test_a_standard_switch_turns_traces_off(collector: Collector) -> None:
    with traced(collector, otel_sdk_disabled=True), telemetry.span("one"):
        assert telemetry.traceparent() == ""
    assert collector.bodies == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_collector_behind_a_redirect_is_told_of_in_the_log(caplog: pytest.LogCaptureFixture, status: int) -> None:
    def elsewhere(request: Request) -> Response:
        return Response(status_code=status, headers={"location": "/sign-in"})

    with serve(Starlette(routes=[Route("/v1/traces", elsewhere, methods=["POST"])])) as address:
        away = settings(otel_exporter_otlp_endpoint=address)
        with caplog.at_level("ERROR", "opentelemetry"), told_outside(away, "worker"), telemetry.span("one"):
            pass
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("opentelemetry")]
    assert f"answers {status}, a redirect" in line


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """An address where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def tell_who_is_away(address: str) -> None:
    """Many spans and a report. Raises AssertionError where anybody waits for whoever should hear them."""
    away = settings(otel_exporter_otlp_endpoint=f"http://{address}", sentry_dsn=f"http://key@{address}/1")
    threads = threading.active_count()
    with told_outside(away, "worker"):
        begun = time.monotonic()
        for _ in range(5_000):
            with telemetry.span("one", case="lakeside:finding:fnd_1"):
                pass
        telemetry.report(ValueError("no"))
        assert time.monotonic() - begun < 5, "work goes on"
        closing = time.monotonic()
    assert time.monotonic() - closing < CLOSING_SECONDS + 1
    assert threading.active_count() < threads + 10


@pytest.mark.parametrize("where", ["silent", "nobody"])
def test_nobody_waits_for_a_listener_that_is_away(where: str) -> None:
    """In a process of its own, which ends the threads that go on trying; they would draw chance beside other tests."""
    with silent() as taking:
        address = taking if where == "silent" else "127.0.0.1:9"
        code = f"from tests.contract.test_tracing import tell_who_is_away; tell_who_is_away({address!r})"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stderr


@pytest.fixture
def sentry() -> Iterator[SentryStandIn]:
    with open_sentry() as sentry:
        yield sentry


def broken(word: str) -> None:
    local = {"student": word}
    try:
        local[word]
    except KeyError as error:
        raise ValueError(f"{local}") from error


def test_a_report_has_classes_and_our_own_frames(sentry: SentryStandIn) -> None:
    with told_outside(settings(sentry_dsn=sentry.dsn, sentry_environment="trial"), "receiver"):
        try:
            broken("ZZPII-name")
        except ValueError as error:
            telemetry.report(error)
    (event,) = sentry.events
    assert [each["type"] for each in event["exception"]["values"]] == ["KeyError", "ValueError"]
    assert (event["environment"], event["logger"]) == ("trial", "receiver")
    assert b"ZZPII" not in b"".join(sentry.bodies)
    assert b"broken" not in b"".join(sentry.bodies), "a frame of a test is none of ours"


def test_an_event_is_about_an_exception_or_is_not_sent() -> None:
    rebuilt = Rebuilt("worker", "remedy@1", "trial")
    assert rebuilt({"message": "ZZPII"}, {}) is None
    event = rebuilt(
        {"message": "ZZPII", "user": {"id": "ZZPII"}}, {"exc_info": (ValueError, ValueError("ZZPII"), None)}
    )
    assert event is not None
    assert "ZZPII" not in repr(event)
