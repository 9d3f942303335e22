"""The outside of one case, in memory: SchoolScan, the trackers, what people do there, and what goes wrong."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import BudgetSpent, Refused, TryLater, Waiting
from remediation.domain.findings import Finding
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Risk, Ticket, TicketState
from tests.gated import Deed, GatedSource, GatedTracker, Gates
from tests.stand_ins import ManualClock, Troubles
from tests.worlds.agreement import PERSON, SOLVED, Picture, end_of
from tests.worlds.judging import SCHOOLSCAN, Judge

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
HORIZON = 10.0
DAY = 86_400.0
LOST_REPLIES = {"created", "resolved", "reopened", "raised", "commented", "updated"}


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody outside does: `becomes` in SchoolScan, or to the ticket in a tracker, with a `detail`.

    A risk's end is so many days from now; nan stands for one that nobody can read.
    """

    where: str
    becomes: str
    reason: Reason | None = None
    detail: str = ""
    days: float | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong: a call of one system, once or until it is mended."""

    where: str
    call: str
    kind: str
    lasting: bool = False

    def error(self) -> Exception:
        if self.call in LOST_REPLIES:
            return TryLater(self.where, "no answer", ambiguous=True)
        match self.kind:
            case "busy":
                error: Exception = TryLater(self.where, "busy", status=503)
            case "limited":
                error = TryLater(self.where, "slow down", status=429, after=30.0)
            case "waits":
                error = BudgetSpent(self.where, f"{self.where}/read", after=30.0, behind=30.0)
            case "crowded":
                error = TryLater(self.where, "every connection is busy", waiting=Waiting.OURS)
            case "refused":
                error = Refused(self.where, "no", status=400)
            case _:
                error = RuntimeError("test-only: a mistake of ours")
        return error


class Outside:
    """What a worker finds there, and a judge who hears of all that it reads and writes."""

    key = KEY

    def __init__(self, policy: Policy, status: Status) -> None:
        self.policy, self.clock, self.gates = policy, ManualClock(), Gates()
        self.judge = Judge(policy, self.clock, self.picture, self._present)
        self.clock.pass_by(1.0)
        finding = Finding("fnd_1", status, Severity.HIGH, detected_at=self._now())
        self.clock.pass_by(1.0)
        self.source = GatedSource(finding, self.gates, self._hear)
        self.books = {
            name: GatedTracker(name, self.clock, self.gates, self._hear, horizon=HORIZON) for name in policy.trackers
        }
        self.current: dict[str, str] = {}
        self.lost: list[datetime] = []
        self.outlived: dict[tuple[str, str], datetime] = {}
        self.attributed: dict[tuple[str, str], datetime] = {}
        self.chosen: dict[tuple[str, str], bool] = {}
        self.is_looked_at = False
        self._finding, self._edits = finding, 0

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), tz=UTC)

    def _hear(self, deed: Deed) -> None:
        if deed.verb == "create" and deed.before is not None:
            if old := self.picture().tickets.get(deed.where):
                self.judge.followed(old, deed.where)
                if (
                    old.state.is_active
                ):  # reopened while we opened the one that follows: who did it is told, and closes it
                    self.books[deed.where].change(old.id, TicketState.DONE, Reason.DUPLICATE, by=PERSON)
            self.current[deed.where] = deed.before.id
        if deed.verb in {"resolve", "reopen"} and deed.before is not None:
            self.chosen.pop((deed.where, deed.before.id), None)
        if deed.verb == "update_finding" and deed.text.startswith("reason_changed"):
            self.chosen = dict.fromkeys(self.chosen, True)
        if deed.verb == "update_finding" and deed.status is not Status.ACCEPTED_RISK:
            self._accept_no_longer()
        self.judge.hear(deed)

    def picture(self) -> Picture:
        """How the outside is now."""
        kept = {name: self.books[name].books.get(ticket_id) for name, ticket_id in self.current.items()}
        present = {name: each.ticket for name, each in kept.items() if each is not None}
        tickets = {name: ticket for name, ticket in present.items() if ticket.state is not TicketState.GONE}
        accepts = any(ticket.reason is Reason.ACCEPTED_RISK for ticket in tickets.values())
        ends = [] if accepts else self.lost
        ends = [*ends, *(end for (name, id_), end in self.attributed.items() if _is_done(tickets.get(name), id_))]
        chosen = {
            name: each for name, ticket in tickets.items() if (each := self.chosen.get((name, ticket.id))) is not None
        }
        blurred = frozenset(name for name, is_sure in chosen.items() if not is_sure)
        return Picture(self.status_now(), tickets, self._now(), min(ends, default=None), frozenset(chosen), blurred)

    def status_now(self) -> Status:
        """Where the subject stands."""
        finding = self.source.findings.get("fnd_1")
        return finding.status if finding else Status.GONE

    def _present(self) -> list[Ticket]:
        return [ticket for book in self.books.values() for ticket in book.present(self.key.mark)]

    def happen(self, change: Change) -> None:
        """Somebody outside does something, if it can be done to what is there."""
        self.clock.pass_by(1.0)
        if change.where == SCHOOLSCAN:
            self._happen_in_schoolscan(change)
        elif ticket := self.picture().tickets.get(change.where):
            self._happen_to_ticket(change, ticket)

    def _happen_in_schoolscan(self, change: Change) -> None:
        finding = self.source.findings.get("fnd_1")
        match change.becomes:
            case "back" if finding is None:
                self.source.findings["fnd_1"] = self._finding
            case "gone" if finding is not None and self.current:
                self._finding = finding
                self.source.forget("fnd_1")
            case "severity" if finding is not None and finding.severity != change.detail:
                self._set(finding, severity=Severity(change.detail))
            case "review" if finding is not None and finding.review != change.detail:
                self._set(finding, review=change.detail)
            case word if finding is not None and word in set(Status) and finding.status != word:
                self._set(finding, status=Status(word))
            case _:
                return
        self.judge.speak(SCHOOLSCAN, change.becomes)

    def _set(self, finding: Finding, **facts: object) -> None:
        if facts.get("status", Status.ACCEPTED_RISK) is not Status.ACCEPTED_RISK:
            self._accept_no_longer()
        self.source.findings["fnd_1"] = replace(finding, updated_at=self._now(), **facts)  # type: ignore[arg-type]  # the caller names one field

    def _happen_to_ticket(self, change: Change, ticket: Ticket) -> None:  # noqa: C901 - one case for each word
        book, done = self.books[change.where], ticket.state is TicketState.DONE
        match change.becomes:
            case "closed" if not done and change.reason is Reason.ACCEPTED_RISK:
                self._note_who_closes(change.where, ticket)
                book.accept_risk(ticket.id, self._risk(change), by=PERSON)
            case "closed" if not done:
                self._note_who_closes(change.where, ticket)
                book.change(ticket.id, TicketState.DONE, change.reason, by=PERSON, word=change.detail)
                self._note_attributed(book, ticket.id)
            case "reason" if done and change.reason is not None and _says_else(change, ticket):
                self._change_reason(book, ticket, change, change.reason)
            case "reopened" if done and not ticket.final:
                book.change(ticket.id, TicketState.IN_PROGRESS)
                self.chosen.pop((book.name, ticket.id), None)
            case "deleted" if self._has_been_there(ticket):
                self._note_lost(ticket)
                book.change(ticket.id, TicketState.GONE)
            case "final" if done and not ticket.final:
                book.close_for_good(ticket.id)
            case "risk" if done and ticket.reason is Reason.ACCEPTED_RISK:
                book.books[ticket.id].ticket = replace(ticket, risk=self._risk(change))
                book.touch(ticket.id)
            case "moved":
                self._edits += 1
                book.books[ticket.id].ticket = replace(ticket, key=f"MOVED-{self._edits}")
                book.touch(ticket.id)
            case "field":
                self._write_field(book, ticket, change.detail)
            case "comment":
                book.touch(ticket.id)
            case _:
                return
        self.judge.speak(change.where, change.becomes)

    def _has_been_there(self, ticket: Ticket) -> bool:
        """Whether nobody can take a ticket that is deleted now for one that no search finds yet.

        Time goes by until then, but not between two requests of one look: no request may take so long.
        """
        if not self.is_looked_at:
            self.clock.pass_by(2 * HORIZON)
        return ticket.created_at is not None and self._now() - ticket.created_at >= timedelta(seconds=2 * HORIZON)

    def _note_who_closes(self, where: str, ticket: Ticket) -> None:
        """A person closes what we were about to close, and may have closed: a worker failed or died meanwhile."""
        if self.status_now() in SOLVED and (self.judge.has_failed or self.judge.was_cut_off):
            self.chosen[where, ticket.id] = False

    def _note_lost(self, ticket: Ticket) -> None:
        """A ticket is deleted: nobody can read any more until when it accepted the risk, or that it did no longer."""
        until = end_of(ticket, self.policy)
        if ticket.reason is not Reason.ACCEPTED_RISK:
            until = self.outlived.get((ticket.tracker, ticket.id))
        if until is not None:
            self.lost.append(until)

    def _note_attributed(self, book: GatedTracker, ticket_id: str) -> None:
        """A person closes what a worker was about to close for SchoolScan's acceptance, and failed or died.

        A word that decides nothing may be the tracker's own for our closing.
        """
        ticket, judge = book.books[ticket_id].ticket, self.judge
        until = end_of(ticket, self.policy)
        was_begun = judge.read is self.status_now() is Status.ACCEPTED_RISK and (judge.was_cut_off or judge.has_failed)
        if was_begun and until is not None and ticket.reason not in {Reason.FIXED, Reason.FALSE_POSITIVE}:
            self.attributed[book.name, ticket_id] = until

    def _accept_no_longer(self) -> None:
        """The finding is not accepted any more: what accepted it until now has no end to be kept."""
        self.outlived.clear()
        self.attributed.clear()

    def _change_reason(self, book: GatedTracker, ticket: Ticket, change: Change, reason: Reason) -> None:
        risk = self._risk(change) if reason is Reason.ACCEPTED_RISK else None
        until = end_of(ticket, self.policy)
        if ticket.reason is Reason.ACCEPTED_RISK and self.status_now() is Status.ACCEPTED_RISK and until is not None:
            self.outlived[book.name, ticket.id] = until
        if ticket.closed_by != PERSON:
            old = self.judge.before.tickets.get(book.name) if self.judge.before is not None else None
            is_seen = old is not None and (old.id, old.closed_at, old.word) == (
                ticket.id,
                ticket.closed_at,
                ticket.word,
            )
            self.chosen.setdefault((book.name, ticket.id), is_seen)
        book.change_reason(ticket.id, reason, change.detail if reason is Reason.UNKNOWN else "", risk)

    def _risk(self, change: Change) -> Risk | None:
        if change.days is not None and math.isnan(change.days):
            return Risk(change.detail or None, is_unread=True)
        until = self._now() + timedelta(days=change.days) if change.days is not None else None
        return Risk(change.detail or None, until) if change.detail or until else None

    def _write_field(self, book: GatedTracker, ticket: Ticket, name: str) -> None:
        """A person writes what nobody has written before, and no rule would: it can be told from ours."""
        self._edits += 1
        value = f"2027-12-{self._edits % 28 + 1:02}" if name == "duedate" else f"theirs-{self._edits}"
        book.set_urgency(ticket.id, {**ticket.urgency, name: value})
        self.judge.theirs[book.name, ticket.id, name] = (len(self.judge.words) + 1, value)

    def fail(self, trouble: Trouble) -> None:
        """Something goes wrong from now on, or the next time."""
        error = trouble.error()
        self.judge.has_failed = True
        self.judge.was_blind |= trouble.call in {"read", "find"} or trouble.kind == "ours"
        if trouble.call in LOST_REPLIES or trouble.kind == "ours":
            self.judge.lost_replies.append(error)
        if trouble.lasting and trouble.call not in LOST_REPLIES:
            self.troubles[trouble.where].for_good(trouble.call, error)
        else:
            self.troubles[trouble.where].once(trouble.call, error)

    @property
    def troubles(self) -> dict[str, Troubles]:
        """What may go wrong, by system."""
        return {SCHOOLSCAN: self.source.troubles, **{name: each.troubles for name, each in self.books.items()}}

    def heal(self) -> None:
        for troubles in self.troubles.values():
            troubles.heal()


def _is_done(ticket: Ticket | None, ticket_id: str) -> bool:
    """Whether this is the ticket with that id, and done."""
    return ticket is not None and ticket.id == ticket_id and ticket.state is TicketState.DONE


def _says_else(change: Change, ticket: Ticket) -> bool:
    """Whether the change names another reason than the ticket has, or another word that nothing maps."""
    is_other_word = change.reason is Reason.UNKNOWN and (change.detail or str(change.reason)) != ticket.word
    return change.reason is not ticket.reason or is_other_word
