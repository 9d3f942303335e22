"""How a rule keeps its cases in step, in sentences for people."""

from collections.abc import Iterator, Sequence

from remediation.domain.cases.records import CaseKind
from remediation.domain.policy import ResolveWhen
from remediation.domain.status import Status
from remediation.domain.tickets import Reason
from remediation.mapping.config.policies import (
    ALWAYS,
    NEVER,
    RULED_REASONS,
    Accepting,
    PolicyWords,
    Reopening,
    outcomes_of,
)
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.words import duration_text

_NAMES = {Reason.NONE: "nothing at all", Reason.UNKNOWN: "a word that nothing maps"}


def in_step(words: PolicyWords, kind: CaseKind = CaseKind.FINDING) -> tuple[str, ...]:
    """What follows from each of the choices for cases of this kind, one sentence each."""
    return (*_sharing(words), *_sentences(words, kind))


def _sharing(words: PolicyWords) -> Iterator[str]:
    if isinstance(words, Rule) and words.group_by:
        yield "Findings of one group share its open tickets, which list them; closed tickets take no new ones."


def _sentences(words: PolicyWords, kind: CaseKind) -> Iterator[str]:
    if words.resolve_when is ResolveWhen.ALL:
        yield f"When all its tickets are done, the {kind} is resolved."
    else:
        yield f"When one of its tickets is done, the {kind} is resolved and the others are closed with it."
    outcomes = outcomes_of(words)
    kept = [reason for reason in RULED_REASONS if outcomes[reason] is Status.REVIEWING]
    if kept:
        yield f"Closed as {_listed(kept)}, a ticket leaves the {kind} open, and is told so."
    if others := [reason for reason in RULED_REASONS if reason not in kept]:
        yield f"Closed as {_listed(others)}, it resolves the {kind}."
    yield _accepting(words.accept)
    closes = "closed with a comment" if words.when_gone == "close" else "told so"
    if kind is CaseKind.INCIDENT:
        yield f"When the incident is in its feed again after it was deleted, {_reopening(words.reopen)}"
        yield f"When it was deleted, open tickets are {closes}."
        if isinstance(words, Rule) and words.relate is not None:
            within = duration_text(words.relate.within)
            yield f"Its tickets are linked with those of findings on sites of its school, found within {within} of it."
        yield "What is decided is kept here, because a feed takes nothing back: `remedy case show` tells it."
        return
    if words.verify == "scan":
        yield (
            "Where that claims a mending, the finding stays in review until a scan of its site, which begins after the "
            "closing, does not find it any more. If it is still there, the tickets are brought back."
        )
    yield f"When the finding is found again, {_reopening(words.reopen)}"
    yield f"When SchoolScan no longer has it, open tickets are {closes}."
    if words.copy_comments == "closing":
        yield "Notes say what the person who closed the ticket wrote, scrubbed and cut."
    elif words.accept.reason == "required":
        yield "Of what people write, notes say the reason for which a risk is accepted, scrubbed and cut."
    else:
        yield "Notes say nothing of what people write in tickets."
    if words.people == "names":
        yield "Notes name who closed a ticket, as its tracker shows them to its own users."


def _accepting(accept: Accepting) -> str:
    demands = [
        *(["say why"] if accept.reason == "required" else []),
        *(["have an end"] if accept.expiry == "required" else []),
    ]
    must = f"must {' and '.join(demands)}" if demands else "needs no reason and no end"
    end = "until then" if accept.expiry == "required" else "until its end, if it has one"
    counts = f"for {duration_text(accept.at_most)} at the most" if accept.at_most else end
    return f"An accepted risk {must}, and counts {counts}."


def _reopening(reopen: Reopening) -> str:
    if reopen == ALWAYS:
        return "its closed tickets are opened again."
    if reopen == NEVER:
        return "new tickets follow the closed ones."
    return f"tickets closed within {duration_text(reopen.within)} are opened again; new ones follow older ones."


def _listed(reasons: Sequence[Reason]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    names = [_NAMES.get(reason) or reason.replace("_", " ") for reason in reasons]
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
