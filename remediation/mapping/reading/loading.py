"""mappings.yaml loaded, checked, and kept with the position of every word: the only way to read it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from remediation.domain.errors import ConfigurationError, Problem
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.checks.groups import unmade_groups
from remediation.mapping.reading.checks.policies import unmeetable_demands, unrestricted_quotes
from remediation.mapping.reading.checks.templates import failing_templates
from remediation.mapping.reading.checks.values import complaints_about
from remediation.mapping.reading.completing import completed
from remediation.mapping.reading.document import LARGEST_FILE, read_document
from remediation.mapping.reading.messages import complaints_of
from remediation.mapping.reading.positions import Complaint, Positions, Steps

_DIGITS = 12
_BYTE_ORDER_MARK = "\ufeff"
"""With it some editors begin a file. It counts for the digest: processes report that of the file as it is."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid file: its values, with `defaults` filled in, and their positions. `where` is its path as it was given.

    `digest` is the start of the SHA-256 of its text: enough to tell two files of one installation apart.
    """

    where: str
    mappings: Mappings
    positions: Positions
    digest: str = ""

    def problem(self, steps: Steps, message: str) -> Problem:
        """An error about one of its values that was found later."""
        return self.positions.problem(self.where, Complaint(steps, message))


def load_mappings(path: Path) -> Loaded:
    """The file at `path`. Raises ConfigurationError with everything that is wrong with it, each with its place."""
    return loaded_of(text_of_file(path), str(path))


def loaded_of(text: str, where: str) -> Loaded:
    """The mappings in `text`; `where` is the file's name in messages. Raises ConfigurationError."""
    document = read_document(text.removeprefix(_BYTE_ORDER_MARK), where)
    if document.data is None:
        raise ConfigurationError([Problem(where, "is empty", 1, 1)])
    mappings, complaints = _validated(document.data)
    complaints += [*document.complaints, *complaints_about(document.data), *unmeetable_demands(document.data)]
    complaints += [
        *failing_templates(document.data),
        *unrestricted_quotes(document.data),
        *unmade_groups(document.data),
    ]
    if mappings is None or complaints:
        raise ConfigurationError(document.positions.problems(where, complaints))
    return Loaded(where, completed(mappings), document.positions, digest_of(text))


def digest_of(text: str) -> str:
    """The start of the digest of a file with this text."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


def _validated(data: object) -> tuple[Mappings | None, list[Complaint]]:
    try:
        return Mappings.model_validate(data), []
    except ValidationError as error:
        return None, complaints_of(error.errors(include_url=False), data)


def text_of_file(path: Path) -> str:
    """The text of a file of limited size. Raises ConfigurationError where it cannot be read as UTF-8."""
    where = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigurationError([Problem(where, f"cannot be read: {error.strerror}")]) from None
    except ValueError:
        raise ConfigurationError([Problem(where, "cannot be read: its path is not valid")]) from None
    if len(raw) > LARGEST_FILE:
        raise ConfigurationError([Problem(where, f"is larger than {LARGEST_FILE:,} bytes")])
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        message = "is not UTF-8 text: save the file in that encoding"
        raise ConfigurationError([Problem(where, message, line, column)]) from None
