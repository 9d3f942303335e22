"""The stand-ins' pages for people: what can be seen without signing in, and done after it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx2
import pytest

from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.jira.stand_in import PERSON, SERVICE, jira_app
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.secrets import PEOPLE
from sandbox.servicenow.stand_in import INTEGRATION, servicenow_app
from sandbox.wire.server import serve

EVIL = "<script>alert(1)</script>"
INCIDENTS = "/api/now/v2/table/incident"


@pytest.fixture
def jira() -> Iterator[httpx2.Client]:
    with serve(jira_app(search_lag=0)) as address, browser(address) as client:
        yield client


@pytest.fixture
def snow() -> Iterator[httpx2.Client]:
    with serve(servicenow_app()) as address, browser(address) as client:
        yield client


@pytest.fixture
def schoolscan() -> Iterator[httpx2.Client]:
    with serve(create_app(World([account("lakeside", "test-only-token")]))) as address, browser(address) as client:
        yield client


def browser(address: str) -> httpx2.Client:
    return httpx2.Client(base_url=address, trust_env=False, follow_redirects=True)


def signed_in(client: httpx2.Client, system: str) -> httpx2.Client:
    user, password = PEOPLE[system]
    path = {"jira": "/login.jsp", "servicenow": "/login.do"}[system]
    answer = client.post(path, data={"user": user, "password": password})
    assert "Sign out" in answer.text
    return client


def an_issue(client: httpx2.Client, summary: str = "Exposed") -> str:
    fields = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": summary, "labels": ["remedy:x"]}
    made = client.post("/rest/api/2/issue", json={"fields": fields}, auth=(SERVICE.email, SERVICE.token))
    return str(made.json()["key"])


def issue(client: httpx2.Client, key: str) -> dict[str, object]:
    found = client.get(f"/rest/api/2/issue/{key}", auth=(SERVICE.email, SERVICE.token)).json()
    fields: dict[str, object] = found["fields"]
    return fields


def a_record(client: httpx2.Client, summary: str = "Exposed") -> str:
    by = (INTEGRATION.user_name, INTEGRATION.password)
    made = client.post(INCIDENTS, json={"short_description": summary}, auth=by)
    return str(made.json()["result"]["sys_id"])


def record(client: httpx2.Client, sys_id: str) -> dict[str, dict[str, str]]:
    kept: dict[str, dict[str, str]] = client.get(f"/_sandbox/records/incident/{sys_id}").json()
    return kept


class Checked(HTMLParser):
    """Collects what makes a page hard to use without eyes or a mouse."""

    def __init__(self) -> None:
        super().__init__()
        self.labelled: set[str] = set()
        self.fields: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.language = given["lang"] if tag == "html" else self.language
        self.headings += [tag] if re.fullmatch(r"h\d", tag) else []
        self.ids += [given["id"]] if "id" in given else []
        self.labelled |= {given["for"]} if tag == "label" else set()
        if tag in {"select", "textarea"} or (tag == "input" and given.get("type") != "hidden"):
            self.fields.append(given["id"])


def is_accessible(page: httpx2.Response) -> bool:
    checked = Checked()
    checked.feed(page.text)
    assert checked.language == "en"
    assert checked.headings[:1] == ["h1"]
    assert checked.headings.count("h1") == 1
    assert len(checked.ids) == len(set(checked.ids))
    assert set(checked.fields) <= checked.labelled
    return "<title>" in page.text and "<main" in page.text


def test_each_root_is_a_page_that_lists_what_there_is(
    jira: httpx2.Client, snow: httpx2.Client, schoolscan: httpx2.Client
) -> None:
    key, sys_id = an_issue(jira, EVIL), a_record(snow, EVIL)
    found = schoolscan.post("/_sandbox/findings", json={"findings": [{"title": EVIL}]}).json()["findings"][0]
    for client, link in (
        (jira, f"/browse/{key}"),
        (snow, f"/incident.do?sys_id={sys_id}"),
        (schoolscan, f"/findings/{found}"),
    ):
        for page in (client.get("/"), client.get(link)):
            assert page.status_code == 200
            assert is_accessible(page)
            assert EVIL not in page.text
        assert link in client.get("/").text


def test_the_feeds_root_counts_incidents_and_names_nobody() -> None:
    world = IncidentWorld([FeedAccount("lakeside", ("test-only-token",))])
    world.fill("lakeside", 3)
    with serve(incident_feed_app(world)) as address, browser(address) as client:
        page = client.get("/")
    assert is_accessible(page)
    assert "lakeside: 3 incidents" in page.text
    assert "Testchild" not in page.text


@pytest.mark.parametrize(
    ("user", "password"),
    [(PERSON.email, "test-only-wrong"), (SERVICE.email, SERVICE.token), ("", PERSON.token), (PERSON.email, "")],
)
def test_only_people_with_their_own_password_sign_in_to_jira(jira: httpx2.Client, user: str, password: str) -> None:
    answer = jira.post("/login.jsp", data={"user": user, "password": password})
    assert (answer.status_code, "Sign out" in answer.text) == (401, False)
    assert 'role="alert"' in answer.text
    assert is_accessible(answer)


def test_integrations_do_not_sign_in_to_servicenow(snow: httpx2.Client) -> None:
    sent = {"user": INTEGRATION.user_name, "password": INTEGRATION.password}
    assert snow.post("/login.do", data=sent).status_code == 401


def test_nothing_can_be_done_without_signing_in(jira: httpx2.Client, snow: httpx2.Client) -> None:
    key, sys_id = an_issue(jira), a_record(snow)
    assert "<button" not in jira.get(f"/browse/{key}").text
    assert "Sign in" in jira.post(f"/browse/{key}/transition", data={"transition": "31"}).text
    assert "Sign in" in snow.post(f"/incident.do?sys_id={sys_id}", data={"state": "2"}).text
    assert issue(jira, key)["status"]["name"] == "To Do"  # type: ignore[index]  # Jira's own form
    assert record(snow, sys_id)["values"]["state"] == "1"


def test_signing_in_leads_back_to_the_page_and_to_no_other_site(jira: httpx2.Client) -> None:
    sent = {"user": PERSON.email, "password": PERSON.token}
    for back, path in (("/browse/SEC-1", "/browse/SEC-1"), ("https://evil.example/", "/"), ("//evil.example", "/")):
        answer = jira.post("/login.jsp", params={"back": back}, data=sent, follow_redirects=False)
        assert answer.headers["location"] == path
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "samesite=strict" in answer.headers["set-cookie"].lower()


def test_a_person_closes_an_issue_with_a_resolution_and_a_comment_and_opens_it_again(jira: httpx2.Client) -> None:
    key = an_issue(signed_in(jira, "jira"))
    page = jira.get(f"/browse/{key}")
    assert is_accessible(page)
    assert "Move to Done" in page.text
    sent = {"transition": "31", "resolution-31": "Won't Do", "customfield_10052-31": "2030-01-31", "comment-31": EVIL}
    closed = jira.post(f"/browse/{key}/transition", data=sent)
    assert (closed.status_code, EVIL in closed.text) == (200, False)
    fields = issue(jira, key)
    assert fields["resolution"]["name"] == "Won't Do"  # type: ignore[index]  # as above
    assert fields["customfield_10052"] == "2030-01-31"
    assert fields["comment"]["comments"][-1]["author"]["accountId"] == PERSON.account_id  # type: ignore[index]
    jira.post(f"/browse/{key}/transition", data={"transition": "21"})
    jira.post(f"/browse/{key}/comment", data={"comment": "It is back."})
    assert issue(jira, key)["resolution"] is None
    assert "It is back." in jira.get(f"/browse/{key}").text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"transition": "999"}, "not possible any more"),
        ({"transition": "31", "customfield_10052-31": "soon"}, "Error parsing date string"),
        ({"transition": "31", "resolution-31": "Perhaps"}, "valid &#x27;id&#x27;"),
    ],
)
def test_what_jira_refuses_is_said_on_the_page(jira: httpx2.Client, sent: dict[str, str], words: str) -> None:
    key = an_issue(signed_in(jira, "jira"))
    answer = jira.post(f"/browse/{key}/transition", data=sent)
    assert answer.status_code == 400
    assert re.search(rf'role="alert">[^<]*{re.escape(words)}', answer.text)


def test_a_person_resolves_a_record_only_as_the_data_policy_wants(snow: httpx2.Client) -> None:
    sys_id = a_record(signed_in(snow, "servicenow"))
    form = f"/incident.do?sys_id={sys_id}"
    refused = snow.post(form, data={"state": "6", "close_code": "", "close_notes": ""})
    assert (refused.status_code, "Resolution code" in refused.text) == (403, True)
    assert is_accessible(refused)
    done = {"state": "6", "close_code": "Solution provided", "close_notes": "Gone.", "work_notes": EVIL}
    assert EVIL not in snow.post(form, data=done).text
    kept = record(snow, sys_id)
    assert (kept["values"]["state"], kept["values"]["close_code"]) == ("6", "Solution provided")
    assert kept["values"]["sys_updated_by"] == PEOPLE["servicenow"][0]
    snow.post(form, data={"state": "2"})
    assert record(snow, sys_id)["values"]["resolved_by"] == ""


def test_another_site_can_have_a_browser_send_nothing(jira: httpx2.Client) -> None:
    key = an_issue(signed_in(jira, "jira"))
    jira.post(f"/browse/{key}/transition", data={"transition": "31"}, headers={"origin": "https://evil.example"})
    assert issue(jira, key)["status"]["name"] == "To Do"  # type: ignore[index]  # as above


def test_whoever_signs_out_is_forgotten(jira: httpx2.Client) -> None:
    key = an_issue(signed_in(jira, "jira"))
    jira.post("/logout.jsp")
    assert "Sign in to work on it" in jira.get(f"/browse/{key}").text


def test_a_scan_finds_a_finding_again_at_the_press_of_a_button(schoolscan: httpx2.Client) -> None:
    order = {"findings": [{"severity": "critical"}], "duration_seconds": 0}
    (found,) = schoolscan.post("/_sandbox/scans", json=order).json()["findings"]
    schoolscan.patch(f"/_sandbox/findings/{found}", json={"status": "resolved"})
    elsewhere = {"origin": "https://evil.example"}
    again = {"again": "yes"}
    refused = schoolscan.post(f"/findings/{found}/found-again", data=again, headers=elsewhere)
    assert "by scan: open" not in refused.text
    page = schoolscan.post(f"/findings/{found}/found-again", data=again)
    assert (page.status_code, "by scan: open" in page.text) == (200, True)
    assert schoolscan.get("/findings/fnd_none").status_code == 404
