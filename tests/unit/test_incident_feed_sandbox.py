"""The state and the pages behind the stand-in of the incident feed, without HTTP."""

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest

from sandbox.incident_feed.api import Page
from sandbox.incident_feed.changes import details_of
from sandbox.incident_feed.code_lists import code_lists_of
from sandbox.incident_feed.fakes import TYPES, drawn_incident
from sandbox.incident_feed.pages import NAMESPACE, page_bytes, paths_of, sample_page
from sandbox.incident_feed.school_year import Calendar, Window, school_days
from sandbox.incident_feed.spelling import PLAIN, Spelling, spelling_from
from sandbox.incident_feed.tree import incident_node
from sandbox.incident_feed.values import KeptIncident
from sandbox.incident_feed.world import FeedAccount, IncidentFilter, IncidentWorld
from sandbox.schoolscan.fakes import FAKE_STUDENT_MARK

NOW = datetime(2026, 4, 15, 19, 2, 11, tzinfo=UTC)
ALWAYS = Window(date(2000, 1, 1), date(2100, 1, 1))

STUDENT = "@district-id /name /grade /gender /race /ethnicity /iep /plan /ell /homeless /foster /frpl"
SHAPE = {
    "incident": "@uuid @type @last-modified @deleted @bounced /date /time /description",
    "incident/written-by": "@datetime @district-id",
    "incident/school": "@code",
    "incident/location": "@code",
    "incident/subject": "@code",
    "incident/arrangement": "@code",
    "incident/offense": "@code",
    "incident/attributes": "@count",
    "incident/offenders": "@count /offender",
    "incident/offenders/offender/student": STUDENT,
    "incident/offenders/offender/injury": "@code",
    "incident/offenders/offender/offenses": "@count /offense",
    "incident/offenders/offender/offenses/offense": "@code",
    "incident/offenders/offender/weapons": "@count /weapon",
    "incident/offenders/offender/weapons/weapon": "@code",
    "incident/offenders/offender/actions": "@count /action",
    "incident/offenders/offender/actions/action": "@code @cost /name /details",
    "incident/offenders/offender/actions/action/duration": "@day-length",
    "incident/offenders/offender/actions/action/schedule": "@count /event",
    "incident/offenders/offender/actions/action/schedule/event": "/date /start /end /served",
    "incident/offenders/offender/actions/action/attributes": "@count",
    "incident/offenders/offender/actions/action/assigned-by": "@datetime @district-id",
    "incident/victims": "@count /victim",
    "incident/victims/victim/student": STUDENT,
    "incident/victims/victim/employee": "@district-id",
    "incident/victims/victim/injury": "@code",
    "incident/victims/victim/attributes": "@count",
}
"""The vendor's shape of a member: every node and attribute that has a name there."""

ASSUMED = {f"{path}/attribute" for path in SHAPE if path.endswith("/attributes")}
"""What `attributes` holds, which the vendor's page does not say."""


class Clock:
    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> IncidentWorld:
    accounts = [FeedAccount("lakeside", ("test-only-a", "test-only-b")), FeedAccount("hillside", ("test-only-c",))]
    return IncidentWorld(accounts, clock)


def listed(world: IncidentWorld, district: str = "lakeside", **asked: object) -> list[str]:
    selection = IncidentFilter(**{"window": ALWAYS, **asked})  # type: ignore[arg-type]  # each has its own type
    return [incident.uuid for incident in world.selected(district, selection)]


def parsed(incidents: list[KeptIncident], spelling: Spelling = PLAIN) -> ET.Element:
    pieces = page_bytes(incidents, count=len(incidents), page=1, total_pages=1, spelling=spelling)
    return ET.fromstring(b"".join(pieces))  # noqa: S314 - the page is our own


def member(world: IncidentWorld, uuid: str, **spelling: object) -> ET.Element:
    found = parsed([world.incident(uuid)], Spelling(**spelling)).find("incident")  # type: ignore[arg-type]  # as above
    assert found is not None
    return found


def texts(element: ET.Element) -> Iterator[str]:
    for each in element.iter():
        yield from each.attrib.values()
        if each.text and each.text.strip():
            yield each.text


def test_a_member_has_the_whole_shape_of_the_vendors_page_and_no_more() -> None:
    drawn = [drawn_incident("lakeside", number, date(2026, 4, 15)) for number in range(200)]
    paths = {path for each in drawn for path in paths_of(incident_node(each, details_of(each)))}
    named = {f"{path}{name}" for path, names in SHAPE.items() for name in names.split()}
    plain = {path.partition("@")[0] for path in paths}
    assert named <= paths
    assert plain - named - SHAPE.keys() == ASSUMED
    assert {path for path in paths if "@" in path} - named == {f"{path}@code" for path in ASSUMED}


def test_every_count_is_that_of_the_nodes_children_and_what_is_empty_is_left_out() -> None:
    root = ET.fromstring(b"".join(sample_page(50)))  # noqa: S314 - as above
    counted = [element for element in root.iter() if "count" in element.attrib]
    assert {element.tag for element in counted} >= {"incidents", "offenders", "victims", "schedule", "weapons"}
    assert [element.tag for element in counted if int(element.attrib["count"]) != len(element)] == []
    assert [element.tag for element in root.iter() if element.attrib.get("count") == "0"] == []


def test_the_same_district_and_number_give_the_same_incident_and_uuids_are_unique_across_districts() -> None:
    day = date(2026, 4, 15)
    assert drawn_incident("lakeside", 7, day) == drawn_incident("lakeside", 7, day)
    drawn = [drawn_incident(district, number, day) for district in ("lakeside", "hillside") for number in range(500)]
    assert len({each.uuid for each in drawn}) == 1_000


def test_no_code_means_the_same_in_two_districts() -> None:
    codes = {district: set(code_lists_of(district).offenses) for district in ("lakeside", "hillside", "northside")}
    assert "FIGHT" in codes["lakeside"]
    assert not codes["lakeside"] & codes["hillside"]
    assert not codes["hillside"] & codes["northside"]


def test_names_ids_and_free_texts_are_marked_as_fake_and_codes_and_labels_are_not() -> None:
    root = ET.fromstring(b"".join(sample_page(50)))  # noqa: S314 - as above
    people = [*root.iter("student"), *root.iter("employee"), *root.iter("written-by"), *root.iter("assigned-by")]
    assert all(FAKE_STUDENT_MARK in each.attrib["district-id"] for each in people)
    free = [each.text or "" for name in ("description", "details") for each in root.iter(name)]
    names = [each.findtext("name", "") for each in root.iter("student")]
    assert all(FAKE_STUDENT_MARK in text for text in [*free, *names])
    coded = [each for each in root.iter() if "code" in each.attrib]
    assert not any(FAKE_STUDENT_MARK in f"{each.attrib['code']}{each.text}" for each in coded)


def test_a_page_of_a_thousand_members_is_about_four_megabytes_and_comes_in_pieces() -> None:
    sizes = [len(piece) for piece in sample_page(200)]
    assert 3_600_000 < sum(sizes) * 5 < 4_400_000
    assert max(sizes) < 100_000


async def test_others_on_the_event_loop_get_a_turn_before_each_piece_of_a_page() -> None:
    members = tuple(drawn_incident("lakeside", number, date(2026, 4, 15)) for number in range(60))
    turns: list[int] = []
    taken = []
    async for _ in Page(members, 60, 1, 1, PLAIN).pieces():
        taken.append(len(turns))
        asyncio.get_running_loop().call_soon(turns.append, 1)
    assert taken == list(range(len(taken)))
    assert len(taken) > 3


def test_a_year_is_spread_over_its_school_days_down_to_today(world: IncidentWorld) -> None:
    uuids = world.fill("lakeside", 600)
    days = [world.incident(uuid).happened_on for uuid in uuids]
    assert days == sorted(days)
    assert (days[0], days[-1]) == (date(2025, 8, 1), date(2026, 4, 15))
    assert {day.weekday() for day in days} == {0, 1, 2, 3, 4}
    assert {world.incident(uuid).type for uuid in uuids} == set(TYPES)
    assert all(world.incident(uuid).modified_at <= world.now() for uuid in uuids)
    assert listed(world) == uuids
    assert listed(world, "hillside") == []


def test_a_window_without_a_school_day_is_filled_all_the_same(world: IncidentWorld) -> None:
    weekend = Window(date(2026, 4, 11), date(2026, 4, 12))
    days = [world.incident(uuid).happened_on for uuid in world.fill("lakeside", 2, weekend)]
    assert days == [weekend.first, weekend.last]
    with pytest.raises(ValueError, match="before the first"):
        world.fill("lakeside", 1, Window(weekend.last, weekend.first))


@pytest.mark.parametrize(
    ("day", "calendar", "year", "term"),
    [
        (date(2026, 4, 15), Calendar(), ("2025-08-01", "2026-07-31"), ("2026-02-01", "2026-07-31")),
        (date(2026, 8, 1), Calendar(), ("2026-08-01", "2027-07-31"), ("2026-08-01", "2027-01-31")),
        (date(2026, 7, 31), Calendar(), ("2025-08-01", "2026-07-31"), ("2026-02-01", "2026-07-31")),
        (date(2026, 4, 15), Calendar(1, 1), ("2026-01-01", "2026-12-31"), ("2026-01-01", "2026-06-30")),
        (date(2024, 2, 29), Calendar(3, 28), ("2023-03-28", "2024-03-27"), ("2023-09-28", "2024-03-27")),
    ],
)
def test_a_school_year_begins_in_any_month(
    day: date, calendar: Calendar, year: tuple[str, str], term: tuple[str, str]
) -> None:
    found = calendar.year_of(day), calendar.term_of(day)
    assert [(str(each.first), str(each.last)) for each in found] == [year, term]
    assert school_days(found[0])[0].weekday() < 5


def test_each_change_gives_a_later_last_modified_and_to_withhold_is_no_change(
    world: IncidentWorld, clock: Clock
) -> None:
    [uuid] = world.add("lakeside", [{"type": "pending"}])
    deeds: list[Callable[[str], KeptIncident]] = [world.refer, world.bounce, world.delete, world.undelete]
    seen = [world.incident(uuid).modified_at, *(deed(uuid).modified_at for deed in deeds)]
    assert seen == sorted(set(seen))
    clock.now += 3_600
    assert world.change(uuid, {"offense": "THREAT"}).modified_at == world.now()
    assert world.withhold(uuid).modified_at == world.restore(uuid).modified_at == world.now()


def test_a_pending_incident_becomes_a_referral_and_no_other_does(world: IncidentWorld) -> None:
    [pending, minor] = world.add("lakeside", [{"type": "pending"}, {"type": "minor"}])
    assert member(world, pending).attrib["type"] == "pending"
    world.refer(pending)
    assert member(world, pending).attrib["type"] == "referral"
    with pytest.raises(ValueError, match="only a pending"):
        world.refer(minor)


def test_a_deleted_incident_is_listed_to_order_and_says_so_and_its_return_is_whole(world: IncidentWorld) -> None:
    [uuid] = world.add("lakeside")
    before = list(texts(member(world, uuid, without=frozenset({"incident@last-modified"}))))
    world.delete(uuid)
    assert (listed(world), listed(world, deleted=True)) == ([], [uuid])
    assert member(world, uuid).attrib["deleted"] == "1"
    world.undelete(uuid)
    assert listed(world) == [uuid]
    assert "deleted" not in member(world, uuid).attrib
    assert list(texts(member(world, uuid, without=frozenset({"incident@last-modified"})))) == before


def test_a_bounced_incident_says_so(world: IncidentWorld) -> None:
    [uuid] = world.add("lakeside")
    assert "bounced" not in member(world, uuid).attrib
    world.bounce(uuid)
    assert member(world, uuid).attrib["bounced"] == "1"
    world.change(uuid, {"bounced": False})
    assert "bounced" not in member(world, uuid).attrib


def test_an_incident_leaves_the_window_and_returns_as_it_was(world: IncidentWorld) -> None:
    [uuid, other] = world.add("lakeside", 2)
    before = world.incident(uuid)
    world.withhold(uuid)
    assert listed(world, deleted=True) == [other]
    world.restore(uuid)
    assert set(listed(world)) == {uuid, other}
    assert world.incident(uuid) == before
    world.change(uuid, {"date": "1999-12-31"})
    assert listed(world) == [other]


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"offense": "FIGHT"}, "offense", "FIGHT"),
        ({"school": "NEW-1"}, "school", "NEW-1"),
        ({"offenders": [{}, {"weapons": ["KNIFE"]}]}, "offenders/offender/weapons/weapon", "KNIFE"),
        ({"offenders": [{"actions": ["OSS", "CALL"]}]}, "offenders/offender/actions/action", "OSS"),
        ({"offenders": [{"offenses": ["THEFT"]}]}, "offenders/offender/offenses/offense", "THEFT"),
        ({"victims": [{"injury": "SERIOUS"}]}, "victims/victim/injury", "SERIOUS"),
        ({"attributes": ["GANG"]}, "attributes/attribute", "GANG"),
    ],
)
def test_a_person_changes_codes(world: IncidentWorld, changes: dict[str, object], path: str, expected: str) -> None:
    [uuid] = world.add("lakeside", [{"offenders": [{"weapons": []}, {"weapons": []}]}])
    world.change(uuid, changes)
    changed = member(world, uuid).find(path)
    assert changed is not None
    assert changed.attrib["code"] == expected


def test_a_person_leaves_a_node_out(world: IncidentWorld) -> None:
    nodes = ("school", "location", "offense", "description", "victims", "time", "written_by", "offenders")
    [uuid] = world.add("lakeside", [dict.fromkeys(nodes)])
    assert {child.tag for child in member(world, uuid)} <= {"date", "subject", "arrangement", "attributes"}


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "major"},
        {"date": "yesterday"},
        {"uuid": "another"},
        {"written_by": "somebody"},
        {"offense": 7},
        {"victims": [{"name": "x"}]},
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(
    world: IncidentWorld, changes: dict[str, object]
) -> None:
    [uuid] = world.add("lakeside")
    before = world.incident(uuid)
    with pytest.raises((ValueError, TypeError)):
        world.change(uuid, changes)
    assert world.incident(uuid) == before


def test_namespaces_leave_local_names_as_they_are(world: IncidentWorld) -> None:
    incidents = [world.incident(uuid) for uuid in world.add("lakeside", 2)]
    plain = [element.tag for element in parsed(incidents).iter()]
    for namespace in ("default", "prefixed"):
        root = parsed(incidents, spelling_from({"namespace": namespace}))
        assert [element.tag for element in root.iter()] == [f"{{{NAMESPACE}}}{name}" for name in plain]
        assert root.attrib["count"] == "2"


def test_elements_and_attributes_come_in_the_opposite_order_and_say_the_same(world: IncidentWorld) -> None:
    [uuid] = world.add("lakeside")
    usual, turned = member(world, uuid), member(world, uuid, is_reversed=True)
    assert [child.tag for child in turned] == [child.tag for child in reversed(usual)]
    assert list(turned.attrib) == list(reversed(usual.attrib))
    assert sorted(texts(turned)) == sorted(texts(usual))


def test_unknown_elements_and_attributes_are_beside_the_known_ones_and_have_known_names_inside(
    world: IncidentWorld,
) -> None:
    [uuid] = world.add("lakeside")
    odd = member(world, uuid, has_unknown=True)
    assert odd.find("reviewed-as/offense") is not None
    assert odd.find("reviewed-as/incident/school") is not None
    for each in list(odd.iter()):
        each.attrib.pop("revision", None)
        for decoy in each.findall("reviewed-as"):
            each.remove(decoy)
    assert list(texts(odd)) == list(texts(member(world, uuid)))


def test_comments_stand_in_the_middle_of_texts(world: IncidentWorld) -> None:
    [uuid] = world.add("lakeside", [{"date": "2026-04-15"}])
    pieces = page_bytes([world.incident(uuid)], count=1, page=1, total_pages=1, spelling=Spelling(has_comments=True))
    assert b"<date>2026-<!-- seen -->04-15</date>" in b"".join(pieces)
    assert list(texts(member(world, uuid, has_comments=True))) == list(texts(member(world, uuid)))


def test_a_canary_stands_in_every_text_and_attribute_but_codes_ids_types_numbers_times_and_booleans(
    world: IncidentWorld,
) -> None:
    [uuid] = world.add("lakeside", [{"victims": [{}, {}]}])
    plain = list(texts(member(world, uuid)))
    planted = list(texts(member(world, uuid, canary="ZZPII-7")))
    marked = {before for before, after in zip(plain, planted, strict=True) if after == f"{before} ZZPII-7"}
    element = member(world, uuid)
    spared = {each.attrib["code"] for each in element.iter() if "code" in each.attrib} | set(element.attrib.values())
    values = {each.text for name in ("date", "time", "duration", "start", "end") for each in element.iter(name)}
    counts = {
        each.attrib[name]
        for each in element.iter()
        for name in ("count", "day-length", "datetime")
        if name in each.attrib
    }
    assert set(plain) - marked == set(plain) & (spared | values | counts | {"true", "false"})
    assert marked >= {each.text for name in ("name", "race", "description", "school") for each in element.iter(name)}


def test_a_canary_stands_in_comments_and_unknown_elements_too(world: IncidentWorld) -> None:
    [uuid] = world.add("lakeside")
    spelling = Spelling(canary="ZZPII-7", has_comments=True, has_unknown=True)
    page = b"".join(page_bytes([world.incident(uuid)], count=1, page=1, total_pages=1, spelling=spelling))
    assert b"<!-- ZZPII-7 -->" in page
    assert b'<reviewed-as state="open">ZZPII-7' in page


def test_any_path_can_be_left_out_or_say_something_else(world: IncidentWorld) -> None:
    [uuid] = world.add("lakeside")
    odd = member(
        world,
        uuid,
        without=frozenset({"incident@uuid", "incident/school", "incident/offenders/offender/student"}),
        instead={"incident/date": "<ZZPII>", "incident@type": "a & b"},
    )
    assert "uuid" not in odd.attrib
    assert (odd.find("school"), odd.find("offenders/offender/student")) == (None, None)
    assert (odd.findtext("date"), odd.attrib["type"]) == ("<ZZPII>", "a & b")


def test_the_root_says_what_was_ordered(world: IncidentWorld) -> None:
    incidents = [world.incident(uuid) for uuid in world.add("lakeside", 3)]
    root = parsed(incidents, Spelling(count_off=-1, total_pages_off=2))
    assert (len(root), root.attrib) == (3, {"count": "2", "page": "1", "total-pages": "3"})


@pytest.mark.parametrize(
    ("form", "day", "moment"),
    [
        ("iso", "2026-04-15", "2026-04-15T13:02:11-06:00"),
        ("utc", "2026-04-15", "2026-04-15T19:02:11Z"),
        ("naive", "2026-04-15T00:00:00", "2026-04-15T13:02:11"),
        ("fraction", "2026-04-15", "2026-04-15T19:02:11.250Z"),
        ("spaced", "2026-04-15 00:00:00", "2026-04-15 13:02:11 -0600"),
        ("basic", "20260415", "20260415T130211-0600"),
        ("american", "04/15/2026", "04/15/2026 01:02 PM"),
        ("mail", "Wed, 15 Apr 2026", "Wed, 15 Apr 2026 13:02:11 -0600"),
        ("unix", "2026-04-15", "1776279731"),
    ],
)
def test_dates_and_times_have_the_form_that_was_ordered(world: IncidentWorld, form: str, day: str, moment: str) -> None:
    [uuid] = world.add("lakeside")
    world.change(uuid, {"offense": "FIGHT"})
    spelt = parsed([world.incident(uuid)], spelling_from({"dates": form})).find("incident")
    assert spelt is not None
    assert (spelt.findtext("date"), spelt.attrib["last-modified"]) == (day, moment)


@pytest.mark.parametrize(("form", "deleted", "others"), [("1", "1", None), ("", "", None), ("always", "1", "0")])
def test_flags_have_the_form_that_was_ordered(
    world: IncidentWorld, form: str, deleted: str, others: str | None
) -> None:
    [uuid] = world.add("lakeside")
    world.delete(uuid)
    attributes = member(world, uuid, flags=form).attrib
    assert (attributes["deleted"], attributes.get("bounced")) == (deleted, others)


@pytest.mark.parametrize("form", ["true", "True", "1", "yes", "Y", "t", "on"])
def test_booleans_have_two_words_of_one_form(world: IncidentWorld, form: str) -> None:
    element = parsed([world.incident(uuid) for uuid in world.add("lakeside", 10)], spelling_from({"booleans": form}))
    words = {each.text for name in ("iep", "frpl", "served") for each in element.iter(name)}
    assert len(words) == 2
    assert form in words


@pytest.mark.parametrize("order", [{"namespace": "odd"}, {"dates": "lunar"}, {"flags": "maybe"}, {"colour": "red"}])
def test_a_spelling_that_does_not_exist_is_refused(order: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        spelling_from(order)
