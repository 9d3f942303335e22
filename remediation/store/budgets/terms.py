"""The terms of budgets, by the same names as in the scripts (see learned.py and lua/budgets.lua)."""

from collections.abc import Mapping

from remediation.queue import Band

RESERVED_MS = 25_000
"""How long a request counts as sent without an answer: longer than a call of SchoolScan may take. If its worker dies,
it is lost for so long, and no more."""

PROBE_GAP_MS = 2_000
"""After the end of a window one request asks how much there is; without an answer for so long, another one asks."""

FIRST_CLOSED_MS = 1_000
"""For how long nothing is sent after a refusal that names no time; twice as long after each further one in a row."""

FIRST_AT_ONCE = 8
"""Requests at once to a system that has told nothing yet."""

RESERVE_SHARE = 0.05
"""The share of a limit that is kept for urgent work until the last moments of a window."""

LAST_MS = 2_000
"""The last moments of a window: what was kept is for all then, as urgent work waits no longer than this for more."""

URGENT_BAND = int(Band.CRITICAL)
"""The band from which on a case may use what is kept."""

BAND_AHEAD_MS = 86_400_000
URGENT_AHEAD_MS = 2_592_000_000
"""Head starts among the cases that wait for a budget: of each band before the next lower one, and of critical cases."""

MOST_RELEASED = 100
"""Cases that one script wakes because a budget has room: Redis does nothing else meanwhile."""

BUDGET_MS = 86_400_000
"""How long a budget is remembered without an answer."""

HELD_MS = 40_000
"""How long a look's requests to a tracker count as reserved: longer than a look may last. If its worker dies, they
count as sent from then on."""

REFUSED_MS = 600_000
"""How long a refusal of a tracker's that told no limit is remembered after its end."""

IN_A_ROW_MS = 60_000
"""A refusal that comes no later than this after the end of the one before is the next one in a row."""

MOST_A_LOOK = 4
LOOK_SHARE = 0.05
"""How many requests a look at a case is given at once, as far as that is no more than this share of a tracker's limit:
most looks need no more. What it does not use is given back."""

KEPT_SHARE = 0.2
"""The share of a tracker's limit that is kept for urgent work, and for lists of changes, until the last part of a
window. It is more than of SchoolScan's, because such a window may be an hour."""

LAST_SHARE = 0.017
"""The last part of a window of a tracker's: of an hour, a minute."""

POLL_SHARE = 0.1
"""The share of a tracker's limit that reading its list of changes may take."""

_TERMS: Mapping[str, float] = {
    "RESERVED_MS": RESERVED_MS,
    "PROBE_GAP_MS": PROBE_GAP_MS,
    "FIRST_AT_ONCE": FIRST_AT_ONCE,
    "FIRST_CLOSED_MS": FIRST_CLOSED_MS,
    "RESERVE_SHARE": RESERVE_SHARE,
    "LAST_MS": LAST_MS,
    "URGENT_BAND": URGENT_BAND,
    "BAND_AHEAD_MS": BAND_AHEAD_MS,
    "URGENT_AHEAD_MS": URGENT_AHEAD_MS,
    "MOST_RELEASED": MOST_RELEASED,
    "BUDGET_MS": BUDGET_MS,
    "HELD_MS": HELD_MS,
    "REFUSED_MS": REFUSED_MS,
    "IN_A_ROW_MS": IN_A_ROW_MS,
    "MOST_A_LOOK": MOST_A_LOOK,
    "LOOK_SHARE": LOOK_SHARE,
    "KEPT_SHARE": KEPT_SHARE,
    "LAST_SHARE": LAST_SHARE,
    "POLL_SHARE": POLL_SHARE,
}


def table_of_budgets(keys: Mapping[str, str]) -> str:
    """Returns the line of Lua that defines BUDGETING, with these keys and all terms as its fields.

    It is one table, because a function of Lua has no more than 200 local names.
    """
    fields = [f'{name} = "{key}"' for name, key in keys.items()] + [f"{name} = {term}" for name, term in _TERMS.items()]
    return f"local BUDGETING = {{{', '.join(fields)}}}"
