"""The process that sends one message: the only place that knows Apprise (see channels.py).

It reads an order from its standard input (JSON: an address, and a title and a text unless only the address is to be
looked at) and writes one word and a status to its standard output. It ends by itself when its time is over.
"""

import json
import logging
import os
import re
import signal
import sys
from collections.abc import Mapping
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

_STATUS = re.compile(r"error=([1-5]\d\d)\b|Socket Exception: \(([45]\d\d),")
"""How Apprise's plugins log the HTTP status of a refusal, and that of a mail server's."""

_UNREACHED = re.compile(r"connection error", re.IGNORECASE)
_HERE = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
"""The hosts to which a message may go unencrypted: this very machine, as for addresses in mappings.yaml."""

_CONNECT_SECONDS, _READ_SECONDS = 4.0, 9.0


class _Heard(logging.Handler):
    """What Apprise logs is kept nowhere: only a status, and that there was no connection, is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.status: int | None = None
        self.is_unreached = False

    def emit(self, record: logging.LogRecord) -> None:
        """Note what a record says."""
        text = record.getMessage()
        if found := _STATUS.search(text):
            self.status = int(found[1] or found[2])
        self.is_unreached = self.is_unreached or bool(_UNREACHED.search(text))


def main() -> None:
    """Carry the order out."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())  # a plugin that prints must not answer for us
    order = json.loads(sys.stdin.buffer.read())
    signal.setitimer(signal.ITIMER_REAL, order["seconds"])
    outcome, status = _carried_out(order)
    answers.write(json.dumps({"outcome": outcome, "status": status}))
    answers.flush()
    os._exit(0)  # a thread that a plugin left must delay nothing


def _carried_out(order: Mapping[str, Any]) -> tuple[str, int | None]:
    heard = _Heard()
    loggers = logging.getLogger("apprise")
    loggers.addHandler(heard)
    loggers.propagate = False
    loggers.setLevel(logging.DEBUG)
    asset = AppriseAsset(app_id="remedy", app_desc="remedy", http_redirects=False, storage_mode="memory")
    plugin = Apprise.instantiate(order["url"], asset=asset)
    if plugin is None:
        return "unknown", None
    if flaw := _flaw(plugin):
        return flaw, None
    return _sent(plugin, order, heard) if "text" in order else ("sent", None)


def _flaw(plugin: NotifyBase) -> str:
    """Why this address is not used; empty where it is."""
    if not plugin.verify_certificate:
        return "unverified"
    host = getattr(plugin, "smtp_host", "") or plugin.host or ""
    return "" if host in _HERE or _is_encrypted(plugin) else "plain"


def _is_encrypted(plugin: NotifyBase) -> bool:
    """Whether what is sent is encrypted: by the scheme of the address, and for mail by its mode."""
    if hasattr(plugin, "secure_mode"):
        return plugin.secure_mode in {"ssl", "starttls"}
    secure = getattr(plugin, "secure_protocol", None) or ()  # one word or several
    return plugin.schema in ((secure,) if isinstance(secure, str) else secure)


def _sent(plugin: NotifyBase, order: Mapping[str, Any], heard: _Heard) -> tuple[str, int | None]:
    plugin.redirects = False  # the address may say otherwise: what it holds must go nowhere else
    plugin.socket_connect_timeout, plugin.socket_read_timeout = _CONNECT_SECONDS, _READ_SECONDS
    delivered: list[object] = []
    note = plugin.mark_delivered

    def mark(key: object, per_message: bool = False) -> None:  # noqa: FBT001, FBT002 - Apprise calls it so
        delivered.append(key)
        note(key, per_message)

    vars(plugin)["mark_delivered"] = mark
    kind, form = NotifyType.WARNING, NotifyFormat.TEXT
    is_sent = plugin.notify(body=order["text"], title=order["title"], notify_type=kind, body_format=form)
    if is_sent:
        return "sent", None
    if delivered:
        return "partly", heard.status
    return "unreached" if heard.is_unreached and heard.status is None else "not_taken", heard.status


if __name__ == "__main__":
    main()
