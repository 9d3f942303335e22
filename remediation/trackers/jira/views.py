"""Whether our account sees a Jira project: searches leave out what it may not see, and do not say so."""

import asyncio

from remediation.domain.errors import NotFound, Refused, TryLater, Waiting
from remediation.trackers.jira.answers import understood
from remediation.trackers.jira.catalogue import BROWSE, Permissions
from remediation.trackers.jira.client import JiraClient
from remediation.trackers.threads import Threads

_GOOD_FOR = 60.0


class ProjectViews:
    """The projects that our account was found to see, each for _GOOD_FOR seconds."""

    def __init__(self, system: str, threads: Threads[JiraClient]) -> None:
        self._system = system
        self._threads = threads
        self._good_until: dict[str, float] = {}

    def forget(self) -> None:
        """Ask again next time: an issue has turned out to be gone."""
        self._good_until.clear()

    async def check(self, project: str) -> None:
        """Make sure that our account may browse the project. Raises Refused where it may not, and TryLater.

        One request at most. Where Jira does not tell (a token's scopes may not reach so far), nothing is concluded.
        """
        now = asyncio.get_running_loop().time()
        if now < self._good_until.get(project, 0.0):
            return
        if not await self._may_browse(project):
            words = f"{project} is no project that our account may browse: grant it {BROWSE} there"
            raise Refused(self._system, words)
        self._good_until[project] = now + _GOOD_FOR

    async def _may_browse(self, project: str) -> bool:
        asked = {"projectKey": project, "permissions": BROWSE}
        try:
            answer = await self._threads.call(lambda client: client.look("mypermissions", **asked))
            permission = understood(self._system, Permissions, answer).permissions.get(BROWSE)
        except NotFound:
            return False
        except Refused:
            return True
        except TryLater as error:
            if error.waiting is not Waiting.SIGN_IN:
                raise
            return True
        return permission is None or permission.have
