"""A case is one thing to remediate: its names in every system, its ties to tickets, and what is remembered of it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from remediation.domain.actions import ActionName
from remediation.domain.cases.closings import Closing
from remediation.domain.cases.members import KnownMember
from remediation.domain.cases.verification import Verification
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import TicketState

DISTRICT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
"""Names of districts (and trackers): they are part of addresses, keys and correlation marks."""

MARK_PREFIX = "remedy:"
_PLAIN_ID = re.compile(r"(?!sha256-)[A-Za-z0-9._-]{1,48}")
"""Ids that may stand in a mark as they are: safe in a ServiceNow query, a Jira label, JQL and a Redis key, and short
enough that the whole mark fits ServiceNow's 100 characters of `correlation_id`. Others are replaced by a digest."""


IDENTITY_PREFIX, IDENTITY_DIGITS = "id-", 40
_IDENTITY_ID = re.compile(rf"{IDENTITY_PREFIX}[0-9a-f]{{{IDENTITY_DIGITS}}}")
"""The form of the id of a case that is identified by the content of its findings (see identities.py).

No finding has such an id.
"""

GROUP_PREFIX, GROUP_DIGITS = "group-", 32
_GROUP_ID = re.compile(rf"{GROUP_PREFIX}[0-9a-f]{{{GROUP_DIGITS}}}-[1-9][0-9]{{0,8}}")
"""The form of the id of a case of a group of findings (see groups.py): a digest of what they share, and a number.

No finding has such an id, either.
"""


_LONGEST_ID = 256


def outside_id(value: object) -> str | None:
    """Returns an id that another system gave to one of its objects, as text; None where the value is no id.

    An id has 1 to 256 printable characters, with spaces only inside; control characters, line breaks, surrogates and
    invisible marks are not allowed. A whole number is an id, too. The same rule holds for webhooks, for lists and for
    what people type.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_LONGEST_ID:
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_ID:
        return None
    return value if value.isprintable() and value.strip() == value else None


class CaseKind(StrEnum):
    """Which source a case comes from."""

    FINDING = "finding"
    INCIDENT = "incident"
    SUMMARY = "summary"
    """Of a scan; its id is the scan's."""


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
        """Whether the case is identified by the content of its findings. Its id is then the id of none of them."""
        return _IDENTITY_ID.fullmatch(self.id) is not None

    @property
    def is_of_group(self) -> bool:
        """Whether it is one of the cases of a group of findings (see groups.py)."""
        return _GROUP_ID.fullmatch(self.id) is not None

    @property
    def has_members(self) -> bool:
        """Whether findings belong to the case as its members: it is one of an identity, or of a group."""
        return self.is_of_identity or self.is_of_group

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


def kind_of_ref(ref: str) -> CaseKind:
    """The kind of a case by its reference, also one with a digest. Raises ValueError where the text is no reference."""
    return CaseKind(ref.partition(":")[2].partition(":")[0])


def key_written(text: str) -> CaseKey | None:
    """Returns the key for a reference in which a person wrote the source's own id, also one with `/` or `:`.

    Returns None where it is malformed. A digest in place of the id is taken for an id.
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
    beginning of the store (see CaseRecord.born) in which the link was last found to be right. A link that an earlier
    version stored has none of the four.
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
    """A ticket was about to be created at `at` (Unix seconds), and it is not known yet whether it exists.

    `at` is 0 where no create of ours is the cause: there may be a ticket to which the case has no link, and a search
    must find it. `place` is where the ticket was to be created (see Draft), even if mappings.yaml has changed since; an
    intent that an earlier version stored has none.
    """

    tracker: str
    at: float
    place: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether the intent was written before a create of ours."""
        return self.at > 0


WHOLE_CASE = "look"
"""What stands in place of an action where a whole case is parked."""

_OVER = frozenset({Status.RESOLVED, Status.ACCEPTED_RISK, Status.GONE})


@dataclass(frozen=True, slots=True)
class Memory:
    """The state of both sides when they last agreed. An empty memory means that they never did, or that Redis lost it.

    `finding` is the subject's status then, and `tickets` the state of the ticket in each tracker that had one. `doing`
    names the actions that were begun after that and may or may not have been done; `planned_at` is the subject's status
    for which they were planned. Both are written before the first action and emptied once the actions are remembered:
    after a crash they distinguish our own unfinished work from a change that a person made. `closed_at` (whole Unix
    seconds) is when the done tickets were closed that this work is to bring back: one that is still done with the same
    time was not brought back. It is 0 where the tracker could not be asked, so that nothing was tried. Where this work
    takes the solving of the subject back, it is also when the other done tickets were closed: they decide nothing more.

    `closings` says how each done ticket was closed, as far as a look has dealt with that; it may lack a ticket that an
    earlier version remembered. `left_over` has the words that tickets kept when we opened them again: a person who
    closes a ticket with the same word has not chosen that word.

    `severity` is the subject's, `rule` the name of the rule that counted, and `said` its policy for existing tickets,
    all as of the last look; an earlier version stored only the name. `wrote` has the urgency that we last wrote into
    each ticket (see Ticket.urgency): a field that a person has changed since is not written again. `listed` has the
    digest of the list that we last wrote into each ticket (see MemberList), or LEFT_ALONE, and `attached` the token of
    the report that we last attached to it (see AttachReport). `told` has the
    tokens (see CommentOnTicket) that were told and still hold. `conflict_at` (Unix seconds) is when both sides had
    changed and disagreed; it is None again once they agree on another status.
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
    listed: Mapping[str, str] = field(default_factory=dict)
    closed_at: Mapping[str, int] = field(default_factory=dict)
    attached: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether the subject was solved or gone and no ticket worked on, or nothing is remembered at all."""
        is_at_work = any(state.is_active for state in self.tickets.values())
        return not (self.doing or is_at_work) and (self.finding is None or self.finding in _OVER)

    @property
    def living_rule(self) -> str:
        """The rule that still matters to the case: its tickets are worked on, or accept a risk. Empty otherwise."""
        is_over = self.finding in {None, Status.RESOLVED, Status.GONE}
        return "" if is_over or not self.tickets else self.rule


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """All that the store keeps of a case.

    `parked` are the names of actions that were set aside after a refusal, and `again` those that a person asked to
    repeat. `given_up` are the ones of `parked` that a person gave up: they are not done, and no person has to decide
    about them any more. `attempts` counts the last looks in a row that were put off, and `overtaken` the last ones in a
    row that were put off only because something had changed meanwhile. `unnamed` are the case's trackers that
    mappings.yaml did not name at the last complete look. `born` (Unix seconds) is when the store began: work from
    before then may be missing, in part or as a whole; and of cases that came to their end before `forgotten` (Unix
    seconds) some were deleted. `ended` (Unix seconds) is when this case came to its end; None where it has not, and in
    a row that an earlier version wrote. `waits_for` is the system for which the last look was put off; empty for none.
    `came_due` (Unix seconds) is the time of an appointment that no look has dealt with yet, which is the end of an
    accepted risk. `verification` is that of what people have mended; None where none was asked for.

    The rest is used only where findings are members of a case, because of what they say or by their rule's `group_by`.
    In the row of a finding, `home` is the reference of the case to which the finding belongs. In the row of that case,
    `members` has the ids of its findings, each with how often it was named, and `known` what is known of those that
    were read. In a case of a group, `joined` has the members that were there while its ticket was active or before it
    was opened, each with whether its status was set since; the others wait for a look to decide that. `unlisted` are
    those that have joined and that no ticket is known to list yet: a ticket that is closed is not theirs.
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
    forgotten: float = 0.0
    ended: float | None = None
    came_due: float | None = None
    home: str = ""
    members: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, KnownMember] = field(default_factory=dict)
    verification: Verification | None = None
    joined: Mapping[str, bool] = field(default_factory=dict)
    unlisted: frozenset[str] = frozenset()

    @property
    def waiting(self) -> frozenset[str]:
        """The members of a case of a group about which no look has decided whether its ticket is theirs."""
        return frozenset(self.members.keys() - self.joined.keys()) if self.key.is_of_group else frozenset()

    @property
    def has_own_work(self) -> bool:
        """Whether the case has tickets, or tried to open one: then its finding stays in it whatever the rules group."""
        return bool(self.links or self.memory.tickets or any(each.is_ours for each in self.intents.values()))

    def may_have_lost_work_on(self, detected_at: datetime | None) -> bool:
        """Whether the store may have lost work for a finding that was detected then; None for not known."""
        if self.intents:  # somebody has seen a ticket
            return True
        return detected_at is None or detected_at.timestamp() < self.knows_since

    @property
    def knows_since(self) -> float:
        """From when on (Unix seconds) the store knows all work for a subject; of older ones it may have lost some."""
        return max(self.born, self.forgotten)

    def may_be_outdated(self, link: Link) -> bool:
        """Whether the case may have another ticket than the linked one, of which the store has lost the link.

        That is possible in a store that was restored from a backup: it has the links of that time.
        """
        return link.born < self.born

    @property
    def live(self) -> tuple[str, ...]:
        """The members that a look must read: those that were never read, or have been named since."""
        known = {name: each.times for name, each in self.known.items()}
        return tuple(sorted(name for name, times in self.members.items() if known.get(name) != times))

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks that a ticket of this case may carry: the case's own, and those of its members' former cases.

        A finding that had tickets of its own joins no group.
        """
        if self.key.is_of_group:
            return (self.key.mark,)
        former = (CaseKey(self.key.district, self.key.kind, name).mark for name in sorted(self.members))
        return (self.key.mark, *former)

    def with_member(self, own: "CaseRecord") -> "CaseRecord":
        """Returns this case with the finding of `own` as a member, as join_case.lua writes it."""
        members = {**self.members, own.key.id: self.members.get(own.key.id, 0) + 1}
        if self.key.is_of_group:
            return replace(self, members=members)
        links = {**own.links, **self.links}
        doubled = [Intent(name, 0.0) for name, link in own.links.items() if links[name].ticket_id != link.ticket_id]
        intents = sorted((*doubled, *own.intents.values(), *self.intents.values()), key=lambda each: each.at)
        return replace(
            self,
            links=links,
            intents={each.tracker: each for each in intents},
            memory=own.memory if self.memory == Memory() else self.memory,
            members=members,
        )

    @property
    def is_at_its_end(self) -> bool:
        """Whether nothing is left to do about the case and nothing is pending, as far as its row says.

        Its mark, its lease and its appointment lie elsewhere. What a person has given up about an unsolved subject is
        remembered for as long as that is unsolved: otherwise it would be tried again.
        """
        pending = self.intents or self.undecided or self.again or self.waits_for or self.unnamed
        is_known = self.links.keys() <= self.memory.tickets.keys()
        is_decided = self.memory.finding is None and any(name.verb != WHOLE_CASE for name in self.given_up)
        return self.memory.is_over and is_known and not (pending or is_decided or self.home)

    @property
    def undecided(self) -> frozenset[ActionName]:
        """The parked actions about which a person has still to decide."""
        return self.parked - self.given_up
