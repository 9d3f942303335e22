"""What the stand-ins tell of themselves over raw HTTP, in the shapes of the real ones."""

from collections.abc import Iterator

import httpx2
import pytest

from sandbox.jira.stand_in import PERSON, SERVICE, jira_app
from sandbox.servicenow.stand_in import INTEGRATION, servicenow_app
from sandbox.wire.server import serve


@pytest.fixture(params=["cloud", "data_center"])
def jira(request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    user = SERVICE.email if request.param == "cloud" else SERVICE.name
    with (
        serve(jira_app(deployment=request.param, search_lag=0)) as address,
        httpx2.Client(base_url=f"{address}/rest/api/2/", auth=(user, SERVICE.token), trust_env=False) as client,
    ):
        yield client


@pytest.fixture
def servicenow() -> Iterator[httpx2.Client]:
    with (
        serve(servicenow_app()) as address,
        httpx2.Client(
            base_url=f"{address}/api/now/v2/table/",
            auth=(INTEGRATION.user_name, INTEGRATION.password),
            trust_env=False,
        ) as client,
    ):
        yield client


def settings_of(client: httpx2.Client) -> httpx2.URL:
    return client.base_url.join("/_sandbox/settings")


def rows(client: httpx2.Client, table: str, query: str, columns: str) -> list[list[str]]:
    answer = client.get(table, params={"sysparm_query": query, "sysparm_fields": columns})
    return [[row[name] for name in columns.split(",")] for row in answer.json()["result"]]


def test_permissions_say_what_one_may_do_in_a_project(jira: httpx2.Client) -> None:
    jira.put(settings_of(jira), json={"withheld": ["CREATE_ISSUES"]})
    params = {"projectKey": "SEC", "permissions": "CREATE_ISSUES,ADD_COMMENTS"}
    shown = jira.get("mypermissions", params=params).json()["permissions"]
    assert (shown["CREATE_ISSUES"]["havePermission"], shown["ADD_COMMENTS"]["havePermission"]) == (False, True)
    order = {"fields": {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": "A"}}
    assert jira.post("issue", json=order).json()["errors"].keys() == {"project"}
    assert jira.get("mypermissions", params={**params, "projectKey": "NOPE"}).status_code == 404


def test_projects_are_those_that_one_may_browse_and_cloud_names_those_in_which_one_may_create(
    jira: httpx2.Client,
) -> None:
    is_cloud = jira.get("serverInfo").json()["deploymentType"] == "Cloud"
    keys = [each["key"] for each in jira.get("project").json()]
    assert {"SEC", "WEB"} <= set(keys)
    creating = {"action": "create", "startAt": "1", "maxResults": "2"}
    found = jira.get("project/search", params=creating)
    assert found.status_code == (200 if is_cloud else 404)
    if is_cloud:
        page = found.json()
        assert ([each["key"] for each in page["values"]], page["total"]) == (sorted(keys)[1:3], len(keys))
        jira.put(settings_of(jira), json={"withheld": ["CREATE_ISSUES"]})
        assert jira.get("project/search", params=creating).json()["values"] == []
    jira.put(settings_of(jira), json={"withheld": ["BROWSE_PROJECTS"]})
    assert jira.get("project").json() == []


def test_cloud_alone_wants_permissions_named(jira: httpx2.Client) -> None:
    is_cloud = jira.get("serverInfo").json()["deploymentType"] == "Cloud"
    assert jira.get("mypermissions").status_code == (400 if is_cloud else 200)
    assert jira.get("mypermissions", params={"permissions": "FLY"}).status_code == (400 if is_cloud else 200)


def test_a_project_shows_the_statuses_of_each_type(jira: httpx2.Client) -> None:
    (task, *_) = jira.get("project/PRIV/statuses").json()
    categories = {status["name"]: status["statusCategory"]["key"] for status in task["statuses"]}
    assert task["name"] == "Task"
    assert categories == {
        "To Do": "new",
        "In Progress": "indeterminate",
        "In Review": "indeterminate",
        "Done": "done",
        "Reopened": "new",
    }


def test_people_are_found_only_where_they_can_be_assigned(jira: httpx2.Client) -> None:
    is_cloud = jira.get("serverInfo").json()["deploymentType"] == "Cloud"
    params = {"project": "SEC", **({"accountId": PERSON.account_id} if is_cloud else {"username": PERSON.name})}
    assert len(jira.get("user/assignable/search", params=params).json()) == 1
    jira.put(settings_of(jira), json={"unassignable": [PERSON.account_id]})
    assert jira.get("user/assignable/search", params=params).json() == []
    assert jira.get("user/assignable/search").status_code == 400


def test_a_screen_comes_in_pages_with_what_may_be_chosen(jira: httpx2.Client) -> None:
    path, params = "issue/createmeta/SEC/issuetypes/10001", {"startAt": 2, "maxResults": 100}
    page = jira.get(path, params=params).json()
    fields = {field["fieldId"]: field for field in page.get("fields") or page["values"]}
    assert page["total"] == len(fields) + 2
    assert (fields["reporter"]["required"], fields["reporter"]["hasDefaultValue"]) == (True, True)
    assert [each["name"] for each in fields["security"]["allowedValues"]] == ["Privacy office", "Security team"]


def test_a_search_knows_types(jira: httpx2.Client) -> None:
    for kind in ("Task", "Bug"):
        order = {
            "project": {"key": "SEC"},
            "issuetype": {"name": kind},
            "summary": "A",
            "security": {"name": "Privacy office"},
        }
        assert jira.post("issue", json={"fields": order}).status_code == 201
    is_cloud = jira.get("serverInfo").json()["deploymentType"] == "Cloud"
    params = {"jql": 'project = SEC AND issuetype = "Bug"', "fields": "issuetype"}
    issues = jira.get("search/jql" if is_cloud else "search", params=params).json()["issues"]
    assert [issue["fields"]["issuetype"]["name"] for issue in issues] == ["Bug"]


def test_tables_tell_what_they_extend(servicenow: httpx2.Client) -> None:
    found = rows(servicenow, "sys_db_object", "nameINincident,task^ORDERBYname", "name,super_class.name")
    assert found == [["incident", "task"], ["task", ""]]


def test_the_dictionary_has_each_column_at_the_table_that_brings_it(servicenow: httpx2.Client) -> None:
    query = "nameINincident,task^elementINclose_code,short_description^ORDERBYelement"
    found = rows(servicenow, "sys_dictionary", query, "name,element,mandatory")
    assert found == [["incident", "close_code", "false"], ["task", "short_description", "true"]]


def test_a_tables_own_choices_stand_beside_those_of_what_it_extends(servicenow: httpx2.Client) -> None:
    found = rows(servicenow, "sys_choice", "nameINincident,task^element=state", "name,value")
    assert [value for name, value in found if name == "incident"] == ["1", "2", "3", "6", "7", "8"]
    assert [value for name, value in found if name == "task"] == ["1", "3"]


def test_groups_and_users_can_be_looked_up(servicenow: httpx2.Client) -> None:
    assert rows(servicenow, "sys_user_group", "name=privacy office", "name,active") == [["Privacy Office", "true"]]
    assert rows(servicenow, "sys_user", "user_name=priya.helpdesk", "name") == [["Priya Helpdesk"]]


def test_the_directory_cannot_be_written(servicenow: httpx2.Client) -> None:
    assert servicenow.post("sys_choice", json={"value": "x"}).status_code == 400


def test_access_rules_leave_columns_out_and_policies_demand_some(servicenow: httpx2.Client) -> None:
    servicenow.patch(settings_of(servicenow), json={"unreadable_fields": ["category"], "mandatory": ["caller_id"]})
    refused = servicenow.post("incident", json={"category": "software"})
    assert (refused.status_code, refused.json()["error"]["message"]) == (403, "Operation Failed")
    record = servicenow.post("incident", json={"caller_id": "priya", "category": "software"}).json()["result"]
    assert "category" not in record
    assert "category" not in servicenow.get("incident").json()["result"][0]
