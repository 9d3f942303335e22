"""What the sandbox's Jira does over raw HTTP: the promises of the real one that our code relies on."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remediation.deliveries.jira import JIRA
from remediation.deliveries.ticket_events import TicketEventKind, TicketNoticed
from remediation.domain.tickets import TicketChange
from sandbox.jira.stand_in import PERSON, SERVICE, jira_app
from sandbox.wire.server import serve

LAG = 0.2
TASK: dict[str, Any] = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "Exposed"}


def document(text: str) -> dict[str, object]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
    }


@pytest.fixture
def cloud() -> Iterator[httpx2.Client]:
    with serve(jira_app(search_lag=LAG)) as address, client_of(address) as client:
        yield client


@pytest.fixture
def data_center() -> Iterator[httpx2.Client]:
    app = jira_app(deployment="data_center", search_lag=LAG)
    with serve(app) as address, client_of(address, SERVICE.name) as client:
        yield client


def client_of(address: str, user: str = SERVICE.email) -> httpx2.Client:
    return httpx2.Client(base_url=f"{address}/rest/api/", auth=(user, SERVICE.token), trust_env=False)


def create(client: httpx2.Client, **fields: object) -> dict[str, Any]:
    answer = client.post("2/issue", json={"fields": TASK | fields})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def search(client: httpx2.Client, jql: str, **params: str | int) -> list[str]:
    answer = client.get("2/search/jql", params={"jql": jql, **params})
    assert answer.status_code == 200, answer.text
    return [issue["id"] for issue in answer.json()["issues"]]


def settle() -> None:
    time.sleep(LAG + 0.05)


def move(client: httpx2.Client, issue: str, step: str, **body: object) -> httpx2.Response:
    return client.post(f"2/issue/{issue}/transitions", json={"transition": {"id": step}, **body})


def steps(client: httpx2.Client, issue: str) -> dict[str, dict[str, Any]]:
    answer = client.get(f"2/issue/{issue}/transitions", params={"expand": "transitions.fields"}).json()
    return {step["name"]: step for step in answer["transitions"]}


STRANGERS = [None, ("nobody@example.org", SERVICE.token), (SERVICE.email, "test-only-wrong")]
"""Who is not signed in: nobody, and two who gave what is wrong."""


@pytest.mark.parametrize("auth", STRANGERS)
def test_cloud_answers_somebody_whom_it_does_not_know_as_anybody(
    cloud: httpx2.Client, auth: tuple[str, str] | None
) -> None:
    issue = create(cloud, labels=["remedy"])["id"]
    settle()
    with httpx2.Client(base_url=cloud.base_url, auth=auth, trust_env=False) as stranger:
        found = stranger.get("2/search/jql", params={"jql": "labels = remedy"})
        told = {
            **{path: stranger.get(f"2/{path}").status_code for path in ("myself", "priority", "resolution/search")},
            **{path: stranger.get(f"2/{path}").status_code for path in (f"issue/{issue}", "project/SEC", "field")},
            "create": stranger.post("2/issue", json={"fields": TASK}).status_code,
            "comment": stranger.post(f"2/issue/{issue}/comment", json={"body": "x"}).status_code,
        }
    assert (found.status_code, found.json()) == (200, {"issues": [], "isLast": True})
    assert found.headers.get("X-Seraph-LoginReason") == (None if auth is None else "AUTHENTICATED_FAILED")
    assert "X-AAccountId" not in found.headers
    refused = {"myself": 401, "priority": 401, "resolution/search": 401, "create": 401}
    assert told == {**refused, "field": 200, **dict.fromkeys((f"issue/{issue}", "project/SEC", "comment"), 404)}


@pytest.mark.parametrize("auth", [*STRANGERS[1:], (SERVICE.email, SERVICE.token)])
def test_data_center_turns_wrong_credentials_away_whatever_is_asked_for(
    data_center: httpx2.Client, auth: tuple[str, str]
) -> None:
    with httpx2.Client(base_url=data_center.base_url, auth=auth, trust_env=False) as stranger:
        for path in ("2/search", "2/myself", "2/issue/1", "2/serverInfo", "2/field"):
            answer = stranger.get(path)
            assert (answer.status_code, answer.headers["X-AUSERNAME"]) == (401, "anonymous")
            assert answer.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"
    bearer = {"Authorization": "Bearer test-only-wrong"}
    assert data_center.get("2/search", auth=None, headers=bearer).status_code == 401


def test_a_cloud_site_takes_no_bare_token(cloud: httpx2.Client) -> None:
    bearer = {"Authorization": f"Bearer {SERVICE.token}"}
    refused = cloud.get("2/myself", auth=None, headers=bearer)
    assert (refused.status_code, refused.json()) == (403, {"error": "Failed to parse Connect Session Auth Token"})
    gateway = str(cloud.base_url).replace("/rest/api/", "/ex/jira/11111111-2222/rest/api/2/myself")
    assert cloud.get(gateway, auth=None, headers=bearer).json()["accountId"] == SERVICE.account_id
    assert cloud.get(gateway, auth=(SERVICE.email, "test-only-wrong")).status_code == 401


def test_an_answer_tells_whom_it_was_given_to(cloud: httpx2.Client, data_center: httpx2.Client) -> None:
    assert cloud.get("2/field").headers["X-AAccountId"] == SERVICE.account_id
    assert data_center.get("2/field").headers["X-AUserName"] == SERVICE.name


def test_a_token_that_has_run_out_is_good_for_nothing(cloud: httpx2.Client) -> None:
    control = cloud.base_url.copy_with(path="/_sandbox/settings")
    cloud.put(control, json={"expired": [SERVICE.account_id]})
    assert cloud.get("2/myself").status_code == 401
    cloud.put(control, json={"expired": []})
    assert cloud.get("2/myself").status_code == 200


def test_a_token_alone_signs_in_as_bearer(data_center: httpx2.Client) -> None:
    bearer = {"Authorization": f"Bearer {PERSON.token}"}
    assert data_center.get("2/myself", auth=None, headers=bearer).json()["name"] == PERSON.name


def test_the_directory_tells_who_and_what_there_is(cloud: httpx2.Client) -> None:
    assert cloud.get("3/myself").json()["accountId"] == SERVICE.account_id
    assert cloud.get("2/serverInfo").json()["deploymentType"] == "Cloud"
    assert cloud.get("2/project/SEC").json()["name"] == "Web Security"
    assert cloud.get("2/project/NOPE").status_code == 404
    names = {path: {each["name"] for each in cloud.get(f"2/{path}").json()} for path in ("issuetype", "priority")}
    assert names["issuetype"] >= {"Task", "Bug"}
    assert names["priority"] == {"Highest", "High", "Medium", "Low", "Lowest"}
    assert {each["id"] for each in cloud.get("2/field").json()} >= {"summary", "labels", "customfield_10010"}


def test_data_center_has_no_version_3(data_center: httpx2.Client) -> None:
    assert data_center.get("3/myself").status_code == 404


def test_fields_and_properties_are_created_in_one_request(cloud: httpx2.Client) -> None:
    order = {"fields": TASK | {"labels": ["a"]}, "properties": [{"key": "k", "value": {"n": 1}}]}
    created = cloud.post("2/issue", json=order)
    assert created.status_code == 201
    issue = cloud.get(f"2/issue/{created.json()['key']}", params={"properties": "k", "fields": "labels,status"}).json()
    assert issue["properties"] == {"k": {"n": 1}}
    assert issue["fields"].keys() == {"labels", "status"}
    assert issue["fields"]["status"]["statusCategory"]["key"] == "new"


def test_an_edit_takes_a_comment_along(cloud: httpx2.Client) -> None:
    issue = create(cloud)["id"]
    commented = {"comment": [{"add": {"body": "Worse"}}]}
    body = {"fields": {"priority": {"name": "Highest"}}, "update": commented}
    assert cloud.put(f"2/issue/{issue}", json=body).status_code == 204
    shown = cloud.get(f"2/issue/{issue}").json()["fields"]
    assert (shown["priority"]["name"], shown["comment"]["comments"][0]["body"]) == ("Highest", "Worse")
    refused = cloud.put(f"2/issue/{issue}", json={"fields": {"priority": {"name": "X"}}, "update": commented})
    assert (refused.status_code, len(cloud.get(f"2/issue/{issue}/comment").json()["comments"])) == (400, 1)


def test_comments_come_oldest_first_or_as_asked(cloud: httpx2.Client) -> None:
    issue = create(cloud)["id"]
    for text in ("one", "two", "three"):
        cloud.post(f"2/issue/{issue}/comment", json={"body": text})
    shown = cloud.get(f"2/issue/{issue}/comment").json()
    newest = cloud.get(f"2/issue/{issue}/comment", params={"orderBy": "-created", "maxResults": 2}).json()
    assert [each["body"] for each in shown["comments"]] == ["one", "two", "three"]
    assert ([each["body"] for each in newest["comments"]], newest["total"]) == (["three", "two"], 3)


def test_a_link_between_issues_shows_at_both_ends_and_its_answer_is_empty(cloud: httpx2.Client) -> None:
    old, new = create(cloud)["id"], create(cloud)["id"]
    ends = {"inwardIssue": {"id": old}, "outwardIssue": {"id": new}}
    answer = cloud.post("2/issueLink", json={"type": {"name": "Relates"}, **ends})
    assert (answer.status_code, answer.content) == (201, b"")
    for issue, end, other in ((old, "outwardIssue", new), (new, "inwardIssue", old)):
        (link,) = cloud.get(f"2/issue/{issue}").json()["fields"]["issuelinks"]
        assert (link["type"]["name"], link[end]["id"]) == ("Relates", other)
    assert cloud.post("2/issueLink", json={"type": {"name": "Loves"}, **ends}).status_code == 404
    assert cloud.post("2/issueLink", json={"type": {"name": "Relates"}, **ends}).status_code == 201
    assert len(cloud.get(f"2/issue/{old}").json()["fields"]["issuelinks"]) == 1, "the same link again is none"
    back = {"inwardIssue": {"id": new}, "outwardIssue": {"id": old}}
    assert cloud.post("2/issueLink", json={"type": {"name": "Relates"}, **back}).status_code == 201
    assert len(cloud.get(f"2/issue/{old}").json()["fields"]["issuelinks"]) == 2, "from the other end it is another one"
    cloud.put(str(cloud.base_url).replace("/rest/api/", "/_sandbox/settings"), json={"withheld": ["LINK_ISSUES"]})
    assert cloud.post("2/issueLink", json={"type": {"name": "Relates"}, **ends}).status_code == 401


def test_where_links_are_switched_off_there_are_none(cloud: httpx2.Client) -> None:
    names = [each["name"] for each in cloud.get("2/issueLinkType").json()["issueLinkTypes"]]
    assert "Relates" in names
    settings = str(cloud.base_url).replace("/rest/api/", "/_sandbox/settings")
    cloud.put(settings, json={"without_link_types": ["Relates"]})
    assert "Relates" not in [each["name"] for each in cloud.get("2/issueLinkType").json()["issueLinkTypes"]]
    cloud.put(settings, json={"linking": False})
    assert cloud.get("2/issueLinkType").status_code == 404
    assert cloud.post("2/issueLink", json={"type": {"name": "Blocks"}}).json()["errorMessages"] == [
        "Issue linking is currently disabled."
    ]


def test_every_answer_has_an_id_of_its_own(cloud: httpx2.Client, data_center: httpx2.Client) -> None:
    for client, name in ((cloud, "Atl-Traceid"), (data_center, "X-AREQUESTID")):
        answers = [client.get("2/myself"), client.get("2/issue/1")]
        assert len({answer.headers[name] for answer in answers}) == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"project": {"key": "NOPE"}}, "project"),
        ({"issuetype": {"name": "Wish"}}, "issuetype"),
        ({"priority": {"name": "Urgent"}}, "priority"),
        ({"summary": ""}, "summary"),
        ({"summary": "s" * 256}, "summary"),
        ({"summary": "two\nlines"}, "summary"),
        ({"description": "d" * 32_768}, "description"),
        ({"labels": ["two words"]}, "labels"),
        ({"labels": ["l" * 256]}, "labels"),
        ({"duedate": "soon"}, "duedate"),
        ({"resolution": {"name": "Done"}}, "resolution"),
        ({"customfield_99": "x"}, "customfield_99"),
        ({"project": {"key": "FORM"}}, "customfield_10010"),
    ],
)
def test_a_field_that_is_wrong_is_refused_by_its_name(
    cloud: httpx2.Client, fields: dict[str, object], field: str
) -> None:
    answer = cloud.post("2/issue", json={"fields": TASK | fields})
    assert answer.status_code == 400
    assert answer.json()["errorMessages"] == []
    assert list(answer.json()["errors"]) == [field]


def test_the_longest_texts_are_accepted(cloud: httpx2.Client) -> None:
    create(cloud, summary="s" * 255, description="d" * 32_767, labels=["l" * 255])


def test_version_3_takes_documents_only_and_both_versions_show_the_same_text(cloud: httpx2.Client) -> None:
    refused = cloud.post("3/issue", json={"fields": TASK | {"description": "plain"}})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["description"])
    created = cloud.post("3/issue", json={"fields": TASK | {"description": document("Hello")}}).json()
    assert cloud.get(f"2/issue/{created['id']}").json()["fields"]["description"] == "Hello"
    assert cloud.get(f"3/issue/{created['id']}").json()["fields"]["description"] == document("Hello")
    assert cloud.post(f"3/issue/{created['id']}/comment", json={"body": "plain"}).status_code == 400
    assert cloud.post(f"3/issue/{created['id']}/comment", json={"body": document("Hi")}).status_code == 201
    (comment,) = cloud.get(f"2/issue/{created['id']}/comment").json()["comments"]
    assert (comment["body"], comment["author"]["accountId"]) == ("Hi", SERVICE.account_id)


@pytest.mark.parametrize("body", ["", " ", "c" * 32_768, None])
def test_a_comment_is_neither_empty_nor_too_long(cloud: httpx2.Client, body: str | None) -> None:
    issue = create(cloud)["id"]
    assert cloud.post(f"2/issue/{issue}/comment", json={"body": body}).status_code == 400


def test_creating_tells_what_it_requires(cloud: httpx2.Client, data_center: httpx2.Client) -> None:
    (kind,) = [
        each["id"]
        for each in cloud.get("2/issue/createmeta/FORM/issuetypes").json()["issueTypes"]
        if each["name"] == "Task"
    ]
    for client, name in ((cloud, "fields"), (data_center, "values")):
        fields = client.get(f"2/issue/createmeta/FORM/issuetypes/{kind}").json()[name]
        required = {field["fieldId"] for field in fields if field["required"] and not field["hasDefaultValue"]}
        assert required == {"project", "issuetype", "summary", "customfield_10010"}


def test_an_edit_changes_fields_and_writes_history(cloud: httpx2.Client) -> None:
    issue = create(cloud, labels=["a", "b"])["id"]
    order = {"fields": {"summary": "New"}, "update": {"labels": [{"add": "c"}, {"remove": "a"}]}}
    assert cloud.put(f"2/issue/{issue}", json=order, auth=(PERSON.email, PERSON.token)).status_code == 204
    shown = cloud.get(f"2/issue/{issue}", params={"expand": "changelog"}).json()
    assert (shown["fields"]["summary"], shown["fields"]["labels"]) == ("New", ["b", "c"])
    (history,) = shown["changelog"]["histories"]
    assert history["author"]["accountId"] == PERSON.account_id
    assert {item["field"] for item in history["items"]} == {"summary", "labels"}
    assert cloud.put(f"2/issue/{issue}", json={"fields": {"resolution": {"name": "Done"}}}).status_code == 400


def test_a_deleted_issue_is_not_found(cloud: httpx2.Client) -> None:
    issue = create(cloud)["id"]
    assert cloud.delete(f"2/issue/{issue}").status_code == 204
    answer = cloud.get(f"2/issue/{issue}")
    assert answer.status_code == 404
    assert answer.json()["errorMessages"] == ["Issue does not exist or you do not have permission to see it."]


def test_a_move_changes_the_key_but_not_the_id(cloud: httpx2.Client) -> None:
    issue = create(cloud)
    control = cloud.base_url.copy_with(path="/_sandbox/move")
    assert cloud.post(control, json={"issue": issue["key"], "project": "PRIV"}).json()["key"] == "PRIV-1"
    for name in (issue["id"], issue["key"], "PRIV-1"):
        shown = cloud.get(f"2/issue/{name}").json()
        assert (shown["id"], shown["key"]) == (issue["id"], "PRIV-1")


def test_a_workflow_shows_only_what_leaves_the_present_status(cloud: httpx2.Client) -> None:
    issue = create(cloud, project={"key": "PRIV"})["id"]
    assert list(steps(cloud, issue)) == ["Start"]
    assert move(cloud, issue, "141").status_code == 400, "no direct way to Done"
    for step in ("111", "121"):
        assert move(cloud, issue, step).status_code == 204
    approve = steps(cloud, issue)["Approve"]
    assert approve["fields"]["resolution"]["required"]
    assert {"name": "Won't Do", "id": "10001"} in approve["fields"]["resolution"]["allowedValues"]
    refused = move(cloud, issue, "141")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["resolution"])
    assert move(cloud, issue, "141", fields={"resolution": {"name": "Won't Do"}}).status_code == 204
    fields = cloud.get(f"2/issue/{issue}").json()["fields"]
    assert (fields["status"]["statusCategory"]["key"], fields["resolution"]["name"]) == ("done", "Won't Do")
    assert fields["resolutiondate"]
    assert move(cloud, issue, "151").status_code == 204
    fields = cloud.get(f"2/issue/{issue}").json()["fields"]
    assert (fields["status"]["name"], fields["resolution"], fields["resolutiondate"]) == ("Reopened", None, None)


def test_a_direct_workflow_sets_the_resolution_itself_where_none_is_chosen(cloud: httpx2.Client) -> None:
    issue = create(cloud)["id"]
    assert set(steps(cloud, issue)) == {"To Do", "In Progress", "Done"}
    assert move(cloud, issue, "31").status_code == 204
    assert cloud.get(f"2/issue/{issue}").json()["fields"]["resolution"]["name"] == "Done"


def test_a_resolution_is_taken_only_where_the_screen_has_it(cloud: httpx2.Client) -> None:
    issue = create(cloud, project={"key": "BARE"})["id"]
    refused = move(cloud, issue, "331", fields={"resolution": {"name": "Done"}})
    assert "not on the appropriate screen" in refused.json()["errors"]["resolution"]
    assert move(cloud, issue, "331").status_code == 204
    assert cloud.get(f"2/issue/{issue}").json()["fields"]["resolution"] is None


def test_a_comment_inside_a_transition_is_kept_with_a_screen_and_dropped_without(cloud: httpx2.Client) -> None:
    comment = {"update": {"comment": [{"add": {"body": "Said on the way"}}]}}
    kept, dropped = create(cloud)["id"], create(cloud, project={"key": "BARE"})["id"]
    assert steps(cloud, kept)["Done"]["hasScreen"]
    assert "comment" not in steps(cloud, kept)["Done"]["fields"]
    assert not steps(cloud, dropped)["Finish"]["hasScreen"]
    assert move(cloud, kept, "31", **comment).status_code == 204
    assert move(cloud, dropped, "331", **comment).status_code == 204
    assert cloud.get(f"2/issue/{kept}/comment").json()["total"] == 1
    assert cloud.get(f"2/issue/{dropped}/comment").json()["total"] == 0


def test_a_required_field_of_a_transition_is_named(cloud: httpx2.Client) -> None:
    issue = create(cloud, project={"key": "FORM"}, customfield_10010="Lincoln")["id"]
    assert list(move(cloud, issue, "221").json()["errors"]) == ["customfield_10020"]
    assert move(cloud, issue, "221", fields={"customfield_10020": "Kim"}).status_code == 204


def test_history_tells_who_moved_it_newest_first_on_cloud_and_oldest_first_elsewhere(
    cloud: httpx2.Client, data_center: httpx2.Client
) -> None:
    for client, expected in ((cloud, ["10003", "3"]), (data_center, ["3", "10003"])):
        issue = create(client)["id"]
        move(client, issue, "21")
        move(client, issue, "31")
        histories = client.get(f"2/issue/{issue}", params={"expand": "changelog"}).json()["changelog"]["histories"]
        assert [item["to"] for each in histories for item in each["items"] if item["field"] == "status"] == expected
        names = histories[0]["author"].keys() & {"accountId", "name", "key"}
        assert names == ({"accountId"} if client is cloud else {"name", "key"})


def test_a_remote_link_with_the_same_global_id_replaces_itself(cloud: httpx2.Client) -> None:
    issue = create(cloud)["id"]
    link = {"globalId": "mark", "object": {"url": "https://example.org/1", "title": "One"}}
    assert cloud.post(f"2/issue/{issue}/remotelink", json=link).status_code == 201
    link["object"] = {"url": "https://example.org/2", "title": "Two"}
    assert cloud.post(f"2/issue/{issue}/remotelink", json=link).status_code == 200
    (found,) = cloud.get(f"2/issue/{issue}/remotelink").json()
    assert found["object"]["title"] == "Two"
    assert cloud.get(f"2/issue/{issue}/remotelink", params={"globalId": "other"}).status_code == 404
    assert cloud.post(f"2/issue/{issue}/remotelink", json={"globalId": "mark"}).status_code == 400


def test_properties_are_written_and_read_one_by_one(cloud: httpx2.Client) -> None:
    issue = create(cloud)["id"]
    assert [cloud.put(f"2/issue/{issue}/properties/k", json=[1]).status_code for _ in range(2)] == [201, 200]
    assert cloud.get(f"2/issue/{issue}/properties/k").json() == {"key": "k", "value": [1]}
    assert [each["key"] for each in cloud.get(f"2/issue/{issue}/properties").json()["keys"]] == ["k"]
    assert cloud.get(f"2/issue/{issue}/properties/other").status_code == 404


def test_the_old_search_is_gone_from_cloud_and_the_new_one_unknown_elsewhere(
    cloud: httpx2.Client, data_center: httpx2.Client
) -> None:
    assert cloud.get("2/search", params={"jql": "project = SEC"}).status_code == 410
    assert cloud.post("3/search", json={"jql": "project = SEC"}).status_code == 410
    assert data_center.get("2/search/jql", params={"jql": "project = SEC"}).status_code == 404


def test_the_search_lags_while_reading_does_not(cloud: httpx2.Client) -> None:
    issue = create(cloud, labels=["x"])["id"]
    assert search(cloud, "labels = x") == []
    settle()
    assert search(cloud, "labels = x") == [issue]
    cloud.put(f"2/issue/{issue}", json={"fields": {"labels": ["y"]}})
    assert cloud.get(f"2/issue/{issue}").json()["fields"]["labels"] == ["y"]
    assert search(cloud, "labels = x") == [issue]
    settle()
    assert search(cloud, "labels = x") == []
    cloud.delete(f"2/issue/{issue}")
    assert search(cloud, "labels = y") == [issue]
    settle()
    assert search(cloud, "labels = y") == []


def test_queries_are_understood_as_far_as_they_are_used(cloud: httpx2.Client) -> None:
    first = create(cloud, labels=["a:b", 'q"q'])["id"]
    second = create(cloud, labels=["A:B"], project={"key": "PRIV"})["id"]
    third = create(cloud)["id"]
    move(cloud, third, "31")
    settle()
    table = {
        'labels = "a:b" ORDER BY created': [first, second],
        'labels = "a:b" ORDER BY created DESC': [second, first],
        "labels in ('a:b', other) AND project = PRIV": [second],
        'labels = "q\\"q"': [first],
        "project in (SEC, PRIV) AND statusCategory = Done": [third],
        "project = SEC AND statusCategory != Done": [first],
        'status = "To Do" AND NOT labels = "a:b"': [],
        "labels is EMPTY": [third],
        "labels is not EMPTY OR resolution = Done ORDER BY key ASC": [second, first, third],
        f"key = {'SEC-1'} AND updated >= -5m": [first],
        'project = SEC AND created <= "-1d"': [],
        "(project = SEC OR project = PRIV) AND updated >= -1h ORDER BY updated ASC, key DESC": [first, second, third],
    }
    for jql, ids in table.items():
        assert search(cloud, jql) == ids, jql


def test_dates_are_in_the_askers_time_zone_and_to_the_minute(cloud: httpx2.Client) -> None:
    issue = create(cloud)["id"]
    settle()
    ago = datetime.now(UTC) - timedelta(minutes=2)
    in_new_york, in_los_angeles = (
        f"{ago.astimezone(ZoneInfo(each.zone)):%Y-%m-%d %H:%M}" for each in (SERVICE, PERSON)
    )
    assert search(cloud, f'updated >= "{in_new_york}"') == [issue]
    assert search(cloud, f'updated < "{in_los_angeles}"') == [], "three hours ago in New York"
    cloud.auth = (PERSON.email, PERSON.token)
    assert search(cloud, f'updated >= "{in_los_angeles}"') == [issue]
    assert search(cloud, f'updated >= "{in_new_york}"') == [], "in three hours in Los Angeles"
    refused = cloud.get("2/search/jql", params={"jql": 'updated >= "2026-01-01 10:00:30"'})
    assert refused.status_code == 400
    assert "is invalid" in refused.json()["errorMessages"][0]


@pytest.mark.parametrize(
    ("jql", "words"),
    [
        ("", "Unbounded"),
        ("ORDER BY created", "Unbounded"),
        ("project = NOPE", "does not exist for the field 'project'"),
        ("colour = red", "Field 'colour' does not exist"),
        ('labels = "open', "JQL"),
        ("labels =", "JQL"),
        ("labels = a labels = b", "JQL"),
        ("labels > a", "not supported"),
        ("labels in a", "JQL"),
    ],
)
def test_a_query_that_is_none_is_refused(cloud: httpx2.Client, jql: str, words: str) -> None:
    answer = cloud.get("2/search/jql", params={"jql": jql})
    assert answer.status_code == 400
    assert words in answer.json()["errorMessages"][0]


def test_cloud_pages_by_token_without_a_total(cloud: httpx2.Client) -> None:
    ids = [create(cloud)["id"] for _ in range(5)]
    settle()
    query = {"jql": "project = SEC ORDER BY created ASC", "maxResults": 2, "fields": ["labels"]}
    seen, page = [], cloud.post("3/search/jql", json=query).json()
    while True:
        assert "total" not in page
        seen += [issue["id"] for issue in page["issues"]]
        if "nextPageToken" not in page:
            break
        token = page["nextPageToken"]
        page = cloud.post("3/search/jql", json={**query, "nextPageToken": token}).json()
    assert seen == ids
    assert page["isLast"]
    other = cloud.post("3/search/jql", json={**query, "jql": "project = PRIV", "nextPageToken": token})
    assert other.status_code == 400, "a token is good only for its query"


def test_cloud_shows_only_ids_unless_asked_for_more(cloud: httpx2.Client) -> None:
    create(cloud)
    settle()
    (issue,) = cloud.get("2/search/jql", params={"jql": "project = SEC"}).json()["issues"]
    assert issue["fields"] == {}
    (issue,) = cloud.get("2/search/jql", params={"jql": "project = SEC", "fields": "labels,status"}).json()["issues"]
    assert issue["fields"].keys() == {"labels", "status"}


def test_data_center_pages_by_counting(data_center: httpx2.Client) -> None:
    ids = [create(data_center)["id"] for _ in range(3)]
    settle()
    query: dict[str, str | int] = {"jql": "project = SEC ORDER BY created ASC", "startAt": 2, "maxResults": 2}
    page = data_center.get("2/search", params=query).json()
    assert (page["startAt"], page["total"], [issue["id"] for issue in page["issues"]]) == (2, 3, ids[2:])


def test_a_page_for_people_escapes_everything(cloud: httpx2.Client) -> None:
    issue = create(cloud, summary="<script>alert(1)</script>", description="<b>&", labels=["<i>"])
    cloud.post(f"2/issue/{issue['id']}/comment", json={"body": "<img src=x>"})
    page = cloud.get(cloud.base_url.copy_with(path=f"/browse/{issue['key']}"), auth=None)
    assert page.status_code == 200
    assert issue["key"] in page.text
    assert not any(tag in page.text for tag in ("<script", "<b>", "<i>", "<img"))
    assert cloud.get(cloud.base_url.copy_with(path="/browse/SEC-99")).status_code == 404


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"{", "application/json", 400), (b"{}", "text/plain", 415), (b"[]", "application/json", 400)],
)
def test_a_body_that_is_no_json_object_is_refused(cloud: httpx2.Client, content: bytes, kind: str, status: int) -> None:
    assert cloud.post("2/issue", content=content, headers={"Content-Type": kind}).status_code == status


def receiver(taken: list[tuple[dict[str, str], bytes]], failures: int) -> Starlette:
    async def take(request: Request) -> Response:
        taken.append((dict(request.headers), await request.body()))
        return Response(status_code=503 if len(taken) <= failures else 202)

    return Starlette(routes=[Route("/webhooks/jira", take, methods=["POST"])])


def wait_for(taken: list[tuple[dict[str, str], bytes]], count: int) -> None:
    deadline = time.monotonic() + 5
    while len(taken) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(taken) == count


def test_what_happens_is_told_by_signed_webhooks_in_order() -> None:
    taken: list[tuple[dict[str, str], bytes]] = []
    with serve(receiver(taken, 0)) as target, serve(jira_app()) as address, client_of(address) as client:
        hook = {"url": f"{target}/webhooks/jira", "secret": "test-only-hook-secret"}
        client.put(f"{address}/_sandbox/webhook", json=hook)
        issue = create(client)["id"]
        move(client, issue, "31", fields={"resolution": {"name": "Won't Do"}})
        client.post(f"2/issue/{issue}/comment", json={"body": "Hello"})
        client.delete(f"2/issue/{issue}")
        wait_for(taken, 4)
        deadline = time.monotonic() + 5
        while len(sent := client.get(f"{address}/_sandbox/deliveries").json()) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)  # the last one is noted once its answer is there
        assert len(sent) == 4
    told = [json.loads(body) for _, body in taken]
    assert [each["webhookEvent"] for each in told] == [
        "jira:issue_created",
        "jira:issue_updated",
        "comment_created",
        "jira:issue_deleted",
    ]
    assert all(each["issue"]["id"] == issue for each in told)
    changes = {item["fieldId"]: item["toString"] for item in told[1]["changelog"]["items"]}
    assert changes == {"status": "Done", "resolution": "Won't Do"}
    assert told[1]["user"]["accountId"] == SERVICE.account_id
    assert told[2]["comment"]["body"] == "Hello"
    for headers, body in taken:
        signed = hmac.new(b"test-only-hook-secret", body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature"] == f"sha256={signed}"
    assert len({headers["x-atlassian-webhook-identifier"] for headers, _ in taken}) == 4


def test_data_center_names_no_issue_beside_a_comment() -> None:
    taken: list[tuple[dict[str, str], bytes]] = []
    app = jira_app(deployment="data_center")
    with serve(receiver(taken, 0)) as target, serve(app) as address, client_of(address, SERVICE.name) as client:
        hook = {"url": f"{target}/webhooks/jira", "secret": "test-only-hook-secret", "events": ["comment_created"]}
        client.put(f"{address}/_sandbox/webhook", json=hook)
        issue = create(client)["id"]
        client.post(f"2/issue/{issue}/comment", json={"body": "Hello"})
        wait_for(taken, 1)
    (told,) = [json.loads(body) for _, body in taken]
    assert (told["webhookEvent"], "issue" in told) == ("comment_created", False)
    assert f"/rest/api/2/issue/{issue}/comment/" in told["comment"]["self"]
    assert JIRA.read(taken[0][1]) == TicketNoticed(TicketEventKind.COMMENTED, TicketChange(issue, None, ""))


def test_a_delivery_that_is_not_taken_is_repeated_under_the_same_identifier() -> None:
    taken: list[tuple[dict[str, str], bytes]] = []
    with (
        serve(receiver(taken, 2)) as target,
        serve(jira_app(webhook_wait=0.01)) as address,
        client_of(address) as client,
    ):
        client.put(f"{address}/_sandbox/webhook", json={"url": f"{target}/webhooks/jira", "secret": "test-only-x"})
        create(client)
        wait_for(taken, 3)
    assert len({headers["x-atlassian-webhook-identifier"] for headers, _ in taken}) == 1
    assert len({body for _, body in taken}) == 1
    assert [headers.get("x-atlassian-webhook-retry") for headers, _ in taken] == [None, "1", "2"]


def test_without_a_webhook_nothing_is_sent() -> None:
    taken: list[tuple[dict[str, str], bytes]] = []
    with serve(receiver(taken, 0)) as target, serve(jira_app()) as address, client_of(address) as client:
        client.put(f"{address}/_sandbox/webhook", json={"url": f"{target}/webhooks/jira", "secret": "test-only-x"})
        client.delete(f"{address}/_sandbox/webhook")
        create(client)
        assert client.get(f"{address}/_sandbox/deliveries").json() == []
    assert taken == []
