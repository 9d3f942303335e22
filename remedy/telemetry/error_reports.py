"""Reports of unforeseen errors to Sentry: only this module knows the package. Imported only where reports are on.

Nothing that the package collects is sent: no messages, variables, lines of source, requests, breadcrumbs, modules or
command lines. An event is built from our own allow list: the classes of the exception and of its causes, our own
frames, the release, and the ids that log lines have here.
"""

import contextlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sentry_sdk
from sentry_sdk.types import Event, Hint

from remediation.defects import own_frames, with_causes
from remediation.log_context import facts_here
from remediation.logs import harmless
from remediation.settings import Settings

TAGS = frozenset(
    {
        *("job", "delivery", "case", "scan", "sender", "district", "tracker", "system"),
        *("request_id", "trace_id", "error"),
    }
)
"""Every tag that an event may have; values as in log lines."""

_NOTHING: Any = {  # a TypedDict that the package does not export
    "user_info": False,
    "cookies": {"mode": "off"},
    "http_headers": {"request": {"mode": "off"}},
    "http_bodies": [],
    "url_query_params": {"mode": "off"},
    "graphql": {"document": False, "variables": False},
    "gen_ai": {"inputs": False, "outputs": False},
    "database_query_data": False,
    "queues": False,
    "stack_frame_variables": False,
    "frame_context_lines": 0,
}
"""What the package may collect. Every field is set, because a missing one is on."""

_LONGEST_TAG = 200
"""The longest value that Sentry keeps."""


class Sentry:
    """Sends events. Fulfils remediation.telemetry.Reporter."""

    def __init__(self, settings: Settings, dsn: str, role: str, version: str) -> None:
        proxy = str(settings.outbound_proxy) if settings.outbound_proxy else ""
        self._client = sentry_sdk.Client(
            dsn=dsn,
            release=f"remedy@{version}",
            environment=settings.sentry_environment,
            server_name="",
            before_send=Rebuilt(role, f"remedy@{version}", settings.sentry_environment),
            # this turns off all that the package does unasked; some of it would read the environment
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[],
            data_collection=_NOTHING,
            attach_stacktrace=False,
            max_breadcrumbs=0,
            max_request_body_size="never",
            auto_session_tracking=False,
            send_client_reports=False,
            propagate_traces=False,
            traces_sample_rate=None,
            debug=False,
            spotlight=False,
            http_proxy=proxy,
            https_proxy=proxy,
            ca_certs=str(settings.outbound_ca_file) if settings.outbound_ca_file else None,
        )

    def report(self, error: BaseException) -> None:
        """Queue an event about the error. A full queue drops it."""
        tags = facts_here()
        hint = {"exc_info": (type(error), error, error.__traceback__), "tags": tags}
        with contextlib.suppress(Exception):  # the caller has to handle its error, and must not get another one
            self._client.capture_event({"level": "error"}, hint=hint)

    def close(self) -> None:
        """Send what is queued. May take long where nobody answers, so it is called where nobody waits for it."""
        self._client.close()


class Rebuilt:
    """Builds a new event from what may leave, and takes nothing over from the package's own event."""

    def __init__(self, role: str, release: str, environment: str) -> None:
        self._common: dict[str, Any] = {"platform": "python", "level": "error"}
        self._common |= {"release": release, "environment": environment, "logger": role}

    def __call__(self, _event: Event, hint: Hint) -> Event | None:
        """The event, or None where it is about no exception."""
        error = (hint.get("exc_info") or (None, None, None))[1]
        if not isinstance(error, BaseException):
            return None
        chain = [_described(each) for each in with_causes(error)]
        built: Any = {
            **self._common,
            "event_id": uuid.uuid4().hex,
            "timestamp": datetime.now(tz=UTC).isoformat(),
            "exception": {"values": chain[::-1]},  # Sentry wants the innermost cause first
            "tags": _tags(hint.get("tags") or {}),
        }
        return built  # type: ignore[no-any-return]  # a TypedDict of the package, with fields that we do not have


def _described(error: BaseException) -> dict[str, Any]:
    frames = [
        {"filename": frame.path, "function": frame.function, "lineno": frame.line, "in_app": True}
        for frame in own_frames(error)
    ]
    return {"type": type(error).__name__, "value": None, "stacktrace": {"frames": frames} if frames else None}


def _tags(given: Mapping[str, object]) -> dict[str, str]:
    kept = {name: harmless(value) for name, value in given.items() if name in TAGS}
    return {name: str(value)[:_LONGEST_TAG] for name, value in kept.items() if value is not None}
