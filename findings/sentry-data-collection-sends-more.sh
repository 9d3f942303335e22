#!/usr/bin/env bash
# `data_collection` of sentry-sdk is there to say what may be collected, and takes the place of `send_default_pii`. One
# would expect that `data_collection={"user_info": False}` collects less than without it. It collects more: every field
# that is not named is on, `include_local_variables=False` counts no more, and the scrubber of events, which replaces a
# variable called `password` by [Filtered] where nothing is configured at all, is not installed. A half-filled
# restriction sends passwords that stayed at home before; all fields must be named.
# sentry-sdk 2.75.0 (PyPI), run on Python 3.11; nothing is sent, a transport in memory keeps the event.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sentry-sdk==2.75.0
"$folder/venv/bin/python" - <<'PY'
import sentry_sdk
from sentry_sdk.transport import Transport


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self):
        super().__init__()
        self.events = []

    def capture_envelope(self, envelope):
        self.events.append(envelope.get_event())


def variables(**options):
    """The local variables that an event shows of the function that failed."""
    kept = Kept()
    sentry_sdk.init(dsn="http://key@127.0.0.1/1", transport=kept, default_integrations=False, **options)

    def sign_in():
        password = "a-password"
        raise ValueError(len(password))

    try:
        sign_in()
    except ValueError:
        sentry_sdk.capture_exception()
    (event,) = kept.events
    shown = event["exception"]["values"][0]["stacktrace"]["frames"][-1].get("vars")
    print(options, "->", shown)
    return shown


nobody_named = {"user_info": False}
assert variables() == {"password": "[Filtered]"}
assert variables(data_collection=nobody_named) == {"password": "'a-password'"}
assert variables(include_local_variables=False) is None
assert variables(include_local_variables=False, data_collection=nobody_named) == {"password": "'a-password'"}
assert variables(data_collection={**nobody_named, "stack_frame_variables": False}) is None
PY
