"""The story that the demo plays: an incident, the life of a finding, a group of them, and a scan with sixty."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from remediation.domain.cases.records import CaseKind, key_of_ref, ref_of_mark
from remediation.domain.errors import RemediationError
from sandbox.stage.processes import ARCHIVE, WEAPON
from sandbox.stage.systems import Outside, SeenTicket

STEP_SECONDS = 30.0
SCAN_SECONDS = 150.0
"""The number of findings in the scan: each needs one write, and SchoolScan allows sixty in a minute."""

SCAN_SIZE = 60
GROUPED = 4
_PAUSE = 0.05
_CALM_SECONDS = 0.5


class StoryBroken(RemediationError):
    """A step did not happen in time. The message says what was seen instead."""


@dataclass(frozen=True, slots=True)
class StoryStep:
    """Something to do outside, and what must follow. `progress` returns how much has followed, and how much must.

    `calm` returns a number that grows while earlier effects still arrive: the step begins when it has stopped growing.
    `tickets` are those that are to be shown when it has happened.
    """

    title: str
    begin: Callable[[], object]
    progress: Callable[[], tuple[int, int]]
    expected: str
    seconds: float = STEP_SECONDS
    calm: Callable[[], int] = lambda: 0
    tickets: Callable[[], Sequence[SeenTicket]] = tuple


@dataclass(frozen=True, slots=True)
class PlayedStep:
    """A step that happened, and how long it took."""

    title: str
    expected: str
    seconds: float


class Story:
    """The steps, in order, on one set of outside systems.

    With `start_worker`, incidents come first: a worker reads the feed as soon as it starts. With `has_archive`, the
    stage's archive is scanned, too.
    """

    def __init__(
        self, outside: Outside, start_worker: Callable[[], object] | None = None, *, has_archive: bool = False
    ) -> None:
        self._outside = outside
        self._start_worker = start_worker
        self._has_archive = has_archive
        self.incident_ids: list[str] = []
        self.grouped: list[str] = []
        self.page_id = ""
        self.finding_id = ""
        self.scanned: list[str] = []
        self._noted_before = 0

    def steps(self) -> Iterator[StoryStep]:
        """Each step; the next one may begin when the last has happened."""
        if self._start_worker is not None:
            yield StoryStep(
                "Schools report two incidents, one with a weapon; a worker starts, and reads the incident feed",
                partial(self._report, self._start_worker),
                lambda: (len(self._incident_tickets()), 2),  # both trackers
                "two tickets point to the one with the weapon, and do not say what happened; no rule takes the other",
                tickets=self._incident_tickets,
            )
        yield StoryStep(
            "SchoolScan scans the site, finds exposed student data, and sends finding.critical",
            self._scan_first,
            lambda: self._all(self._status() == "reviewing", len(self._active()) == 2, self._named()),  # noqa: PLR2004 - both trackers
            "tickets are open in ServiceNow and Jira, the finding is reviewing, its note names both",
        )
        yield StoryStep(
            "Priya of the help desk resolves both tickets",
            self._resolve,
            lambda: self._all(self._status() == "resolved", not self._active(), self._noted("Resolved")),
            "the finding is resolved, and its note says through which tickets",
        )
        yield StoryStep(
            "The next scan finds it again",
            lambda: self._outside.scan(find_again=[self.finding_id]),
            lambda: self._all(self._status() == "reviewing", len(self._active()) == 2, len(self._tickets()) == 2),  # noqa: PLR2004 - both trackers
            "the same two tickets are open again, the finding is reviewing",
        )
        yield from self._accepted()
        if self._has_archive:
            yield from self._grouped()
        yield StoryStep(
            f"A scan completes with {SCAN_SIZE} findings (SchoolScan allows 60 writes a minute)",
            self._scan_many,
            self._scan_progress,
            "every finding has its tickets and is reviewing",
            SCAN_SECONDS,
        )

    def _accepted(self) -> Iterator[StoryStep]:
        """The risk is accepted."""
        yield StoryStep(
            "Priya closes both tickets as an accepted risk, until next month",
            self._accept,
            lambda: self._all(self._status() == "accepted_risk", not self._active(), self._noted("until")),
            "the finding is accepted_risk, and its note says who decided and until when",
        )
        yield StoryStep(
            "The next scan finds it again",
            self._find_again,
            lambda: self._all(self._status() == "accepted_risk", not self._active(), self._has_new_note()),
            "nothing is opened: the risk is still accepted, and a new note says so",
        )
        yield StoryStep(
            "A privacy officer resolves it in SchoolScan, while Priya opens the Jira ticket again",
            self._disagree,
            lambda: self._all(self._status() == "reviewing", len(self._active()) == 1, self._noted("disagree")),
            "a conflict: what is still open wins, and both sides are told",
            calm=lambda: len(self._outside.requests("schoolscan")),
        )
        yield StoryStep(
            "They talk, and Priya accepts the risk once more",
            self._accept,
            lambda: self._all(self._status() == "accepted_risk", not self._active(), self._noted("until")),
            "the finding is accepted_risk again",
        )
        yield StoryStep(
            "The acceptance comes to its end (Priya sets it to two seconds from now)",
            lambda: self._outside.accept_until(self._tickets(), timedelta(seconds=2)),
            lambda: self._all(self._status() == "reviewing", len(self._active()) == 2, len(self._tickets()) == 2),  # noqa: PLR2004 - both trackers
            "both tickets are open again, the finding is reviewing",
        )

    def _grouped(self) -> Iterator[StoryStep]:
        """Findings of one kind share a ticket, and what is mended is scanned once more."""
        yield StoryStep(
            f"A scan of the archive completes with {GROUPED} files, which a rule groups, and a page",
            self._scan_archive,
            lambda: self._all(self._is_at_work(), len(self._group()) == 1, len(self._summaries()) == 1),
            "one ticket lists the files, one is for the page, and one sums the scan up",
            tickets=lambda: [*self._group(), *self._outside.tickets(self.page_id), *self._summaries()],
        )
        yield StoryStep(
            "Priya closes the page's ticket as mended, and its rule wants that verified",
            self._mend_page,
            lambda: self._all(self._is_verified()),
            "a scan of the archive was started, does not find it any more, and the finding is resolved",
            seconds=2 * STEP_SECONDS,
        )

    def tickets_of(self) -> dict[str, list[SeenTicket]]:
        """All tickets of findings, by finding."""
        tickets: dict[str, list[SeenTicket]] = {}
        for mark, ticket in self._outside.all_tickets():
            key = key_of_ref(ref_of_mark(mark) or "")
            if key is not None and key.kind is CaseKind.FINDING:
                tickets.setdefault(key.id, []).append(ticket)
        return tickets

    def _report(self, start_worker: Callable[[], object]) -> None:
        report = partial(self._outside.report_incident, type="referral")
        self.incident_ids = [report(offenders=[{"weapons": [WEAPON]}]), report(offenders=[{}])]
        start_worker()

    def _incident_tickets(self) -> list[SeenTicket]:
        found = (self._outside.tickets(each, CaseKind.INCIDENT) for each in self.incident_ids)
        return [ticket for tickets in found for ticket in tickets]

    def _scan_first(self) -> None:
        finding = {"severity": "critical", "domain_type": "direct_pii"}
        (self.finding_id,) = self._outside.scan([finding])

    def _resolve(self) -> None:
        for ticket in self._tickets():
            self._outside.resolve_as_priya(ticket)

    def _accept(self) -> None:
        self._outside.accept_until(self._tickets(), timedelta(days=30))
        for ticket in self._active():
            self._outside.accept_as_priya(ticket)

    def _find_again(self) -> None:
        self._noted_before = len(self._outside.notes(self.finding_id))
        self._outside.scan(find_again=[self.finding_id])

    def _has_new_note(self) -> bool:
        return len(self._outside.notes(self.finding_id)) > self._noted_before

    def _disagree(self) -> None:
        """The change in SchoolScan sends no event, so one look sees both changes, unless one is under way."""
        self._outside.change_finding(self.finding_id, status="resolved")
        self._outside.reopen_as_priya(next(ticket for ticket in self._tickets() if ticket.tracker == "jira"))

    def _scan_archive(self) -> None:
        files = [{"severity": "medium", "domain_type": "metadata"}] * GROUPED
        page = {"severity": "high", "domain_type": "directory_info"}
        *self.grouped, self.page_id = self._outside.scan([*files, page], site=ARCHIVE)

    def _mend_page(self) -> None:
        files = {"scan_seconds": 1, "scan_finds": 0, "scan_finds_again": self.grouped}
        self._outside.control("schoolscan", "PATCH", "settings", json=files)
        for ticket in self._outside.tickets(self.page_id):
            self._outside.resolve_as_priya(ticket)

    def _is_at_work(self) -> bool:
        """Whether every finding of the archive is under review."""
        found = {each["id"]: each["status"] for each in self._outside.findings()}
        return all(found[each] == "reviewing" for each in (*self.grouped, self.page_id))

    def _is_verified(self) -> bool:
        notes = self._outside.notes(self.page_id)
        return self._outside.finding(self.page_id)["status"] == "resolved" and "does not find it any more" in notes[-1]

    def _group(self) -> list[SeenTicket]:
        """The tickets of groups."""
        return [ticket for ref, ticket in self._ours() if ":finding:group-" in ref]

    def _summaries(self) -> list[SeenTicket]:
        """The tickets that sum up the scan of the archive."""
        scan = self._outside.finding(self.page_id)["scan_id"]
        return [ticket for ref, ticket in self._ours() if ref.endswith(f":summary:{scan}")]

    def _ours(self) -> list[tuple[str, SeenTicket]]:
        return [(ref_of_mark(mark) or "", ticket) for mark, ticket in self._outside.all_tickets()]

    def _scan_many(self) -> None:
        severities = ("critical", "high", "medium", "low")
        kinds = ("direct_pii", "reidentification", "education_records", "directory_info", "metadata", "vendor_exposure")
        findings = [
            {"severity": severities[number % 4], "domain_type": kinds[number % 6]} for number in range(SCAN_SIZE)
        ]
        self.scanned = self._outside.scan(findings)

    def _scan_progress(self) -> tuple[int, int]:
        wanted = set(self.scanned)
        done = sum(each["id"] in wanted and each["status"] == "reviewing" for each in self._outside.findings())
        return done, SCAN_SIZE

    def _all(self, *conditions: bool) -> tuple[int, int]:
        return sum(conditions), len(conditions)

    def _tickets(self) -> list[SeenTicket]:
        return self._outside.tickets(self.finding_id)

    def _active(self) -> list[SeenTicket]:
        return [ticket for ticket in self._tickets() if ticket.is_active]

    def _status(self) -> str:
        return str(self._outside.finding(self.finding_id)["status"])

    def _named(self) -> bool:
        notes = self._outside.notes(self.finding_id)
        return bool(notes) and all(ticket.key in notes[-1] for ticket in self._tickets())

    def _noted(self, word: str) -> bool:
        notes = self._outside.notes(self.finding_id)
        return self._named() and word in notes[-1]


def play(step: StoryStep, tell: Callable[[int, int], None]) -> PlayedStep:
    """Begin a step and wait until it has happened; `tell` is called with its progress. Raises StoryBroken."""
    _wait_for_calm(step)
    started = time.monotonic()
    step.begin()
    while True:
        done, whole = step.progress()
        tell(done, whole)
        elapsed = time.monotonic() - started
        if done >= whole:
            return PlayedStep(step.title, step.expected, elapsed)
        if elapsed > step.seconds:
            raise StoryBroken(f"{step.title}: {step.expected}: only {done} of {whole} after {elapsed:.0f} s")
        time.sleep(_PAUSE)


def _wait_for_calm(step: StoryStep) -> None:
    """Return when nothing has happened for a moment, or when the step's time is over."""
    latest = time.monotonic() + step.seconds
    before, now = 0, step.calm()
    while now != before and time.monotonic() < latest:
        time.sleep(_CALM_SECONDS)
        before, now = now, step.calm()
