"""The business rule of docs/webhooks.md, as a ServiceNow would run it: after each change of a record of ours."""

import base64
import hashlib
import hmac
import json

from sandbox.servicenow.tables import Record, ServiceNowTables
from sandbox.wire.webhooks import Delivery, Sender, Webhook

EVENTS = ("update", "delete")
"""When the rule runs: what a record is like at its insertion, we wrote ourselves."""

OURS = "remedy"
HEADER = "X-Remedy-Signature"
_ATTEMPTS = 1
"""A business rule does not repeat."""
_TOLD = ("sys_id", "correlation_id", "correlation_display", "sys_mod_count", "sys_updated_on")


def payload(record: Record, event: str) -> dict[str, str]:
    """What the rule says of a change: nothing of what a person wrote."""
    return {"event": event, "table": record.table, **{name: record.values[name] for name in _TOLD}}


def signature(secret: str, body: bytes) -> str:
    """What GlideCertificateEncryption.generateMac answers."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class ServiceNowSender(Sender):
    """Tells of what happens to records whose `correlation_display` is ours."""

    def __init__(self, tables: ServiceNowTables, webhook: Webhook | None = None) -> None:
        super().__init__(webhook, _headers, attempts=_ATTEMPTS, wait=0)
        tables.listeners.append(self._take)

    def _take(self, record: Record, event: str) -> None:
        if self.wants(event) and record.values["correlation_display"] == OURS:
            self.send(event, json.dumps(payload(record, event), separators=(",", ":")).encode())


def _headers(webhook: Webhook, delivery: Delivery, _retry: int) -> dict[str, str]:
    return {"User-Agent": "ServiceNow/1.0", HEADER: signature(webhook.secret, delivery.body)}
