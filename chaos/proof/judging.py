"""Which of the canaries that were found are where they may be, and why. Pure, but for the reading of places.

The table is the whole of what the contract (docs/privacy.md) allows: a canary that no row has is a leak.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chaos.proof.canaries import Canaries, Origin
from chaos.proof.searching import numbers_in


@dataclass(frozen=True, slots=True)
class Allowance:
    """Words of these spots may be in these places. Both are regular expressions, for the whole of a name."""

    spots: str
    places: str
    why: str

    def covers(self, place: str, origin: Origin) -> bool:
        """Whether it allows this one there."""
        return bool(re.fullmatch(self.places, place) and re.fullmatch(self.spots, str(origin)))


_CODES = r"incident_feed: .*(?:weapon|injury|action)@code"
_SCHOOL = r"incident_feed: .*(?:school|offense)@code"
_TITLE = r"schoolscan: GET .*/findings.* 200: \$\.(?:data\[\]\.)?(?:title|url(?:, its (?:host|query))?)"

_REFUSED = r".* [45]\d\d: (?:\$\.error.*|a field|its error|words of a failure|a sentence|a code)|\?: \?: number 0"
_QUOTED = r"jira(?:-dc)?: .*\.(?:displayName|body)"

ALLOWED: tuple[Allowance, ...] = (
    Allowance(
        r"schoolscan: .*: id(?: of no (?:finding|scan))?",
        r".*",
        "a finding's id and a scan's are what everything is known by",
    ),
    Allowance(
        r".*: header X-Request-Id",
        r"redis files|redis contents|monitor|logs|traces and reports|command (?:case show|reconcile|listen)"
        r"|console for (?:viewers|operators)",
        "ids of requests are kept, so that another system's support can find what we asked for",
    ),
    Allowance(_CODES, r"(?:restricted )?tickets|sent to (?:servicenow|jira|jira-dc)", "codes that any ticket may name"),
    Allowance(_SCHOOL, r"restricted tickets|sent to jira", "only where the rule says `detail: restricted`"),
    Allowance(_TITLE, r"restricted tickets|sent to (?:jira|jira-dc)", "only where the rule says `detail: restricted`"),
    Allowance(
        _TITLE, r"command mappings (?:diff|explain)", "previews of those tickets, for who has SchoolScan's token"
    ),
    Allowance(r"person: closing a ticket: words", r"(?:restricted )?tickets", "a person wrote it there"),
    Allowance(
        _QUOTED,
        r"restricted notes|sent to schoolscan",
        "`people: names` and `copy_comments: closing` of a rule that says `detail: restricted`",
    ),
    Allowance(
        rf"{_CODES}|{_SCHOOL}",
        r"command incidents (?:show|list)",
        "who has the data keys is shown what is kept of an incident",
    ),
    Allowance(
        _REFUSED,
        r"command (?:parked (?:show|list|replay|discard)|case plan|doctor|mappings (?:check|explain)|reconcile|backfill"
        r"|scans [a-z]+|reports get)",
        "who has the data keys or the tokens is told why a system refused, in its own words: cut and scrubbed",
    ),
    Allowance(
        _REFUSED,
        r"console for operators",
        "an operator has the words shown with which a system refused parked work: cut and scrubbed, each time audited",
    ),
    Allowance(
        r"schoolscan: GET .*/reports/\*/download 200: \$\.url, its host",
        r"command (?:reports get|parked (?:show|list|replay|discard))|console for operators",
        "which host a report is refused from; the rest of its address is secret",
    ),
    Allowance(
        r"servicenow: .*\.sys_created_by",
        r"command mappings check",
        "a login of staff: who opened our tickets, where it was not our account",
    ),
)


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """A canary in a place where it may not be."""

    place: str
    origin: Origin

    def __str__(self) -> str:
        return f"in {self.place}: what stood in {self.origin}"


def leaks_in(places: Mapping[str, bytes], canaries: Canaries) -> list[Leak]:
    """Every leak, by the name of its place. What is sent back to the system whose word it is, is in its own place."""
    found = ((place, canaries.origins(numbers_in(content, canaries.mark))) for place, content in places.items())
    return sorted(
        Leak(place, origin)
        for place, origins in found
        for origin in origins
        if place != f"sent to {origin.system}" and not any(each.covers(place, origin) for each in ALLOWED)
    )


def secrets_in(places: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each place that has a secret, with its name: as it is, or in base64 or hexadecimal digits."""
    return sorted(
        (place, name)
        for place, content in places.items()
        for name, secret in secrets.items()
        if any(form in content for form in _forms(secret.encode()))
    )


def _forms(secret: bytes) -> Iterable[bytes]:
    yield from (secret, secret.hex().encode(), secret.decode().encode("utf-16-le"))
    for before in range(3):
        written = base64.b64encode(b"\0" * before + secret).rstrip(b"=")
        yield written[-(-before * 8 // 6) : len(written) - (1 if (before + len(secret)) % 3 else 0)]


def needed(places: Mapping[str, bytes], canaries: Canaries) -> Iterable[Allowance]:
    """The rows of the table that something needed."""
    found = [(place, canaries.origins(numbers_in(content, canaries.mark))) for place, content in places.items()]
    every = [(place, origin) for place, origins in found for origin in origins]
    return [each for each in ALLOWED if any(each.covers(place, origin) for place, origin in every)]
