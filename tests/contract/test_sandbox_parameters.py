"""No parameter has an effect on a stand-in that its vendor's description does not give it.

The tables hold what the descriptions name, by endpoint: Atlassian's description of Cloud's API version 3 (March 2026;
version 2 takes the same), of Data Center's version 2 (Jira 8.4, and the text of its operations), ServiceNow's reference
of the Table API, SchoolScan's page with our assumptions on paging, the page of the incident feed's vendor. Whatever a
table leaves out is sent here, with a value that would tell if anybody read it.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import httpx2
import pytest

from sandbox.incident_feed.api import PATH
from sandbox.incident_feed.stand_in import incident_feed_app
from sandbox.incident_feed.world import FeedAccount, IncidentWorld
from sandbox.jira.stand_in import SERVICE, jira_app
from sandbox.schoolscan.envelopes import Envelope
from sandbox.schoolscan.stage import Behaviour
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.servicenow.stand_in import INTEGRATION, servicenow_app
from sandbox.wire.server import serve

Deployment = Literal["cloud", "data_center"]
Named = Mapping[str, str]

PAGED = "startAt maxResults"
CLOUD: Named = {
    "myself": "expand",
    "serverInfo": "",
    "field": "",
    "project": "expand recent properties",
    "project/search": f"orderBy id keys query typeKey categoryId action expand status properties {PAGED}",
    "project/SEC": "expand properties",
    "project/SEC/statuses": "",
    "mypermissions?permissions=ADD_COMMENTS": "projectKey projectId issueKey issueId permissions commentId",
    "user/assignable/search?project=SEC": f"query username accountId project issueKey issueId recommend {PAGED}",
    "issueLinkType": "",
    "issuetype": "",
    "priority": "",
    "resolution": "",
    "resolution/search": f"id onlyDefault {PAGED}",
    "status": "",
    "search/jql?jql=labels=remedy": "jql nextPageToken maxResults fields expand properties fieldsByKeys failFast",
    "search?jql=labels=remedy": f"jql validateQuery fields expand properties fieldsByKeys failFast {PAGED}",
    "issue/createmeta/SEC/issuetypes": PAGED,
    "issue/createmeta/SEC/issuetypes/10001": PAGED,
    "issue/ID": "fields fieldsByKeys expand properties updateHistory failFast",
    "issue/ID/transitions": "expand transitionId",
    "issue/ID/comment": f"orderBy expand {PAGED}",
    "issue/ID/remotelink": "globalId",
    "issue/ID/properties": "",
    "issue/ID/properties/remedy.case": "",
}
DATA_CENTER: Named = {
    **{
        path: words
        for path, words in CLOUD.items()
        if not path.startswith(("resolution/", "search/", "project/search"))
    },
    "project": "expand recent includeArchived browseArchive",
    "project/SEC": "expand",
    "mypermissions": "projectKey projectId issueKey issueId",
    "user/assignable/search?project=SEC": f"username project issueKey actionDescriptorId {PAGED}",
    "search?jql=labels=remedy": f"jql validateQuery fields expand {PAGED}",
    "issue/ID": "fields expand properties updateHistory",
}
TELLING: Named = {
    "jql": "labels = nothing",
    "properties": "remedy.case",
    "fields": "summary",
    "expand": "changelog,transitions.fields",
    "startAt": "1",
    "maxResults": "1",
    "orderBy": "-created",
    "globalId": "other",
    "nextPageToken": "nonsense",
    "permissions": "CREATE_ISSUES",
    "projectKey": "NOPE",
    "issueKey": "NOPE-1",
    "project": "NOPE",
    "accountId": "nobody",
    "username": "nobody",
    "query": "nobody",
    "id": "10001",
    "transitionId": "31",
}
"""Parameters that some endpoint of Jira's takes, with values that narrow, order, extend or break an answer."""


@contextmanager
def jira_with_two_issues(deployment: Deployment) -> Iterator[tuple[httpx2.Client, str]]:
    """A client of its API, version 2, and the id of an issue that has some of everything."""
    app = jira_app(deployment=deployment, search_lag=0.0)
    with serve(app) as address, httpx2.Client(base_url=f"{address}/rest/api/2/", trust_env=False) as client:
        client.auth = (SERVICE.email if deployment == "cloud" else SERVICE.name, SERVICE.token)
        task = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "A", "labels": ["remedy"]}
        order = {"fields": task, "properties": [{"key": "remedy.case", "value": "x"}]}
        ids = [str(client.post("issue", json=order).json()["id"]) for _ in range(2)]
        for number in (1, 2):
            client.post(f"issue/{ids[0]}/comment", json={"body": f"No. {number}"})
            link = {"globalId": str(number), "object": {"url": "https://example.org", "title": "x"}}
            client.post(f"issue/{ids[0]}/remotelink", json=link)
        client.put(f"issue/{ids[0]}", json={"fields": {"summary": "B"}})
        yield client, ids[0]


@pytest.mark.parametrize(("deployment", "described"), [("cloud", CLOUD), ("data_center", DATA_CENTER)])
def test_jira_ignores_what_its_description_does_not_name(deployment: Deployment, described: Named) -> None:
    with jira_with_two_issues(deployment) as (client, issue):
        for path, words in described.items():
            address = path.replace("ID", issue)
            plain = told(client, address)
            assert plain[0] == (410 if deployment == "cloud" and path.startswith("search?") else 200), path
            for name in TELLING.keys() - set(words.split()):
                assert told(client, address, **{name: TELLING[name]}) == plain, f"{deployment}: {path} reads {name}"


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_jira_has_what_its_deployment_has(deployment: Deployment) -> None:
    only_cloud = {"resolution/search", "project/search", "search/jql?jql=labels=remedy"}
    with jira_with_two_issues(deployment) as (client, _):
        found = {path for path in only_cloud if told(client, path)[0] == 200}
    assert found == (only_cloud if deployment == "cloud" else set())


@pytest.mark.parametrize(
    ("deployment", "path", "known", "refused"),
    [
        ("cloud", "search/jql", {"fields": ["labels"], "properties": ["remedy.case"], "maxResults": 1}, "startAt"),
        ("cloud", "search/jql", {}, "validateQuery"),
        ("data_center", "search", {"fields": ["labels"], "startAt": 0, "maxResults": 1}, "properties"),
        ("data_center", "search", {"validateQuery": True}, "nextPageToken"),
    ],
)
def test_a_search_by_post_refuses_words_that_it_does_not_know(
    deployment: Deployment, path: str, known: Mapping[str, object], refused: str
) -> None:
    with jira_with_two_issues(deployment) as (client, _):
        order = {"jql": "labels = remedy", **known}
        assert client.post(path, json=order).status_code == 200
        assert client.post(path, json={**order, refused: ["x"]}).status_code == 400


def test_a_property_is_shown_by_every_read_of_an_issue_and_by_clouds_search_alone() -> None:
    for deployment, path in (("cloud", "search/jql"), ("data_center", "search")):
        with jira_with_two_issues(deployment) as (client, issue):  # type: ignore[arg-type]  # a tuple widens its literals
            asked = {"properties": "remedy.case"}
            assert client.get(f"issue/{issue}", params=asked).json()["properties"] == {"remedy.case": "x"}
            found = client.get(path, params={"jql": "labels = remedy", **asked}).json()["issues"]
            assert {each.get("properties") is None for each in found} == {deployment == "data_center"}


LIST = "display_value exclude_reference_link fields limit no_count offset query query_category query_no_domain"
RECORD = "display_value exclude_reference_link fields query_no_domain view"
TABLE: Named = {
    "incident": f"{LIST} suppress_pagination_header view",
    "incident/ID": RECORD,
    "sys_user": f"{LIST} suppress_pagination_header view",
}
"""ServiceNow's GET of the Table API; each name begins with `sysparm_`."""
TELLING_SERVICENOW: Named = {
    "sysparm_query": "number=nothing",
    "sysparm_limit": "1",
    "sysparm_offset": "1",
    "sysparm_fields": "number",
    "sysparm_display_value": "all",
    "sysparm_exclude_reference_link": "true",
    "sysparm_input_display_value": "true",
    "sysparm_suppress_pagination_header": "true",
    "query": "number=nothing",
    "limit": "1",
    "offset": "1",
    "fields": "number",
}


def test_servicenow_ignores_what_its_reference_does_not_name() -> None:
    with serve(servicenow_app()) as address, httpx2.Client(base_url=address, trust_env=False) as client:
        client.auth = (INTEGRATION.user_name, INTEGRATION.password)
        client.base_url = httpx2.URL(f"{address}/api/now/v2/table/")
        ids = [client.post("incident", json={"state": "2"}).json()["result"]["sys_id"] for _ in range(2)]
        for path, words in TABLE.items():
            record = path.replace("ID", ids[0])
            plain = told(client, record)
            assert plain[0] == 200
            for name in TELLING_SERVICENOW.keys() - {f"sysparm_{word}" for word in words.split()}:
                assert told(client, record, **{name: TELLING_SERVICENOW[name]}) == plain, f"{path} reads {name}"


SCHOOLSCAN: Named = {
    "findings": "scan_id severity status domain_type",
    "findings/FINDING": "",
    "scans": "status domain created_after",
    "scans/SCAN": "",
}
PAGING: Mapping[Envelope, str] = {"cursor": "per_page cursor", "page": "per_page page", "link": "per_page page"}
TELLING_SCHOOLSCAN: Named = {
    "scan_id": "nothing",
    "severity": "low",
    "status": "reviewing",
    "domain_type": "metadata",
    "domain": "nowhere.example",
    "created_after": "2999-01-01T00:00:00Z",
    "updated_after": "2999-01-01T00:00:00Z",
    "per_page": "1",
    "page": "2",
    "cursor": base64.urlsafe_b64encode(b"after:1").decode(),
    "limit": "1",
    "offset": "1",
    "sort": "-id",
    "order": "desc",
}


@pytest.mark.parametrize(("shape", "paging"), PAGING.items())
def test_schoolscan_ignores_what_its_page_does_not_name(shape: Envelope, paging: str) -> None:
    app = create_app(World([account("lakeside", "test-only-token")]), behaviour=Behaviour(envelope=shape))
    with serve(app) as address, httpx2.Client(base_url=f"{address}/v1/", trust_env=False) as client:
        client.headers["Authorization"] = "Bearer test-only-token"
        found = client.post(f"{address}/_sandbox/scans", json={"findings": [{"severity": "high"}] * 2}).json()
        client.post(f"{address}/_sandbox/scans", json={})
        for path, words in SCHOOLSCAN.items():
            record = path.replace("FINDING", found["findings"][0]).replace("SCAN", found["scan_id"])
            plain = told(client, record)
            assert plain[0] == 200
            described = {*words.split(), *(paging.split() if "/" not in path else ())}
            for name in TELLING_SCHOOLSCAN.keys() - described:
                assert told(client, record, **{name: TELLING_SCHOOLSCAN[name]}) == plain, f"{path} reads {name}"


INCIDENT_FEED = "page type deleted from to"
TELLING_INCIDENT_FEED: Named = {
    "limit": "1",
    "per_page": "1",
    "page_size": "1",
    "since": "2999-01-01",
    "modified-since": "2999-01-01T00:00:00Z",
    "last-modified": "2999-01-01T00:00:00Z",
    "uuid": "nothing",
    "school": "nothing",
    "bounced": "1",
    "sort": "-date",
    "order": "desc",
    "access_token": "nothing",
    "page": "2",
    "type": "pending",
    "deleted": "1",
}


def test_the_incident_feed_reads_what_its_page_names_and_nothing_else() -> None:
    world = IncidentWorld([FeedAccount("lakeside", ("test-only-token",))])
    world.delete(world.add("lakeside", [{"type": "minor"}, {"type": "referral"}])[0])
    with serve(incident_feed_app(world)) as address, httpx2.Client(base_url=address, trust_env=False) as client:
        client.headers["Authorization"] = "Bearer test-only-token"
        plain = client.get(PATH).content
        heard = {
            name
            for name, value in TELLING_INCIDENT_FEED.items()
            if client.get(PATH, params={name: value}).content != plain
        }
        whole = {"from": "2000-01-01", "to": "2000-01-02"}
        assert heard == set(INCIDENT_FEED.split()) - whole.keys()
        assert client.get(PATH, params=whole).content != plain


def told(client: httpx2.Client, address: str, **asked: str) -> tuple[int, object, str | None]:
    """Status, body and count of an answer; parameters of the address itself come first."""
    path, _, query = address.partition("?")
    given = dict([query.split("=", 1)]) if query else {}
    answer = client.get(path, params=given | asked)
    return answer.status_code, answer.json(), answer.headers.get("X-Total-Count")
