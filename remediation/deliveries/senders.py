"""Who signs deliveries, and how each of them does it. Pure."""

from enum import StrEnum

from remediation.deliveries.signatures import SCHOOLSCAN_HEADER, SignatureFormat

JIRA_HEADER = "x-hub-signature"
"""Jira Cloud and Data Center, for a webhook that has a secret."""

SERVICENOW_HEADER = "x-remedy-signature"
"""Ours: the business rule of docs/webhooks.md sets it."""


class Sender(StrEnum):
    """The kinds of sender. SchoolScan has an account for each district; of the others, each tracker is one."""

    SCHOOLSCAN = "schoolscan"
    JIRA = "jira"
    SERVICENOW = "servicenow"

    @property
    def header(self) -> str:
        """The header that carries the signature, in every format that has but one."""
        return _HEADERS[self]

    def expected_format(self, written: SignatureFormat) -> SignatureFormat:
        """The format to expect where mappings.yaml has `written`: `auto` leaves only SchoolScan a choice."""
        return _ONLY_FORMATS.get(self, written) if written is SignatureFormat.AUTO else written

    @property
    def is_tracker(self) -> bool:
        """It tells of tickets rather than of findings."""
        return self is not Sender.SCHOOLSCAN

    def path(self, account: str) -> str:
        """One of its accounts, where those of all senders are kept side by side."""
        return f"{self}/{account}"

    def named(self, account: str) -> dict[str, str]:
        """One of its accounts, by the word for what that is."""
        return {"tracker" if self.is_tracker else "district": account}


_HEADERS = {
    Sender.SCHOOLSCAN: SCHOOLSCAN_HEADER,
    Sender.JIRA: JIRA_HEADER,
    Sender.SERVICENOW: SERVICENOW_HEADER,
}
_ONLY_FORMATS = {Sender.JIRA: SignatureFormat.PREFIXED, Sender.SERVICENOW: SignatureFormat.BASE64}
