"""What the stand-in keeps of a real ServiceNow, over raw HTTP."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from sandbox.servicenow.stand_in import INTEGRATION, PERSON, ServiceNowTables, servicenow_app
from sandbox.wire.server import serve

INCIDENTS = "/api/now/v2/table/incident"
NOBODY = "0" * 32
RESOLUTION = {"state": "6", "close_code": "Solution provided", "close_notes": "Done"}


@dataclass
class Desk:
    """Two people's clients, the clock, and the tables behind them."""

    remedy: httpx2.Client
    priya: httpx2.Client
    tables: ServiceNowTables
    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def open(self, **payload: object) -> dict[str, Any]:
        answer = self.remedy.post(INCIDENTS, json=payload)
        assert answer.status_code == 201, answer.text
        record: dict[str, Any] = answer.json()["result"]
        return record

    def listed(self, query: str = "", **params: str | int) -> httpx2.Response:
        return self.remedy.get(INCIDENTS, params={"sysparm_query": query, **params})

    def patch(self, record: dict[str, Any], **payload: object) -> httpx2.Response:
        return self.remedy.patch(f"{INCIDENTS}/{record['sys_id']}", json=payload)

    def set(self, **settings: object) -> None:
        assert self.remedy.patch("/_sandbox/settings", json=settings).status_code == 200


@pytest.fixture
def desk() -> Iterator[Desk]:
    tables = ServiceNowTables(lambda: made.now)
    with (
        serve(servicenow_app(tables)) as address,
        httpx2.Client(base_url=address, auth=(INTEGRATION.user_name, INTEGRATION.password), trust_env=False) as remedy,
        httpx2.Client(base_url=address, auth=(PERSON.user_name, PERSON.password), trust_env=False) as priya,
    ):
        made = Desk(remedy, priya, tables)
        yield made


def test_a_new_record_is_answered_with_201_its_location_and_itself(desk: Desk) -> None:
    answer = desk.remedy.post(INCIDENTS, json={"short_description": "A", "impact": 1, "urgency": "1"})
    record = answer.json()["result"]
    assert (answer.status_code, record["number"], record["state"]) == (201, "INC0010001", "1")
    assert answer.headers["Location"].endswith(f"{INCIDENTS}/{record['sys_id']}")
    assert (record["sys_created_on"], record["sys_mod_count"]) == ("2026-03-01 12:00:00", "0")
    assert (record["sys_created_by"], record["impact"], record["active"]) == ("remedy.integration", "1", "true")
    assert desk.remedy.get(answer.headers["Location"]).json()["result"] == record


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !", "Bearer", "Bearer wrong", "Basic " + base64.b64encode(b"priya.helpdesk:wrong").decode()],
)
def test_whoever_is_not_signed_in_gets_401(desk: Desk, authorization: str) -> None:
    answer = httpx2.get(
        str(desk.remedy.base_url) + INCIDENTS, headers={"Authorization": authorization}, trust_env=False
    )
    assert (answer.status_code, answer.json()["status"]) == (401, "failure")
    assert answer.json()["error"]["message"] == "User Not Authenticated"


def test_a_bearer_token_signs_in(desk: Desk) -> None:
    headers = {"Authorization": f"Bearer {INTEGRATION.token}"}
    assert httpx2.get(f"{desk.remedy.base_url}{INCIDENTS}", headers=headers, trust_env=False).status_code == 200


def test_everybody_can_ask_who_they_are(desk: Desk) -> None:
    query = {"sysparm_query": "sys_id=javascript:gs.getUserID()"}
    for client, name in ((desk.remedy, INTEGRATION.user_name), (desk.priya, PERSON.user_name)):
        (row,) = client.get("/api/now/v2/table/sys_user", params=query).json()["result"]
        assert row["user_name"] == name


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"),
    [(1, 1, 1), (1, 2, 2), (1, 3, 3), (2, 1, 2), (2, 2, 3), (2, 3, 4), (3, 1, 3), (3, 2, 4), (3, 3, 5)],
)
def test_priority_is_computed_and_cannot_be_set(desk: Desk, impact: int, urgency: int, priority: int) -> None:
    record = desk.open(impact=impact, urgency=urgency, priority="1")
    assert record["priority"] == str(priority)


def test_values_are_text(desk: Desk) -> None:
    record = desk.open(u_flag=True, u_number=7, category=None)
    assert (record["u_flag"], record["u_number"], record["category"]) == ("true", "7", "")


def test_a_column_that_does_not_exist_is_ignored(desk: Desk) -> None:
    assert "shoe_size" not in desk.open(shoe_size="44")


def test_long_values_are_cut_without_a_word(desk: Desk) -> None:
    record = desk.open(short_description="x" * 200, correlation_id="y" * 200)
    assert (len(record["short_description"]), len(record["correlation_id"])) == (160, 100)


def test_a_write_counts_and_a_write_that_changes_nothing_does_not(desk: Desk) -> None:
    record = desk.open(short_description="A")
    desk.now += timedelta(minutes=1)
    same = desk.patch(record, short_description="A").json()["result"]
    assert (same["sys_mod_count"], same["sys_updated_on"]) == ("0", "2026-03-01 12:00:00")
    other = desk.priya.put(f"{INCIDENTS}/{record['sys_id']}", json={"short_description": "B"}).json()["result"]
    assert (other["sys_mod_count"], other["sys_updated_on"]) == ("1", "2026-03-01 12:01:00")
    assert other["sys_updated_by"] == PERSON.user_name


def test_journals_read_back_empty_and_are_kept(desk: Desk) -> None:
    record = desk.open(work_notes="one")
    answer = desk.patch(record, work_notes="two", comments="three").json()["result"]
    assert (answer["work_notes"], answer["comments"], answer["sys_mod_count"]) == ("", "", "1")
    kept = desk.remedy.get(f"/_sandbox/records/incident/{record['sys_id']}").json()["journal"]
    assert [(entry["element"], entry["value"]) for entry in kept] == [
        ("work_notes", "one"),
        ("work_notes", "two"),
        ("comments", "three"),
    ]


@pytest.mark.parametrize("state", ["6", "7"])
@pytest.mark.parametrize("missing", ["close_code", "close_notes"])
def test_resolving_demands_code_and_notes(desk: Desk, state: str, missing: str) -> None:
    record = desk.open()
    answer = desk.patch(record, **{**RESOLUTION, "state": state, missing: ""})
    assert (answer.status_code, answer.json()["status"]) == (403, "failure")
    assert answer.json()["error"]["message"] == "Operation Failed"
    assert answer.json()["error"]["detail"].startswith("Data Policy Exception:\r\nThe following fields are mandatory: ")
    assert desk.remedy.get(f"{INCIDENTS}/{record['sys_id']}").json()["result"] == record


def test_a_code_that_is_no_choice_counts_as_missing(desk: Desk) -> None:
    record = desk.open()
    refused = desk.patch(record, **{**RESOLUTION, "close_code": "Risk accepted"})
    assert refused.json()["error"]["detail"].endswith("mandatory: Resolution code")
    desk.set(own_close_codes=["Risk accepted"])
    assert desk.patch(record, **{**RESOLUTION, "close_code": "Risk accepted"}).status_code == 200


def test_empty_text_clears_every_column_but_those_with_choices(desk: Desk) -> None:
    record = desk.open()
    desk.patch(record, **RESOLUTION)
    emptied = desk.patch(record, state="2", close_code="", close_notes="").json()["result"]
    assert (emptied["close_code"], emptied["close_notes"]) == (RESOLUTION["close_code"], "")
    desk.set(clears_choices=True)
    assert desk.patch(record, close_code="").json()["result"]["close_code"] == ""


def test_code_and_notes_that_are_there_already_are_enough(desk: Desk) -> None:
    record = desk.open(close_code="Duplicate", close_notes="x")
    assert desk.patch(record, state="6").status_code == 200


def test_resolving_says_who_and_when_and_reopening_forgets_it(desk: Desk) -> None:
    record = desk.open()
    path = f"{INCIDENTS}/{record['sys_id']}"
    resolved = desk.priya.patch(path, json=RESOLUTION).json()["result"]
    assert (resolved["resolved_by"]["value"], resolved["resolved_at"]) == (PERSON.sys_id, "2026-03-01 12:00:00")
    assert resolved["active"] == "true"
    reopened = desk.patch(record, state="2").json()["result"]
    assert (reopened["resolved_by"], reopened["resolved_at"]) == ("", "")


def test_a_closed_record_is_not_reopened_unless_configured(desk: Desk) -> None:
    record = desk.open()
    assert desk.patch(record, **{**RESOLUTION, "state": "7"}).json()["result"]["active"] == "false"
    assert desk.patch(record, state="2").status_code == 403
    desk.set(reopen_closed=True)
    assert desk.patch(record, state="2").json()["result"]["closed_by"] == ""


def test_a_cancelled_record_stays_cancelled(desk: Desk) -> None:
    record = desk.open()
    assert desk.patch(record, state="8").json()["result"]["active"] == "false"
    assert desk.patch(record, state="2").status_code == 403
    assert desk.patch(record, work_notes="A note").status_code == 200


def test_what_closing_demands_besides_can_be_set(desk: Desk) -> None:
    desk.set(mandatory_to_close=["u_cause"])
    record = desk.open()
    refused = desk.patch(record, **RESOLUTION)
    assert refused.json()["error"]["detail"].endswith("The following fields are mandatory: u_cause")
    assert desk.patch(record, **RESOLUTION, u_cause="x").status_code == 200


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2030-01-31 10:00:00", "2030-01-31 10:00:00"),
        ("2030-01-31", "2030-01-31 00:00:00"),
        ("soon", ""),
        ("", ""),
    ],
)
def test_a_due_date_is_a_date_and_a_time(desk: Desk, written: str, kept: str) -> None:
    assert desk.open(due_date=written)["due_date"] == kept


def test_a_security_incident_has_its_own_states_and_numbers(desk: Desk) -> None:
    path = "/api/now/v2/table/sn_si_incident"
    record = desk.remedy.post(path, json={}).json()["result"]
    assert (record["number"], record["state"]) == ("SIR0010001", "10")
    assert desk.remedy.patch(f"{path}/{record['sys_id']}", json={"state": "3"}).status_code == 403
    closed = desk.remedy.patch(
        f"{path}/{record['sys_id']}", json={**RESOLUTION, "state": "3", "close_code": "Threat mitigated"}
    ).json()["result"]
    assert closed["closed_by"]["value"] == INTEGRATION.sys_id


def test_a_deleted_record_is_not_found(desk: Desk) -> None:
    path = f"{INCIDENTS}/{desk.open(correlation_id='a')['sys_id']}"
    assert desk.priya.delete(path).status_code == 204
    for answer in (desk.remedy.get(path), desk.remedy.patch(path, json={}), desk.remedy.delete(path)):
        assert (answer.status_code, answer.json()["error"]["message"]) == (404, "No Record found")
    assert desk.listed("correlation_id=a").json()["result"] == []


def test_a_table_that_does_not_exist_is_400(desk: Desk) -> None:
    assert desk.remedy.get("/api/now/v2/table/nothing").status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_400(desk: Desk, body: bytes) -> None:
    assert desk.remedy.post(INCIDENTS, content=body).status_code == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", "ab"), ("category=x^correlation_id=1", "a"), ("correlation_ids=1", "ab"), ("ORDERBYDESCnumber", "ba")],
)
def test_an_encoded_query_takes_the_records_it_means(desk: Desk, query: str, expected: str) -> None:
    desk.open(short_description="a", category="x", correlation_id="1")
    desk.open(short_description="b", category="x", correlation_id="2")
    rows = desk.listed(query).json()["result"]
    assert "".join(row["short_description"] for row in rows) == expected


def test_only_the_fields_asked_for_come_back(desk: Desk) -> None:
    desk.open(short_description="a")
    (row,) = desk.listed(sysparm_fields="number,short_description,shoe_size").json()["result"]
    assert row == {"number": "INC0010001", "short_description": "a"}


def test_references_come_with_a_link_unless_asked_otherwise(desk: Desk) -> None:
    desk.open()
    (linked,) = desk.listed().json()["result"]
    (plain,) = desk.listed(sysparm_exclude_reference_link="True").json()["result"]
    assert linked["opened_by"]["link"].endswith(f"/api/now/v2/table/sys_user/{INTEGRATION.sys_id}")
    assert linked["opened_by"]["value"] == plain["opened_by"] == INTEGRATION.sys_id


def test_display_values_are_the_words_that_people_see(desk: Desk) -> None:
    desk.open()
    (words,) = desk.listed(sysparm_display_value="true").json()["result"]
    (both,) = desk.listed(sysparm_display_value="all").json()["result"]
    assert (words["state"], both["state"]) == ("New", {"display_value": "New", "value": "1"})


def test_a_list_is_paged_with_a_total_and_links(desk: Desk) -> None:
    for _ in range(5):
        desk.open()
    first = desk.listed("ORDERBYnumber", sysparm_limit=2)
    assert first.headers["X-Total-Count"] == "5"
    assert [row["number"][-1] for row in first.json()["result"]] == ["1", "2"]
    second = desk.remedy.get(first.links["next"]["url"])
    assert [row["number"][-1] for row in second.json()["result"]] == ["3", "4"]
    last = desk.remedy.get(second.links["next"]["url"])
    assert [row["number"][-1] for row in last.json()["result"]] == ["5"]
    assert set(last.links) == {"first", "prev", "last"}
    assert "Link" not in desk.listed(sysparm_limit=2, sysparm_suppress_pagination_header="true").headers


def test_an_empty_list_is_200(desk: Desk) -> None:
    answer = desk.listed("number=none")
    assert (answer.status_code, answer.json(), answer.headers["X-Total-Count"]) == (200, {"result": []}, "0")


def test_hidden_rows_leave_a_page_short_and_stay_in_the_total(desk: Desk) -> None:
    records = [desk.open() for _ in range(4)]
    desk.set(hidden=[records[0]["sys_id"], records[1]["sys_id"]])
    page = desk.listed("ORDERBYnumber", sysparm_limit=2)
    assert (page.json()["result"], page.headers["X-Total-Count"], "next" in page.links) == ([], "4", True)
    assert desk.remedy.get(f"{INCIDENTS}/{records[0]['sys_id']}").status_code == 404
    assert desk.priya.get(f"{INCIDENTS}/{records[0]['sys_id']}").status_code == 200


def test_a_field_without_write_access_is_dropped_silently(desk: Desk) -> None:
    desk.set(dropped_fields=["correlation_id"])
    answer = desk.remedy.post(INCIDENTS, json={"correlation_id": "a", "short_description": "b"})
    assert answer.status_code == 201
    assert (answer.json()["result"]["correlation_id"], answer.json()["result"]["short_description"]) == ("", "b")


def test_anybodys_record_can_be_read_by_its_id(desk: Desk) -> None:
    record = desk.priya.post(INCIDENTS, json={"short_description": "Printer on fire"}).json()["result"]
    read = desk.remedy.get(f"{INCIDENTS}/{record['sys_id']}").json()["result"]
    assert read["short_description"] == "Printer on fire"


def test_beyond_the_rate_limit_is_429_with_the_time_to_wait(desk: Desk) -> None:
    desk.set(rate_limit=1)
    assert desk.listed().headers["X-RateLimit-Limit"] == "1"
    answer = desk.listed()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
    assert answer.headers["X-RateLimit-Reset"] == str(int(desk.now.timestamp()) + 3600)
    assert answer.json()["error"]["message"] == "Rate limit exceeded"
    desk.now += timedelta(hours=1)
    assert desk.listed().status_code == 200


def test_a_result_can_come_with_an_error(desk: Desk) -> None:
    desk.open()
    desk.open()
    desk.set(mixed_answers=1)
    mixed = desk.listed()
    assert (mixed.status_code, len(mixed.json()["result"]), mixed.json()["status"]) == (200, 1, "failure")
    assert "error" not in desk.listed().json()


def test_a_setting_that_does_not_exist_is_refused(desk: Desk) -> None:
    assert desk.remedy.patch("/_sandbox/settings", json={"gravity": 0}).status_code == 400
    assert desk.remedy.get("/_sandbox/settings").json()["dropped_fields"] == []


def test_all_records_can_be_shown_or_those_of_one_table(desk: Desk) -> None:
    desk.open()
    assert len(desk.remedy.get("/_sandbox/records").json()) == 1
    assert len(desk.remedy.get("/_sandbox/records/incident").json()) == 1
    assert desk.remedy.get("/_sandbox/records/sn_si_incident").json() == []


@pytest.mark.parametrize("path", ["/nav_to.do?uri=incident.do%3Fsys_id%3D{}", "/incident.do?sys_id={}"])
def test_a_page_shows_a_record_and_escapes_it(desk: Desk, path: str) -> None:
    record = desk.open(short_description="<script>alert(1)</script>", work_notes="<img onerror=x>")
    page = desk.remedy.get(path.format(record["sys_id"]))
    assert (page.status_code, "INC0010001" in page.text, "In Progress" in page.text) == (200, True, False)
    assert "New" in page.text
    assert "<script" not in page.text
    assert "<img" not in page.text


@pytest.mark.parametrize(
    "path",
    [f"/incident.do?sys_id={NOBODY}", "/incident.do", "/nav_to.do", "/sys_user.do?sys_id=1", "/nav_to.do?uri=//x"],
)
def test_a_page_of_nothing_is_404(desk: Desk, path: str) -> None:
    assert desk.remedy.get(path).status_code == 404
