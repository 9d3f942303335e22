"""The sandbox's well-known secrets: they open nothing but the sandbox, and say so."""

from sandbox.jira.state import PERSON as JIRA_PERSON
from sandbox.jira.state import SERVICE
from sandbox.servicenow.schema import INTEGRATION
from sandbox.servicenow.schema import PERSON as SERVICENOW_PERSON

DISTRICT = "lakeside"

ENVIRONMENT = {
    "SCHOOLSCAN_TOKEN": "test-only-schoolscan-token",
    "SCHOOLSCAN_WEBHOOK_SECRET": "test-only-webhook-secret",
    "SERVICENOW_PASSWORD": INTEGRATION.password,
    "JIRA_TOKEN": SERVICE.token,
}
"""Every secret that mappings.yaml refers to, by its environment variable."""


def account_of(district: str) -> tuple[str, str]:
    """The variable of a district's token, and the token. Another district's differs from lakeside's."""
    variable, token = "SCHOOLSCAN_TOKEN", ENVIRONMENT["SCHOOLSCAN_TOKEN"]
    if district == DISTRICT:
        return variable, token
    return f"{variable}_{district.upper().replace('-', '_')}", f"{token}-{district}"


def sites_of(district: str) -> tuple[str, str]:
    """The sites that a district has registered: its own, and an archive of what was there before."""
    return f"{district}.example", f"archive.{district}.example"


TRACKER_WEBHOOKS = {
    "SERVICENOW_WEBHOOK_SECRET": "test-only-servicenow-webhook-secret",
    "JIRA_WEBHOOK_SECRET": "test-only-jira-webhook-secret",
}
"""What the trackers' own webhooks are signed with, where there are some."""

INCIDENT_FEED_TOKEN = "test-only-incident-feed-token"

SERVICENOW_USER = INTEGRATION.user_name
JIRA_USER = SERVICE.email

PEOPLE = {
    "servicenow": (SERVICENOW_PERSON.user_name, SERVICENOW_PERSON.password),
    "jira": (JIRA_PERSON.email, JIRA_PERSON.token),
}
"""Priya of the help desk, by tracker: the user and the password with which she signs in to its pages."""


def sign_in_words(system: str) -> str:
    """Who signs in to the pages of a system, to stand behind its address; empty where nobody does."""
    user, password = PEOPLE.get(system, ("", ""))
    return f"  (user {user}, password {password})" if user else ""
