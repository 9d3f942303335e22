"""Who is let into the console: links that sign in once, and the end of sessions. Each has its line of the audit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from remediation.mapping.config.console import RoleName
from remediation.operations.stores import OperationStores
from remediation.store.audit.entries import AuditAct
from remediation.store.console.sessions import ConsoleIdentity, ConsoleSession, ConsoleSessions, new_token

LINK_PATH = "/sign-in/link"


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """For whom a link is, and what it lets them do. `districts` is None for all, and for what belongs to none."""

    name: str
    role: RoleName = RoleName.VIEWER
    districts: tuple[str, ...] | None = None

    @property
    def words(self) -> str:
        """What it lets them do, in the words of the command."""
        where = " in all districts" if self.districts is None else f" of {', '.join(self.districts)}"
        return f"{self.role}{where}"


async def make_link(stores: OperationStores, terms: LinkTerms, who: str, url: str) -> str:
    """The address that signs somebody in once. `url` is the console's own, without a slash at its end.

    Raises StoreUnavailable.
    """
    entry = stores.audit.entry(AuditAct.SIGN_IN_LINK, who, piece=terms.name, choice=terms.words)
    identity = ConsoleIdentity(terms.name, "link", role=terms.role, districts=terms.districts, form_token=new_token())
    sessions = ConsoleSessions(stores.connection, stores.keyring)
    token = await sessions.make_link(identity, stores.audit.line(entry))
    await stores.audit.chain()
    return f"{url}{LINK_PATH}?token={token}"


async def end_sessions(stores: OperationStores, sessions: Sequence[ConsoleSession], name: str, who: str) -> int:
    """End these sessions, which are somebody's. Returns how many there still were. Raises StoreUnavailable."""
    entry = stores.audit.entry(AuditAct.SESSIONS_ENDED, who, piece=name)
    line = stores.audit.line(replace(entry, count=len(sessions)))
    handles = [each.handle for each in sessions]
    ended = await ConsoleSessions(stores.connection, stores.keyring).end(handles, line) if handles else 0
    await stores.audit.chain()
    return ended
