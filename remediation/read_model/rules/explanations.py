"""Which rule takes a finding or an incident and why, and what would follow, in sentences. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from remediation.domain.cases.groups import GroupField, missing_in
from remediation.domain.cases.identities import IdentityField, missing_of
from remediation.domain.cases.records import CaseKind
from remediation.domain.findings import Finding
from remediation.mapping.explain.reasons import Explanation, explained
from remediation.mapping.reading.loading import Loaded
from remediation.read_model.rules.previews import Asked, Previews
from remediation.read_model.wording import count_words
from remediation.trackers.adapters import Preview


@dataclass(frozen=True, slots=True)
class ExplainedSubject:
    """Everything to show about one finding or incident."""

    loaded: Loaded
    asked: Asked
    explanation: Explanation
    previews: tuple[Preview, ...]
    note: str | None
    choices: Mapping[str, str | None]

    @property
    def kind(self) -> CaseKind:
        """What it is."""
        return self.asked.key.kind

    @property
    def finding(self) -> Finding | None:
        """The finding, if it is one."""
        detail = self.asked.subject.detail
        return detail if isinstance(detail, Finding) else None

    @property
    def status(self) -> str:
        """Its status, in SchoolScan's word where we do not know it."""
        status = self.asked.subject.status.value
        return self.finding.words.get("status", status) if self.finding else status

    @property
    def verdict(self) -> str:
        """The rule that takes the finding, and whether it asks for tickets."""
        rule = self.explanation.rule
        if rule is None:
            return f"No rule takes this {self.kind}: no ticket is opened, and its status stays as it is."
        names = [each.name for each in self.loaded.mappings.rules]
        place = self.loaded.positions.place(("rules", names.index(rule.name)))
        taken = f"The rule {rule.name} takes this {self.kind} ({self.loaded.where}:{place.line})"
        return f"{taken}." if self.previews else f"{taken} and deliberately opens no ticket."

    @property
    def identity(self) -> tuple[str, ...]:
        """The fields that tell this finding apart instead of its id; empty where the id does."""
        written = self.loaded.mappings.districts[self.asked.key.district].identity
        return tuple(written.by) if written and self.finding else ()

    @property
    def lacking(self) -> tuple[str, ...]:
        """The fields of an identity that it lacks: then its id tells it apart after all."""
        return missing_of([IdentityField(name) for name in self.identity], self.finding) if self.finding else ()

    @property
    def group_by(self) -> tuple[GroupField, ...]:
        """The fields by which its rule groups it; empty where that does not."""
        rule = self.explanation.rule
        return tuple(rule.group_by or ()) if rule and self.finding else ()

    @property
    def ungrouped(self) -> tuple[GroupField, ...]:
        """The fields of the group that it lacks: then it has tickets of its own after all."""
        return missing_in(self.group_by, self.finding) if self.finding else ()

    @property
    def case(self) -> str:
        """The finding's case, where that is not its own."""
        if self.ungrouped:
            return f"It is a case of its own, because it lacks {', '.join(self.ungrouped)}."
        if self.group_by:
            shared = ", ".join(self.group_by)
            return (
                f"It shares the group's open tickets with all others of this rule with the same {shared}; if there are "
                "none, it opens the tickets below, with the group's mark in place of its own."
            )
        if not self.identity:
            return ""
        if self.lacking:
            return f"It is a case of its own, because it lacks {', '.join(self.lacking)}."
        told = ", ".join(self.identity)
        return f"It is one case with all others of the same {told}; the mark has a digest of these in place of its id."

    @property
    def opening(self) -> str:
        """Whether the tickets would be opened now, or only if it were open."""
        one = len(self.previews) == 1
        count = count_words(len(self.previews), "ticket")
        if self.asked.subject.status.is_unsolved:
            return f"{count} would be opened, unless {'it is' if one else 'they are'} there already:"
        return f"Its status is {self.status}, so nothing is opened now. If it were open, {count} would be:"


def explained_subject(forecast: Previews, asked: Asked) -> ExplainedSubject:
    """Why a rule takes the subject, or none does, and what follows. Pure."""
    rules = forecast.loaded.mappings.rules
    explanation = explained(rules, asked.subject, asked.at)
    choices = forecast.choices(asked, explanation.rule) if explanation.rule else {}
    return ExplainedSubject(
        forecast.loaded, asked, explanation, forecast.previews(asked), forecast.note(asked), choices
    )
