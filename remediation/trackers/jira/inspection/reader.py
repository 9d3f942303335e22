"""Reads what a Jira tells of itself: projects, types, screens, resolutions. Sends nothing but GET."""

import asyncio
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from remediation.mapping.config.trackers.jira import Deployment, JiraTracker
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.trackers.jira.answers import JiraUser, Named, SentT, understood
from remediation.trackers.jira.catalogue import (
    CataloguePage,
    CreateField,
    CreateType,
    FieldPage,
    Names,
    Project,
    ProjectPage,
    Projects,
    ResolutionPage,
    Server,
    TypePage,
)
from remediation.trackers.jira.client import JiraClient
from remediation.trackers.threads import Threads

ResultT = TypeVar("ResultT")
ListingT = TypeVar("ListingT", bound=CataloguePage)

_PAGE_SIZE = 200
_MOST_PAGES = 10


class CatalogueReader:
    """One Jira's own configuration, read over threads of its own. Every method raises TryLater or Refused."""

    def __init__(self, name: str, config: JiraTracker, secret: str, largest_answer: int = LARGEST_ANSWER) -> None:
        self._name = name
        self._threads = Threads.configured(name, config, lambda: JiraClient(name, config, secret), largest_answer)
        self._turns = asyncio.Semaphore(config.concurrency)

    async def myself(self) -> JiraUser:
        """Returns the account that we are signed in as."""
        return understood(self._name, JiraUser, await self.call(JiraClient.myself))

    async def deployment(self) -> Deployment:
        """Returns which of the two Jiras it says to be."""
        server = await self.asked(Server, "serverInfo")
        return "cloud" if server.deployment.lower() == "cloud" else "data_center"

    async def projects(self, deployment: Deployment) -> tuple[Project, ...]:
        """Returns projects that are not archived; on Cloud those in which our account may create issues."""
        if deployment == "data_center":
            found = (await self.asked(Projects, "project", put_under="entries")).entries
        else:
            pages = await self.pages(ProjectPage, "project/search", action="create", orderBy="key")
            found = tuple(each for page in pages for each in page.entries)
        return tuple(each for each in found if not each.archived)

    async def resolutions(self, deployment: Deployment) -> Names:
        """Returns all resolutions. Cloud is taking the list without pages away; Data Center has no other before 9."""
        if deployment == "data_center":
            return await self.asked(Names, "resolution", put_under="entries")
        pages = await self.pages(ResolutionPage, "resolution/search")
        return Names(entries=tuple(each for page in pages for each in page.entries))

    async def fields(self) -> tuple[Named, ...]:
        """Returns all fields of the instance, with their names."""
        return (await self.asked(Names, "field", put_under="entries")).entries

    async def types(self, project: str) -> tuple[CreateType, ...]:
        """Returns the issue types that our account may create in a project."""
        pages = await self.pages(TypePage, f"issue/createmeta/{quote(project, safe='')}/issuetypes")
        return tuple(each for page in pages for each in page.entries)

    async def screen(self, project: str, kind: CreateType) -> dict[str, CreateField]:
        """Returns the fields of the screen for creating issues of one type, by their ids."""
        path = f"issue/createmeta/{quote(project, safe='')}/issuetypes/{quote(kind.id, safe='')}"
        return {each.id: each for page in await self.pages(FieldPage, path) for each in page.entries}

    async def pages(self, kind: type[ListingT], path: str, **asked: str) -> list[ListingT]:
        """Returns a list that comes in pages."""
        pages: list[ListingT] = []
        start = 0
        for _ in range(_MOST_PAGES):
            pages.append(await self.asked(kind, path, startAt=start, maxResults=_PAGE_SIZE, **asked))
            start += len(pages[-1].entries)
            if not pages[-1].entries or start >= pages[-1].total:
                break
        return pages

    async def asked(self, kind: type[SentT], path: str, *, put_under: str = "", **asked: str | int) -> SentT:
        """Returns the answer to one GET; one that is a list is put under a name first."""
        answer = await self.call(lambda client: client.look(path, **asked))
        return understood(self._name, kind, {put_under: answer} if put_under else answer)

    async def call(self, work: Callable[[JiraClient], ResultT]) -> ResultT:
        """Returns the result of `work`; its time begins when a thread is free for it."""
        async with self._turns:
            return await self._threads.call(work)

    async def close(self) -> None:
        """Close connections and threads."""
        await self._threads.close()
