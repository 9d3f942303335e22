"""How long, how often and how many: the terms of the store, by the same names as in the scripts."""

GRACE_MS = 10_000
"""How long a wake-up may wait in the queue before the sweep makes sure that it is still there."""

STORM = 500
"""From so many deliveries on that wait to be read, known cases that one names wait, too (see `mark` in shared.lua)."""

RING_MS = 60_000
"""How long a ring is kept that no worker hears: workers also look by themselves, and much more often."""

TAKEN_MS = 60_000
"""How long is remembered which deliveries were taken up together: longer than a job lasts."""

LISTENING_MS = 30_000
"""For how long a listener counts as one after it last said so."""

HEARD_MS = 60_000
"""How long what was told to listeners is kept after the last of it."""

MOST_HEARD = 5_000
"""About so much of it is kept, the newest."""

ACTIVITY_KEPT_MS = 2_678_400_000
"""How long sums of days are kept, and those of hours of the whole service: 31 days."""

ACTIVITY_KEPT_OF_DISTRICT_MS = 691_200_000
"""How long sums of hours of one district are kept: 8 days."""

ACTIVITY_NOTED_MS = 3_600_000
"""How long is remembered that a message with counts was added."""

MOST_ACTIVITY_FIELDS = 400
"""Fields that an hour or a day may have: more than there are counts, whose names are made of fixed words."""

MOST_LISTED = 10_000
DELIVERIES_LISTED_MS = 2_592_000_000
"""How many deliveries of one account and state, and scans of one district, are listed; and for how long after it came a
delivery is that was read, or discarded: 30 days, or as long as its row."""

SWEPT_MS = 15_000
"""How long after its last sweep a worker counts as running."""

PROBE_MS = 30_000
"""How often a system in trouble is asked by one of the cases that wait for it. Wrong passwords lock accounts."""

FIRST_HOLD_MS = 5_000
LONGEST_HOLD_MS = 900_000
"""For how long after a trouble began an answer does not end it yet: the first time, and at most."""

TROUBLE_MS = 3_600_000
"""How long a trouble is reported without news: cases that wait for it are tried every quarter of an hour."""

SECRETS_TTL_MS = 34_560_000_000
"""How long the uses of a sender's secrets are remembered after the last one: 400 days."""

UNUSED_MS = 34_560_000_000
"""How long names are remembered that nothing uses any more: 400 days."""

FIRST_LOOK_MS = 86_400_000
"""For how long a case that waits for its first look counts for the sender who brought it."""

MOST_CRASHES = 5
"""After so many crashes in a row, work is parked instead of begun again."""

SUSPICIOUS = 2
"""Crashes in a row after which work is tried alone. A single one may be any kill -9, and must not hold up sixty cases.
"""

SUSPECT_MS = 2_000
"""When a suspect whose turn has not come is tried again."""

MOST_PARKED_GROUPS = 500
"""From so many groups of parked work on, the words of refusals make no further ones."""

MOST_ORIGINS = 5
"""The most deliveries that a look names as its cause: as many request ids as a value of a log line can hold."""

ANSWERED_WITHIN_MS = 20_000
"""How long who asks a question waits for an answer, and for how long a worker may begin one."""

QUESTION_KEPT_MS = 60_000
"""How long a question is kept after it was asked, and again after it was answered."""

MOST_OPEN_OF_ONE = 3
MOST_OPEN_OF_ALL = 12
"""The most questions that one person, and all people together, have open."""

MOST_BEGUN_A_SECOND = 3
"""The most questions that are begun in a second: each is some requests to SchoolScan and to trackers."""
