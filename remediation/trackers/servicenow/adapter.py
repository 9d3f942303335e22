"""ServiceNow as a kind of tracker: what the code that builds processes, and the commands, need of this package."""

from remediation.deliveries.servicenow import SERVICENOW
from remediation.domain.tickets import Draft
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.config.trackers.tracker_settings import bare
from remediation.trackers.adapters import Adapter, Preview
from remediation.trackers.servicenow.inspection.inspector import ServiceNowInspector
from remediation.trackers.servicenow.records import opening
from remediation.trackers.servicenow.sign_in import sign_in_advice
from remediation.trackers.servicenow.tracker import ServiceNow

_OWN_OF_A_RECORD = {"short_description", "description", "correlation_id", "correlation_display"}
_WORDS = {"due_date": "due"}
"""Fields that mappings.yaml calls by another name than ServiceNow does."""


class ServiceNowAdapter:
    """See Adapter."""

    def tracker(self, name: str, config: ServiceNowTracker, secret: str, *, largest_answer: int) -> ServiceNow:
        """An instance, over the Table API."""
        return ServiceNow(name, config, secret, largest_answer=largest_answer)

    def inspector(
        self, name: str, config: ServiceNowTracker, secret: str, *, largest_answer: int
    ) -> ServiceNowInspector:
        """Asks for tables, columns, choices, groups and accounts."""
        return ServiceNowInspector(name, config, secret, largest_answer=largest_answer)

    def preview(self, name: str, draft: Draft) -> Preview:
        """The record."""
        payload = opening(draft)
        words = {"table": draft.place, "summary": payload["short_description"], "body": payload["description"]}
        others = {field: value for field, value in payload.items() if field not in _OWN_OF_A_RECORD}
        words |= {_WORDS.get(field, field): bare(value) for field, value in others.items()}
        return Preview(name, SERVICENOW.name, draft, words, words, (payload,))

    def sign_in_advice(self, config: ServiceNowTracker) -> str:
        """What its administrators must have switched on."""
        return sign_in_advice(config)


ADAPTER: Adapter[ServiceNowTracker] = ServiceNowAdapter()
