"""ServiceNow: how we sign in, and what is read and chosen there."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from remediation.domain.errors import ConfigurationError, OutsideError, Problem, Refused
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.config.trackers.servicenow_tables import INCIDENT_TABLE, KNOWN_TABLES
from remediation.mapping.config.words import without_final_slash
from remediation.mapping.explain.inspections import InspectionOutcome, choice_of, shown
from remediation.mapping.writing.new_file import NewTracker
from remediation.mapping.writing.yaml_text import Block, Entry, is_writable
from remediation.trackers.servicenow.inspection.catalogue import Column
from remediation.trackers.servicenow.inspection.proposal import (
    SURVEYED,
    ServiceNowSurvey,
    column_called,
    column_value,
    servicenow_proposal,
)
from remediation.trackers.servicenow.inspection.reader import USUAL_PARENT, DirectoryReader
from remediation.trackers.servicenow.inspection.verdicts import table_verdict
from remediation.trackers.servicenow.records import Record, text_of
from remediation.trackers.servicenow.references import is_sys_id
from remediation.trackers.servicenow.sign_in import sign_in_advice
from remediation.trackers.servicenow.tracker import ServiceNow
from remediation.trackers.threads import answer_of
from remedy.init.asking import Asker
from remedy.init.credentials import Credential, checked, found, reference_of, usage
from remedy.init.existing import WrittenTracker
from remedy.init.options import Options, fields_of, place_of, secret_options, text_option
from remedy.init.set_ups import SetUp
from remedy.init.systems import System, signed_in_as
from remedy.runtime.calls.outbound import Outbound

_SECRET = ("--servicenow-secret", "SERVICENOW_PASSWORD")
_FIELD = "--servicenow-field"
_OWN_STATES: Mapping[str, Any] = {"states": {"1": "open", "2": "done"}, "resolve_state": "2", "reopen_state": "1"}
"""For a table whose states only people know: what it takes to ask the instance about it."""


class ServiceNowPlan:
    """An instance, as the file has it or is going to have it."""

    def __init__(self, known: WrittenTracker, options: Options, asker: Asker, url: str) -> None:
        self.name = known.name
        self.known = known
        self.options = options
        self.table = options["servicenow_table"] or str(known.words.get("table") or INCIDENT_TABLE)
        self._auth = _auth_of(options, known, asker)
        asker.must_be_complete()
        words = {**known.words, "kind": "servicenow", "url": url, "auth": self._auth, "table": self.table}
        if self.table not in KNOWN_TABLES and "states" not in words:
            words |= _OWN_STATES
        self.config = checked(ServiceNowTracker, words, "ServiceNow")
        self.address = without_final_slash(str(self.config.url))
        self.credential = found("ServiceNow's secret", self.config.secret[1].model_dump(mode="json"))

    def opened(self, way: Outbound, credential: Credential) -> "OpenServiceNow":
        """The instance, to be asked."""
        return OpenServiceNow(self, way, credential)

    @property
    def sign_in_words(self) -> Block:
        """Its words in a new file, without those that a survey proposes."""
        return Block(
            [
                Entry("kind", "servicenow"),
                Entry("url", self.address),
                Entry("auth", Block(Entry(way, words) for way, words in self._auth.items())),
            ]
        )

    @property
    def asked_words(self) -> Block:
        """What the options say of a tracker that the file has: it takes precedence over the file."""
        return Block(self.known.changed(self.address if self.options["servicenow"] else "", self._auth))


class OpenServiceNow:
    """An instance that can be asked."""

    def __init__(self, instance: ServiceNowPlan, way: Outbound, credential: Credential) -> None:
        config, name = way.completes(instance.config), instance.name
        self.instance = instance
        self.system = System(name, "ServiceNow", instance.address, credential, sign_in_advice(config))
        self._api = ServiceNow(name, config, credential.value, largest_answer=way.largest_answer)
        self._reader = DirectoryReader(self._api)
        self._account = ""

    async def sign_in(self) -> str:
        """Returns who we are. Raises OutsideError."""
        try:
            self._account = await self._api.account()
        except Refused as error:
            if error.status is not None:
                raise
            return "signs in; ServiceNow does not tell as whom"
        return signed_in_as(self._account)

    def _survey(self, runner: asyncio.Runner, asker: Asker) -> ServiceNowSurvey:
        """What is there, and what was chosen of it. What is hidden from us is empty."""
        self._must_be_there(runner)
        said = fields_of(self.instance.options, _FIELD)
        columns, choices, rows = runner.run(self._directory(name.lower() for name, _ in said))
        named = _alone(rows)
        group = self._group(runner, named, asker)
        survey = ServiceNowSurvey(self.instance.table, columns, choices, tuple(named), group, self._account)
        return replace(survey, chosen=self._chosen(survey, said, asker), risk_columns=self._risk_columns(survey))

    def _chosen(self, survey: ServiceNowSurvey, said: Sequence[tuple[str, str]], asker: Asker) -> Mapping[str, str]:
        """The values of columns that options name, and those of mandatory ones that somebody chooses."""
        chosen = {}
        for name, word in said:
            with usage(_FIELD):
                column = column_called(survey, name)
                chosen[column] = column_value(survey, column, word)
        asks = asker if self.known.is_new and not self.instance.options["servicenow"] else Asker(may_ask=False)
        for each in replace(survey, chosen=chosen).open_questions:
            offered = [(word, "") for word in survey.choices.get(each.name, ()) if is_writable(word)]
            word = asks.choice(each.name, offered) if offered else asks.perhaps(f"{each.name}, which is mandatory")
            chosen |= {each.name: word} if word else {}
        return chosen

    def _risk_columns(self, survey: ServiceNowSurvey) -> Mapping[str, str]:
        """The columns that explain an accepted risk, as options say."""
        found_columns = {}
        for word in ("risk_reason", "risk_expiry"):
            if name := self.instance.options[f"servicenow_{word}"]:
                with usage(f"--servicenow-{word.replace('_', '-')}"):
                    found_columns[word] = column_called(survey, name)
        return found_columns

    def proposed(self, runner: asyncio.Runner, asker: Asker) -> NewTracker:
        """The tracker with its words, by what is there and what was chosen of it."""
        survey = self._survey(runner, asker)
        known = self.instance.known
        proposal = servicenow_proposal(self.instance.name, survey, known.words, known.given)
        return NewTracker(self.instance.name, "ServiceNow", self.instance.sign_in_words, proposal, is_desk=True)

    @property
    def known(self) -> WrittenTracker:
        """What the file has of it."""
        return self.instance.known

    @property
    def asked_words(self) -> Block:
        """See ServiceNowPlan."""
        return self.instance.asked_words

    async def close(self) -> None:
        """Close connections and threads."""
        await self._api.close()

    def _must_be_there(self, runner: asyncio.Runner) -> None:
        """Raises ConfigurationError where a new file would name a table that is not there, or not for us."""
        table = self.instance.table
        sample = runner.run(answer_of(self._api.look(table, "", ("sys_id",), 1)))
        verdict = table_verdict((), table, sample)
        if self.known.is_new and verdict.outcome is InspectionOutcome.WRONG:
            raise ConfigurationError([Problem("ServiceNow", f"{verdict.message}; {verdict.advice}")])

    async def _directory(
        self, named: Iterable[str]
    ) -> tuple[Mapping[str, Column], Mapping[str, tuple[str, ...]], Sequence[Record]]:
        table = self.instance.table
        chain = await self._reader.chain(table)
        columns = await answer_of(self._reader.columns(chain)) if chain else {}
        known = {} if isinstance(columns, OutsideError) else columns
        wanted = [*SURVEYED, *named, *(each.name for each in known.values() if each.demanded)]
        choices = await answer_of(self._reader.choices(chain or (table, USUAL_PARENT), wanted))
        groups = await answer_of(self._reader.groups())
        return (
            known,
            {} if isinstance(choices, OutsideError) else choices,
            () if isinstance(groups, OutsideError) else groups,
        )

    def _group(self, runner: asyncio.Runner, named: Mapping[str, str], asker: Asker) -> tuple[str, str] | None:
        """The one that was said, or that somebody chooses; None for none, and where the file has one."""
        said = self.instance.options["servicenow_group"]
        if said is None and self.known.is_new and named and not self.instance.options["servicenow"]:
            choices = [("none", "nobody yet"), *((name, "") for name in named)]
            said = asker.choice("Group for the tickets", choices, "none", takes_others=True)
            said = None if said == "none" else said
        if not said:
            return None
        if is_sys_id(said):
            return said, next((name for name, sys_id in named.items() if sys_id == said), "")
        if said in named:
            return named[said], said
        rows = runner.run(answer_of(self._reader.groups_called(said)))
        alike = [] if isinstance(rows, OutsideError) else list(rows)
        if len(alike) != 1:
            many = f"{len(alike)} groups are called {shown(said)}: write the sys_id of the one you mean"
            none = f"there is no group {shown(said)} that our account can see; {choice_of(named, said)}"
            raise ConfigurationError([Problem("--servicenow-group", many if alike else none)])
        return text_of(alike[0], "sys_id"), text_of(alike[0], "name")


def _alone(rows: Sequence[Record]) -> dict[str, str]:
    """The sys_id of each group by its name, without those whose name several have."""
    names = [text_of(row, "name") for row in rows]
    return {
        name: text_of(row, "sys_id")
        for name, row in zip(names, rows, strict=True)
        if names.count(name) == 1 and is_writable(name)
    }


def _auth_of(options: Options, known: WrittenTracker, asker: Asker) -> Mapping[str, Any]:
    """How to sign in: as the options say, else as the file says, else by a user name and a password."""
    before_way, before = known.sign_in
    said_user, said_client = options["servicenow_user"], options["servicenow_client_id"]
    implied = "basic" if said_user else "oauth" if said_client else before_way or "basic"
    way = options["servicenow_auth"] or implied
    reference = dict(reference_of(place_of(options, *_SECRET), known.secret_reference))
    same = before if way == before_way else {}
    match way:
        case "basic":
            user = said_user or same.get("user") or asker.text("--servicenow-user USER", "ServiceNow's user")
            return {"basic": {"user": user, "password": reference}}
        case "oauth":
            client = said_client or same.get("client_id")
            client = client or asker.text("--servicenow-client-id ID", "The client's id")
            return {"oauth": {"client_id": client, "client_secret": reference}}
        case _:
            return {way: reference}


SET_UP = SetUp(
    "ServiceNow",
    (
        click.option(
            "--servicenow-auth",
            type=click.Choice(["basic", "oauth", "bearer", "api_key"]),
            help="How to sign in.  [default: basic; oauth with --servicenow-client-id]",
        ),
        text_option("--servicenow-user", "USER", "The user name, for basic."),
        text_option("--servicenow-client-id", "ID", "The client's id, for oauth."),
        *secret_options(*_SECRET, "the password, the client's secret, the token or the key"),
        text_option("--servicenow-table", "TABLE", "The table of our tickets.  [default: incident]"),
        text_option("--servicenow-group", "GROUP", "The group that gets the tickets, by its name or sys_id."),
    ),
    ServiceNowPlan,
)
