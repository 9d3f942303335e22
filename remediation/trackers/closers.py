"""How notes name the person who closed a ticket, where they may not use the person's name. Pure."""

from remediation.redaction import plain

_LONGEST = 128


def named(account: str, *, login: str = "", is_assignee: bool = False, is_app: bool = False) -> str:
    """The login where the tracker's users know it; otherwise the account's role for the ticket, and its id.

    An id alone tells an auditor nothing; with it, the tracker's administrators can say who it was.
    """
    if login:
        return plain(login, _LONGEST)
    role = "an app" if is_app else "the assignee" if is_assignee else "somebody else than the assignee"
    return f"{role} (account {plain(account, _LONGEST)})"
