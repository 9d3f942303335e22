"""A whole outside for `mappings check --live`: three stand-ins over real HTTP, and a mappings.yaml that fits them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2
from click.testing import CliRunner, Result

from remedy.main import main
from sandbox.jira.stand_in import PERSON, SERVICE, jira_app
from sandbox.schoolscan.stand_in import account, create_app
from sandbox.schoolscan.world import World
from sandbox.secrets import DISTRICT, ENVIRONMENT
from sandbox.servicenow.stand_in import INTEGRATION, servicenow_app
from sandbox.servicenow.stand_in import PERSON as HELPDESK
from sandbox.wire.server import serve

READS = frozenset({"GET", "HEAD"})

ACCOUNT = f"""\
version: 1
districts:
  {DISTRICT}:
    schoolscan:
      url: SCHOOLSCAN/v1
      token: {{env: SCHOOLSCAN_TOKEN}}
      webhook: {{secrets: [{{env: SCHOOLSCAN_WEBHOOK_SECRET}}]}}
"""
"""The beginning of a mappings.yaml: one district with its account."""

RIGHT = f"""\
{ACCOUNT}trackers:
  context:
    kind: servicenow
    url: SERVICENOW
    auth:
      basic: {{user: {INTEGRATION.user_name}, password: {{env: SERVICENOW_PASSWORD}}}}
    table: incident
    resolve_code: Solution provided
    resolve_state: 6
  jira:
    kind: jira
    url: JIRA
    auth:
      basic: {{user: {SERVICE.email}, password: {{env: JIRA_TOKEN}}}}
    resolutions: {{Done: fixed, Won't Do: accepted_risk, Duplicate: duplicate}}
templates:
  body: What to do
defaults:
  tickets:
    jira: {{security_level: Privacy office}}
rules:
  - name: severe
    match: {{severity: [critical, high]}}
    due: {{critical: 2d, high: 7d}}
    tickets:
      context:
        impact: {{critical: 1, high: 2}}
        urgency: 1
        assignment_group: Privacy Office
        assigned_to: priya.helpdesk
        fields: {{category: software, u_district: Lakeside}}
      jira:
        project: SEC
        type: Task
        priority: {{critical: Highest, high: High}}
        assignee: {PERSON.account_id}
        labels: [schoolscan]
        fields: {{customfield_10010: West}}
  - name: rest
    tickets:
      jira:
        project: PRIV
        type: Bug
        priority: Low
"""


@dataclass
class LiveWorld:
    """The stand-ins' addresses by name, the text of mappings.yaml, and the secrets that the command finds."""

    addresses: Mapping[str, str]
    folder: Path
    text: str
    secrets: dict[str, str] = field(default_factory=ENVIRONMENT.copy)

    def replace(self, old: str, new: str) -> None:
        """Write something else into mappings.yaml, where `old` stands once."""
        assert self.text.count(old) == 1, old
        self.text = self.text.replace(old, new)

    def set(self, name: str, **settings: object) -> None:
        """Change the settings of Jira's or ServiceNow's stand-in."""
        method = "PUT" if name == "jira" else "PATCH"
        assert self.ask(method, name, "/_sandbox/settings", json=settings).is_success

    def ask(self, method: str, name: str, path: str, **request: Any) -> httpx2.Response:
        """A request that is nobody's but the test's."""
        return httpx2.request(method, self.addresses[name] + path, trust_env=False, **request)

    def fault(self, name: str, **order: object) -> None:
        """Order a fault."""
        assert self.ask("POST", name, "/_sandbox/faults", json=order).status_code == 204

    def open_issue(self, project: str, kind: str = "Task", *transitions: str, **fields: object) -> None:
        """An issue of somebody's, which has taken these transitions, and which the search knows."""
        order = {"project": {"key": project}, "issuetype": {"name": kind}, "summary": "Somebody's", **fields}
        sign_in: Any = {"auth": (PERSON.email, PERSON.token)}
        created = self.ask("POST", "jira", "/rest/api/2/issue", json={"fields": order}, **sign_in)
        assert created.is_success, created.text
        for transition in transitions:
            path = f"/rest/api/2/issue/{created.json()['id']}/transitions"
            body = {"transition": {"id": transition}}
            assert self.ask("POST", "jira", path, json=body, **sign_in).is_success

    def opened_by_a_person(self, tracker: str) -> str:
        """The id of a ticket that Priya has opened in Jira (`jira`) or ServiceNow (`context`)."""
        if tracker == "jira":
            self.open_issue("SEC")
            (issue,) = self.ask("GET", "jira", "/_sandbox/issues").json()
            return str(issue["id"])
        path, sign_in = "/api/now/v2/table/incident", (HELPDESK.user_name, HELPDESK.password)
        record = self.ask("POST", "servicenow", path, json={"short_description": "Somebody's"}, auth=sign_in)
        return f"incident/{record.json()['result']['sys_id']}"

    def open_record(self, **columns: object) -> None:
        """A record that our own account opens."""
        sign_in = (INTEGRATION.user_name, INTEGRATION.password)
        path = "/api/now/v2/table/incident"
        assert self.ask("POST", "servicenow", path, json=columns, auth=sign_in).status_code == 201

    def check(self, *arguments: str) -> Result:
        """`remedy mappings check --live` on the file."""
        path = self.folder / "mappings.yaml"
        path.write_text(self.text)
        for name in self.addresses:
            self.ask("DELETE", name, "/_sandbox/requests")
        environment = {"MAPPINGS_PATH": "", "LOG_LEVEL": "", **self.secrets}
        return CliRunner(env=environment).invoke(main, ["mappings", "check", "--live", str(path), *arguments])

    def journal(self) -> list[tuple[str, str]]:
        """Method and path of everything that the last check sent."""
        requests = [each for name in self.addresses for each in self.ask("GET", name, "/_sandbox/requests").json()]
        return [(each["method"], each["path"]) for each in requests]

    def place_of(self, word: str) -> str:
        """Line and column at which a text stands for the first time."""
        before = self.text[: self.text.index(word)]
        return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"

    def lines(self, result: Result, *, untold: bool = False) -> list[str]:
        """What is wrong or not reached (or cannot be told), without the file's name."""
        prefix = f"{self.folder / 'mappings.yaml'}:"
        found = [line.removeprefix(prefix) for line in result.stdout.splitlines()[:-1]]
        return [line for line in found if ("cannot be told: " in line) is untold]


@contextmanager
def live_world(
    folder: Path, text: str = RIGHT, deployment: Literal["cloud", "data_center"] = "cloud"
) -> Iterator[LiveWorld]:
    """Stand-ins of one's own, until the end of the block."""
    schoolscan = create_app(World([account(DISTRICT, ENVIRONMENT["SCHOOLSCAN_TOKEN"])]))
    with (
        serve(schoolscan) as source,
        serve(servicenow_app()) as servicenow,
        serve(jira_app(search_lag=0, deployment=deployment)) as jira,
    ):
        addresses = {"schoolscan": source, "servicenow": servicenow, "jira": jira}
        for name, address in addresses.items():
            text = text.replace(name.upper() + "\n", address + "\n").replace(name.upper() + "/", address + "/")
        yield LiveWorld(addresses, folder, text)


Change = Callable[[LiveWorld], None]
