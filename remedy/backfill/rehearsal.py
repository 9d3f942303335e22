"""`remedy backfill --dry-run`: what an account has, what would be opened, and how long it takes. Only reads."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from remediation.domain.status import Severity
from remediation.domain.subjects import Subject
from remediation.mapping.reading.loading import load_mappings
from remediation.mapping.reading.secrets import identities_of
from remediation.ports import ListedSource
from remediation.read_model.backfills import estimate_words, time_of_writes
from remediation.read_model.wording import by_count, count_words
from remediation.redis_address import RedisAddress
from remediation.rulebook import MappingsRulebook
from remediation.settings import environ, load_settings
from remediation.sources.schoolscan.source import FindingSource
from remedy.backfill.choice import BackfillChoice
from remedy.backfill.new_cases import NewCase, NewCases
from remedy.backfill.stores import BackfillStores
from remedy.findings import open_source
from remedy.reconcile.report import Screen
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.calls.budgets import CommandBudgets
from remedy.runtime.clock import clock_of
from remedy.scans.account import explaining
from remedy.scans.following import answered


@dataclass(slots=True)
class BackfillRehearsal:
    """What was found. `new` are the findings without a case, and `cases` what would be made of them, by severity.

    `tickets` is how many tickets would be opened, by tracker. Of an identity or a group, several findings
    share a case and its tickets; each is written to.
    """

    listed: int = 0
    known: int = 0
    passed_over: int = 0
    left_out: int = 0
    new: int = 0
    writes: int = 0
    cases: Counter[Severity] = field(default_factory=Counter)
    tickets: Counter[str] = field(default_factory=Counter)

    def add(self, subject: Subject, trackers: Collection[str], findings: int) -> None:
        """Count a case that would be made, with where it would get tickets, and how many findings are written to."""
        self.cases[subject.severity] += 1
        self.tickets.update(trackers)
        self.writes += max(1, findings) if trackers else 0

    def lines(self, a_minute: int) -> list[str]:
        """For people."""
        by_severity = ", ".join(f"{self.cases[each]:,} {each}" for each in Severity if self.cases[each])
        count = self.cases.total()
        cases = by_count(count, "a case", "cases") if count == self.new else count_words(count, "case")
        opened = ", ".join(f"{count:,} in {name}" for name, count in sorted(self.tickets.items()))
        others = f"{self.known:,} with a case already, {self.passed_over:,} solved or not asked for"
        if self.left_out:
            others += f", {self.left_out:,} without an id that can be used"
        lines = [
            f"{count_words(self.listed, 'finding')} listed: {others}.",
            f"{self.new:,} would become {cases}{f': {by_severity}' if by_severity else ''}.",
            f"Tickets that would be opened: {opened or 'none'}.",
        ]
        if self.writes:
            lines.append(f"At the least it would take {estimate_words(self.writes, a_minute)}.")
        return [*lines, "Nothing was written."]

    def json(self, choice: BackfillChoice, a_minute: int) -> dict[str, Any]:
        """For programs."""
        return {
            "district": choice.district,
            "listed": self.listed,
            "new": self.new,
            "cases": self.cases.total(),
            "by_severity": {severity.value: count for severity, count in self.cases.items()},
            "tickets": dict(sorted(self.tickets.items())),
            "known": self.known,
            "passed_over": self.passed_over,
            "left_out": self.left_out,
            "writes": self.writes,
            "writes_a_minute": a_minute,
            "estimate_s": int(time_of_writes(self.writes, a_minute).total_seconds()),
            "dry_run": True,
        }


def rehearse(choice: BackfillChoice, screen: Screen, patience: timedelta) -> None:
    """Show what a backfill with this choice would do. Raises what SchoolScan, the store and mappings.yaml raise."""
    settings = load_settings()
    loaded = load_mappings(settings.mappings_path)

    rulebook = MappingsRulebook(loaded.mappings, identities_of(loaded, environ(), [choice.district]))

    async def work(address: RedisAddress) -> tuple[BackfillRehearsal, int]:
        async with open_for_command(address) as connection:
            stores = BackfillStores(connection, await clock_of(connection))
            budgets = CommandBudgets(connection, stores.clock, screen.say, patience)
            async with open_source(loaded, choice.district, budgets.of(choice.district)) as account:
                source = FindingSource(choice.district, account)
                new = NewCases(connection, rulebook, datetime.fromtimestamp(stores.clock(), tz=UTC))
                found = await _rehearsed(choice, source, new, rulebook, screen, patience)
            return found, await stores.writes_a_minute(choice.district)

    with redis_address(settings) as address, explaining():
        found, a_minute = asyncio.run(work(address))
    screen.result(found.json(choice, a_minute), found.lines(a_minute))


async def _rehearsed(
    choice: BackfillChoice,
    source: ListedSource,
    new: NewCases,
    rulebook: MappingsRulebook,
    screen: Screen,
    patience: timedelta,
) -> BackfillRehearsal:
    found, cursor = BackfillRehearsal(), None

    def add(cases: Iterable[NewCase]) -> None:
        for each in cases:
            policy = rulebook.ruling(each.subject, datetime.now(UTC)).policy
            found.add(each.subject, policy.trackers, each.findings)

    with screen.bar("findings listed", None) as bar:
        while True:
            at = cursor
            page = await answered(lambda: source.page({}, at), screen, patience)  # noqa: B023 - it is awaited here
            asked_for = [subject for subject in page.subjects if choice.takes(subject)]
            of_page, known = await new.among(asked_for)
            found.listed += len(page.subjects) + page.left_out
            found.known += known
            found.new += len(asked_for) - known
            found.passed_over += len(page.subjects) - len(asked_for)
            found.left_out += page.left_out
            add(of_page)
            bar.step(len(page.subjects) + page.left_out)
            if (cursor := page.cursor) is None:
                add(new.shared())
                return found
