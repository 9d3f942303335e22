"""Logs: one JSON line per event on standard error, with ids, codes, counts and durations and nothing else.

What is not on the allow list is not written, whatever code logs it: a value under a known key must look like an id or a
number, unknown keys are dropped (and named), an exception becomes its class and our own lines, a library's message
becomes its logger and level. So a careless call makes a log line useless, and never discloses student data.
"""

import atexit
import io
import json as json_format
import logging
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Collection, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TextIO

import structlog

from remediation.defects import class_names, own_lines
from remediation.log_context import merge_facts
from remediation.log_writer import LogWriter, Loss, Losses

KNOWN_KEYS = frozenset(
    {
        *("event", "level", "timestamp", "logger", "error", "at", "dropped"),
        *("delivery", "sender", "account", "district", "format", "event_id"),
        *("case", "finding", "scan", "kind", "rule", "generation", "worker"),
        *("tracker", "feed", "channel", "ticket", "place", "action", "outcome", "status", "state", "reason"),
        *("system", "request_id", "method", "route", "port", "address", "limit", "remaining"),
        *("job", "attempt", "due", "after", "seconds", "count", "total", "page", "last"),
        *("user", "chain", "number", "mac"),
        *("pid", "signal", "version", "key_id", "by", "trace_id", "fields"),
    }
)
"""Every key that a log line may have. Values: ids, words of ours, class names, numbers."""

_LONGEST_VALUE = 200
_MOST_NAMES = 10
_EVENT = re.compile(r"[a-z][a-z_., -]{0,99}")
"""An event is a fixed phrase of ours in small letters; a phrase with values in it has digits or capitals."""
_WORD = re.compile(rf"[A-Za-z0-9_.:/{{}}()<>,+*-]{{0,{_LONGEST_VALUE}}}")
"""Ids, codes, addresses and routes: no blank as in prose, no `?` as in a query, no `@` as in an e-mail address."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")

_FOREIGN_EVENT = "library_message"


LOSSES = Losses()
"""Lines of this process that were lost."""


def configure_logs(level: str, *, json: bool, stream: TextIO | None = None) -> None:
    """Send every log of this process, libraries' included, through the allow list to `stream`.

    Without a stream they go to standard error, written by a thread so that no caller waits (see log_writer.py). No
    error of making or writing a line reaches the caller: such lines are counted in LOSSES.

    `level` (debug, info, warning, error, critical) is for our own events; libraries' are logged from warning on. `json`
    false is for a person at a terminal. Uncaught exceptions become log lines, too. Servers must leave their own logging
    configuration off (uvicorn: `log_config=None`).
    """
    target = stream or sys.stderr
    structlog.configure(
        processors=[
            merge_facts,
            structlog.processors.add_log_level,
            _Timestamp(),
            *((_JsonLine(),) if json else (_name_exception, keep_known, _console(target))),
        ],
        wrapper_class=_unfailing(structlog.make_filtering_bound_logger(level)),
        logger_factory=_factory(stream),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Pipe(logging.WARNING)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def flush_logs() -> None:
    """Wait for this process's lines to be written, for a second at most. Called at the end of a process."""
    if _WRITERS:
        _WRITERS[0].flush()


_WRITERS: list[LogWriter] = []
"""The writer of this process's standard error, once logs go there."""


def _factory(stream: TextIO | None) -> Callable[..., Any]:
    """The factory of loggers. A standard error without a descriptor, as tests may have it, is used as a stream."""
    try:
        return _Lines(_writer()) if stream is None else structlog.WriteLoggerFactory(stream)
    except io.UnsupportedOperation:
        return structlog.WriteLoggerFactory(sys.stderr)


def _writer() -> LogWriter:
    if not _WRITERS:
        _WRITERS.append(LogWriter(sys.stderr.fileno(), LOSSES, _tell_losses))
        atexit.register(flush_logs)
    return _WRITERS[0]


def _tell_losses(count: int) -> None:
    structlog.get_logger().warning("log_lines_lost", count=count)


class _Lines:
    """A factory as structlog expects it, with the one logger that it returns: each event is a line."""

    def __init__(self, writer: LogWriter) -> None:
        self._write = writer.write

    def __call__(self, *_args: object) -> Self:
        return self

    def msg(self, line: str) -> None:
        self._write(line)

    debug = info = warning = error = critical = msg


def _unfailing(logger: type[Any]) -> type[Any]:
    """The same logger, except that it never raises: a failure costs a log line, not the work that logged it."""

    class Unfailing(logger):  # type: ignore[misc]  # structlog makes it at run time
        def _proxy_to_logger(self, method_name: str, event: str | None = None, **values: Any) -> Any:
            try:
                return super()._proxy_to_logger(method_name, event, **values)
            except OSError:
                LOSSES.note(Loss.UNWRITABLE)
            except Exception:  # noqa: BLE001 - any defect is counted: it cannot be logged
                LOSSES.note(Loss.DEFECT)
            return None

    return Unfailing


class _Timestamp:
    """A structlog processor: the moment, in UTC and ISO form. All but its fraction is written once a second."""

    def __init__(self) -> None:
        self._second = (0, "")

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The event with its moment."""
        now = time.time()
        second, written = self._second
        if int(now) != second:
            second = int(now)
            written = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second, written
        event["timestamp"] = f"{written}.{int((now - second) * 1e6):06d}Z"
        return event


def _name_exception(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: `exc_info` becomes `error` (its class and its causes') and `at` (our own lines)."""
    given = event.pop("exc_info", None)
    error = _exception_of(given)
    if error is not None:
        event["error"] = _cut("<-".join(class_names(error)))
        event["at"] = _cut(",".join(own_lines(error)))
    return event


def keep_known(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: only known keys with harmless values pass; `dropped` names the other keys."""
    kept = {key: harmless(value) for key, value in event.items() if key in KNOWN_KEYS}
    phrase = event.get("event")
    kept["event"] = phrase if isinstance(phrase, str) and _EVENT.fullmatch(phrase) else "<event>"
    if not KNOWN_KEYS.issuperset(event):
        dropped = sorted({_harmless_name(key) for key in event if key not in KNOWN_KEYS})
        kept["dropped"] = _cut(",".join(dropped[:_MOST_NAMES]))
    return kept


class _Pipe(logging.Handler):
    """Log records of libraries, without their messages: these quote what the library saw."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's logger, level and place."""
        at = {} if record.exc_info else {"at": f"{record.module}:{record.lineno}"}
        level = max((known for known in _LEVELS if known <= record.levelno), default=logging.DEBUG)
        structlog.get_logger().log(level, _FOREIGN_EVENT, logger=record.name, exc_info=record.exc_info, **at)


_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


def _console(target: TextIO) -> structlog.typing.Processor:
    return structlog.dev.ConsoleRenderer(colors=target.isatty())


_ENCODER = json_format.JSONEncoder()  # of what keep_known has left: texts and numbers
_TEXT = frozenset({str})
_MOST_FORMS = 1_000
"""Forms of lines that are remembered. There are as many as calls that log, and some more for what is bound to them."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What lines of one event with the same keys have in common: which values are harmless, and the rest of a line.

    The values are separated by ends of lines, of which a harmless value has none; it has no character either that JSON
    would write in another way.
    """

    values: re.Pattern[str]
    line: str

    @classmethod
    def of(cls, phrase: str, keys: Collection[str]) -> Self | None:
        """None where the phrase or a key would not be written as it is."""
        if not KNOWN_KEYS.issuperset(keys) or not _EVENT.fullmatch(phrase):
            return None
        members = ", ".join(f'"{key}": "%s"' for key in keys)
        return cls(re.compile("\n".join([_WORD.pattern] * len(keys))), f"{{{members}}}")


class _JsonLine:
    """The last structlog processor: a line of JSON of what is harmless, with a blank behind each colon and comma.

    A process writes few forms of lines, and one for each delivery. Where all values are texts, as there, they are
    looked at together and put into the form.
    """

    def __init__(self) -> None:
        self._forms: dict[tuple[str, ...], _Form] = {}

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        """The line of an event."""
        values = tuple(event.values())
        if _TEXT.issuperset(map(type, values)):
            form = self._form(event.get("event", ""), tuple(event))
            if form and form.values.fullmatch("\n".join(values)):
                return form.line % values
        return _ENCODER.encode(keep_known(logger, method, _name_exception(logger, method, event)))

    def _form(self, phrase: str, keys: tuple[str, ...]) -> _Form | None:
        form = self._forms.get((phrase, *keys))
        if form is None and len(self._forms) < _MOST_FORMS and (form := _Form.of(phrase, keys)):
            self._forms[phrase, *keys] = form
        return form


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().critical("uncaught_exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        structlog.get_logger().critical("uncaught_exception_in_thread", exc_info=args.exc_value)


def _log_unraisable(args: "sys.UnraisableHookArgs") -> None:
    structlog.get_logger().error("uncaught_exception_in_finalizer", exc_info=args.exc_value)


def _exception_of(given: object) -> BaseException | None:
    """The exception that an `exc_info` means: itself, the middle of a triple, or the one being handled."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return next((part for part in given if isinstance(part, BaseException)), None)
    return sys.exception() if given else None


def harmless(value: object) -> str | int | float | bool | None:
    """The value where it looks like an id or a number; the name of its type otherwise."""
    if type(value) is str and _WORD.fullmatch(value):
        return value  # nearly every value is one
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, str) and _WORD.fullmatch(value):
        return str(value)
    return f"<{type(value).__name__}>"


def _harmless_name(key: str) -> str:
    return key if _NAME.fullmatch(key) else "<key>"


def _cut(text: str) -> str:
    return text[:_LONGEST_VALUE]
