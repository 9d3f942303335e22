"""What the stand-in of the incident feed keeps of the vendor's page, and what it can be ordered to do, over HTTP."""

import gzip
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from sandbox.incident_feed.behaviour import FeedBehaviour
from sandbox.incident_feed.school_year import Calendar
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.secrets import INCIDENT_FEED_TOKEN
from sandbox.wire.server import serve

PATH = "/public/v1/incidents.xml"
LAKESIDE = {"Authorization": "Bearer test-only-lakeside"}
SECOND = {"Authorization": "bearer test-only-second"}
HILLSIDE = {"Authorization": "Bearer test-only-hillside"}
NOW = datetime(2026, 4, 15, 19, 2, 11, tzinfo=UTC).timestamp()
YEAR = {"from": "2025-08-01", "to": "2026-07-31"}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def http(clock: Clock) -> Iterator[httpx2.Client]:
    accounts = [
        FeedAccount("lakeside", ("test-only-lakeside", "test-only-second")),
        FeedAccount("hillside", ("test-only-hillside",), Calendar(1, 1)),
    ]
    app = incident_feed_app(IncidentWorld(accounts, clock), FeedBehaviour(page_size=10))
    with serve(app) as address, httpx2.Client(base_url=address, trust_env=False) as http:
        yield http


def order(http: httpx2.Client, path: str, method: str = "POST", /, **order: object) -> Any:
    answer = http.request(method, f"/_sandbox/{path}", json=order)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def add(http: httpx2.Client, *changes: Mapping[str, object], district: str = "lakeside") -> list[str]:
    added: list[str] = order(http, "incidents", district=district, incidents=list(changes))["incidents"]
    return added


def fill(http: httpx2.Client, incidents: int, **days: str) -> list[str]:
    added: list[str] = order(http, "years", district="lakeside", incidents=incidents, **days)["incidents"]
    return added


def read(http: httpx2.Client, by: dict[str, str] = LAKESIDE, /, **asked: str) -> ET.Element:
    answer = http.get(PATH, params=asked, headers=by)
    assert answer.status_code == 200, answer.text
    return ET.fromstring(answer.content)  # noqa: S314 - the page is our own


def uuids(root: ET.Element) -> list[str]:
    return [member.attrib["uuid"] for member in root.findall("incident")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer test-only-other"},
        {"Authorization": "Basic test-only-lakeside"},
        {"Authorization": "test-only-lakeside"},
    ],
)
def test_a_request_without_a_valid_token_is_answered_with_401(http: httpx2.Client, headers: dict[str, str]) -> None:
    assert http.get(PATH, headers=headers).status_code == 401
    assert http.get(PATH, params={"access_token": "test-only-lakeside"}, headers=headers).status_code == 401


def test_every_token_of_an_account_shows_its_incidents_and_nobody_elses(http: httpx2.Client) -> None:
    [ours], [theirs] = add(http, {}), add(http, {}, district="hillside")
    assert uuids(read(http)) == uuids(read(http, SECOND)) == [ours]
    assert uuids(read(http, HILLSIDE)) == [theirs]


def test_the_feed_is_xml_and_read_only(http: httpx2.Client) -> None:
    assert http.get(PATH, headers=LAKESIDE).headers["content-type"].startswith("application/xml")
    methods = ("POST", "PUT", "PATCH", "DELETE")
    assert {http.request(method, PATH, headers=LAKESIDE).status_code for method in methods} == {405}
    assert http.get("/public/v1/incidents", headers=LAKESIDE).status_code == 404


def test_a_page_has_a_thousand_members_unless_a_test_wants_less() -> None:
    assert FeedBehaviour().page_size == 1_000


def test_pages_are_counted_from_one_and_together_are_the_whole_list(http: httpx2.Client) -> None:
    filled = fill(http, 25)
    pages = [read(http, page=str(number)) for number in (1, 2, 3)]
    assert [uuid for page in pages for uuid in uuids(page)] == filled
    assert [page.attrib["page"] for page in pages] == ["1", "2", "3"]
    assert {page.attrib["total-pages"] for page in pages} == {"3"}
    assert [page.attrib["count"] for page in pages] == ["10", "10", "5"]
    assert uuids(read(http)) == uuids(pages[0])


def test_beyond_the_last_page_there_is_an_empty_one_and_an_empty_feed_has_no_page(http: httpx2.Client) -> None:
    assert read(http).attrib == {"count": "0", "page": "1", "total-pages": "0"}
    fill(http, 11)
    assert read(http, page="3").attrib == {"count": "0", "page": "3", "total-pages": "2"}


def test_a_type_is_the_only_one_shown(http: httpx2.Client) -> None:
    added = add(http, {"type": "referral"}, {"type": "minor"}, {"type": "pending"})
    assert [uuids(read(http, type=kind)) for kind in ("referral", "minor", "pending")] == [[each] for each in added]


def test_deleted_ones_are_shown_to_those_who_ask_and_then_say_so(http: httpx2.Client) -> None:
    uuid, other = add(http, {}, {})
    order(http, f"incidents/{uuid}/delete")
    assert [uuids(read(http)), uuids(read(http, deleted="0"))] == [[other], [other]]
    flags = {each.attrib["uuid"]: each.attrib.get("deleted") for each in read(http, deleted="1")}
    assert flags == {uuid: "1", other: None}
    order(http, f"incidents/{uuid}/undelete")
    assert set(uuids(read(http))) == {uuid, other}


def test_from_and_to_name_the_first_and_the_last_day(http: httpx2.Client) -> None:
    days = ("2026-03-01", "2026-03-02", "2026-03-31", "2026-04-01")
    added = add(http, *({"date": day} for day in days))
    assert uuids(read(http, **{"from": "2026-03-02", "to": "2026-03-31"})) == added[1:3]
    assert uuids(read(http, **{"from": "2026-03-31", "to": "2026-03-02"})) == []


@pytest.mark.parametrize(
    ("window", "asked", "shown"),
    [
        ("year", {}, ["2025-08-01", "2026-01-31", "2026-02-01", "2026-07-31"]),
        ("year", {"from": "2020-01-01"}, ["2025-08-01", "2026-01-31", "2026-02-01", "2026-07-31"]),
        ("year", {"to": "2020-01-01"}, ["2025-08-01", "2026-01-31", "2026-02-01", "2026-07-31"]),
        ("term", {}, ["2026-02-01", "2026-07-31"]),
        ("term", YEAR, ["2025-08-01", "2026-01-31", "2026-02-01", "2026-07-31"]),
    ],
)
def test_without_both_days_the_window_is_the_current_school_year(
    http: httpx2.Client, window: str, asked: dict[str, str], shown: list[str]
) -> None:
    days = ("2025-07-31", "2025-08-01", "2026-01-31", "2026-02-01", "2026-07-31", "2026-08-01")
    add(http, *({"date": day} for day in days))
    order(http, "settings", "PATCH", default_window=window)
    assert [member.findtext("date") for member in read(http, **asked)] == shown


def test_the_school_year_is_the_accounts_own_and_moves_on(http: httpx2.Client, clock: Clock) -> None:
    add(http, {"date": "2025-12-31"}, {"date": "2026-12-31"}, district="hillside")
    assert [member.findtext("date") for member in read(http, HILLSIDE)] == ["2026-12-31"]
    clock.now = datetime(2027, 1, 2, tzinfo=UTC).timestamp()
    assert uuids(read(http, HILLSIDE)) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"page": "0"},
        {"page": "-1"},
        {"page": "two"},
        {"type": "major"},
        {"from": "01.04.2026", "to": "2026-04-02"},
        {"from": "2026-04-01", "to": "2026-04-31"},
        {"from": "20260401", "to": "20260402"},
    ],
)
def test_a_parameter_that_cannot_be_read_is_refused(http: httpx2.Client, asked: dict[str, str]) -> None:
    assert http.get(PATH, params=asked, headers=LAKESIDE).status_code == 400


def test_a_life_of_an_incident_as_a_client_sees_it(http: httpx2.Client, clock: Clock) -> None:
    [uuid] = add(http, {"type": "pending", "offense": "DISRUPT"})
    seen = [read(http, deleted="1", **YEAR)[0].attrib]
    for deed in ("refer", "bounce", "delete", "undelete"):
        clock.now += 60
        order(http, f"incidents/{uuid}/{deed}")
        seen.append(read(http, deleted="1", **YEAR)[0].attrib)
    clock.now += 60
    order(http, f"incidents/{uuid}", "PATCH", offense="FIGHT", bounced=False)
    last = read(http, deleted="1", **YEAR)[0]
    assert [each["type"] for each in seen] == ["pending", *["referral"] * 4]
    assert [each.get("bounced") for each in [*seen, last.attrib]] == [None, None, "1", "1", "1", None]
    assert [each.get("deleted") for each in seen] == [None, None, None, "1", None]
    assert len({each["last-modified"] for each in [*seen, last.attrib]}) == 6
    offense = last.find("offense")
    assert offense is not None
    assert offense.attrib["code"] == "FIGHT"
    [shown] = http.get("/_sandbox/incidents", params={"district": "lakeside"}).json()
    assert shown == {
        "uuid": uuid,
        "type": "referral",
        "date": "2026-04-15",
        "last_modified": last.attrib["last-modified"],
        "deleted": False,
        "bounced": False,
        "withheld": False,
    }


def test_an_incident_vanishes_without_a_word_and_returns_as_it_was(http: httpx2.Client) -> None:
    [uuid] = add(http, {})
    before = http.get(PATH, headers=LAKESIDE).content
    order(http, f"incidents/{uuid}/withhold")
    assert uuids(read(http, deleted="1")) == []
    order(http, f"incidents/{uuid}/restore")
    assert http.get(PATH, headers=LAKESIDE).content == before


def test_pages_grow_and_shrink_while_they_are_read(http: httpx2.Client) -> None:
    filled = fill(http, 25)
    order(http, "moves", after_page=1, add=6)
    first, second = read(http, page="1"), read(http, page="2")
    assert [page.attrib["total-pages"] for page in (first, second)] == ["3", "4"]
    order(http, "moves", after_page=2, withhold=12)
    pages = [read(http, page=number) for number in ("1", "2")]
    assert {page.attrib["total-pages"] for page in pages} == {"4"}, "they vanish after the second"
    third = read(http, page="3")
    assert third.attrib["total-pages"] == "2"
    assert uuids(third) == []
    assert uuids(read(http, page="1")) == filled[12:22], "what followed has moved up"


def test_the_newest_come_first_and_all_are_counted_to_order(http: httpx2.Client) -> None:
    filled = fill(http, 12)
    order(http, "settings", "PATCH", newest_first=True, counted="all")
    page = read(http)
    assert uuids(page) == filled[::-1][:10]
    assert page.attrib["count"] == "12"


def test_another_day_of_an_incident_lies_in_the_window_to_order(http: httpx2.Client, clock: Clock) -> None:
    [uuid] = add(http, {"date": "2026-03-02"})
    clock.now = datetime(2026, 5, 4, 18, tzinfo=UTC).timestamp()
    order(http, f"incidents/{uuid}", "PATCH", offense="FIGHT")
    days = {"date": "2026-03-02", "written": "2026-04-15", "modified": "2026-05-04"}
    for filtered_by in days:
        order(http, "settings", "PATCH", filtered_by=filtered_by)
        shown = [name for name, day in days.items() if uuids(read(http, **{"from": day, "to": day}))]
        assert shown == [filtered_by]


def test_conditional_requests_are_answered_to_order_only(http: httpx2.Client) -> None:
    add(http, {})
    answer = http.get(PATH, headers=LAKESIDE)
    assert not {"etag", "last-modified"} & set(answer.headers)
    asked = {"If-None-Match": "*", "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert http.get(PATH, headers={**LAKESIDE, **asked}).status_code == 200


def test_a_page_with_a_tag_is_sent_again_when_it_has_changed(http: httpx2.Client) -> None:
    uuid, other = add(http, {}, {})
    order(http, "settings", "PATCH", etags=True)
    known = {**LAKESIDE, "If-None-Match": http.get(PATH, headers=LAKESIDE).headers["etag"]}
    again = http.get(PATH, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == known["If-None-Match"]
    for path, method in ((f"incidents/{uuid}", "PATCH"), (f"incidents/{other}/withhold", "POST")):
        order(http, path, method)
        changed = http.get(PATH, headers=known)
        assert changed.status_code == 200
        known["If-None-Match"] = f'W/"other", {changed.headers["etag"]}'
        assert http.get(PATH, headers=known).status_code == 304


def test_a_page_with_a_time_is_sent_again_when_the_feed_has_changed_since(http: httpx2.Client, clock: Clock) -> None:
    [uuid] = add(http, {})
    order(http, "settings", "PATCH", last_modified=True)
    told = http.get(PATH, headers=LAKESIDE).headers["last-modified"]
    assert told == "Wed, 15 Apr 2026 19:02:11 GMT"
    known = {**LAKESIDE, "If-Modified-Since": told}
    assert http.get(PATH, headers=known).status_code == 304
    assert http.get(PATH, headers={**LAKESIDE, "If-Modified-Since": "lately"}).status_code == 200
    clock.now += 1
    order(http, f"incidents/{uuid}/withhold")
    assert http.get(PATH, headers=known).status_code == 200
    order(http, "settings", "PATCH", etags=True)
    later = {"If-None-Match": '"other"', "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert http.get(PATH, headers={**LAKESIDE, **later}).status_code == 200


def test_a_spelling_is_for_its_page_and_as_many_times_as_ordered(http: httpx2.Client) -> None:
    fill(http, 15)
    order(http, "spellings", page=2, count_off=3)
    order(http, "spellings", times=None, dates="american")
    counts = [read(http, page=page).attrib["count"] for page in ("1", "2", "2")]
    assert counts == ["10", "8", "5"]
    assert "/" in read(http)[0].attrib["last-modified"]
    http.delete("/_sandbox/spellings")
    assert "/" not in read(http)[0].attrib["last-modified"]


def test_an_odd_page_is_one_that_a_parser_takes(http: httpx2.Client) -> None:
    fill(http, 12)
    odd = {"namespace": "prefixed", "is_reversed": True, "has_unknown": True, "has_comments": True, "canary": "ZZPII-1"}
    order(http, "spellings", without=["incident/school"], **odd)
    answer = http.get(PATH, headers=LAKESIDE)
    assert len(ET.fromstring(answer.content)) == 11, "an unknown element is beside the members"  # noqa: S314 - as above
    assert b"<eh:school" not in answer.content
    assert b"ZZPII-1" in answer.content


@pytest.mark.parametrize("kind", ["half", "cut"])
def test_half_a_page_is_a_broken_one(http: httpx2.Client, kind: str) -> None:
    fill(http, 15)
    order(http, "faults", kind=kind, path="incidents.xml", query="page=2")
    assert len(uuids(read(http, page="1"))) == 10
    with pytest.raises((httpx2.TransportError, ET.ParseError)):
        read(http, page="2")
    assert len(uuids(read(http, page="2"))) == 5


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ({"kind": "status", "status": 401}, 401, None),
        ({"kind": "status", "status": 500}, 500, None),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}, 429, None),
        ({"kind": "html"}, 200, "text/html; charset=utf-8"),
    ],
)
def test_the_wire_has_the_faults_of_every_stand_in(
    http: httpx2.Client, fault: dict[str, object], status: int, kind: str | None
) -> None:
    order(http, "faults", **fault)
    answer = http.get(PATH, headers=LAKESIDE)
    assert (answer.status_code, answer.headers.get("content-type")) == (status, kind)
    assert http.get(PATH, headers=LAKESIDE).status_code == 200


def test_a_page_is_compressed_to_order_and_may_grow_when_it_is_unpacked(http: httpx2.Client) -> None:
    fill(http, 10)
    plain = http.get(PATH, headers=LAKESIDE).content
    for size in (0, 5_000_000):
        order(http, "faults", kind="large", gzip=True, size=size)
        with http.stream("GET", PATH, headers=LAKESIDE) as answer:
            packed = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert len(packed) < 20_000
        unpacked = gzip.decompress(packed)
        assert (unpacked.rstrip(), len(unpacked)) == (plain.rstrip(), max(size, len(plain)))


def test_a_page_that_comes_slowly_is_a_whole_one(http: httpx2.Client) -> None:
    [uuid] = add(http, {})
    order(http, "faults", kind="trickle", seconds=0)
    assert uuids(read(http)) == [uuid]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "settings", {"page_size": 0}, 400),
        ("PATCH", "settings", {"default_window": "week"}, 400),
        ("PATCH", "settings", {"colour": "red"}, 400),
        ("POST", "spellings", {"namespace": "odd"}, 400),
        ("POST", "spellings", [], 400),
        ("POST", "moves", {"add": 1}, 400),
        ("POST", "years", {"district": "lakeside", "first": "2026-04-12", "last": "2026-04-11"}, 400),
        ("POST", "incidents", {"district": "lakeside", "incidents": [{"type": "major"}]}, 400),
        ("POST", "incidents", {}, 404),
        ("POST", "incidents/nothing/delete", {}, 404),
        ("PATCH", "incidents/nothing", {}, 404),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    http: httpx2.Client, method: str, path: str, body: object, status: int
) -> None:
    assert http.request(method, f"/_sandbox/{path}", json=body).status_code == status


def test_a_deed_that_does_not_exist_or_is_not_possible_is_refused(http: httpx2.Client) -> None:
    [uuid] = add(http, {"type": "minor"})
    assert http.post(f"/_sandbox/incidents/{uuid}/forgive").status_code == 404
    assert http.post(f"/_sandbox/incidents/{uuid}/refer").status_code == 400


def test_moves_that_were_ordered_can_be_taken_back(http: httpx2.Client) -> None:
    fill(http, 3)
    order(http, "moves", after_page=1, withhold=3)
    assert http.delete("/_sandbox/moves").status_code == 204
    assert len(uuids(read(http))) == len(uuids(read(http))) == 3


def test_the_sandbox_for_a_laptop_has_a_feed_with_as_many_incidents_as_it_is_told() -> None:
    command = [sys.executable, "-m", "remedy", "sandbox", "--json", "--incidents", "12"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            address = json.loads(process.stdout.readline())["incident_feed"]
            by = {"Authorization": f"Bearer {INCIDENT_FEED_TOKEN}"}
            answer = httpx2.get(f"{address}{PATH}", headers=by, trust_env=False)
        finally:
            process.terminate()
    assert len(uuids(ET.fromstring(answer.content))) == 12  # noqa: S314 - as above
