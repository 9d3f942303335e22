"""A tracker that tells of every change of its tickets by a webhook, ours or not, as Jira does; and who passes it on."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

from receiver.accounts import Account
from remediation.deliveries.jira import JIRA
from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.domain.tickets import Draft, Reason, Ticket, TicketState
from tests.integration.receivers import Receiver, webhook_secrets
from tests.stand_ins import MemoryTracker

SECRET = "test-only-tracker-secret"
_FIRST_ID = 10_000


def jira_body(ticket: Ticket, event: str = "jira:issue_updated") -> bytes:
    """What Jira says of a ticket as it is now."""
    fields = {"labels": ["remedy", ticket.mark] if ticket.mark else [], "updated": ticket.version or None}
    issue = {"id": ticket.id, "key": ticket.key, "fields": {**fields, "summary": "ZZPII"}}
    return json.dumps({"webhookEvent": event, "timestamp": 0, "issue": issue}).encode()


def account_of(tracker: str) -> Account:
    return Account(tracker, webhook_secrets(SECRET), SignatureFormat.AUTO, JIRA)


class TellingTracker(MemoryTracker):
    """Tickets have Jira's ids and versions. `told` has what was said, in order; a create waits for `before_answer`."""

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        super().__init__(name, clock)
        self.told: list[bytes] = []
        self.before_answer: Callable[[], Awaitable[None]] | None = None

    async def create(self, draft: Draft) -> Ticket:
        ticket = await super().create(draft)
        if self.before_answer:
            await self.before_answer()
        return ticket

    def keep(self, draft: Draft, by: str = "svc-remedy") -> Ticket:
        kept = self.books.pop(super().keep(draft, by).id)
        kept.ticket = replace(kept.ticket, id=str(_FIRST_ID + len(self.books)))
        self.books[kept.ticket.id] = kept
        return self._tell(kept.ticket.id, "jira:issue_created")

    def change(
        self, ticket_id: str, state: TicketState, reason: Reason | None = None, by: str | None = None, word: str = ""
    ) -> Ticket:
        super().change(ticket_id, state, reason, by, word)
        return self._tell(ticket_id)

    def touch(self, ticket_id: str) -> Ticket:
        super().touch(ticket_id)
        return self._tell(ticket_id)

    def _tell(self, ticket_id: str, event: str = "jira:issue_updated") -> Ticket:
        kept = self.books[ticket_id]
        moment = datetime.fromtimestamp(self._clock() + self._edits / 1000, UTC)
        kept.ticket = replace(kept.ticket, version=moment.isoformat())
        if ticket_id.isdecimal():
            self.told.append(jira_body(kept.ticket, event))
        return kept.ticket


async def deliver(receiver: Receiver, tracker: str, body: bytes) -> int:
    """Send the receiver what a tracker says; answers the status."""
    header = JIRA.header
    signed = sign(body, SECRET, SignatureFormat.PREFIXED, receiver.clock(), "", header=header)
    return (await receiver.post(signed, body, f"/webhooks/{tracker}")).status_code
