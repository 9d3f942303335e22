"""Test findings in Redis, and the source that shows them: SchoolScan is never asked about one."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.drills import DRILL_PREFIX, is_drill, is_of_drill
from remediation.domain.findings import DomainType, Finding
from remediation.domain.status import Severity, Status
from remediation.look.members import home_of
from remediation.mapping.reading.loading import loaded_of
from remediation.read_model.case_reports.reading import case_records
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.sources.schoolscan.drills import DrilledSource
from remediation.sources.schoolscan.source import FindingSource
from remediation.store.districts import DistrictForgetting
from remediation.store.drills import AFTER, Drills
from remediation.store.keys import DRILLS
from remediation.store.server.connection import Connection
from tests.integration.offices import Office
from tests.stand_ins import MemorySource

NOW = 1_760_000_000.0
AT = datetime.fromtimestamp(NOW, UTC)
KEY = CaseKey("lakeside", CaseKind.FINDING, f"{DRILL_PREFIX}1")
OTHER = CaseKey("hilltop", CaseKind.FINDING, f"{DRILL_PREFIX}2")
REAL = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
SITE = "remedy-test.invalid"
GROUPING = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: all, group_by: [domain_type], tickets: {jira: {project: WEB}}}]
"""


def finding(key: CaseKey = KEY) -> Finding:
    return Finding(key.id, Status.OPEN, Severity.HIGH, DomainType.METADATA, site=SITE, detected_at=AT)


@pytest.fixture
def drills(connection: Connection) -> Drills:
    return Drills(connection)


def source_of(drills: Drills, asked: MemorySource) -> DrilledSource:
    return DrilledSource(FindingSource("lakeside", asked), drills, lambda: NOW + 5)


async def test_a_drill_is_read_and_written_here_and_a_real_finding_at_schoolscan(drills: Drills) -> None:
    asked = MemorySource(Finding("fnd_1", Status.OPEN, Severity.LOW))
    source = source_of(drills, asked)
    await drills.begin(KEY, finding(), NOW)
    shown = await source.subject(KEY)
    assert (shown.status, shown.severity, shown.detected_at) == (Status.OPEN, Severity.HIGH, AT)
    assert isinstance(shown.detail, Finding)
    assert (shown.detail.domain_type, shown.detail.site) == (DomainType.METADATA, SITE)
    await source.set_status(KEY, Status.REVIEWING, "a note")
    after = await source.subject(KEY)
    assert (after.status, after.changed_at) == (Status.REVIEWING, datetime.fromtimestamp(NOW + 5, UTC))
    assert asked.troubles.calls == []
    await source.set_status(REAL, Status.REVIEWING, "a note")
    assert (await source.subject(REAL)).status is Status.REVIEWING
    assert [call for call, *_ in asked.updates] == ["fnd_1"]


async def test_one_that_is_over_stays_resolved_whatever_is_written_to_it(drills: Drills) -> None:
    source = source_of(drills, MemorySource(Finding("fnd_1")))
    await drills.begin(KEY, finding(), NOW)
    await drills.end(KEY, NOW + 1)
    await source.set_status(KEY, Status.REVIEWING, "late")
    await drills.end(KEY, NOW + 9)
    shown = await source.subject(KEY)
    assert (shown.status, shown.changed_at) == (Status.RESOLVED, datetime.fromtimestamp(NOW + 1, UTC))


async def test_one_that_is_not_kept_is_over_and_schoolscan_is_not_asked(drills: Drills) -> None:
    asked = MemorySource(Finding(KEY.id))
    source = source_of(drills, asked)
    await source.set_status(KEY, Status.REVIEWING, "a note")
    assert (await source.subject(KEY)).status is Status.RESOLVED
    assert asked.troubles.calls == []
    assert await drills.listed() == []


async def test_drills_are_forgotten_a_day_after_their_end_and_all_of_them_in_a_month(
    drills: Drills, connection: Connection
) -> None:
    await drills.begin(KEY, finding(), NOW)
    await drills.end(KEY, NOW)
    await drills.begin(OTHER, finding(OTHER), NOW + AFTER.total_seconds() - 1)
    assert [each.key for each in await drills.listed()] == [OTHER, KEY]
    third = CaseKey("lakeside", CaseKind.FINDING, f"{DRILL_PREFIX}3")
    await drills.begin(third, finding(third), NOW + AFTER.total_seconds() + 1)
    assert [each.key for each in await drills.listed()] == [OTHER, third]
    kept: Mapping[bytes, bytes] = await connection.ask(connection.redis.hgetall(DRILLS))
    assert not any(KEY.id.encode() in name for name in kept)
    assert 29 * 86_400_000 < await connection.redis.pttl(DRILLS) <= 30 * 86_400_000


async def test_drills_go_with_their_district(drills: Drills, connection: Connection) -> None:
    await drills.begin(KEY, finding(), NOW)
    await drills.end(KEY, NOW)
    await drills.begin(OTHER, finding(OTHER), NOW)
    await DistrictForgetting(connection).forget("lakeside", [])
    assert [each.key for each in await drills.listed()] == [OTHER]


async def test_a_drill_joins_no_other_case_whatever_the_rules_group(drills: Drills) -> None:
    rulebook = MappingsRulebook(loaded_of(GROUPING, "mappings.yaml").mappings)
    source = source_of(
        drills, MemorySource(Finding("fnd_1", Status.OPEN, domain_type=DomainType.METADATA, site=SITE, detected_at=AT))
    )
    await drills.begin(KEY, finding(), NOW)
    homes = {key: (await home_of(CaseRecord(key, born=NOW - 9), source, rulebook, AT))[0] for key in (KEY, REAL)}
    assert homes[KEY] is None
    assert homes[REAL] is not None


async def test_reports_leave_drills_out(connection: Connection, keyring: Keyring) -> None:
    office = Office(connection, keyring)
    for key in (KEY, REAL):
        await office.mark(key)
    found = [record.key async for records in case_records(connection, None) for record in records]
    assert found == [REAL]
    assert (is_of_drill(KEY.ref), is_of_drill(REAL.ref)) == (True, False)


async def test_a_row_that_this_version_cannot_read_is_no_drill(drills: Drills, connection: Connection) -> None:
    await connection.ask(connection.redis.hset(DRILLS, KEY.ref, "{}"))
    assert await drills.drill(KEY) is None
    assert await drills.listed() == []


def test_no_id_of_schoolscan_is_that_of_a_drill() -> None:
    assert is_drill(KEY.id)
    assert not any(map(is_drill, ("fnd_1", "fnd_remedy", "fnd_test_1")))
