"""What a file that is there says already."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from remediation.domain.cases.records import DISTRICT_NAME
from remediation.mapping.config.words import without_final_slash
from remediation.mapping.reading.document import read_document
from remediation.mapping.reading.loading import loaded_of, text_of_file
from remediation.mapping.writing.yaml_text import Entry
from remediation.redaction import terminal
from remedy.init.options import Options, are_about

_SECRET_WORDS = ("password", "token", "client_secret")


@dataclass(frozen=True, slots=True)
class WrittenTracker:
    """A tracker by our name for it.

    `words` are the tracker's in the file, `ticket` its `defaults.tickets`; both are empty for a new tracker. `given`:
    the words that need no proposal, because `defaults` or every rule sets them.
    """

    name: str
    words: Mapping[str, Any] = field(default_factory=dict)
    ticket: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Whether the file does not have it."""
        return not self.words

    def text(self, word: str) -> str:
        """The text of one of the words of its tickets; empty where there is none."""
        value = self.ticket.get(word)
        return value if isinstance(value, str) else ""

    @property
    def url(self) -> str:
        """Its address; empty for a new one."""
        return str(self.words.get("url") or "")

    @property
    def sign_in(self) -> tuple[str, Mapping[str, Any]]:
        """The way of signing in, and its words; nothing for a new one."""
        return next(iter(self.words.get("auth", {}).items()), ("", {}))

    def changed(self, url: str, auth: Mapping[str, Any]) -> list[Entry]:
        """The entries of its address (empty: that of the file) and of signing in, where they differ from the file's."""
        is_moved = url and url != without_final_slash(self.url)
        address = [Entry("url", url, needed=True)] if is_moved else []
        return [*address, *([Entry("auth", auth, needed=True)] if auth != self.words.get("auth") else [])]

    @property
    def secret_reference(self) -> object:
        """Where its secret is; None for a new one."""
        way, words = self.sign_in
        if not way:
            return None
        return next((words[word] for word in _SECRET_WORDS if word in words), words)


def named(option: str, name: str) -> str:
    """The name, which may be empty still. Raises UsageError for one that no district and no tracker can have."""
    if name and not DISTRICT_NAME.fullmatch(name):
        says = "a name is 1 to 32 small letters, digits and inner dashes"
        raise click.BadParameter(f"{terminal(name)}: {says}", param_hint=option)
    return name


@dataclass(frozen=True, slots=True)
class Existing:
    """A valid file, or none: then its text is empty."""

    text: str = ""
    words: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        """Whether there is a file."""
        return bool(self.words)

    @property
    def districts(self) -> Mapping[str, Any]:
        """Its districts by their names."""
        found: Mapping[str, Any] = self.words.get("districts", {})
        return found

    def district(self, said: str | None) -> str:
        """The district that is meant; empty where that is not said. Raises UsageError where there are several."""
        if said or not self.districts:
            return said or ""
        if len(self.districts) > 1:
            raise click.UsageError(f"say --district NAME: the file has {', '.join(self.districts)}.")
        return next(iter(self.districts))

    def account(self, district: str) -> Mapping[str, Any]:
        """The words of a district's account; none for a new one."""
        found: Mapping[str, Any] = self.districts.get(district, {}).get("schoolscan", {})
        return found

    def trackers(self, kind: str, options: Options) -> list[WrittenTracker]:
        """The trackers of this kind that are meant: the one that is named, or all, or a new one where there is none.

        Raises UsageError where options are about one of several, and where a name is that of another kind's tracker.
        """
        written: Mapping[str, Any] = self.words.get("trackers", {})
        of_kind = [each for each, words in written.items() if words.get("kind") == kind]
        name = options[f"{kind}_name"]
        if name is None and len(of_kind) > 1 and are_about(options, kind):
            raise click.UsageError(f"say --{kind}-name NAME: the file has {', '.join(of_kind)}.")
        chosen = [named(f"--{kind}-name", name)] if name else of_kind or [kind]
        if others := [each for each in chosen if each in written and each not in of_kind]:
            raise click.UsageError(f"the file's tracker {others[0]} is no {kind}: say another --{kind}-name.")
        return [self._tracker(each) for each in chosen]

    def _tracker(self, name: str) -> WrittenTracker:
        tickets = (self.words.get("defaults") or {}).get("tickets") or {}
        ticket = tickets.get(name) or {}
        return WrittenTracker(name, self.words.get("trackers", {}).get(name, {}), ticket, self._given(name, ticket))

    def _given(self, tracker: str, usual: Mapping[str, Any]) -> Mapping[str, Any]:
        """The words of tickets by default, and those that every rule with such tickets has."""
        rules = [rule["tickets"] for rule in self.words.get("rules", []) if isinstance(rule["tickets"], dict)]
        ruled = [tickets[tracker] or {} for tickets in rules if tracker in tickets]
        shared = set.intersection(*map(set, ruled)) if ruled else set()
        fields = [set(each.get("fields") or {}) for each in ruled]
        shared_fields = dict.fromkeys(set.intersection(*fields)) if fields else {}
        given = {**dict.fromkeys(shared), **usual}
        return {**given, "fields": {**shared_fields, **(usual.get("fields") or {})}}


def existing_at(path: Path) -> Existing:
    """The file at this path, or none. Raises ConfigurationError where it is there and cannot be used as it is.

    Raises UsageError where there is no folder for it: nobody is asked for a file that cannot be written.
    """
    if not path.exists():
        if not path.parent.is_dir():
            raise click.BadParameter(f"there is no folder {terminal(str(path.parent))}", param_hint="--output")
        return Existing()
    text = text_of_file(path)
    loaded_of(text, str(path))
    words = read_document(text, str(path)).data
    return Existing(text, words if isinstance(words, dict) else {})
