"""ServiceNow's records and ours: a record as a Ticket, a Draft as a payload, ids and queries that are safe. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from urllib.parse import quote

from remediation.domain.errors import Refused
from remediation.domain.outside_words import RECORD_ID, RECORD_NUMBER, RECORD_VERSION, TABLE
from remediation.domain.tickets import Draft, MemberList, Reason, Risk, Ticket, TicketState
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.redaction import words_of
from remediation.trackers.closings import NOT_SHOWN, named, reason_of, risk_of, word_of
from remediation.trackers.lists import with_list
from remediation.trackers.servicenow.texts import TEXT_LENGTH, body, is_signed, journal, line, signed

Record = Mapping[str, object]

OURS = "remedy"
"""What correlation_display says on every ticket of ours, so that one query lists those that changed."""

CHANGE_FIELDS = ("sys_id", "correlation_id", "correlation_display", "sys_updated_on", "sys_mod_count")
"""The columns that are read in a list of changes."""

DESCRIPTION = "description"
"""The column with what the ticket is about, read only where a list of findings in it is to be brought up to date."""

NOTES = "close_notes"
"""The column in which the person who closes a record explains it."""

_CLOSERS = ("resolved_by", "closed_by")
"""The columns that refer to the user who ended a record; columns of that user are read in the same request."""
_PROGRAM = "web_service_access_only"
"""The column of sys_user that is true of a user that only programs sign in as."""

_URGENCY = ("impact", "urgency", "due_date")
_FIELDS = (
    *("number", "state", "close_code", *_CLOSERS, "resolved_at", "closed_at", "assigned_to"),
    *("sys_created_on", "sys_created_by"),
    *(f"{name}.user_name" for name in _CLOSERS),
    *CHANGE_FIELDS,
    *_URGENCY,
)

CLOSING_FIELDS = ("sys_id", "state", *_CLOSERS, *(f"{name}.{_PROGRAM}" for name in _CLOSERS), NOTES)
"""The columns for the words of the person who closed a record: read only where they are asked for."""

NAMING_FIELDS = ("sys_id", "state", *_CLOSERS, *(f"{name}.name" for name in _CLOSERS))
"""The columns for the name of the person who closed a record: read only where the rule asks for it."""

MYSELF = "sys_id=javascript:gs.getUserID()"
"""The query for our own user record. A value that no user has is ignored: then it finds everybody."""

_MARK = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_TICKET_ID = re.compile(r"(?P<table>[a-z0-9_]{1,80})/(?P<sys_id>[0-9a-f]{32})")
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_TIME = "%Y-%m-%d %H:%M:%S"
JOURNALS = frozenset({"work_notes", "comments"})
"""Columns that only grow, and read back empty."""
_FILLED_BY_ITSELF = frozenset({"", "false", "0"})


def fields_of(config: ServiceNowTracker) -> tuple[str, ...]:
    """The columns that are read of a record. Of texts that people wrote, only those that explain an accepted risk."""
    return (*_FIELDS, *filter(None, (config.risk_reason, config.risk_expiry)))


def checked_mark(system: str, mark: str) -> str:
    """The mark, if it may stand in a query. Raises Refused.

    Queries are not escaped: `^` begins a condition, and an empty value matches records of other people.
    """
    if not _MARK.fullmatch(mark):
        raise Refused(system, "a correlation mark has 1 to 100 letters, digits, dots, colons, dashes and underscores")
    return mark


def checked_table(system: str, place: str) -> str:
    """The table's name, if it is one. Raises Refused."""
    if not TABLE.fits(place):
        raise Refused(system, "a table's name has lower-case letters, digits and underscores")
    return place


def table_and_sys_id(system: str, ticket_id: str) -> tuple[str, str]:
    """What a ticket's id is made of. Raises Refused where it is none."""
    parts = _TICKET_ID.fullmatch(ticket_id)
    if parts is None:
        raise Refused(system, "a ticket's id is a table and a sys_id")
    return parts["table"], parts["sys_id"]


def checked_sys_id(system: str, sys_id: str) -> str:
    """The id, if it can stand in an address. Raises Refused."""
    if not _SYS_ID.fullmatch(sys_id):
        raise Refused(system, "this is no sys_id")
    return sys_id


def text_of(record: Record, name: str) -> str:
    """A column's value; a reference may come as an object that holds it. Missing is empty."""
    value = record.get(name)
    if isinstance(value, Mapping):
        value = value.get("value")
    return value if isinstance(value, str) else ""


def moment_of(text: str) -> datetime | None:
    """A ServiceNow time, which is UTC; None where there is none."""
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def version_of(record: Record) -> str:
    """What changes with every change of a record: two changes in one second differ in their count.

    Empty where a record does not tell in these forms: a version that is not known.
    """
    return RECORD_VERSION.of(f"{text_of(record, 'sys_updated_on')}/{text_of(record, 'sys_mod_count')}")


def time_of(moment: datetime) -> str:
    """A moment as ServiceNow writes it."""
    return moment.astimezone(UTC).strftime(_TIME)


def ticket_of(system: str, config: ServiceNowTracker, table: str, record: Record) -> Ticket:
    """The ticket that a record is. Raises Refused for a record without a sys_id, which could not be found again."""
    ticket_id = f"{table}/{text_of(record, 'sys_id')}"
    _, sys_id = table_and_sys_id(system, ticket_id)
    state = _state_of(config, record)
    done = state is TicketState.DONE
    reason, word = _reason_of(config, record) if done else (None, word_of(text_of(record, "close_code")))
    return Ticket(
        tracker=system,
        id=ticket_id,
        key=RECORD_NUMBER.of(text_of(record, "number")) or sys_id,
        url=_address_of(config, table, sys_id),
        state=state,
        reason=reason,
        mark=text_of(record, "correlation_id") or None,
        closed_by=(closer_of(record) or None) if done else None,
        closer=_closer_shown(record) if done else None,
        closed_at=moment_of(text_of(record, "resolved_at") or text_of(record, "closed_at")) if done else None,
        created_at=moment_of(text_of(record, "sys_created_on")),
        updated_at=moment_of(text_of(record, "sys_updated_on")),
        version=version_of(record),
        final=done and text_of(record, "state") in config.final_states,
        urgency={name: value for name in _URGENCY if (value := text_of(record, name))},
        risk=_risk_of(config, record) if reason is Reason.ACCEPTED_RISK else None,
        word=word,
        place=table,
        opened_by=text_of(record, "sys_created_by") or None,
    )


def closer_of(record: Record) -> str:
    """The id of who resolved a record, or else of who closed it; empty where nobody did."""
    return text_of(record, _closing_column(record))


def _closing_column(record: Record) -> str:
    """The column that names who closed a record: who resolved it comes first; empty where nobody did."""
    return next((name for name in _CLOSERS if text_of(record, name)), "")


def _closer_shown(record: Record) -> str | None:
    """How notes name who closed a record: by user name, if our account may read it behind the reference."""
    column = _closing_column(record)
    if not column:
        return None
    account = text_of(record, column)
    is_assignee = account == text_of(record, "assigned_to")
    return named(account, login=text_of(record, f"{column}.user_name"), is_assignee=is_assignee)


def closer_name_of(config: ServiceNowTracker, record: Record) -> str | None:
    """The name that ServiceNow shows of who closed a record; None where nobody did, or where it may not be read."""
    if _state_of(config, record) is not TicketState.DONE:
        return None
    return text_of(record, f"{_closing_column(record)}.name").strip() or None


def closing_words_of(config: ServiceNowTracker, record: Record, own: str) -> str | None:
    """What the person who closed a record wrote; None where nobody did, where it was us, or it is not done.

    Notes of ours from an earlier closing are no person's, nor are those of an account that only programs sign in with.
    """
    closed = _closing_column(record)
    notes, is_done = text_of(record, NOTES).strip(), _state_of(config, record) is TicketState.DONE
    if not (is_done and closed) or text_of(record, closed) == own or is_signed(notes):
        return None
    return None if text_of(record, f"{closed}.{_PROGRAM}") == "true" else notes or None


def gone_ticket(system: str, config: ServiceNowTracker, table: str, sys_id: str) -> Ticket:
    """The ticket of a record that no longer exists."""
    url = _address_of(config, table, sys_id)
    return Ticket(tracker=system, id=f"{table}/{sys_id}", key=sys_id, url=url, state=TicketState.GONE)


def _address_of(config: ServiceNowTracker, table: str, sys_id: str) -> str:
    """The address of the record for people."""
    return f"{str(config.url).rstrip('/')}/nav_to.do?uri={quote(f'{table}.do?sys_id={sys_id}', safe='')}"


def _state_of(config: ServiceNowTracker, record: Record) -> TicketState:
    """A state that the configuration does not know counts as open: only a state that says so ends a ticket."""
    return config.states.get(text_of(record, "state"), TicketState.OPEN)


def _reason_of(config: ServiceNowTracker, record: Record) -> tuple[Reason, str]:
    """Why a record is done, and the word that says so; there is none where the state does."""
    if by_state := config.state_reasons.get(text_of(record, "state")):
        return by_state, ""
    code = text_of(record, "close_code")
    return reason_of(code, config.close_codes), word_of(code)


def _risk_of(config: ServiceNowTracker, record: Record) -> Risk:
    reason, column = text_of(record, config.risk_reason or ""), config.risk_expiry or ""
    return risk_of("" if is_signed(reason) else reason, text_of(record, column) if column in record else NOT_SHOWN)


def opening(draft: Draft) -> dict[str, object]:
    """The payload that creates a draft's record, mark included. ServiceNow has no labels and no issue types."""
    return (
        _parent(draft)
        | columns(draft.fields)
        | {
            "short_description": line(draft.summary),
            DESCRIPTION: description_of(draft),
            "correlation_id": draft.mark,
            "correlation_display": OURS,
        }
    )


def description_of(draft: Draft) -> str:
    """The draft's text, and the list of its findings below it."""
    text = body(draft.body)
    return (with_members(text, draft.members) if draft.members else None) or text


def with_members(text: str, members: MemberList, *, known: bool = False) -> str | None:
    """A description with this list in it; None where a person has changed the list (see lists.with_list)."""
    return with_list(text, members, lambda whole: len(whole) <= TEXT_LENGTH, known=known)


def _parent(draft: Draft) -> dict[str, object]:
    """The reference to the closed record that this one follows; empty for none, and for one of another table."""
    before = _TICKET_ID.fullmatch(draft.follows or "")
    return {"parent": before["sys_id"]} if before and before["table"] == draft.place else {}


def columns(fields: Mapping[str, object]) -> dict[str, object]:
    """The columns that a rule writes, in the form that ServiceNow takes."""
    return {name: _column_value(name, value) for name, value in fields.items()}


def _column_value(name: str, value: object) -> object:
    match value:
        case str():
            return journal(value) if name in JOURNALS else body(value)
        case datetime():
            return time_of(value)
        case date():
            return value.isoformat()
        case list() | tuple():
            return ",".join(str(_column_value(name, each)) for each in value)
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)


def resolution(
    config: ServiceNowTracker, reason: Reason, comment: str, fields: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The payload that resolves a record: state, code and notes together, as the data policy demands.

    `fields` are what the rule gives besides; the notes may be its own, the state and the code say what happened. The
    notes are signed whoever worded them: no person did who closes a record.
    """
    code = config.resolve_code if reason is Reason.FIXED else config.resolve_codes.get(reason, config.resolve_code)
    given = {NOTES: body(comment).strip() or code} | columns(fields or {})
    meant = {"state": config.resolve_state, "close_code": code, "work_notes": journal(comment)}
    return given | {NOTES: signed(str(given[NOTES]))} | meant


def closing_of(
    config: ServiceNowTracker, reason: Reason, comment: str, fields: Mapping[str, object], record: Record
) -> dict[str, object]:
    """The payload that resolves this record, which shows the columns of `fields`: those that have a value stay."""
    given = _unfilled(fields, record)
    payload = resolution(config, reason, comment, given)
    is_kept = NOTES in fields and NOTES not in given
    return {name: value for name, value in payload.items() if not (is_kept and name == NOTES)}


def _unfilled(fields: Mapping[str, object], record: Record) -> dict[str, object]:
    """Those of the fields of which the record has no value yet: what people wrote stays, and a journal only grows.

    No tick and a zero are what ServiceNow itself fills in.
    """
    return {
        name: value for name, value in fields.items() if name in JOURNALS or text_of(record, name) in _FILLED_BY_ITSELF
    }


def noting(text: str) -> dict[str, object]:
    """The payload that adds a work note, which nobody but those who work on records reads."""
    return {"work_notes": journal(text)}


def is_unchanged(before: Record, after: Record) -> bool:
    """Whether a write left the record as it was: ServiceNow drops what our account may not write without a word.

    A record that hides how often it was changed tells nothing.
    """
    count = text_of(after, "sys_mod_count")
    return bool(count) and count == text_of(before, "sys_mod_count")


def untaken(before: Record, after: Record, written: Mapping[str, object]) -> tuple[str, ...]:
    """The columns that still hold what they held before, although something else was written."""
    kept = (name for name in written if name in after and text_of(after, name) == text_of(before, name))
    return tuple(name for name in kept if not text_of(after, name).startswith(str(written[name])))


def reopening(config: ServiceNowTracker, comment: str) -> dict[str, object]:
    """The payload that reopens a record.

    The code goes, so that whoever closes it next states a reason anew; the notes are a person's text and stay.
    """
    return {"state": config.reopen_state, "close_code": "", **noting(comment)}


def dropped_mark(system: str, table: str, mark: str, record: Record) -> Refused | None:
    """What to say of a new record that does not carry what ties it to its case: access rules drop fields silently."""
    expected = {"correlation_id": mark, "correlation_display": OURS}
    dropped = [f"{table}.{name}" for name, value in expected.items() if text_of(record, name) != value]
    if not dropped:
        return None
    number = words_of(text_of(record, "number")) or "a record"
    words = f"{number} was created without {' and '.join(dropped)}: grant our account read and write access"
    return Refused(system, f"{words} to that, and close {number} by hand")


def not_kept(written: Mapping[str, object], record: Record) -> tuple[str, ...]:
    """Those of the columns that we wrote which a new record does not have as they were sent.

    Access rules drop columns silently. References and what tells how urgent it is must be as they were sent; of other
    columns only an empty one counts, because the instance's own rules may write them in another way.
    """
    sent = {name: str(value) for name, value in columns(written).items() if name not in JOURNALS and value is not None}
    exact = {name for name, value in sent.items() if name in ("impact", "urgency") or RECORD_ID.fits(value)}
    return tuple(
        name
        for name, value in sent.items()
        if value and (text_of(record, name) != value if name in exact else not text_of(record, name))
    )


def ours_query() -> str:
    """The newest record of ours first."""
    return f"correlation_display={OURS}^ORDERBYDESCsys_created_on"


def oldest_first(mark: str) -> str:
    """The query for every record that carries a mark."""
    return f"correlation_id={mark}^ORDERBYsys_created_on^ORDERBYnumber"
