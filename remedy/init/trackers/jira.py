"""Jira: how we sign in, and what is read and chosen there."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar, get_args

import click

from remediation.domain.errors import ConfigurationError, OutsideError, Problem
from remediation.mapping.config.trackers.jira import Deployment, JiraTracker
from remediation.mapping.config.words import without_final_slash
from remediation.mapping.explain.inspections import choice_of, shown
from remediation.mapping.writing.new_file import NewTracker
from remediation.mapping.writing.yaml_text import Block, Entry
from remediation.trackers.jira.answers import Named
from remediation.trackers.jira.catalogue import CreateField, CreateType, Project
from remediation.trackers.jira.inspection.proposal import (
    JiraSurvey,
    choices_of,
    field_called,
    field_value,
    jira_proposal,
    usual_type,
)
from remediation.trackers.jira.inspection.reader import CatalogueReader
from remediation.trackers.threads import answer_of
from remedy.init.asking import Asker
from remedy.init.credentials import Credential, checked, found, reference_of, usage
from remedy.init.existing import WrittenTracker
from remedy.init.options import Options, fields_of, place_of, secret_options, text_option
from remedy.init.set_ups import SetUp
from remedy.init.systems import System, signed_in_as
from remedy.runtime.calls.outbound import Outbound

AnswerT = TypeVar("AnswerT")

_TOKEN = ("--jira-token", "JIRA_TOKEN")
_FIELD = "--jira-field"
_NO_USER = "Jira Cloud takes an API token of a user (--jira-user) or one with scopes (--jira-cloud-id)"


class JiraPlan:
    """A Jira, as the file has it or is going to have it."""

    def __init__(self, known: WrittenTracker, options: Options, asker: Asker, url: str) -> None:
        self.name = known.name
        self.known = known
        self.options = options
        self._auth = _auth_of(options, known, asker)
        words = {**known.words, "kind": "jira", "url": url, "auth": self._auth}
        words |= {"deployment": options["jira_deployment"]} if options["jira_deployment"] else {}
        self.config = checked(JiraTracker, words, "Jira")
        self.address = without_final_slash(str(self.config.url))
        self.credential = found("Jira's token", self.config.secret[1].model_dump(mode="json"))

    def opened(self, way: Outbound, credential: Credential) -> "OpenJira":
        """The Jira, to be asked."""
        return OpenJira(self, way, credential)

    def sign_in_words(self, deployment: Deployment) -> Block:
        """Its words in a new file, without those that a survey proposes."""
        return Block(
            [
                Entry("kind", "jira"),
                Entry("deployment", deployment),
                Entry("url", self.address),
                Entry("auth", Block(Entry(way, words) for way, words in self._auth.items())),
            ]
        )

    def asked_words(self, deployment: Deployment) -> Block:
        """What the options, or Jira itself, say of a tracker that the file has: it takes precedence over the file."""
        changed = self.known.changed(self.address if self.options["jira"] else "", self._auth)
        usual = JiraTracker.model_fields["deployment"].default
        is_other = deployment != self.known.words.get("deployment", usual)
        return Block([*changed, *([Entry("deployment", deployment, needed=True)] if is_other else [])])


class OpenJira:
    """A Jira that can be asked."""

    def __init__(self, jira: JiraPlan, way: Outbound, credential: Credential) -> None:
        config, name = way.completes(jira.config), jira.name
        self.jira = jira
        advice = "" if jira.config.auth.bearer is None else _NO_USER
        self.system = System(name, "Jira", jira.address, credential, advice)
        self.deployment: Deployment = jira.config.deployment
        self._reader = CatalogueReader(name, config, credential.value, way.largest_answer)

    async def sign_in(self) -> str:
        """Returns who we are, and which of the two Jiras this is. Raises OutsideError."""
        account = await self._reader.myself()
        if not self.jira.options["jira_deployment"] and not self.jira.config.auth.scoped:
            self.deployment = await self._reader.deployment()
        kind = "Jira Cloud" if self.deployment == "cloud" else "Jira Data Center"
        return f"{signed_in_as(account.id or 'somebody')}; {kind}"

    def _survey(self, runner: asyncio.Runner, asker: Asker) -> JiraSurvey:
        """What is there, and what was chosen of it. What cannot be read is empty."""
        listed = runner.run(answer_of(self._reader.projects(self.deployment)))
        hidden = f"projects cannot be read ({listed})" if isinstance(listed, OutsideError) else ""
        projects = _read(listed, ())
        project = self._project(projects, asker)
        types = _read(runner.run(answer_of(self._reader.types(project))), ()) if project else ()
        kind = self._type(types, asker)
        screen, names = runner.run(self._details(project, next((each for each in types if each.name == kind), None)))
        survey = JiraSurvey(projects, hidden, project, types, kind, screen, names)
        risks = self._risk_fields(runner)
        return replace(survey, chosen=self._chosen(survey, asker), risk_fields=risks)

    def _chosen(self, survey: JiraSurvey, asker: Asker) -> Mapping[str, object]:
        """The values of fields that options name, and those of required ones that somebody chooses."""
        chosen = {}
        for name, word in fields_of(self.jira.options, _FIELD):
            with usage(_FIELD):
                each = field_called(survey.screen or {}, name)
                chosen[each.id] = field_value(each, word)
        asks = asker if self.known.is_new and not self.jira.options["jira"] else Asker(may_ask=False)
        for each in replace(survey, chosen=chosen).open_questions:
            names = [(text, "") for choice in choices_of(each) for text in choice.values()]
            word = asks.choice(each.name, names) if names else asks.perhaps(f"{each.name}, which Jira requires")
            with usage(each.name):
                chosen |= {each.id: field_value(each, word)} if word else {}
        return chosen

    def _risk_fields(self, runner: asyncio.Runner) -> Mapping[str, Named]:
        """The fields that explain an accepted risk, by the names that options say."""
        said = {word: self.jira.options[f"jira_{word}"] for word in ("risk_reason", "risk_expiry")}
        wanted = {word: name for word, name in said.items() if name}
        fields = _read(runner.run(answer_of(self._reader.fields())), ()) if wanted else ()
        found_fields = {}
        for word, name in wanted.items():
            alike = [each for each in fields if name.lower() in {each.id.lower(), each.name.lower()}]
            if len(alike) != 1:
                says = (
                    f"{len(alike) or 'no'} fields are called {shown(name)}; {choice_of((e.name for e in fields), name)}"
                )
                raise ConfigurationError([Problem(f"--jira-{word.replace('_', '-')}", says)])
            found_fields[word] = alike[0]
        return found_fields

    async def _details(
        self, project: str, kind: CreateType | None
    ) -> tuple[Mapping[str, CreateField] | None, tuple[str, ...]]:
        """The screen for creating such an issue, if it can be read, and the names of resolutions."""
        screen = await answer_of(self._reader.screen(project, kind)) if kind else None
        resolutions = await answer_of(self._reader.resolutions(self.deployment))
        names = () if isinstance(resolutions, OutsideError) else tuple(each.name for each in resolutions.entries)
        return (None if isinstance(screen, OutsideError) else screen), names

    def proposed(self, runner: asyncio.Runner, asker: Asker) -> NewTracker:
        """The tracker with its words, by what is there and what was chosen of it."""
        survey = self._survey(runner, asker)
        known = self.jira.known
        proposal = jira_proposal(self.jira.name, survey, known.words, known.given)
        return NewTracker(self.jira.name, "Jira", self.jira.sign_in_words(self.deployment), proposal, is_desk=False)

    @property
    def known(self) -> WrittenTracker:
        """What the file has of it."""
        return self.jira.known

    @property
    def asked_words(self) -> Block:
        """See JiraPlan."""
        return self.jira.asked_words(self.deployment)

    async def close(self) -> None:
        """Close connections and threads."""
        await self._reader.close()

    def _project(self, projects: tuple[Project, ...], asker: Asker) -> str:
        """The one that was said, that the file has, the only one, or the one that somebody chooses."""
        said = str(self.jira.options["jira_project"] or self.jira.known.text("project"))
        keys = [each.key for each in projects]
        if said:
            if projects and said not in keys and self.jira.options["jira_project"]:
                says = f"our account may create issues in no project {said}; {choice_of(keys, said)}"
                raise ConfigurationError([Problem("--jira-project", says)])
            return said
        if not self.known.is_new:
            return ""  # its rules say it
        if len(projects) == 1:
            return projects[0].key
        return asker.choice("Project for the tickets", [(each.key, each.name) for each in projects])

    def _type(self, types: tuple[CreateType, ...], asker: Asker) -> str:
        said = str(self.jira.options["jira_type"] or "")
        names = [each.name for each in types if not each.is_part]
        if said:
            if types and said not in names:
                says = f"no {said} can be created there; {choice_of(names, said)}"
                raise ConfigurationError([Problem("--jira-type", says)])
            return said
        known = self.jira.known.text("type")
        usual = known if known in names or not names else usual_type(types)
        if known or len(names) == 1 or not self.known.is_new or self.jira.options["jira_project"]:
            return usual
        return asker.choice("Type of the tickets", [(name, "") for name in names], usual) or usual


def _read(answer: AnswerT | OutsideError, nothing: AnswerT) -> AnswerT:
    return nothing if isinstance(answer, OutsideError) else answer


def _auth_of(options: Options, known: WrittenTracker, asker: Asker) -> Mapping[str, Any]:
    """How to sign in: as the options say, else as the file says, else by a personal access token."""
    way, before = known.sign_in
    reference = dict(reference_of(place_of(options, *_TOKEN), known.secret_reference))
    said = {"cloud_id": options["jira_cloud_id"], "user": options["jira_user"], "gateway": options["jira_gateway"]}
    words = {word: each for word, each in said.items() if each}
    if "cloud_id" in words or (way == "scoped" and "user" not in words):
        return {"scoped": {**(before if way == "scoped" else {}), **words, "token": reference}}
    owner = words.get("user") or before.get("user")
    if not owner and not way:
        owner = asker.perhaps("Whose token is it? E-mail address (empty: a personal access token of Data Center)")
    return {"basic": {"user": owner, "password": reference}} if owner else {"bearer": reference}


SET_UP = SetUp(
    "Jira",
    (
        text_option("--jira-user", "USER", "Whose token it is: an e-mail address. None for a personal access token."),
        text_option("--jira-cloud-id", "ID", "The site's id (Cloud), for a token with scopes."),
        text_option("--jira-gateway", "URL", "Atlassian's gateway for such tokens, where it is another one."),
        click.option(
            "--jira-deployment",
            type=click.Choice(get_args(Deployment)),
            help="Which of the two Jiras it is.  [default: what it says itself]",
        ),
        *secret_options(*_TOKEN, "Jira's token"),
        text_option("--jira-project", "KEY", "The project in which issues are opened."),
        text_option("--jira-type", "NAME", "The type of issues.  [default: Task, where there is one]"),
    ),
    JiraPlan,
)
