"""The keys in Redis, by the same names as in the scripts."""

EVERY = "remedy:*"
"""The pattern of every key of ours; those of arq have no sealed values."""

INBOX = "remedy:inbox:"
"""+ delivery id: a hash, the delivery's row."""

PENDING = "remedy:inbox-pending"
"""Sorted set of the deliveries that nobody has read yet, by the time (ms) at which the sweep looks after them."""

PENDING_SINCE = "remedy:inbox-pending-since"
"""Sorted set of the same deliveries by the time (ms) since when they wait; may name some that do not wait any more."""

UNREAD = "remedy:inbox-unread"
"""Sorted set of those of them that no worker has taken up, by the time (ms) since when."""

READER = "remedy:inbox-reader"
"""The id of the job that was last queued to read deliveries: while it waits, it is for all that come in."""

TAKEN = "remedy:inbox-taken:"
"""+ token: a set of the deliveries that a worker took up together and has not finished."""

DELIVERY_LIST = "remedy:deliveries:"
"""+ sender/account, | and a state: a sorted set of its newest deliveries in this state, by when (ms) they came."""

DELIVERY_LISTS = "remedy:delivery-lists"
"""Sorted set of the names of these sets, by when (ms) each ends at the latest."""

ACCEPTED = "remedy:accepted"
"""A hash from sender to the time (ms) at which a delivery of it was last accepted."""

REFUSED = "remedy:refused"
"""Sorted set of refused deliveries by when (ms) the last of them came: a JSON list of their day, sender, account,
status, reason and what their signature looked like (see deliveries/refused.py)."""

REFUSED_COUNTS = "remedy:refused-counts"
"""A hash from the same to when (ms) the first of them came, and how many there were."""

LISTENING = "remedy:listening"
"""Exists while somebody follows deliveries (remedy listen)."""

HEARD = "remedy:heard"
"""A stream of what became of deliveries while somebody follows them: their ids, states, senders and accounts."""

DRILLS = "remedy:drills"
"""A hash of the marked test findings that are played, and, behind `|`, of the status of each (see drills.py)."""

CASE = "remedy:case:"
"""+ case reference: a hash, the case's row."""

LEASE = "remedy:lease:"
"""+ case reference: the token of the worker that holds the case, with a time to live."""

DIRTY = "remedy:dirty"
"""Sorted set of the cases that must be looked at, by the time (ms) at which the sweep looks after them."""

DIRTY_SINCE = "remedy:dirty-since"
"""Sorted set of the same cases by the time (ms) since when they wait; may name some that do not wait any more."""

INDEX = "remedy:ticket-index:"
"""+ tracker: a hash, how large the index of its tickets is; + tracker, : and a number: a bucket of the index, a hash of
whose each ticket is and which version of it we know (see lua/ticket_index.lua)."""

TICKETS = "remedy:tickets:"
"""+ tracker: a hash from ticket id to case reference, as an earlier version kept it; until it is moved to the index."""

SEEN = "remedy:seen:"
"""+ tracker: a hash from ticket id to the version of it that we know; until then, too."""

SCAN = "remedy:scan:"
"""+ scan reference: a hash, how far its findings have been listed."""

SCANS = "remedy:scans-open"
"""Sorted set of the scans still being listed, by the time (ms) at which the sweep looks after them."""

SCANS_OF = "remedy:scans-of:"
"""+ district: a sorted set of its scans that deliveries named, by when (ms) one last did."""

FEED = "remedy:feed:"
"""+ district/feed: a hash, how far this feed of incidents has been read."""

INCIDENTS = "remedy:incidents:"
"""+ district/feed: a hash from the name of an incident to what the feed showed last, sealed (see incidents/rows.py)."""

DECISIONS = "remedy:incident-decisions:"
"""+ district: a hash from the name of an incident to the status that was decided; the feed itself keeps none."""

INCIDENTS_TOLD = "remedy:incidents-told:"
"""+ district: a hash from the name of an incident to what it was when its tickets were opened, sealed as in its row."""

SPOT = "remedy:spot:"
"""+ fingerprint of a site or a school of a district on one day: a hash from the references of the cases there to what
their tickets are; with a time to live (see cases/relations.py)."""

FEEDS = "remedy:feeds"
"""A hash from `district/feed` to when (ms) a worker last found this feed of incidents in mappings.yaml."""

PARKED = "remedy:parked"
"""Sorted set of parked and quarantined work, by the time (ms) it was set aside."""

QUARANTINED = "remedy:quarantined:"
"""+ sender/account: a sorted set of the deliveries of it that are quarantined, by the time (ms) it was set aside."""

NOT_FOUND = "remedy:not-found:"
"""+ district: a sorted set of the findings (`<case>/look`) and scans (`<scan>/list`) that SchoolScan did not know when
they were first looked at, by that time (ms)."""

SET_ASIDE = "remedy:set-aside"
"""Set of the names of these sorted sets."""

SET_ASIDE_SEEN = "remedy:set-aside-seen"
"""The time (ms) up to which parked work was looked through for what an earlier version did not put into them."""

DELETED = "remedy:set-aside-deleted"
"""A hash from the name of such a set to how much of it was ever deleted to make room; behind `at:`, when (ms) last."""

FIRST_LOOKS = "remedy:first-looks:"
"""+ sender/account: a sorted set of the cases that its deliveries brought and that wait for their first look, by the
time (ms) they were brought."""

PARKED_ROW = "remedy:parked:"
"""+ name: a hash, one piece of parked work."""

PARKED_GROUPS = "remedy:parked-groups"
"""A hash from the id of a group of parked work to what its pieces have in common (see parked/groups.py)."""

PARKED_GROUP = "remedy:parked-group:"
"""+ id of such a group: a sorted set of its pieces, by the time (ms) each was set aside."""

REPLAYS = "remedy:replays:"
"""+ name: how often this piece of work was replayed within the last thirty days."""

AUDIT = "remedy:audit"
"""A stream: who took parked work up again or gave it up, as an earlier version wrote it: unchained."""

AUDIT_TRAIL = "remedy:audit-trail"
"""A stream: the lines of the audit, chained. The id of a line is when its chain began (ms), and its number."""

AUDIT_COPY = "remedy:audit-copy"
"""A stream: the lines of the audit as far as they are copied without sealed names that are to be deleted."""

AUDIT_HEAD = "remedy:audit-head"
"""The last line of the audit: its chain, number and proof, signed."""

AUDIT_WAITING = "remedy:audit-waiting"
"""A stream: lines of the audit that wait to be chained, each signed by whoever wrote it."""

AUDIT_NOTED = "remedy:audit-noted:"
"""+ id: exists for an hour after a line of a command was noted, so that a repeated command notes it once."""

AUDIT_WRITTEN = "remedy:audit-written"
"""A hash from where lines of the audit are written out (`log`, `syslog`) to the place of the last one that was."""

AUDIT_BENDS = "remedy:audit-bends"
"""A hash from kinds of bends to when (ms) whoever chained met one last; for thirty days after the latest."""

AUDIT_RULES = "remedy:audit-rules"
"""The digest of the mappings.yaml that workers used last, as the audit says."""

RULES_SINCE = "remedy:rules-since"
"""When (ms) workers began to use the mappings.yaml of AUDIT_RULES."""

BEGUN = "remedy:begun:"
"""+ case or scan reference, or `delivery/` and its id: a hash, who took it up last, and how often workers died."""

SIGNED_TIMES = "remedy:signed-times"
"""Set of the districts whose sender was seen to sign a time."""

SIGNED_TIMES_TOLD = "remedy:signed-times-told"
"""A hash from `since:` and such a district to when (ms) that was first seen, from `by:` to the id of the secret that
signed it, and from `refused:` to when (ms) a delivery was last refused for it."""

SECRETS = "remedy:webhook-secrets:"
"""+ sender/account: a hash, since when (ms) each webhook secret is known by its id, and when it was last used."""

KEY_TIMES = "remedy:data-keys"
"""A hash, by `since:` and the id of a data key: when (ms) a process first had it; behind `first:`,
when it first sealed; behind `gone:`, when no running process was first found to have it any more."""

LIMIT = "remedy:delivery-limit:"
"""+ sender/account: the time (microseconds) up to which its delivery limit is used up in advance."""

BORN = "remedy:born"
"""When (ms) this Redis was first used since its server started. A wiped or restored Redis gets a new value."""

SERVER = "remedy:server"
"""The run id of the server process of this Redis when it was last used."""

CURSOR = "remedy:cursor:"
"""+ tracker, and / and a former table: how far that list of changes has been read."""

LISTS_READ = "remedy:lists-read"
"""A hash from the name of each such list to when (ms) a page of it was last read."""

TICKET_KEYS = "remedy:ticket-keys:"
"""+ tracker: a hash from what people call a ticket (in capitals) to case reference; until then, too."""

TOLD = "remedy:told:"
"""+ case reference: what was seen and done, packed (see timeline.py)."""

APART = "remedy:told-apart:"
"""+ case reference: a hash from SHA-1 to what was told in a form that the version which told next could not read."""

TIMELINE = "remedy:timeline:"
"""+ case reference: the same as a stream, as an earlier version told it; until the case is told of again."""

APPOINTMENTS = "remedy:appointments"
"""Sorted set of the cases that must be looked at at a known moment, by that moment (ms)."""

LIVING = "remedy:living"
"""A hash from rule to how many cases live by it (see Memory.living_rule)."""

CASE_LISTS = "remedy:case-lists"
"""A hash of the lists of cases: the number of each by its name, and its name by # and its number."""

CASE_LISTS_USED = "remedy:case-lists-used"
"""A sorted set of the names of the lists, by the latest change (ms) of a case that was put onto each."""

CASE_LIST = "remedy:case-list:"
"""+ number of a list: a sorted set of the cases on it, by when (ms) each changed last."""

FORGETTING = "remedy:forgetting"
"""A hash: how far cases and indexes of tickets have been looked through for what is kept no longer, and when (ms) to
the end; behind `forgotten`, the latest end (ms) of a case that was deleted (see cases/retention.py), or when (ms) a
person had one deleted."""

OPEN_CASES = "remedy:open:"
"""+ district/severity: a sorted set of the cases that somebody must still solve, by since when (ms) that is known."""

CASES_LISTED = "remedy:cases-listed"
"""A hash: how far the cases that an earlier version wrote have been listed, and when (ms) all of them were."""

TRACKERS = "remedy:trackers"
"""A hash from the name of each tracker that was ever known to when (ms) a worker last found it in mappings.yaml."""

UNNAMED = "remedy:unnamed:"
"""+ tracker: a sorted set of the cases that were looked at without it, by when (ms): mappings.yaml did not name it."""

SITE = "remedy:site:"
"""+ tracker: which site it is, and which it was before."""

SYSTEMS = "remedy:systems"
"""Set of the systems that are waited for, or for which cases still wait."""

SYSTEM = "remedy:system:"
"""+ system: a hash, why it is waited for, since when, and when it is asked again."""

HELD = "remedy:held:"
"""+ system: a sorted set of the cases that wait for it, by the time (ms) for which they were put off."""

BUDGET = "remedy:budget:"
"""+ system, / and `read` or `write` (SchoolScan) or a limit (trackers): a hash, how many requests it still takes."""

BUDGET_OUT = "remedy:budget-out:"
"""+ the same: a sorted set of the requests that are reserved and not answered, by when (ms) they were."""

BUDGET_WAITS = "remedy:budget-waits:"
"""+ the same: a sorted set of the cases that wait for a request, the next one first (see lua/budgets.lua)."""

BUDGET_TURNS = "remedy:budget-turns:"
"""+ tracker, / and a limit of it: a hash, which turn (ms) the last case of a district has, by band and district."""

BUDGETS = "remedy:budgets"
"""Set of the budgets of which something is known, or for which cases wait."""

TRACKER_BUDGETS = "remedy:tracker-budgets"
"""The same of trackers: apart, because an earlier version reads the others and cannot read these."""

VERIFICATION = "remedy:verification:"
"""+ district, / and a fingerprint of a site: a hash, how far its scan is that verifies what people mended there."""

VERIFICATION_CASES = "remedy:verification-cases:"
"""+ the same: a hash from the references of the cases that wait for a scan of it to which one, and because of what."""

VERIFICATIONS = "remedy:verifications"
"""Sorted set of these sites, by the time (ms) at which something is to be done for each."""

DISTRICTS = "remedy:districts"
"""Hash of every district that mappings.yaml ever named, with when (ms) it last did."""

ABSENT = "remedy:districts:absent"
"""Hash of those that it does not name now, with since when (ms)."""

PROCESSES = "remedy:processes"
"""Sorted set of what each running process tells of itself (JSON), by when (ms) it last did."""

SWEPT = "remedy:swept"
"""Exists for as long as a worker sweeps."""

LAST_SWEEP = "remedy:last-sweep"
"""When (ms) a worker last swept, however long ago that is."""

TURN = "remedy:turn:"
"""+ name of a round: when (ms) a worker last began it."""

NOTIFIED = "remedy:notified:"
"""+ channel: what people were told by it, and how its last messages went (see notifications/memory.py)."""

NOTIFY_TURN = "remedy:notify-turn:"
"""+ channel: a random name of the worker that sends by it now, with a time to live."""

LEFT_OUT = "remedy:findings-left-out"
"""A hash: by district, how many findings of its lists had no usable id, and by district and `:at` when (ms) last."""

ACTIVITY_HOUR = "remedy:hour:"
"""+ number of an hour since 1970, and behind / a district: a hash of what was counted in it (see activity/hours.py)."""

ACTIVITY_DAY = "remedy:day:"
"""+ number of a day since 1970, and behind / a district: the same of a day (UTC)."""

ACTIVITY_NOTED = "remedy:hour-noted:"
"""+ id: exists for an hour after a message with counts was added, so that a repeated message adds them once."""

SHREDDED = "remedy:shredded"
"""A hash: how much was shredded, and how much of it is out of the append-only file (see server/rewriting.py)."""

QUESTION = "remedy:question:"
"""+ id: a hash, a question of the console's and its answer, sealed (see console/questions.py)."""

QUESTION_LIKE = "remedy:question-like:"
"""+ fingerprint of what is asked: the id of the question that is open about it."""

QUESTIONS = "remedy:questions"
"""Sorted set of the questions that are open, by when (ms) they are given up."""

QUESTIONS_OF = "remedy:questions-of:"
"""+ fingerprint of a person: a sorted set of the questions that they have open, by when (ms) they are given up."""

QUESTIONS_BEGUN = "remedy:questions-begun"
"""How many questions were begun within a second; exists for that second."""

SELECTION = "remedy:console-selection:"
"""+ id: a hash, what somebody has chosen in the console, and what is to be done with it; until that is confirmed."""

SELECTIONS = "remedy:console-selections"
"""Sorted set of the ids of these, by when (ms) each was made; may name some that are over."""

TASK = "remedy:console-task:"
"""+ id of the selection: a hash, how far the console has come with it."""

TASKS = "remedy:console-tasks"
"""Sorted set of the ids of these, by when (ms) each last said how far it is; may name some that are over."""

CONSOLE_SESSION = "remedy:console-session:"
"""+ SHA-256 of a session's id: a hash, who has signed in to the console (sealed), since when (ms), and when they did
something last."""

CONSOLE_SESSIONS = "remedy:console-sessions"
"""Sorted set of these digests, by when (ms) each session began; may name some that are over."""

CONSOLE_LINK = "remedy:console-link:"
"""+ SHA-256 of a token: a hash, for whom a link is that signs in to the console once (sealed)."""

CONSOLE_ATTEMPTS = "remedy:console-attempts:"
"""+ number of a span of minutes: a hash, how often sign-in was tried, by digests of addresses and in all."""

CONSOLE_REFUSALS = "remedy:console-refusals:"
"""+ number of an hour: a hash, how often the console refused what, by digests of who asked."""
