"""A case's two sides, its subject and its tickets: what each is, how it stood at the last look, and where its page is.

Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from remediation.domain.cases.records import CaseKind, CaseRecord, Link
from remediation.domain.policy import ResolveWhen
from remediation.domain.tickets import LEFT_ALONE
from remediation.mapping.config.schema import Mappings
from remediation.mapping.render.subject_pages import subject_page
from remediation.read_model.cases.views import Fact, member_words
from remediation.read_model.wording import count_words

_SYSTEMS: Mapping[CaseKind, str] = {
    CaseKind.FINDING: "SchoolScan",
    CaseKind.INCIDENT: "the incident feed",
    CaseKind.SUMMARY: "SchoolScan",
}
"""Where the subject of a case lies."""


@dataclass(frozen=True, slots=True)
class CaseSide:
    """One side: what it is called in which system, its state at the last look, and what is odd about it.

    `address` is that of its page for people; empty where none is known.
    """

    system: str
    name: str
    state: str
    address: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseMember:
    """A finding that belongs to the case, what is known of it, and the address of its page, if one is known."""

    id: str
    words: str
    address: str


def case_sides(record: CaseRecord, mappings: Mappings) -> Iterator[CaseSide]:
    """The subject, and then each ticket, or where perhaps one is."""
    yield _subject_side(record, mappings)
    for name, link in sorted(record.links.items()):
        state = record.memory.tickets.get(name)
        words = state.replace("_", " ") if state else "new"
        yield CaseSide(name, link.ticket_key, words, ticket_page(link.url), tuple(_remarks(record, name, link)))
    for name in sorted(record.intents.keys() - record.links.keys()):
        yield CaseSide(name, "perhaps a ticket", "the next look searches for it")


def ticket_page(url: str) -> str:
    """The address of a ticket's page in its tracker, as a link keeps it; empty where a browser must not follow it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"https", "http"} and parts.hostname else ""


def _subject_side(record: CaseRecord, mappings: Mappings) -> CaseSide:
    key, status = record.key, record.memory.finding
    state = status.replace("_", " ") if status else "not agreed on yet"
    if record.members or key.has_members:
        return CaseSide(_SYSTEMS[key.kind], count_words(len(record.members), "finding"), state)
    address = subject_page(mappings, key.district, key.kind, key.id)
    return CaseSide(_SYSTEMS[key.kind], f"{key.kind} {key.id}", state, address)


def _remarks(record: CaseRecord, name: str, link: Link) -> Iterator[str]:
    if record.memory.listed.get(name) == LEFT_ALONE:
        yield "a person changed its list of findings, which is left alone since"
    if link.unmarked:
        yield "carries no mark of ours (any more)"
    if name in record.unnamed:
        yield "mappings.yaml does not name this tracker"


def members_after(record: CaseRecord, mappings: Mappings, after: str, limit: int) -> tuple[tuple[CaseMember, ...], str]:
    """At most `limit` findings of the case behind the one with this id; and the last one's id, if more follow."""
    names = sorted(name for name in record.members if name > after)
    key, shown = record.key, names[:limit]
    found = (
        CaseMember(name, member_words(record, name), subject_page(mappings, key.district, key.kind, name))
        for name in shown
    )
    return tuple(found), shown[-1] if len(names) > limit else ""


def rule_facts(record: CaseRecord, mappings: Mappings) -> Iterator[Fact]:
    """Which rule counted at the last look, and what it said about the case's tickets."""
    memory = record.memory
    if record.key.kind is CaseKind.SUMMARY:
        yield Fact("rule", "none: the district's scan_summary asks for its ticket")
        return
    yield Fact("rule", memory.rule or "none that is remembered")
    if memory.rule and memory.rule not in {rule.name for rule in mappings.rules}:
        yield Fact("no more", "mappings.yaml has no rule of this name: the next look decides anew")
    if memory.severity:
        yield Fact("severity", f"{memory.severity}, at the last look")
    if (said := memory.said) is None:
        return
    closed = "the first of its tickets is closed" if said.resolve_when is ResolveWhen.ANY else "all tickets are closed"
    verified = ", and a scan does not find it any more" if said.verifies else ""
    yield Fact("solved", f"when {closed}{verified}")
