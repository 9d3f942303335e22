"""Admin webhooks of the sandbox's Jira: signed, in order, repeated while the other side does not take them."""

import hashlib
import hmac
import json

from sandbox.jira.state import Happening, JiraState
from sandbox.jira.views import View
from sandbox.wire.webhooks import Delivery, Sender, Webhook

EVENTS = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created")
_ATTEMPTS = 5
_ALL = ("*all",)
_BESIDE_A_COMMENT = ("summary", "issuetype", "project", "assignee", "priority", "status")
"""The fields of the issue in a delivery about a comment: neither its labels nor when it was changed."""


def payload(happening: Happening, view: View) -> dict[str, object]:
    """What Jira says of a happening. Data Center names no issue beside a comment: only its address has the id."""
    issue = happening.issue
    told: dict[str, object] = {"timestamp": round(happening.at * 1000), "webhookEvent": happening.event}
    if happening.comment:
        told |= {"issue": view.issue(issue, _BESIDE_A_COMMENT)} if view.is_cloud else {}
        return told | {"comment": view.comment(happening.comment, issue)}
    told |= {"issue": view.issue(issue, _ALL), "user": view.account(happening.actor)}
    if happening.changes:
        items = [view.change(change) for change in happening.changes]
        told |= {"issue_event_type_name": "issue_generic", "changelog": {"id": issue.histories[-1].id, "items": items}}
    return told


def signature(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class JiraSender(Sender):
    """Tells of what happens in Jira. `base` is the address that it shows itself under."""

    def __init__(self, state: JiraState, webhook: Webhook | None, *, wait: float) -> None:
        super().__init__(webhook, _headers, attempts=_ATTEMPTS, wait=wait)
        self.base = "http://jira.invalid"
        self._is_cloud = state.is_cloud
        state.listeners.append(self._take)

    def _take(self, happening: Happening) -> None:
        if self.wants(happening.event):
            view = View(self.base, "2", self._is_cloud)
            self.send(happening.event, json.dumps(payload(happening, view)).encode())


def _headers(webhook: Webhook, delivery: Delivery, retry: int) -> dict[str, str]:
    headers = {
        "User-Agent": "Atlassian Webhook HTTP Client",
        "X-Atlassian-Webhook-Identifier": delivery.identifier,
        "X-Hub-Signature": signature(webhook.secret, delivery.body),
    }
    return headers | ({"X-Atlassian-Webhook-Retry": str(retry)} if retry else {})
