"""Compares a Jira with mappings.yaml. Sends nothing but GET."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from remediation.domain.errors import OutsideError
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.mapping.explain.inspections import Inspection, right, signed_out, unanswered
from remediation.mapping.reading.positions import Steps
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.trackers.jira.answers import SearchPage, Transitions, understood
from remediation.trackers.jira.catalogue import CreateType, LinkTypes, Names, People, Permissions, Project, Workflows
from remediation.trackers.jira.changes import PAGE_SIZE, cursor_from, jql_for_mark, listing, quoted
from remediation.trackers.jira.inspection.demands import IssueDemand, by_project, by_type, demands_of, relating_rules
from remediation.trackers.jira.inspection.reader import CatalogueReader
from remediation.trackers.jira.inspection.verdicts import (
    assignee_verdict,
    field_verdicts,
    link_verdict,
    may_create,
    permission_verdict,
    permissions_asked,
    project_verdict,
    resolution_verdicts,
    risk_field_verdicts,
    search_verdict,
    type_verdict,
)
from remediation.trackers.jira.inspection.ways import places_of, status_verdict, way_verdicts
from remediation.trackers.jira.issues import FOUND_FIELDS, PROPERTY
from remediation.trackers.jira.workflow import UNDER_UPDATE, Explored, Goal, WorkflowStatus
from remediation.trackers.threads import answer_of

_NO_MARK = "remedy:check:finding:live"
"""A mark that no ticket has, to see whether the query is answered."""
_MOST_STATUSES = 12
"""The most statuses of a workflow that are looked at."""


class JiraInspector:
    """The `Inspector` of a configured Jira. Projects are asked about one after another, each with a few requests."""

    def __init__(
        self,
        name: str,
        config: JiraTracker,
        secret: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        largest_answer: int = LARGEST_ANSWER,
    ) -> None:
        self._clock = clock
        self._name = name
        self._config = config
        self._jira = CatalogueReader(name, config, secret, largest_answer)
        self._filled: dict[tuple[str, str], frozenset[str]] = {}

    async def inspect(self, mappings: Mappings) -> tuple[Inspection, ...]:
        """All inspections. The first is who we are; where it is not answered, nothing else is asked."""
        where: Steps = ("trackers", self._name)
        try:
            account = await self._jira.myself()
        except OutsideError as error:
            at_gateway = self._config.auth.scoped is not None
            address = ("auth", "scoped", "cloud_id") if at_gateway else ("url",)
            return (signed_out((*where, *address), (*where, "auth"), error),)
        found = [right((*where, "auth"), f"signs in as {account.id or 'somebody'}")]
        found += [each async for each in self._everywhere(where)]
        for rule in relating_rules(mappings, self._name)[:1]:
            types = await answer_of(self._jira.asked(LinkTypes, "issueLinkType"))
            found.append(link_verdict(("rules", rule, "relate"), types))
        for demands in by_project(demands_of(mappings, self._name)).values():
            found += [each async for each in self._project(demands)]
        return tuple(found)

    async def close(self) -> None:
        """Close connections and threads."""
        await self._jira.close()

    async def _everywhere(self, where: Steps) -> AsyncIterator[Inspection]:
        """What does not depend on a project."""
        now = self._clock()
        listed = listing(cursor_from(None, now), now, self._config.search_horizon).jql
        for what, jql in (("our mark, a label,", jql_for_mark(_NO_MARK)), ("what changed", listed)):
            searched = await answer_of(self._found(jql, PAGE_SIZE))
            yield search_verdict(where, what, searched if isinstance(searched, OutsideError) else None)
        resolutions = await answer_of(self._jira.resolutions(self._config.deployment))
        for each in resolution_verdicts((*where, "resolutions"), self._config, resolutions):
            yield each
        if self._config.risk_reason or self._config.risk_expiry:
            fields = await answer_of(self._jira.asked(Names, "field", put_under="entries"))
            for each in risk_field_verdicts(where, self._config, fields):
                yield each

    async def _project(self, demands: list[IssueDemand]) -> AsyncIterator[Inspection]:
        """What the rules need of one project."""
        path = f"project/{quote(demands[0].project, safe='')}"
        project = await answer_of(self._jira.asked(Project, path))
        for each in project_verdict(demands, project):
            yield each
        if isinstance(project, OutsideError):
            return
        asked = {"projectKey": project.key, "permissions": ",".join(permissions_asked(demands))}
        permissions, workflows, types = await asyncio.gather(
            answer_of(self._jira.asked(Permissions, "mypermissions", **asked)),
            answer_of(self._jira.asked(Workflows, f"{path}/statuses", put_under="types")),
            answer_of(self._jira.types(project.key)),
        )
        for each in permission_verdict(demands, permissions):
            yield each
        for alike in by_type(demands).values():
            if may_create(permissions):
                async for each in self._type(alike, types):
                    yield each
            async for each in self._ways(min(alike, key=_gives), workflows):
                yield each
        async for each in self._assignees(demands, project.key):
            yield each

    async def _type(
        self, demands: Sequence[IssueDemand], types: Sequence[CreateType] | OutsideError
    ) -> AsyncIterator[Inspection]:
        """What the rules need of the screen for creating issues of one type."""
        if isinstance(types, OutsideError):
            yield unanswered((*demands[0].where, "type"), "what can be created", types)
            return
        for demand in demands:
            yield type_verdict(demand, types)
        found = next((each for each in types if each.name == demands[0].type), None)
        if found is None:
            return
        screen = await answer_of(self._jira.screen(demands[0].project, found))
        if isinstance(screen, OutsideError):
            yield unanswered((*demands[0].where, "type"), "what its screen for creating takes", screen)
            return
        filled = frozenset(name for name, field in screen.items() if field.has_default)
        self._filled[demands[0].project, demands[0].type] = filled
        for demand in demands:
            for each in field_verdicts(demand, screen):
                yield each

    async def _ways(self, demand: IssueDemand, workflows: Workflows | OutsideError) -> AsyncIterator[Inspection]:
        """Whether issues of one type come to done and back: one issue in each status shows its transitions."""
        verdict = status_verdict(demand, workflows)
        if verdict or isinstance(workflows, OutsideError):
            if verdict:
                yield verdict
            return
        places, explored = places_of(workflows, demand.type), Explored()
        looks = (answer_of(self._look_from(demand, place, explored)) for place in places[:_MOST_STATUSES])
        for answer in await asyncio.gather(*looks):
            if isinstance(answer, OutsideError):
                yield unanswered((*demand.where, "type"), "which transitions there are", answer)
                return
        for each in way_verdicts(demand, places, explored):
            yield each

    async def _look_from(self, demand: IssueDemand, place: WorkflowStatus, explored: Explored) -> None:
        """Note the transitions of the newest issue that stands there, if any does."""
        project, kind, status = quoted(demand.project), quoted(demand.type), quoted(place.id)
        issue = await self._issue(
            f"project = {project} AND issuetype = {kind} AND status = {status} ORDER BY created DESC"
        )
        if issue is not None:
            answer = await self._jira.call(lambda client: client.transitions(issue))
            shown = understood(self._name, Transitions, {"transitions": answer})
            goal = Goal.ACTIVE if Goal.DONE.reached(place) else Goal.DONE
            there = demand.begun_with | self._filled.get((demand.project, demand.type), frozenset())
            given = there | demand.closing if goal is Goal.DONE else there | (demand.closing - UNDER_UPDATE)
            internal = self._config.comments == "internal"
            steps = (each.step.given(given, goal, internal=internal) for each in shown.transitions)
            explored.note(place.id, tuple(steps))

    async def _assignees(self, demands: Sequence[IssueDemand], project: str) -> AsyncIterator[Inspection]:
        """Whether the people whom the rules name can be assigned; each is asked about once."""
        known: dict[str, bool | OutsideError] = {}
        for demand in demands:
            for setting in demand.of("assignee"):
                account = str(setting.value)
                if account not in known:
                    known[account] = await answer_of(self._assignable(project, account))
                yield assignee_verdict(demand, setting, assignable=known[account])

    async def _assignable(self, project: str, account: str) -> bool:
        by = "accountId" if self._config.deployment == "cloud" else "username"
        asked = {"project": project, by: account}
        people = await self._jira.asked(People, "user/assignable/search", put_under="users", **asked)
        return people.include(account)

    async def _issue(self, jql: str) -> str | None:
        """The id of the first issue that a query finds."""
        return next((each.id for each in (await self._found(jql, 1)).issues), None)

    async def _found(self, jql: str, size: int) -> SearchPage:
        """The first page of what a query finds."""
        answer = await self._jira.call(lambda client: client.search(jql, FOUND_FIELDS, PROPERTY, size, None))
        return understood(self._name, SearchPage, answer)


def _gives(demand: IssueDemand) -> int:
    """The number of fields that a rule gives for the transition to done: where the fewest are enough, more are, too."""
    return len(demand.begun_with | demand.closing)
