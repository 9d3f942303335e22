"""How a rule keeps its cases in step, in sentences for people."""

from collections.abc import Iterator, Sequence

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
from remediation.mapping.config.words import duration_text

_NAMES = {Reason.NONE: "nothing at all", Reason.UNKNOWN: "a word that nothing maps"}


def in_step(words: PolicyWords) -> tuple[str, ...]:
    """What follows from each of the choices, one sentence each."""
    return tuple(_sentences(words))


def _sentences(words: PolicyWords) -> Iterator[str]:
    if words.resolve_when is ResolveWhen.ALL:
        yield "When all its tickets are done, the finding is resolved."
    else:
        yield "When one of its tickets is done, the finding is resolved and the others are closed with it."
    outcomes = outcomes_of(words)
    kept = [reason for reason in RULED_REASONS if outcomes[reason] is Status.REVIEWING]
    if kept:
        yield f"Closed as {_listed(kept)}, a ticket leaves the finding open, and is told so."
    if others := [reason for reason in RULED_REASONS if reason not in kept]:
        yield f"Closed as {_listed(others)}, it resolves the finding."
    yield _accepting(words.accept)
    yield f"When the finding is found again, {_reopening(words.reopen)}"
    closes = words.when_gone == "close"
    yield f"When SchoolScan no longer has it, open tickets are {'closed with a comment' if closes else 'told so'}."
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
