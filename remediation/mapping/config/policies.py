"""How a rule keeps its cases in step, as types: what counts as solved, what is opened again, what people are told."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from remediation.domain.policy import FOR_EVER, KEPT_OPEN, Acceptance, Policy, ResolveWhen
from remediation.domain.status import Status
from remediation.domain.tickets import Reason
from remediation.mapping.config.suggestions import did_you_mean
from remediation.mapping.config.words import Duration, Written, at_most, duration_text

_LONGEST = timedelta(days=3650)
_Within = Annotated[Duration, at_most(_LONGEST, "whoever wants longer writes always")]
_AtMost = Annotated[Duration, at_most(_LONGEST, "nobody remembers for longer")]

ClosedAs = Literal[
    Reason.FALSE_POSITIVE, Reason.DUPLICATE, Reason.CANCELLED, Reason.NOT_SOLVED, Reason.NONE, Reason.UNKNOWN
]
"""The reasons whose meaning a rule may set. A fix always resolves; accepted risks are set by `accept`."""

RULED_REASONS: tuple[ClosedAs, ...] = get_args(ClosedAs)

Then = Literal[Status.RESOLVED, Status.REVIEWING]
"""The status that a finding gets when its tickets are closed for such a reason."""

_USUAL: Mapping[ClosedAs, Then] = {
    reason: Status.REVIEWING if reason in KEPT_OPEN else Status.RESOLVED for reason in RULED_REASONS
}
"""The meaning of each reason that the file does not mention."""

_Demand = Literal["required", "optional"]


class Reopening(Written):
    """For how long after its closing a ticket is opened again; after that, a new ticket follows it."""

    within: _Within = Field(description="A ticket closed longer ago stays closed, and a new one follows it.")


ALWAYS = Reopening.model_construct(within=FOR_EVER)
NEVER = Reopening.model_construct(within=timedelta(0))
REOPENING_WORDS = {"always": ALWAYS, "never": NEVER}
"""The words that may be written instead of a map."""


def as_reopening(written: object) -> object:
    """The reopening that is written: a word, or a map with a span. Any other value is returned as it is."""
    match written:
        case str() if written in REOPENING_WORDS:
            return REOPENING_WORDS[written]
        case dict() | Reopening():
            return written
        case _:
            raise ValueError(f"must be always, never or {{within: 14d}}{did_you_mean(written, REOPENING_WORDS)}")


def reopening_text(reopening: Reopening) -> str:
    """`always`, `never` or `within 14d`."""
    words = (word for word, meaning in REOPENING_WORDS.items() if meaning == reopening)
    return next(words, f"within {duration_text(reopening.within)}")


class Accepting(Written):
    """What a ticket must say for the risk that it accepts to count, and for how long that counts."""

    reason: _Demand = Field(
        default="optional",
        description="required: the ticket must say why, in its tracker's `risk_reason`; the note then quotes it, so "
        "the rule needs `detail: restricted`.",
    )
    expiry: _Demand = Field(
        default="optional",
        description="required: there must be an end, from its tracker's `risk_expiry` or from `at_most`.",
    )
    at_most: _AtMost | None = Field(
        default=None, description="After that long it must be looked at again, whatever the ticket says."
    )


class PolicyWords(Written):
    """How both sides are kept in step."""

    resolve_when: ResolveWhen = Field(
        default=ResolveWhen.ALL,
        description="all: a finding is resolved when all its tickets are done; any: when one is, and the others are "
        "closed with it.",
    )
    reopen: Annotated[Reopening, BeforeValidator(as_reopening)] = Field(
        default=ALWAYS,
        description="Whether closed tickets are opened again when their finding is found again: always, never (a new "
        "one follows) or {within: 14d} of their closing.",
    )
    outcomes: dict[ClosedAs, Then] = Field(
        default_factory=dict,
        description="What closing a ticket as no fix means: resolved (the default for false_positive, duplicate and "
        "none, which is no reason at all), or reviewing (the default for cancelled, not_solved and unknown, which is a "
        "word that nothing maps): the finding stays as it is and the ticket is told.",
    )
    accept: Accepting = Field(default_factory=Accepting, description="What makes an accepted risk count.")
    when_gone: Literal["comment", "close"] = Field(
        default="comment",
        description="What becomes of open tickets whose finding SchoolScan no longer has, or whose "
        "incident was deleted; a rule of incidents that does not say closes them, whatever `defaults` say.",
    )
    copy_comments: Literal["none", "closing"] = Field(
        default="none",
        description="closing: notes say what the person who closed the ticket wrote, scrubbed and cut; the rule then "
        "needs `detail: restricted`.",
    )
    verify: Literal["none", "scan"] = Field(
        default="none",
        description="scan: a finding whose tickets are closed as mended stays in review until a scan of its site that "
        "begins later does not find it any more; if it does, the tickets are opened again. The token's scope "
        "must allow it to start scans.",
    )
    people: Literal["ids", "names"] = Field(
        default="ids",
        description="names: notes name who closed a ticket as its tracker shows them to its own users; ids: by login "
        "or role.",
    )


def policy_of(words: PolicyWords, rule: str, trackers: tuple[str, ...], detail: str) -> Policy:
    """The policy that these words of a rule mean, for planning. `detail` is the rule's."""
    return Policy(
        rule=rule,
        trackers=trackers,
        resolve_when=words.resolve_when,
        reopen_within=words.reopen.within,
        kept_open=frozenset(reason for reason, then in outcomes_of(words).items() if then is Status.REVIEWING),
        acceptance=Acceptance(
            reason_required=words.accept.reason == "required",
            expiry_required=words.accept.expiry == "required",
            at_most=words.accept.at_most,
        ),
        closes_gone=words.when_gone == "close",
        copies_closing_words=words.copy_comments == "closing",
        names_people=words.people == "names",
        quotes_people=detail == "restricted",
        verifies=words.verify == "scan",
    )


def outcomes_of(words: PolicyWords) -> Mapping[ClosedAs, Then]:
    """The status of a finding for each reason whose meaning a rule may set: as written, or else the default."""
    return {reason: words.outcomes.get(reason, usual) for reason, usual in _USUAL.items()}


def spelt_out(words: PolicyWords) -> dict[str, str | None]:
    """Every choice by its name, as text that can be compared: `accept.at_most` is `365d`, or None."""
    longest = words.accept.at_most
    outcomes: dict[str, str | None] = {f"outcomes.{reason}": then.value for reason, then in outcomes_of(words).items()}
    return {
        "resolve_when": words.resolve_when.value,
        "reopen": reopening_text(words.reopen),
        **outcomes,
        "accept.reason": words.accept.reason,
        "accept.expiry": words.accept.expiry,
        "accept.at_most": duration_text(longest) if longest else None,
        "when_gone": words.when_gone,
        "copy_comments": words.copy_comments,
        "people": words.people,
        "verify": words.verify,
    }


def written_choices(words: PolicyWords) -> dict[str, str | None]:
    """The choices of `spelt_out` that are written in the file, without the defaults."""
    written = words.model_fields_set
    own = {
        *(written & {"resolve_when", "reopen", "when_gone", "copy_comments", "people", "verify"}),
        *(f"outcomes.{reason}" for reason in words.outcomes),
        *(f"accept.{word}" for word in words.accept.model_fields_set if "accept" in written),
    }
    return {name: value for name, value in spelt_out(words).items() if name in own}
