"""What every script begins with: the names of the keys and the terms, as keys.py and terms.py have them."""

from collections.abc import Mapping

from remediation.domain.status import Severity
from remediation.queue import BAND_MS, BELL, IN_PROGRESS_PREFIX, JOB_LIFETIME, JOB_PREFIX, RETRY_PREFIX, WORK_QUEUE
from remediation.store import keys, terms
from remediation.store.budgets.terms import table_of_budgets

_NAMES = (
    "INBOX",
    "PENDING",
    "UNREAD",
    "TAKEN",
    "PENDING_SINCE",
    "ACCEPTED",
    "CASE",
    "LEASE",
    "DIRTY",
    "DIRTY_SINCE",
    "INDEX",
    "PROCESSES",
    "TICKETS",
    "SEEN",
    "SCAN",
    "SCANS",
    "FEED",
    "FEEDS",
    "INCIDENTS",
    "DECISIONS",
    "INCIDENTS_TOLD",
    "SPOT",
    "PARKED",
    "PARKED_ROW",
    "QUARANTINED",
    "NOT_FOUND",
    "SET_ASIDE",
    "SET_ASIDE_SEEN",
    "DELETED",
    "FIRST_LOOKS",
    "SECRETS",
    "SECRETS_TTL_MS",
    "LIMIT",
    "BORN",
    "SERVER",
    "CURSOR",
    "TICKET_KEYS",
    "TOLD",
    "APART",
    "TIMELINE",
    "APPOINTMENTS",
    "LIVING",
    "CASE_LISTS",
    "CASE_LISTS_USED",
    "CASE_LIST",
    "CASES_LISTED",
    "FORGETTING",
    "KEY_TIMES",
    "SIGNED_TIMES",
    "SIGNED_TIMES_TOLD",
    "UNUSED_MS",
    "TRACKERS",
    "UNNAMED",
    "SITE",
    "VERIFICATION",
    "VERIFICATION_CASES",
    "VERIFICATIONS",
    "DISTRICTS",
    "ABSENT",
    "SYSTEMS",
    "SYSTEM",
    "HELD",
    "PROBE_MS",
    "FIRST_HOLD_MS",
    "LONGEST_HOLD_MS",
    "TROUBLE_MS",
    "SWEPT",
    "SWEPT_MS",
    "LAST_SWEEP",
    "TURN",
    "SHREDDED",
    "AUDIT_TRAIL",
    "AUDIT_COPY",
    "AUDIT_HEAD",
    "AUDIT_WAITING",
    "AUDIT_NOTED",
    "AUDIT_RULES",
    "LEFT_OUT",
    "REPLAYS",
    "BEGUN",
    "FIRST_LOOK_MS",
    "MOST_CRASHES",
    "SUSPICIOUS",
    "SUSPECT_MS",
    "GRACE_MS",
    "MOST_ORIGINS",
)
"""The names in keys.py and terms.py that scripts use as they are."""

_ARQ: Mapping[str, str | int] = {
    "QUEUE": WORK_QUEUE,
    "BELL": BELL,
    "RING_MS": terms.RING_MS,
    "READER": keys.READER,
    "TAKEN_MS": terms.TAKEN_MS,
    "STORM": terms.STORM,
    "JOB": JOB_PREFIX,
    "IN_PROGRESS": IN_PROGRESS_PREFIX,
    "RETRY": RETRY_PREFIX,
    "BAND_MS": BAND_MS,
    "JOB_TTL_MS": int(JOB_LIFETIME.total_seconds() * 1000),
}

_TOLD: Mapping[str, str | int] = {
    "REFUSED": keys.REFUSED,
    "REFUSED_COUNTS": keys.REFUSED_COUNTS,
    "LISTS_READ": keys.LISTS_READ,
    "DRILLS": keys.DRILLS,
    "LISTENING": keys.LISTENING,
    "HEARD": keys.HEARD,
    "HEARD_MS": terms.HEARD_MS,
    "MOST_HEARD": terms.MOST_HEARD,
    "NOTIFY_TURN": keys.NOTIFY_TURN,
    "PARKED_GROUPS": keys.PARKED_GROUPS,
    "PARKED_GROUP": keys.PARKED_GROUP,
    "MOST_PARKED_GROUPS": terms.MOST_PARKED_GROUPS,
    "SELECTION": keys.SELECTION,
    "SELECTIONS": keys.SELECTIONS,
    "TASK": keys.TASK,
    "TASKS": keys.TASKS,
    "RULES_SINCE": keys.RULES_SINCE,
    "QUESTION": keys.QUESTION,
    "QUESTION_LIKE": keys.QUESTION_LIKE,
    "QUESTIONS": keys.QUESTIONS,
    "QUESTIONS_OF": keys.QUESTIONS_OF,
    "QUESTIONS_BEGUN": keys.QUESTIONS_BEGUN,
    "ANSWERED_WITHIN_MS": terms.ANSWERED_WITHIN_MS,
    "QUESTION_KEPT_MS": terms.QUESTION_KEPT_MS,
    "MOST_OPEN_OF_ONE": terms.MOST_OPEN_OF_ONE,
    "MOST_OPEN_OF_ALL": terms.MOST_OPEN_OF_ALL,
    "MOST_BEGUN_A_SECOND": terms.MOST_BEGUN_A_SECOND,
    "OPEN": keys.OPEN_CASES,
    "SEVERITIES": " ".join(Severity),
    "UNKNOWN": Severity.UNKNOWN,
    "HOUR": keys.ACTIVITY_HOUR,
    "DAY": keys.ACTIVITY_DAY,
    "ADDED": keys.ACTIVITY_NOTED,
    "ADDED_MS": terms.ACTIVITY_NOTED_MS,
    "ACTIVITY_MS": terms.ACTIVITY_KEPT_MS,
    "ACTIVITY_OF_DISTRICT_MS": terms.ACTIVITY_KEPT_OF_DISTRICT_MS,
    "MOST_FIELDS": terms.MOST_ACTIVITY_FIELDS,
    "DELIVERY_LIST": keys.DELIVERY_LIST,
    "DELIVERY_LISTS": keys.DELIVERY_LISTS,
    "SCANS_OF": keys.SCANS_OF,
    "MOST_LISTED": terms.MOST_LISTED,
    "DELIVERIES_LISTED_MS": terms.DELIVERIES_LISTED_MS,
}
"""What is only told to people, whose turn it is to tell them, what people ask, and what is counted for them."""

_CONSOLE: Mapping[str, str | int] = {
    "SESSION": keys.CONSOLE_SESSION,
    "SESSIONS": keys.CONSOLE_SESSIONS,
    "LINK": keys.CONSOLE_LINK,
    "ATTEMPTS": keys.CONSOLE_ATTEMPTS,
    "REFUSALS": keys.CONSOLE_REFUSALS,
}
"""Who looks at the operator's pages."""

_BUDGETING = {
    "ROW": keys.BUDGET,
    "OUT": keys.BUDGET_OUT,
    "WAITS": keys.BUDGET_WAITS,
    "TURNS": keys.BUDGET_TURNS,
    "ALL": keys.BUDGETS,
    "TRACKERS": keys.TRACKER_BUDGETS,
}


def _said(name: str, value: str | int) -> str:
    return f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"


def _table(name: str, fields: Mapping[str, str | int]) -> str:
    """Returns the line of Lua that defines a table: a function of Lua has no more than 200 local names."""
    said = [_said(field, value) for field, value in fields.items()]
    return f"local {name} = {{{', '.join(said)}}}"


_VALUES = vars(terms) | vars(keys)
_KEYS = "\n".join(f"local {_said(name, _VALUES[name])}" for name in _NAMES)

PRELUDE = "\n".join((_KEYS, _table("ARQ", _ARQ), _table("NOTED", {**_TOLD, **_CONSOLE}), table_of_budgets(_BUDGETING)))
