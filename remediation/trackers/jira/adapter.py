"""Jira as a kind of tracker: what the code that builds processes, and the commands, need of this package."""

from collections.abc import Mapping

from remediation.deliveries.jira import JIRA
from remediation.domain.tickets import Draft
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.mapping.config.trackers.tracker_settings import bare
from remediation.trackers.adapters import Adapter, Preview
from remediation.trackers.jira.inspection.inspector import JiraInspector
from remediation.trackers.jira.issues import link_of, payload_of
from remediation.trackers.jira.tracker import Jira

_OWN_OF_AN_ISSUE = {"project", "issuetype", "summary", "description", "labels"}
_WORDS = {"duedate": "due", "security": "security_level"}
"""Fields that mappings.yaml calls by another name than Jira does."""


class JiraAdapter:
    """See Adapter."""

    def tracker(self, name: str, config: JiraTracker, secret: str, *, largest_answer: int) -> Jira:
        """A site, over the library's own client."""
        return Jira(name, config, secret, largest_answer=largest_answer)

    def inspector(self, name: str, config: JiraTracker, secret: str, *, largest_answer: int) -> JiraInspector:
        """Asks for projects, types, fields, workflows and accounts."""
        return JiraInspector(name, config, secret, largest_answer=largest_answer)

    def preview(self, name: str, draft: Draft) -> Preview:
        """The issue, and the link beside it. Raises TypeError where a payload has no fields."""
        payload, link = payload_of(draft, name), link_of(draft)
        fields = payload["fields"]
        if not isinstance(fields, dict):
            raise TypeError("an issue's payload has fields")
        words: dict[str, object] = {"project": draft.place, "type": bare(fields["issuetype"])}
        words |= {"summary": fields["summary"], **_worded(fields)}
        own = {"body": draft.body, "labels": list(draft.labels)}
        sent = {"body": fields["description"], "labels": fields["labels"]}
        return Preview(name, JIRA.name, draft, words | own, words | sent, (payload, link) if link else (payload,))

    def sign_in_advice(self, config: JiraTracker) -> str:
        """Empty: Jira itself says why it refuses an account."""
        del config
        return ""


def _worded(fields: Mapping[str, object]) -> dict[str, object]:
    others = {field: value for field, value in fields.items() if field not in _OWN_OF_AN_ISSUE}
    return {_WORDS.get(field, field): bare(value) for field, value in others.items()}


ADAPTER: Adapter[JiraTracker] = JiraAdapter()
