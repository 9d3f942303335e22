"""Watches what a worker writes, the moment that it writes it; knows who said what, and what a look could know of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from remediation.domain.policy import Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket, TicketState
from tests.gated import Deed
from tests.worlds.agreement import ACCEPTED, GONE, OPEN, REVIEWING, SOLVED, Picture, has_ended, reopens, verdicts

SCHOOLSCAN = "lakeside"
STATUS_WORDS = {*Status, "closed", "reopened", "deleted", "final", "risk", "reason", "back"}
"""Words that can change how a case stands; the others only add to it."""


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody outside did, in the order of `number`."""

    number: int
    where: str
    says: str


@dataclass(slots=True)
class Judge:
    """Of one history. What is written must have a reason among the words that a look could know.

    A word counts as known to a look from its last reading of that system on: no system lets a write depend on what is
    there, so a word that comes between reading and writing may be overwritten, and is noticed by the next look. Where
    we cannot know what the worker still knew (Redis was wiped, a person asked for something again), `lenient` lets
    everything pass that needs a reason from the past.
    """

    policy: Policy
    clock: Callable[[], float]
    picture: Callable[[], Picture]
    present: Callable[[], list[Ticket]]
    lost_replies: list[Exception] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    known: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)
    stirs: Counter[str] = field(default_factory=Counter)
    told: dict[tuple[str, str, str], object] = field(default_factory=dict)
    ours: dict[tuple[str, str, str], str] = field(default_factory=dict)
    theirs: dict[tuple[str, str, str], tuple[int, str]] = field(default_factory=dict)
    before: Picture | None = None
    changed: Picture | None = None
    is_pure: bool = True
    lenient: bool = False
    agreed_at: int = 0
    met: set[tuple[str, str]] = field(default_factory=set)
    named: set[tuple[str, str]] = field(default_factory=set)
    opened: set[tuple[str, str]] = field(default_factory=set)
    solved_by_us: bool = False
    read: Status = OPEN
    has_ended: bool = False
    was_cut_off: bool = False
    has_failed: bool = False
    was_blind: bool = False

    def speak(self, where: str, says: str) -> None:
        """Somebody outside did something."""
        self.words.append(Word(len(self.words) + 1, where, says))
        if says in STATUS_WORDS:
            self.stirs["status"] += 1
            self.is_pure &= self.changed is None
        self.stirs["exists"] += says in {GONE, "back"}
        self.stirs[says] += 1

    def agree(self, now: Picture) -> None:
        """Both sides agree, every word is known, and nothing is parked."""
        self.before, self.changed, self.agreed_at = now, None, len(self.words)
        self.is_pure, self.lenient, self.solved_by_us = True, False, False
        self.opened = set()
        self.has_ended = self.was_cut_off = False

    @property
    def is_unsure(self) -> bool:
        """Whether a ticket may have been left as it is for good reason.

        While it could not be read, nobody knew that it had been closed; and of a worker that died while a tracker was
        down nobody knows whom it had yet to ask.
        """
        return self.was_blind or (self.was_cut_off and self.has_failed)

    @property
    def may_be_late(self) -> bool:
        """Whether a closing may have been seen later than what else happened."""
        return self.was_blind or self.was_cut_off

    def hear(self, deed: Deed) -> None:
        """A worker has read or written this."""
        match deed.verb:
            case "finding":
                self._saw_finding(deed)
            case "read" | "find":
                self.known[deed.where] = len(self.words)
                self._met(deed)
                self._note_ends()
            case "update_finding":
                self._patched(deed)
            case "create":
                self._created(deed)
            case "resolve":
                self._closed(deed)
            case "reopen":
                self._reopened(deed)
            case "raise_urgency":
                self._raised(deed)
            case _:
                pass
        if deed.before is not None and deed.text and deed.verb != "create":
            self._told_once(deed, deed.before)

    def _saw_finding(self, deed: Deed) -> None:
        self.known[SCHOOLSCAN] = len(self.words)
        self.met = set()
        self.read = deed.status or OPEN
        self._note_ends()
        if self.changed is None:
            self.changed = self.picture()

    def _note_ends(self) -> None:
        self.has_ended |= any(has_ended(ticket, self.policy, self._now()) for ticket in self.present())
        self.has_ended |= self.picture().is_lost_over

    def _met(self, deed: Deed) -> None:
        """The look knows of this ticket, or of these."""
        found = deed.fields.get("found", ())
        ids = [deed.before.id] if deed.before is not None else found if isinstance(found, list) else []
        self.met |= {(deed.where, ticket_id) for ticket_id in ids}

    def _wrong(self, what: str) -> None:
        self.wrongs.append(what)

    def _heard(self, where: str, *says: str) -> int:
        """The number of the last known word of these since both sides agreed; 0 where there was none."""
        since = self.words[self.agreed_at :]
        return max((w.number for w in since if self._is_known(w) and w.where == where and w.says in says), default=0)

    def _is_known(self, word: Word) -> bool:
        return word.number <= self.known[word.where]

    def _heard_of_tickets(self, *says: str) -> int:
        return max((self._heard(tracker, *says) for tracker in self.policy.trackers), default=0)

    def _seen_active(self) -> set[str]:
        """The trackers whose ticket is active, as the look has seen."""
        now = self.picture()
        seen = {name for name in now.active if (name, now.tickets[name].id) in self.met}
        return {name for name in seen if not self._has_unknown(name)}

    def _has_unknown(self, where: str) -> bool:
        return any(word.where == where and not self._is_known(word) for word in reversed(self.words))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), tz=UTC)

    def _patched(self, deed: Deed) -> None:
        status, read = deed.status, self.read
        if status in SOLVED:
            self._solved(deed, read)
            self.solved_by_us = True
        else:
            self._taken_up(deed, read)
        self.read = status or read

    def _solved(self, deed: Deed, read: Status) -> None:
        active = self._seen_active()
        if deed.status is read:
            if not deed.text.startswith("conflict") and not self._is_decided_anew(deed):
                self._wrong(f"{read} was written once more, for nothing")
        elif read is OPEN and deed.status is ACCEPTED:
            if active:
                self._wrong(f"accepted although it was found again and {active} wait")
        elif self.lenient:
            return
        elif not self._heard_of_tickets("closed", "risk", "reason"):
            self._wrong(f"{deed.status}, and nobody has closed a ticket")
        elif read is OPEN and self.before is not None and not self.has_failed:
            self._wrong(f"{deed.status}, although it was found again")
        elif active and self.policy.resolve_when is ResolveWhen.ALL:
            self._wrong(f"{deed.status}, although {active} wait")

    def _is_decided_anew(self, deed: Deed) -> bool:
        """Whether a person has changed the reason of a closed ticket or its end, or closed it once more for another."""
        changed = self._heard_of_tickets("reason", "risk", "closed") or self.lenient
        return deed.text.startswith("reason_changed") and bool(changed)

    def _taken_up(self, deed: Deed, read: Status) -> None:
        tickets, news = self.picture(), self.met - self.named
        self.named |= self.met
        if self._is_decided_anew(deed):
            return
        waits = tickets.active or news & self.opened or self._is_asked(deed, tickets)
        if not waits and not any(self._has_unknown(name) for name in self.policy.trackers):
            self._wrong("reviewing, and no ticket waits for anybody")
        if self.lenient:
            return
        if read in SOLVED and not self._heard_of_tickets("reopened") and not self.has_ended:
            self._wrong(f"{read} was undone, and nobody has reopened a ticket")
        if read is REVIEWING and not news and not self._lost_replies() and not self.was_cut_off:
            self._wrong("reviewing was written once more, and names no other ticket than before")

    def _is_asked(self, deed: Deed, tickets: Picture) -> bool:
        """Whether it waits for a word of those who closed its tickets.

        It does after its status was lost with the store; or its acceptance has ended, and nothing accepts it any more.
        """
        if deed.text.startswith("risk_expired") and self.has_ended:
            return not any(ticket.reason is Reason.ACCEPTED_RISK for ticket in tickets.tickets.values())
        asks = REVIEWING in verdicts(tickets.tickets.values(), self.policy, self._now())
        return deed.text.startswith("kept_open") and asks

    def _created(self, deed: Deed) -> None:
        ticket, tracker = deed.before, deed.where
        if ticket is None:
            return
        self.opened.add((tracker, ticket.id))
        self._met(deed)
        self.ours.update({(tracker, ticket.id, name): value for name, value in ticket.urgency.items()})
        if self.read is GONE or (self.read in SOLVED and not self.has_ended):
            self._wrong(f"a ticket was opened in {tracker} for a finding that is {self.read}")

    def followed(self, old: Ticket, tracker: str) -> None:
        """A ticket was opened beside this one, which was the case's until then."""
        if self._has_unknown(tracker):
            return
        if old.state is not TicketState.DONE:
            self._wrong(f"a second ticket was opened in {tracker}")
        elif reopens(old, self.policy, self._now()):
            self._wrong(f"a ticket in {tracker} was followed that was to be reopened")

    def _closed(self, deed: Deed) -> None:
        if deed.before is None or deed.before.state is TicketState.DONE or deed.text.startswith("duplicate"):
            return
        if self.lenient:
            return
        tracker, solved = deed.where, self._heard(SCHOOLSCAN, *SOLVED, "back")
        if self.read in SOLVED:
            if not (solved or self.solved_by_us or self.opened):
                self._wrong(f"closed in {tracker}, and nobody has solved the finding")
            again = self._heard(tracker, "reopened") > max(solved, self._heard(tracker, "closed"))
            sure = self.before is not None and tracker in self.before.done
            if again and sure and not (self.has_failed or self.was_cut_off):
                self._wrong(f"closed in {tracker} what a person has reopened since")
        elif self.read is GONE:
            if not self.policy.closes_gone:
                self._wrong(f"closed in {tracker} because the finding is gone, against the rule")
            if self.before is not None and self.before.status is GONE and self._heard(tracker, "reopened"):
                self._wrong(f"closed in {tracker} what a person has reopened, who knows that the finding is gone")
        elif self.policy.resolve_when is not ResolveWhen.ANY or not self._heard_of_tickets("closed", "risk", "reason"):
            self._wrong(f"closed in {tracker}, and the finding is {self.read}")

    def _reopened(self, deed: Deed) -> None:
        if deed.before is None or deed.before.state is not TicketState.DONE:
            return
        if not reopens(deed.before, self.policy, self._now()):
            self._wrong(f"reopened in {deed.where}, against the rule")
        if self.lenient or self.before is None or self.read is OPEN:
            return
        if self.has_ended:
            return
        again = self._heard(SCHOOLSCAN, OPEN, REVIEWING, "back") or self.before.status is not REVIEWING
        if self.read is not REVIEWING or not again:
            self._wrong(f"reopened in {deed.where}, and the finding is {self.read} as before")

    def _raised(self, deed: Deed) -> None:
        if deed.before is None:
            return
        for name, value in deed.fields.items():
            place, now = (deed.where, deed.before.id, name), deed.before.urgency.get(name)
            number, theirs = self.theirs.pop(place, (0, None))
            if now != self.ours.get(place) and number <= self.known[deed.where]:
                self._wrong(f"{name} in {deed.where} was overwritten: {theirs} of a person")
            if name == "duedate" and now is not None and str(value) >= now and number <= self.known[deed.where]:
                self._wrong("a due date was put off")
            self.ours[place] = str(value)

    def _told_once(self, deed: Deed, ticket: Ticket) -> None:
        place, stamp = (deed.where, ticket.id, deed.text), self._stamp(deed.text)
        if self.told.get(place) == stamp:
            self._wrong(f"told twice in {deed.where}: {deed.text}")
        self.told[place] = stamp

    def _lost_replies(self) -> int:
        """How many of the replies that were to be lost have been: an error that was raised has its traceback."""
        return sum(error.__traceback__ is not None for error in self.lost_replies)

    def _stamp(self, text: str) -> object:
        """What must have changed for a text to be told once more. After a lost reply anything may be told again."""
        lost = self._lost_replies()
        kinds = {
            "expert_reviewed": ("review", "exists"),
            "finding_gone": ("exists", "status"),
            "severity_raised": ("severity", "exists"),
            "incident_changed": ("codes", "exists"),
        }
        why = text.split(maxsplit=1)[0]
        if "refused" in text:
            return lost, self.stirs.total()
        return lost, self.stirs["again"], *(self.stirs[kind] for kind in kinds.get(why, ("status", "time")))
