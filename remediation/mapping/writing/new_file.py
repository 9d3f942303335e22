"""The text of a new mappings.yaml: what was read of the systems, rules to begin with, and comments. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remediation.mapping.writing.proposals import Proposal
from remediation.mapping.writing.ticket_texts import TEMPLATES
from remediation.mapping.writing.yaml_text import Block, Entry, Items, block_text, comment

Reference = Mapping[str, str]
"""Where a secret is: `{env: NAME}` or `{file: PATH}`."""

_HEAD = """\
# Which findings get which tickets, and where everything is. `remedy init` wrote it by what the systems answered; now it
# is yours. `remedy mappings check` says whether it is right, with --live whether it fits the systems, and
# docs/mappings.md what every word means.
# No secret stands in here: {env: NAME} names an environment variable, {file: PATH} a file that holds it.
"""
_DUE = {"critical": "2d", "high": "7d", "medium": "30d", "low": "90d", "unknown": "7d"}
_OF_STUDENTS = ["direct_pii", "reidentification", "education_records"]


@dataclass(frozen=True, slots=True)
class NewDistrict:
    """A SchoolScan account. `finding_link` is the address of a finding's page, with {id}; empty for none."""

    name: str
    url: str
    token: Reference
    webhook_secret: Reference
    finding_link: str = ""

    @property
    def words(self) -> Block:
        """Its words below its name."""
        webhook = Block(
            [
                Entry("secrets", [dict(self.webhook_secret)]),
                Entry("signature", "auto", "for the first day; then the one format that the log shows"),
            ]
        )
        account = [Entry("url", self.url), Entry("token", dict(self.token)), Entry("webhook", webhook)]
        says = "a finding's page for people; tickets link to it"
        link = self.finding_link or "https://schoolscan.example/findings/{id}"
        account.append(Entry("finding_link", link, says, is_off=not self.finding_link))
        return Block([Entry("schoolscan", Block(account))])


@dataclass(frozen=True, slots=True)
class NewTracker:
    """A tracker. `sign_in` are its words without those of the proposal: kind, address, how to sign in.

    `is_desk`: people of many trades have their tickets there, as at a service desk.
    """

    name: str
    title: str
    sign_in: Block
    proposal: Proposal
    is_desk: bool

    @property
    def words(self) -> Block:
        """Its words below its name."""
        return Block([*self.sign_in, *self.proposal.tracker])


def new_file(district: NewDistrict, trackers: Sequence[NewTracker], to_set: Sequence[str] = ()) -> str:
    """The whole file. `to_set` is what a person has to do before it works, each as a line."""
    return "\n".join(
        (
            _HEAD + _list_of(to_set) + block_text([Entry("version", 1)]),
            block_text([_districts(district)]),
            block_text([_trackers(trackers)]),
            block_text([_defaults(trackers)]),
            block_text([Entry("rules", Items(_rules(trackers)), above=_ABOVE_RULES)]),
            TEMPLATES,
        )
    )


def _list_of(to_set: Sequence[str]) -> str:
    lines = ["", "STILL TO BE SET:", *(f"- {each}" for each in to_set)] if to_set else []
    return "".join(f"{comment(line)}\n" for line in lines)


def _districts(district: NewDistrict) -> Entry:
    webhook = f"One entry for each SchoolScan account; its name is a part of POST /webhooks/schoolscan/{district.name}"
    return Entry("districts", Block([Entry(district.name, district.words)]), above=(webhook,))


def _trackers(trackers: Sequence[NewTracker]) -> Entry:
    return Entry("trackers", Block(Entry(each.name, each.words) for each in trackers), above=("Where tickets go.",))


def _defaults(trackers: Sequence[NewTracker]) -> Entry:
    above = (
        "What rules and tickets have where they say nothing. A value can differ by severity; a severity that is not",
        "named sets no field.",
    )
    due = Entry("due", _DUE, "counted from the first detection")
    tickets = Entry("tickets", Block(Entry(each.name, each.proposal.ticket) for each in trackers))
    return Entry("defaults", Block([due, tickets]), above=above)


_ABOVE_RULES = (
    "The first rule whose `match` holds is the one that counts; what is left out of `match` takes everything. `remedy",
    "mappings explain` says which rule takes a finding, and what its tickets look like.",
)


def _rules(trackers: Sequence[NewTracker]) -> Iterator[Block]:
    """With several trackers: what is bad goes to all, the rest to one. With one, everything."""
    names = [each.name for each in trackers]
    if len(names) > 1:
        desk = next((each for each in trackers if each.is_desk), trackers[0])
        team = next((each for each in trackers if not each.is_desk), trackers[-1])
        severe = {"domain_type": _OF_STUDENTS, "severity": ["critical", "high"]}
        yield _rule(
            "students-exposed", names, "Students can be recognised, or their records read, and it is bad.", severe
        )
        vendors = f"A vendor's product shows student data: contracts and calls, so {desk.title} has it."
        yield _rule("vendor-exposure", [desk.name], vendors, {"domain_type": "vendor_exposure"})
        yield _rule("everything-else", [team.name], "Whatever SchoolScan finds besides must not fall through.")
        return
    yield _rule("everything", names, "Every finding gets a ticket. Write what is more particular above it.")


def _rule(name: str, trackers: Sequence[str], why: str, match: Mapping[str, object] | None = None) -> Block:
    tickets: dict[str, dict[str, str]] = {tracker: {} for tracker in trackers}
    words = [Entry("name", name, above=(why,)), *([Entry("match", dict(match))] if match else [])]
    return Block([*words, Entry("tickets", tickets)])
