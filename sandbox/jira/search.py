"""JQL as far as it is used: labels, project, key, type, status, statusCategory, resolution, created and updated."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.jira.problems import Problem
from sandbox.jira.state import Issue

Test = Callable[[Issue], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>>=|<=|!=|[=<>(),~])|(?P<word>[^\s"'=<>!(),~]+))"""
)
_RELATIVE = re.compile(r"([+-]?)(\d{1,9})([mhdw])")
_SPANS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ABSOLUTE = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")
_DATES = frozenset({"created", "updated"})
_KEYS = frozenset({"key", "issuekey", "issue", "id"})
_TYPES = frozenset({"issuetype", "type"})
_FIELDS = frozenset({"labels", "project", "status", "statuscategory", "resolution"}) | _KEYS | _DATES | _TYPES


@dataclass(frozen=True, slots=True)
class Query:
    """A JQL query that was understood. `bounded` is false where it has no restriction at all.

    `labels` (lower case) are those of which an issue that matches has one; None where others may match, too.
    """

    test: Test
    order: tuple[tuple[str, bool], ...]
    bounded: bool
    labels: frozenset[str] | None = None

    def results(self, issues: Sequence[Issue]) -> list[Issue]:
        """The issues that match, in order (newest first where the query names none)."""
        found = sorted((issue for issue in issues if self.test(issue)), key=lambda issue: int(issue.id), reverse=True)
        for name, descending in reversed(self.order):
            found.sort(key=lambda issue: _rank(issue, name), reverse=descending)
        return found


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, and when: names of projects that exist, the moment (Unix seconds), the asker's time zone."""

    projects: frozenset[str]
    now: float
    zone: str


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A test that an issue with none of these labels (lower case) does not pass."""

    labels: frozenset[str]
    test: Test

    def __call__(self, issue: Issue) -> bool:
        return self.test(issue)


def parsed(jql: str, reader: Reader) -> Query:
    """The query that the text says. Raises Jira's 400."""
    return _Parser(_tokens(jql), reader).query()


def _error(message: str) -> Problem:
    return Problem(400, [message])


def _tokens(jql: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = jql.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _error(f"Error in the JQL Query: The character at position {at + 1} is not understood.")
        kind = match.lastgroup or ""
        value = match[kind]
        tokens.append((kind, re.sub(r"\\(.)", r"\1", value[1:-1]) if kind == "text" else value))
        at = match.end()
    return tokens


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[tuple[str, str]], reader: Reader) -> None:
        self.tokens = tokens
        self.reader = reader
        self.at = 0

    def query(self) -> Query:
        bounded = bool(self.tokens) and not self.sees("order")
        test = self.either() if bounded else _everything
        order = self.order() if self.took("order") else ()
        if self.at < len(self.tokens):
            raise _error(f"Error in the JQL Query: Expecting operator but got '{self.tokens[self.at][1]}'.")
        return Query(test, order, bounded, test.labels if isinstance(test, _Labelled) else None)

    def either(self) -> Test:
        tests = [self.both()]
        while self.took("or"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda issue: any(test(issue) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.took("and"):
            tests.append(self.one())
        labelled = next((test for test in tests if isinstance(test, _Labelled)), None)

        def every(issue: Issue) -> bool:
            return all(test(issue) for test in tests)

        return _Labelled(labelled.labels, every) if labelled else every

    def one(self) -> Test:
        if self.took("not"):
            test = self.one()
            return lambda issue: not test(issue)
        if self.took("("):
            test = self.either()
            self.want(")")
            return test
        return self.clause()

    def clause(self) -> Test:
        name = self.word().lower()
        if name not in _FIELDS:
            raise _error(f"Field '{name}' does not exist or you do not have permission to view it.")
        operator = self.operator()
        if operator == "is":
            wanted = not self.took("not")
            self.want("empty")
            return lambda issue: (not _values(issue, name)) is wanted
        values = self.values() if operator in {"in", "not in"} else [self.word()]
        return self.compared(name, operator, values)

    def compared(self, name: str, operator: str, values: list[str]) -> Test:
        if name in _DATES:
            return _dated(name, operator, self.moment(name, values[0]))
        if operator not in {"=", "!=", "in", "not in"}:
            raise _error(f"The operator '{operator}' is not supported by the '{name}' field.")
        wanted = frozenset(value.lower() for value in values)
        if name == "project" and not wanted <= {key.lower() for key in self.reader.projects}:
            raise _error(f"The value '{values[0]}' does not exist for the field 'project'.")
        positive = operator in {"=", "in"}

        def holds(issue: Issue) -> bool:
            return bool(wanted & _values(issue, name)) is positive

        return _Labelled(wanted, holds) if name == "labels" and positive else holds

    def moment(self, name: str, value: str) -> float:
        """A date to the minute: relative to now, or in the asker's own time zone."""
        if match := _RELATIVE.fullmatch(value):
            span = timedelta(**{_SPANS[match[3]]: int(match[2])}).total_seconds()
            exact = self.reader.now + (span if match[1] != "-" else -span)
            return exact - exact % 60
        for form in _ABSOLUTE:
            try:
                return datetime.strptime(value, form).replace(tzinfo=ZoneInfo(self.reader.zone)).timestamp()
            except ValueError:
                continue
        raise _error(
            f"Date value '{value}' for field '{name}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
            "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
        )

    def order(self) -> tuple[tuple[str, bool], ...]:
        self.want("by")
        found = []
        while True:
            name = self.word().lower()
            if name not in _FIELDS:
                raise _error(f"Field '{name}' does not exist or you do not have permission to view it.")
            descending = self.took("desc")
            if not descending:
                self.took("asc")
            found.append((name, descending))
            if not self.took(","):
                return tuple(found)

    def operator(self) -> str:
        for sign in ("=", "!=", ">=", "<=", ">", "<", "in", "is"):
            if self.took(sign):
                return sign
        if self.took("not"):
            self.want("in")
            return "not in"
        raise _error("Error in the JQL Query: Expecting operator.")

    def values(self) -> list[str]:
        self.want("(")
        found = [self.word()]
        while self.took(","):
            found.append(self.word())
        self.want(")")
        return found

    def word(self) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] == "sign":
            raise _error("Error in the JQL Query: Expecting a value, a field or a function.")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def sees(self, expected: str) -> bool:
        kind, value = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        return kind != "text" and value.lower() == expected

    def took(self, expected: str) -> bool:
        seen = self.sees(expected)
        self.at += seen
        return seen

    def want(self, expected: str) -> None:
        if not self.took(expected):
            raise _error(f"Error in the JQL Query: Expecting '{expected}'.")


def _everything(_issue: Issue) -> bool:
    return True


def _values(issue: Issue, name: str) -> set[str]:
    """What a field holds, lower case: JQL does not tell case."""
    match name:
        case "labels":
            return {label.lower() for label in issue.labels}
        case "project":
            return {issue.project.key.lower(), issue.project.id}
        case "status" | "issuetype" | "type":
            shown = (issue.status.name, issue.status.id) if name == "status" else (issue.type_name, issue.type_id)
            return {shown[0].lower(), shown[1]}
        case "statuscategory":
            return {
                issue.status.category,
                {"new": "to do", "indeterminate": "in progress"}.get(issue.status.category, ""),
            }
        case "resolution":
            return {issue.resolution[1].lower(), issue.resolution[0]} if issue.resolution else set()
        case _:
            return {issue.key.lower(), issue.id}


def _dated(name: str, operator: str, bound: float) -> Test:
    """Compared to the minute, as Jira does."""
    tests: dict[str, Callable[[float], bool]] = {
        ">=": lambda at: at >= bound,
        ">": lambda at: at - at % 60 > bound,
        "<=": lambda at: at - at % 60 <= bound,
        "<": lambda at: at < bound,
        "=": lambda at: at - at % 60 == bound,
        "!=": lambda at: at - at % 60 != bound,
    }
    if operator not in tests:
        raise _error(f"The operator '{operator}' is not supported by the '{name}' field.")
    compare = tests[operator]
    return lambda issue: compare(issue.updated if name == "updated" else issue.created)


def _rank(issue: Issue, name: str) -> tuple[str, float]:
    match name:
        case "created":
            return "", issue.created
        case "updated":
            return "", issue.updated
        case "key" | "issuekey" | "issue" | "id":
            project, _, number = issue.key.rpartition("-")
            return project, float(number)
        case _:
            return " ".join(sorted(_values(issue, name))), 0
