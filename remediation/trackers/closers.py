"""How notes name whoever closed a ticket, where they may not say the person's name. Pure."""

from remediation.redaction import plain

_LONGEST = 128


def named(account: str, *, login: str = "", is_assignee: bool = False, is_app: bool = False) -> str:
    """The login where the tracker's people know it; otherwise what the account is to the ticket, and the account's id.

    An id alone tells an auditor nothing; with it, the tracker's administrators can say who it was.
    """
    if login:
        return plain(login, _LONGEST)
    role = "an app" if is_app else "the assignee" if is_assignee else "somebody else than the assignee"
    return f"{role} (account {plain(account, _LONGEST)})"
