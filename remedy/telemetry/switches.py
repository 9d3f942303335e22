"""Turns traces and error reports on where settings ask for them; their packages are imported only then."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from remediation import telemetry
from remediation.domain.errors import ConfigurationError, Problem
from remediation.settings import Settings
from remedy.runtime.heartbeat import version

CLOSING_SECONDS = 3.0
"""Seconds for what waits to be sent when the process ends: a collector that is away must not delay that."""


class _Closable(Protocol):
    def close(self) -> None: ...


class _ClosableTracer(_Closable, telemetry.Tracer, Protocol): ...


class _ClosableReporter(_Closable, telemetry.Reporter, Protocol): ...


@contextlib.contextmanager
def told_outside(settings: Settings, role: str) -> Iterator[None]:
    """Traces and error reports of this process, while this context is open.

    Raises ConfigurationError where a setting asks for one whose packages are not installed.
    """
    tracer, reporter = _tracer(settings, role), _reporter(settings, role)
    telemetry.listen(tracer, reporter)
    try:
        yield
    finally:
        telemetry.listen(None, None)
        _close([each.close for each in (tracer, reporter) if each is not None])


def _tracer(settings: Settings, role: str) -> _ClosableTracer | None:
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None or settings.otel_sdk_disabled:
        return None
    with _needing("OTEL_EXPORTER_OTLP_ENDPOINT", "otel"):
        from remedy.telemetry.tracing import OpenTelemetry  # noqa: PLC0415 - a tenth of a second, for whoever wants it
    return OpenTelemetry(settings, endpoint, role, version() or "unknown")


def _reporter(settings: Settings, role: str) -> _ClosableReporter | None:
    if settings.sentry_dsn is None:
        return None
    with _needing("SENTRY_DSN", "sentry"):
        from remedy.telemetry.error_reports import Sentry  # noqa: PLC0415 - as above
    return Sentry(settings, settings.sentry_dsn, role, version() or "unknown")


@contextlib.contextmanager
def _needing(setting: str, extra: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError:
        message = f"needs packages that are not installed: pip install 'remedy[{extra}]'"
        raise ConfigurationError([Problem(setting, message)]) from None


def _close(closing: Sequence[Callable[[], None]]) -> None:
    """Close all of them at the same time. What takes too long continues in threads that end with the process."""
    threads = [threading.Thread(target=close, daemon=True) for close in closing]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + CLOSING_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
