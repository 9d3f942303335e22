"""What the command line says: one field for each option, and the options themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

SCHOOLSCAN = "https://api.schoolscan.ai/v1"


@dataclass(frozen=True, slots=True)
class Said:
    """The options about systems; None for what was not said."""

    district: str | None = None
    schoolscan: str | None = None
    schoolscan_token_env: str | None = None
    schoolscan_token_file: Path | None = None
    schoolscan_webhook_secret_env: str | None = None
    schoolscan_webhook_secret_file: Path | None = None
    finding_link: str | None = None
    jira: str | None = None
    jira_name: str | None = None
    jira_user: str | None = None
    jira_cloud_id: str | None = None
    jira_gateway: str | None = None
    jira_deployment: str | None = None
    jira_token_env: str | None = None
    jira_token_file: Path | None = None
    jira_project: str | None = None
    jira_type: str | None = None
    servicenow: str | None = None
    servicenow_name: str | None = None
    servicenow_auth: str | None = None
    servicenow_user: str | None = None
    servicenow_client_id: str | None = None
    servicenow_secret_env: str | None = None
    servicenow_secret_file: Path | None = None
    servicenow_table: str | None = None
    servicenow_group: str | None = None


def _text(name: str, metavar: str, words: str) -> Callable[[CommandT], CommandT]:
    return click.option(name, metavar=metavar, help=words)


def _secret(name: str, usual: str, what: str) -> tuple[Callable[[CommandT], CommandT], ...]:
    """The two options that say where a secret is. None takes the secret itself."""
    return (
        click.option(f"{name}-env", metavar="NAME", help=f"Environment variable with {what}.  [default: {usual}]"),
        click.option(
            f"{name}-file", metavar="PATH", type=click.Path(path_type=Path), help=f"File with {what}, instead."
        ),
    )


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _text("--district", "NAME", "Our name for the district: a part of its webhook's address."),
    _text("--schoolscan", "URL", f"Address of SchoolScan's API.  [default: {SCHOOLSCAN}]"),
    *_secret("--schoolscan-token", "SCHOOLSCAN_TOKEN", "SchoolScan's token"),
    *_secret("--schoolscan-webhook-secret", "SCHOOLSCAN_WEBHOOK_SECRET", "what SchoolScan signs its deliveries with"),
    _text("--finding-link", "URL", "Address of a finding's page for people, with {id} in it."),
    _text("--jira", "URL", "Address of Jira, as a browser has it."),
    _text("--jira-name", "NAME", "Our name for it.  [default: jira]"),
    _text("--jira-user", "USER", "Whose token it is: an e-mail address (Cloud). Left out for a personal access token."),
    _text("--jira-cloud-id", "ID", "The site's id (Cloud), for a token with scopes."),
    _text("--jira-gateway", "URL", "Atlassian's gateway for such tokens, where it is another one: government sites."),
    click.option(
        "--jira-deployment",
        type=click.Choice(["cloud", "data_center"]),
        help="Which of the two Jiras it is.  [default: what it says itself]",
    ),
    *_secret("--jira-token", "JIRA_TOKEN", "Jira's token"),
    _text("--jira-project", "KEY", "The project in which issues are opened."),
    _text("--jira-type", "NAME", "The type of issues.  [default: Task, where there is one]"),
    _text("--servicenow", "URL", "Address of the ServiceNow instance, as a browser has it."),
    _text("--servicenow-name", "NAME", "Our name for it.  [default: servicenow]"),
    click.option(
        "--servicenow-auth",
        type=click.Choice(["basic", "oauth", "bearer", "api_key"]),
        help="How to sign in.  [default: basic; oauth with --servicenow-client-id]",
    ),
    _text("--servicenow-user", "USER", "The user name, for basic."),
    _text("--servicenow-client-id", "ID", "The client's id, for oauth."),
    *_secret("--servicenow-secret", "SERVICENOW_PASSWORD", "the password, the client's secret, the token or the key"),
    _text("--servicenow-table", "TABLE", "The table of our tickets.  [default: incident]"),
    _text("--servicenow-group", "GROUP", "The group that gets the tickets, by its name or sys_id."),
)


def system_options(command: CommandT) -> CommandT:
    """Every option about a system."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
