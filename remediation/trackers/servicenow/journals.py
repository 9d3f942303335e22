"""Whether ServiceNow takes our work notes, told from what it shows of the journals. Pure.

A journal reads back empty, and what an access rule drops is dropped without a word. But each entry is a row of a table
of its own; and a record that our account has closed was given a work note in the same request.
"""

import re
from collections.abc import Sequence

from remediation.domain.errors import OutsideError, Refused
from remediation.mapping.explain.inspections import Inspection, right, unanswered, untold, wrong
from remediation.mapping.reading.positions import Steps
from remediation.trackers.servicenow.records import OURS, Record, closer_of, text_of

JOURNALS = "sys_journal_field"
CLOSED_COLUMNS = ("sys_id", "number", "resolved_by", "closed_by")
ANY_NOTE = "element=work_notes"
_QUESTION = "whether our work notes are written"


def closed_by(account: str) -> str:
    """The query for records of ours that this account has closed, the newest first."""
    return f"correlation_display={OURS}^resolved_by={account}^ORclosed_by={account}^ORDERBYDESCsys_created_on"


def notes_on(record: Record, user_name: str) -> str:
    """The query for the work notes that this user wrote on a record."""
    return f"{ANY_NOTE}^element_id={text_of(record, 'sys_id')}^sys_created_by={user_name}"


def notes_of(sys_id: str) -> str:
    """The query for the work notes on a record, whoever wrote them, the newest first."""
    return f"{ANY_NOTE}^element_id={sys_id}^ORDERBYDESCsys_created_on"


def names_ticket(note: str, key: str) -> bool:
    """Whether a note has the number of this ticket, as a word of its own."""
    return re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", note) is not None


def closed_among(records: Sequence[Record], account: str) -> Record | None:
    """A record that the account has closed; a column that the table does not have is ignored in a query."""
    return next((record for record in records if closer_of(record) == account), None)


def no_closed_record(where: Steps, table: str) -> Inspection:
    """The inspection where no record of ours can tell it yet."""
    advice = "a case whose note was dropped says so, too"
    return untold(where, f"{_QUESTION}, without a record in {table} that our account has closed", advice)


def notes_verdict(
    where: Steps,
    table: str,
    record: Record,
    ours: Sequence[Record] | OutsideError,
    anybodys: Sequence[Record] | OutsideError,
) -> Inspection:
    """What the journals say: `ours` are our notes on a record that we have closed, `anybodys` any that can be seen."""
    if isinstance(ours, OutsideError) and not isinstance(ours, Refused):
        return unanswered(where, _QUESTION, ours)
    if isinstance(ours, OutsideError) or isinstance(anybodys, OutsideError) or not (ours or anybodys):
        return untold(where, f"{_QUESTION}: {JOURNALS} cannot be read", "look at the work notes of a record of ours")
    if ours:
        return right(where, f"our work notes are written to {table}")
    message = f"{text_of(record, 'number') or 'a record'}, which our account has closed, has no work note of its own"
    advice = f"grant our account write access to {table}.work_notes: ServiceNow drops what it may not write"
    return wrong(where, message, advice)
