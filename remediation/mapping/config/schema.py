"""mappings.yaml as types. A word is here only if the code obeys it; its description is its documentation."""

from datetime import UTC, timedelta, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Field,
    HttpUrl,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from remediation.domain.cases.identities import IdentityField
from remediation.domain.cases.verification import ScanTimes
from remediation.mapping.config.console import ConsoleConfig
from remediation.mapping.config.incident_feeds import IncidentFeed
from remediation.mapping.config.notifying import MOST_CHANNELS, NotifyChannel
from remediation.mapping.config.references import SecretRef
from remediation.mapping.config.rules import Defaults, Rule
from remediation.mapping.config.scan_summaries import ScanSummaries
from remediation.mapping.config.signing_in import Webhook
from remediation.mapping.config.trackers.kinds import TrackerConfig, tickets_by_kind
from remediation.mapping.config.wording import Comments, Notes, Templates
from remediation.mapping.config.words import (
    Address,
    Code,
    Duration,
    Host,
    Link,
    Name,
    SiteName,
    Written,
    as_list,
    at_least,
    at_most,
)

_LONGEST_REST = timedelta(days=30)
_LONGEST_SCAN = timedelta(days=7)
_WHY_NO_LONGER = "a closed ticket waits meanwhile"


class ScanWords(Written):
    """When sites are scanned again for rules that `verify`."""

    wait: Annotated[Duration, at_most(_LONGEST_SCAN, _WHY_NO_LONGER)] = Field(
        default=timedelta(minutes=10),
        description="How long after a ticket was closed its site is scanned at the earliest: whatever is closed "
        "meanwhile on that site shares the scan.",
    )
    every: Annotated[Duration, at_least(timedelta(minutes=1)), at_most(_LONGEST_REST, _WHY_NO_LONGER)] = Field(
        default=timedelta(hours=1),
        description="How long after the start of a scan of a site no other one of it is started.",
    )
    within: Annotated[Duration, at_least(timedelta(minutes=10)), at_most(_LONGEST_SCAN, _WHY_NO_LONGER)] = Field(
        default=timedelta(hours=24),
        description="How long such a scan may take. Then it is cancelled, and another one is started.",
    )

    @property
    def times(self) -> ScanTimes:
        """The same for whoever starts scans."""
        return ScanTimes(self.wait, self.every, self.within)


class SchoolScanAccount(Written):
    """A district's account at SchoolScan."""

    url: Address = Field(default=HttpUrl("https://api.schoolscan.ai/v1"), description="Base address of the API.")
    token: SecretRef = Field(description="The district's API token.")
    webhook: Webhook
    finding_link: Link | None = Field(
        default=None, description="Address of a finding's page for people; {id} stands for the finding's id."
    )
    scans: ScanWords = Field(
        default_factory=ScanWords, description="When sites are scanned again for rules that `verify`."
    )
    download_hosts: list[Host] = Field(
        default_factory=list,
        description="Hosts besides that of `url` to which signed addresses of reports may lead; always https, on its "
        "usual port.",
    )


class FindingIdentity(Written):
    """What tells findings apart where their ids change from scan to scan: those that say the same are one case."""

    by: list[IdentityField] = Field(
        min_length=1,
        description="Fields of a finding, `url` among them, as SchoolScan writes them: values that differ in anything "
        "are other cases. A finding that lacks one of them is a case of its own.",
    )
    key: SecretRef = Field(
        description="A secret of at least 32 characters for this alone. From it and the fields the case's id is worked "
        "out, so that it says nothing of them; it must never change."
    )

    @field_validator("by")
    @classmethod
    def _tells_pages_apart(cls, written: list[IdentityField]) -> list[IdentityField]:
        if IdentityField.URL not in written:
            raise ValueError("must name url: without it, findings on different pages would be one case")
        if len(set(written)) != len(written):
            raise ValueError("must not name a field twice")
        return written


_MOST_SITES = 20
"""The most sites of one school: an incident is compared with what was found on each of them on each of many days."""

Schools = dict[Code, Annotated[list[SiteName], Field(min_length=1, max_length=_MOST_SITES), BeforeValidator(as_list)]]
"""Codes are text here, too: a key counts as it is written, with or without quotes."""


class District(Written):
    """One SchoolScan account: its own token, webhook secret and rate limits; and feeds of the same district."""

    schoolscan: SchoolScanAccount
    incidents: dict[Name, IncidentFeed] = Field(
        default_factory=dict, description="The district's feeds of incidents, by our name for each."
    )
    schools: Schools = Field(
        default_factory=dict,
        description="The host names of each school's sites, by its code in the feeds; for rules that `relate`.",
    )
    identity: FindingIdentity | None = Field(
        default=None, description="Only where SchoolScan gives what it finds again a new id: what tells it instead."
    )
    scan_summary: ScanSummaries | None = Field(
        default=None, description="Each completed scan gets a ticket that sums it up in numbers; left out, none does."
    )

    @property
    def incident_link(self) -> str:
        """The address of an incident's page, with {id}; empty where its feeds name none, or not the same.

        An incident does not tell its feed.
        """
        links = {feed.incident_link for feed in self.incidents.values()}
        return (links.pop() or "") if len(links) == 1 else ""

    @property
    def incident_zone(self) -> tzinfo:
        """The time zone of its feeds; UTC where they have none, or not the same."""
        zones = {feed.time_zone for feed in self.incidents.values()}
        return ZoneInfo(zones.pop()) if len(zones) == 1 else UTC


_WHY_FORGET = "what is of no more use is deleted"


class Retention(Written):
    """How long what we keep is kept."""

    deliveries: Annotated[Duration, at_least(timedelta(days=1)), at_most(timedelta(days=366), _WHY_FORGET)] = Field(
        default=timedelta(days=30),
        description="How long a delivery's fingerprint is known after it was read: a repeat within that time does "
        "nothing. Its body goes as soon as it has been read.",
    )
    timelines: Annotated[Duration, at_least(timedelta(days=7)), at_most(timedelta(days=3660), _WHY_FORGET)] = Field(
        default=timedelta(days=400),
        description="How long a case's timeline stays after its last entry: what was seen and done, in ids and times.",
    )
    quarantined: Annotated[Duration, at_least(timedelta(days=7)), at_most(timedelta(days=3660), _WHY_FORGET)] = Field(
        default=timedelta(days=90),
        description="How long a delivery that nobody can read is kept, unless somebody replays or discards it before.",
    )
    not_found: Annotated[Duration, at_least(timedelta(days=1)), at_most(timedelta(days=3660), _WHY_FORGET)] = Field(
        default=timedelta(days=30),
        description="How long is known that SchoolScan had no such finding or scan when it was first looked at.",
    )
    parked: Annotated[Duration, at_least(timedelta(days=30)), at_most(timedelta(days=3660), _WHY_FORGET)] = Field(
        default=timedelta(days=400),
        description="How long parked work waits for somebody to replay or discard it. Then it is given up: it is not "
        "done, and its case stays.",
    )
    cases: Annotated[Duration, at_least(timedelta(days=30)), at_most(timedelta(days=3660), _WHY_FORGET)] = Field(
        default=timedelta(days=400),
        description="How long a case is kept after its end, with its timeline and what is known of its tickets: its "
        "finding or incident is solved or gone, its tickets are closed, and nothing is pending. One that is not at its "
        "end stays.",
    )
    incidents: Annotated[Duration, at_least(timedelta(days=7)), at_most(timedelta(days=3660), _WHY_FORGET)] = Field(
        default=timedelta(days=400),
        description="How long what is kept of an incident stays once it has left the school year or was deleted.",
    )
    audit: Annotated[Duration, at_least(timedelta(days=30)), at_most(timedelta(days=3660), _WHY_FORGET)] = Field(
        default=timedelta(days=400),
        description="How long a line of the audit is kept in Redis: who did what, and what was decided about cases. "
        "Keep the data keys that sign lines as long.",
    )


def _whole_number(written: object, validated: ValidatorFunctionWrapHandler) -> object:
    """Refuse true and 1.0, which Python takes for 1."""
    return validated(written if type(written) is int else None)


class Mappings(Written):
    """The whole file."""

    version: Annotated[Literal[1], WrapValidator(_whole_number)] = Field(description="The version of this language.")
    districts: dict[Name, District] = Field(min_length=1, description="The SchoolScan accounts, by our name for them.")
    trackers: dict[Name, TrackerConfig] = Field(min_length=1, description="Where tickets go, by our name for them.")
    defaults: Defaults = Field(default_factory=Defaults)
    templates: Templates
    notes: Notes = Field(default_factory=Notes)
    comments: Comments = Field(default_factory=Comments)
    retention: Retention = Field(default_factory=Retention)
    notify: dict[Name, NotifyChannel] = Field(
        default_factory=dict,
        max_length=MOST_CHANNELS,
        description="How people are told that something needs them, by our name for each channel.",
    )
    console: ConsoleConfig | None = Field(
        default=None, description="The operator's pages; left out, people enter with links of `remedy console link`."
    )
    rules: list[Rule] = Field(
        min_length=1, description="Which findings and incidents get which tickets: the first that holds counts."
    )

    @model_validator(mode="before")
    @classmethod
    def _tickets_have_their_kind(cls, written: object) -> object:
        return tickets_by_kind(written)
