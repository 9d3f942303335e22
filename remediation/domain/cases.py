"""Cases: one thing to remediate, how it is named everywhere, and what we remember of it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from remediation.domain.actions import ActionName
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Ticket, TicketState

DISTRICT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
"""Names of districts (and trackers): they are part of addresses, keys and correlation marks."""

MARK_PREFIX = "remedy:"
_PLAIN_ID = re.compile(r"(?!sha256-)[A-Za-z0-9._-]{1,48}")
"""Ids that may stand in a mark as they are: safe in a ServiceNow query, a Jira label, JQL and a Redis key, and short
enough that the whole mark fits ServiceNow's 100 characters of `correlation_id`. Others are replaced by a digest."""


IDENTITY_PREFIX, IDENTITY_DIGITS = "id-", 40
_IDENTITY_ID = re.compile(rf"{IDENTITY_PREFIX}[0-9a-f]{{{IDENTITY_DIGITS}}}")
"""Ids of cases that are told apart by what their findings say (see identities.py). No finding has such an id."""


LONGEST_ID = 256


def outside_id(value: object) -> str | None:
    """The id as text; None where the value is no id.

    An id has 1 to 256 printable characters, with spaces only inside; control characters, line breaks, surrogates and
    invisible marks are not allowed. A whole number is an id, too.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**LONGEST_ID:
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ID:
        return None
    return value if value.isprintable() and value.strip() == value else None


class CaseKind(StrEnum):
    """Which source a case comes from."""

    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class CaseKey:
    """Which case: a district, a kind and the source's own id."""

    district: str
    kind: CaseKind
    id: str

    @property
    def ref(self) -> str:
        """The case's reference, as people and Redis know it: `lakeside:finding:fnd_9d2`. At most 90 characters."""
        return self.ref_of(self.district, self.kind, self.id)

    @staticmethod
    def ref_of(district: str, kind: str, outside_id: str) -> str:
        """A reference for anything of a district: the id itself where it is plain, a digest of it otherwise."""
        if _PLAIN_ID.fullmatch(outside_id):
            return f"{district}:{kind}:{outside_id}"
        digest = hashlib.sha256(outside_id.encode(errors="surrogatepass")).hexdigest()[:40]
        return f"{district}:{kind}:sha256-{digest}"

    @property
    def is_of_identity(self) -> bool:
        """Whether the case is told apart by what its findings say, and its id is none of theirs."""
        return _IDENTITY_ID.fullmatch(self.id) is not None

    @property
    def mark(self) -> str:
        """The correlation mark that every ticket of this case carries."""
        return MARK_PREFIX + self.ref


def ref_of_mark(mark: str | None) -> str | None:
    """The case reference inside a correlation mark, or None where the text is no mark of ours."""
    if mark is None or not mark.startswith(MARK_PREFIX):
        return None
    ref = mark.removeprefix(MARK_PREFIX)
    return ref if key_of_ref(ref) or _DIGEST_REF.fullmatch(ref) else None


_DIGEST_REF = re.compile(rf"{DISTRICT_NAME.pattern}:(?:{'|'.join(CaseKind)}):sha256-[0-9a-f]{{40}}")


def key_of_ref(ref: str) -> CaseKey | None:
    """The key that a reference spells out; None where it is malformed or holds a digest instead of the id."""
    district, _, rest = ref.partition(":")
    kind, _, plain = rest.partition(":")
    if not DISTRICT_NAME.fullmatch(district) or kind not in set(CaseKind) or not _PLAIN_ID.fullmatch(plain):
        return None
    return CaseKey(district, CaseKind(kind), plain)


def key_written(text: str) -> CaseKey | None:
    """The key of a reference whose id a person wrote as its source does, with `/`, `:` and all; None where it is none.

    One that holds a digest is not told apart from an id here.
    """
    district, _, rest = text.partition(":")
    kind, _, outside = rest.partition(":")
    if not DISTRICT_NAME.fullmatch(district) or kind not in set(CaseKind) or outside_id(outside) is None:
        return None
    return CaseKey(district, CaseKind(kind), outside)


@dataclass(frozen=True, slots=True)
class Link:
    """The tie between a case and one ticket.

    `created` (Unix seconds) is when the ticket was created, and `unmarked` whether it carried no mark of ours when it
    was last read; `site` names the tracker's site (see ownership.Site.key) on which it was made. `born` is the
    beginning of the store (see CaseRecord.born) in which the link was last found right. All four are unknown of a link
    that an earlier version made.
    """

    tracker: str
    ticket_id: str
    ticket_key: str
    url: str
    created: float | None = None
    unmarked: bool = False
    site: str = ""
    born: float = 0.0


@dataclass(frozen=True, slots=True)
class Intent:
    """We were about to open a ticket at `at` (Unix seconds) and do not know yet whether it exists.

    At 0 it is not ours: the tracker told of a ticket to which we have no link, and it has yet to be found. `place` is
    where it was to be opened (see Draft), whatever mappings.yaml says today; an earlier version did not write it down.
    """

    tracker: str
    at: float
    place: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether a create of ours may be the cause of what a search finds."""
        return self.at > 0


@dataclass(frozen=True, slots=True)
class Closing:
    """How a ticket was closed when it was last looked at.

    `reason` and `word` are those of the ticket (see Ticket); `meant` is why we closed it, None where somebody else did.
    `ticket_id` says which ticket that was: another one may stand in its place now. It is empty where an earlier version
    remembered the closing. `until` (whole Unix seconds) is the end of the risk that the ticket accepts, None where it
    stated none; `is_unread` is true where it had one that says no moment (see Risk).
    """

    reason: Reason
    word: str = ""
    meant: Reason | None = None
    ticket_id: str = ""
    until: int | None = None
    is_unread: bool = False

    @classmethod
    def of(cls, ticket: Ticket, meant: Reason | None = None) -> "Closing":
        """The closing of a ticket that is done."""
        return cls(ticket.reason or Reason.NONE, ticket.word, meant, ticket.id).dated_by(ticket)

    @property
    def has_end(self) -> bool:
        """Whether the ticket stated an end, be it one that nobody can read."""
        return self.is_unread or self.until is not None

    def dated_by(self, ticket: Ticket) -> "Closing":
        """The same closing with the end that the ticket states now, where its tracker shows that."""
        risk = ticket.risk
        if risk is None or risk.is_untold:
            return self
        return replace(self, until=int(risk.until.timestamp()) if risk.until else None, is_unread=risk.is_unread)

    def is_of(self, ticket: Ticket) -> bool:
        """Whether it is this ticket that was closed so, as far as can be told."""
        return self.ticket_id in {"", ticket.id}

    def has_word_of(self, ticket: Ticket) -> bool:
        """Whether the ticket still has the word with which it was closed, if any."""
        return self.word.casefold() == ticket.word.casefold()

    def differs_from(self, ticket: Ticket) -> bool:
        """Whether the ticket is done for another reason now.

        The same word means what it meant, whatever mappings.yaml says of it today. Where we closed it and no word could
        be given, a word that comes later is the tracker's own doing. A risk that is accepted without its end, or with
        one that nobody can read, is accepted otherwise.
        """
        if self._has_lost_its_end(ticket):
            return True
        if (self.word and self.has_word_of(ticket)) or (self.meant is not None and not self.word):
            return False
        is_another_word = ticket.reason is Reason.UNKNOWN and not self.has_word_of(ticket)
        return is_another_word or self.reason is not (ticket.reason or Reason.NONE)

    def has_later_end(self, ticket: Ticket) -> bool:
        """Whether a person who accepted the risk in this ticket has given it an end since, or a later one."""
        until = ticket.risk.until if ticket.risk is not None else None
        if self.meant is not None or self.reason is not Reason.ACCEPTED_RISK or until is None or not self.is_of(ticket):
            return False
        return self.until is None or int(until.timestamp()) > self.until

    def _has_lost_its_end(self, ticket: Ticket) -> bool:
        """Whether a person took away the end of the risk that the ticket accepts, or wrote one that says no moment."""
        risk = ticket.risk
        if self.meant is not None or risk is None or risk.is_untold or risk.until is not None:
            return False
        return not self.is_unread if risk.is_unread else self.until is not None


@dataclass(frozen=True, slots=True)
class Memory:
    """What both sides were when they last agreed. An empty memory means: never yet, or forgotten with Redis.

    `tickets` has one state per tracker that had a ticket then. `doing` names the actions that we set out to do after
    that and may or may not have done, and `planned_at` the finding's status that they were planned for: written before
    the first of them, emptied when they are remembered. They tell our own unfinished work from somebody's change
    after a crash.

    `closings` tells of those tickets that are done how they were closed, as far as that has been dealt with; of a
    ticket that an earlier version remembered it may be missing. `left_over` has the words that tickets kept when we
    opened them again: whoever closes one with that very word has not chosen it.

    `severity` is the finding's, `rule` the name of the rule that counted, and `said` what that said of tickets that are
    there, all when we last looked; an earlier version remembered only the name. `wrote` has what we last wrote into the
    urgency of each ticket (see Ticket.urgency): what a person has changed since is not ours any more. `told` are the
    facts that were told on tickets already and still hold. `conflict_at` (Unix seconds) is when both sides were changed
    in ways that disagree, until they agree on something else.
    """

    finding: Status | None = None
    tickets: Mapping[str, TicketState] = field(default_factory=dict)
    doing: frozenset[ActionName] = frozenset()
    planned_at: Status | None = None
    severity: Severity | None = None
    rule: str = ""
    wrote: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    told: frozenset[str] = frozenset()
    conflict_at: float | None = None
    closings: Mapping[str, Closing] = field(default_factory=dict)
    left_over: Mapping[str, str] = field(default_factory=dict)
    said: Policy | None = None

    @property
    def living_rule(self) -> str:
        """The rule that the case lives by: people work on its tickets, or an acceptance is to end. Empty otherwise."""
        is_over = self.finding in {None, Status.RESOLVED, Status.GONE}
        return "" if is_over or not self.tickets else self.rule


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """All that the store keeps of a case.

    `parked` and `again` are names of actions (see actions.py): set aside after a refusal, and asked for
    once more by a person. Those of `parked` that a person gave up are `given_up`, too: they are not done either, and
    nobody is asked about them any more. `attempts` counts the looks in a row that had to be put off, `overtaken` the
    last ones in a row that were so only because somebody else was quicker. `unnamed` are the trackers of the case that
    mappings.yaml did not name at the last look that came to an end. `born` is when (Unix seconds) the store
    began: of what was done before then it may have lost the last part, or all. `waits_for` is the system that held up
    the last look, if one did. `came_due` is for when (Unix seconds) an appointment was that no look has dealt with: the
    end of an accepted risk.

    Only where an identity is used: `home` is the reference of the case that this finding belongs to, whose own row is
    empty then. There, `members` are the ids of its findings, each with how often it was named, and `rested` those that
    were at rest when they had been named so often.
    """

    key: CaseKey
    links: Mapping[str, Link] = field(default_factory=dict)
    intents: Mapping[str, Intent] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    parked: frozenset[ActionName] = frozenset()
    again: frozenset[ActionName] = frozenset()
    given_up: frozenset[ActionName] = frozenset()
    attempts: int = 0
    overtaken: int = 0
    waits_for: str = ""
    unnamed: frozenset[str] = frozenset()
    born: float = 0.0
    came_due: float | None = None
    home: str = ""
    members: Mapping[str, int] = field(default_factory=dict)
    rested: Mapping[str, int] = field(default_factory=dict)

    def may_be_outdated(self, link: Link) -> bool:
        """Whether another ticket may have taken the place of this one, and the store may have lost that.

        A store that was restored from a backup knows of the tickets of that time.
        """
        return link.born < self.born

    @property
    def live(self) -> tuple[str, ...]:
        """The members that a look reads: all that were named since they were at rest."""
        return tuple(sorted(name for name, times in self.members.items() if self.rested.get(name) != times))

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks that a ticket of this case may carry: its own, and those that its members had as cases."""
        former = (CaseKey(self.key.district, self.key.kind, name).mark for name in sorted(self.members))
        return (self.key.mark, *former)

    def with_member(self, own: "CaseRecord") -> "CaseRecord":
        """This case once the finding of `own` belongs to it: what join_case.lua makes of their rows."""
        links = {**own.links, **self.links}
        doubled = [Intent(name, 0.0) for name, link in own.links.items() if links[name].ticket_id != link.ticket_id]
        intents = sorted((*doubled, *own.intents.values(), *self.intents.values()), key=lambda each: each.at)
        return replace(
            self,
            links=links,
            intents={each.tracker: each for each in intents},
            memory=own.memory if self.memory == Memory() else self.memory,
            members={**self.members, own.key.id: self.members.get(own.key.id, 0) + 1},
        )

    @property
    def undecided(self) -> frozenset[ActionName]:
        """The parked actions about which a person has still to decide."""
        return self.parked - self.given_up
