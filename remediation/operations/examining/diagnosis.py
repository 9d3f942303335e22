"""The result of a check: what was checked, whether it is well, and what to do where it is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remediation.deliveries.signatures import TOLERANCE
from remediation.operations.examining.codes import Code
from remediation.read_model.status.levels import Level


@dataclass(frozen=True, slots=True)
class TroubleKind:
    """A kind of trouble: how bad it is, what it means, and what to do."""

    severity: Level
    means: str
    advice: str


def _warning(means: str, advice: str) -> TroubleKind:
    return TroubleKind(Level.WARNING, means, advice)


def _failure(means: str, advice: str) -> TroubleKind:
    return TroubleKind(Level.FAILURE, means, advice)


TROUBLES: Mapping[Code, TroubleKind] = MappingProxyType(
    {
        Code.SETTING_UNKNOWN: _warning(
            "an environment variable has nearly the name of a setting", "Correct its name, or remove it."
        ),
        Code.SETTING_IDLE: _warning("a setting has no effect beside the others", "Remove it, or set what it needs."),
        Code.SETTINGS_CONTRADICT: _failure("two settings say different things", "Leave one of them out."),
        Code.FAILPOINTS: _warning("REMEDY_FAILPOINTS is set: processes break on purpose", "Unset it, except in tests."),
        Code.MAPPINGS_WRONG: _failure(
            "mappings.yaml cannot be used", "Correct it there; remedy mappings check names all of it."
        ),
        Code.MAPPINGS_DOUBTFUL: _warning(
            "mappings.yaml says something that is probably not meant", "Correct it there, if it is not meant."
        ),
        Code.MAPPINGS_OUTSIDE: _failure(
            "a system is not as mappings.yaml says: a project, field, right or value",
            "Correct the file or that system; remedy mappings check --live tells again.",
        ),
        Code.SECRET_MISSING: _failure(
            "a secret is not there, empty, cannot be read, or could not work",
            "Set the variable, or mend the file, that it names.",
        ),
        Code.SECRET_READABLE: _warning("every user of this machine can read a secret's file", "Run chmod o-r on it."),
        Code.WEBHOOK_SECRET_WEAK: _warning(
            "a webhook's secret is short enough to be guessed",
            "Make one of 32 random characters or more, and put it beside the old one until the sender uses it.",
        ),
        Code.WEBHOOK_SECRET_BLANK: _warning(
            "a webhook's secret begins or ends with a blank, which was probably copied with it",
            "Compare it with the sender's; if there is none, take it out of the variable or the file.",
        ),
        Code.WEBHOOK_SECRET_ENDED: _failure(
            "every secret of a webhook has ended: its sender is answered 401",
            "Add the one with which the sender signs now, without `until`.",
        ),
        Code.WEBHOOK_SECRET_ENDING: _warning(
            "a webhook's secret has ended, or ends within a week",
            "Does the sender sign with the new one? Then take the old one out of `secrets`; else move its `until`.",
        ),
        Code.WEBHOOK_SECRET_UNTAKEN: _warning(
            "a webhook's new secret signs nothing: it was changed on one side only",
            "Put it into the sender's form, and compare both ends.",
        ),
        Code.WEBHOOK_TIME_DEMANDED: _failure(
            "deliveries are refused as they sign no time, and one with a signed time came before",
            "Write the `signature` that the sender makes, or remedy webhooks reset; was the secret stolen?",
        ),
        Code.WEBHOOK_SECRET_UNUSED: _warning(
            "a webhook's old secret is not used any more, and another one is", "Take it out of `secrets`."
        ),
        Code.IDENTITY_KEY: _failure(
            "the key that tells findings apart cannot be used",
            "Put back the key that was there: with another one, every finding is a new case.",
        ),
        Code.DATA_KEYS: _failure(
            "DATA_KEYS is missing or malformed", "Make one with remedy keys generate; give all processes the same."
        ),
        Code.DATA_KEY_FOREIGN: _failure(
            "something stored is sealed with a key that is not in DATA_KEYS",
            "Put that key back at the end of the list, with a restart only where it is in DATA_KEYS and not in a file; "
            "then remedy parked replay --error KeyMissing.",
        ),
        Code.DATA_KEY_WRONG: _failure(
            "something stored does not open with the key of the same id in DATA_KEYS",
            "Put back the key that had this id, and give the other one an id of its own.",
        ),
        Code.DATA_KEYS_DIFFER: _warning(
            "a running process has other data keys than we have here, or in another order",
            "Wait a few seconds after a change; then give all the same, and look at /readyz. See remedy keys list.",
        ),
        Code.STORE_MISSING: _failure(
            "REDIS_URL is not set, and no embedded server has run here: nothing is kept, and no process runs",
            "Set REDIS_URL; or start the embedded server with the first process: remedy run receiver.",
        ),
        Code.REDIS_AWAY: _failure("Redis does not answer", "Is it running, and is REDIS_URL right?"),
        Code.REDIS_SIGN_IN: _failure(
            "Redis does not take our user or password", "Correct REDIS_USERNAME and REDIS_PASSWORD, or REDIS_URL."
        ),
        Code.REDIS_RIGHTS: _warning(
            "our Redis user may not do all that is needed (a failure), or not ask how the server is",
            "Give it the rights in docs/operations.md; ALLOW_WEAK_DURABILITY=true only if its provider keeps all.",
        ),
        Code.REDIS_ADDRESS: _failure(
            "REDIS_URL leads to what cannot be used: a sentinel, another server, a database that there is not",
            "Correct REDIS_URL: docs/operations.md has its forms.",
        ),
        Code.REDIS_TLS: _failure(
            "no connection by TLS is possible: a certificate, Redis's or ours, or TLS on one side only",
            "Correct REDIS_CA_FILE, REDIS_CERT_FILE, REDIS_KEY_FILE, or the scheme in REDIS_URL.",
        ),
        Code.REDIS_VERSION: _failure("Redis is older than what we need", "Use Redis 6.2 or later, or any Valkey."),
        Code.REDIS_CLUSTER: _failure(
            "Redis runs in cluster mode, which remedy cannot use",
            "Use one primary with replicas, without cluster mode.",
        ),
        Code.REDIS_STANDING: _failure(
            "Redis takes no writes: it is a replica, or still loads", "Does REDIS_URL lead to the primary?"
        ),
        Code.REDIS_NOT_DURABLE: _failure(
            "a crash of Redis may lose what it acknowledged",
            "Set appendonly yes, appendfsync always, maxmemory-policy noeviction; or ALLOW_WEAK_DURABILITY=true.",
        ),
        Code.REDIS_DISK: _failure(
            "Redis could not write to its disk, and takes no writes",
            "Look at its log; make room on its disk. It takes writes again by itself.",
        ),
        Code.REDIS_REWRITE: _warning(
            "the last rewrite of its file, or the last snapshot, failed: its disk fills",
            "Look at its log and its disk, then ask for BGREWRITEAOF or BGSAVE.",
        ),
        Code.REDIS_SHREDDED: _warning(
            "what was shredded may still be in Redis's append-only file, and a data key opens it",
            "Grant our user +bgrewriteaof, or have the file rewritten once a day; is a worker running?",
        ),
        Code.FINDINGS_LEFT_OUT: _warning(
            "lists of SchoolScan had findings whose ids cannot be used: nobody works on them",
            "Tell SchoolScan: an id is 1 to 256 printable characters. Look at them in its own pages.",
        ),
        Code.REDIS_MEMORY: _warning(
            "Redis has used most of its maxmemory; at 95 % it is a failure, as it will take no writes",
            "Give it more memory; remedy parked list and retention in mappings.yaml say what is kept.",
        ),
        Code.REDIS_EVICTED: _failure(
            "Redis has thrown away keys since it started",
            "Set maxmemory-policy noeviction, run remedy reconcile --all, then CONFIG RESETSTAT.",
        ),
        Code.REDIS_CONNECTIONS: _warning(
            "Redis has refused connections, or has few left", "Raise maxclients; who else connects to it?"
        ),
        Code.REDIS_SLOW: _warning(
            "Redis takes long for a small question", "Look at its SLOWLOG, its disk's fsync time and the way there."
        ),
        Code.CLOCK_REDIS: _failure(
            "this machine's clock and Redis's differ",
            f"Does NTP run on both? Signatures that seem over {TOLERANCE // 60} minutes old or new are refused.",
        ),
        Code.CLOCK_OUTSIDE: _warning(
            f"a system's clock and this machine's differ; SchoolScan's by over {TOLERANCE // 60} minutes is a failure",
            "Does NTP run here? If it does, tell who runs that system.",
        ),
        Code.AUDIT_BENT: _failure(
            "the audit does not end where it says that it ends: somebody or something changed it",
            "remedy audit verify says where, and --against what was written out; docs/audit.md says what it may be.",
        ),
        Code.AUDIT_MET_BENT: _warning(
            "within the last thirty days, the end of the audit was not as it had been written",
            "remedy audit verify --against what was written out; the runbook says what each kind may be.",
        ),
        Code.AUDIT_UNPROVEN: _warning(
            "lines of the audit are signed under a data key that is not there: nobody can prove them",
            "Put that key back at the end of the list, until retention.audit is over; remedy audit verify counts them.",
        ),
        Code.AUDIT_WAITS: _warning(
            "lines of the audit wait to be chained, for more than a minute",
            "Is a worker running, with the data key that they are signed with?",
        ),
        Code.WORKERS_MISSING: _failure(
            "no worker runs: deliveries are accepted and wait", "Start one: remedy run worker; its log says why not."
        ),
        Code.RECEIVERS_MISSING: _failure(
            "no receiver runs: senders are refused", "Start one: remedy run receiver; its log says why not."
        ),
        Code.PROCESS_UNTOLD: _warning(
            "a worker sweeps that does not tell which version it is", "Finish the upgrade: it is of an earlier version."
        ),
        Code.VERSIONS_DIFFER: _warning(
            "processes of different versions run", "Finish the upgrade, or restart those that were left behind."
        ),
        Code.MAPPINGS_DIFFER: _warning(
            "processes use another mappings.yaml than others, or than the one here",
            "Wait a few seconds after a change; then look at /readyz and restart those with the old one.",
        ),
        Code.SWEEP_OLD: _failure(
            "workers run and none has swept: what was put off is not woken",
            "Look at the workers' logs; restart them if Redis is well.",
        ),
        Code.DELIVERIES_UNREAD: _failure(
            "an accepted delivery waits for minutes", "Look at the workers' logs; restart those that take nothing up."
        ),
        Code.DELIVERIES_SILENT: _warning(
            "SchoolScan has delivered nothing for a day",
            "Look at its webhook's list of deliveries; then remedy reconcile --since from the last one.",
        ),
        Code.FEED_UNREAD: _failure(
            "a feed of incidents should have been read an hour ago and was not",
            "Look at what it says and at the workers' logs; remedy incidents poll asks for it at once.",
        ),
        Code.FEED_UNSWEPT: _warning(
            "a feed's school year was not read as a whole for two nights, or not yet at all",
            "remedy incidents poll --sweep reads it now; until then nobody knows what the feed has not shown.",
        ),
        Code.CASES_WAITING: _warning(
            "a case waits for hours", "Mend what it waits for; remedy case show tells what that is."
        ),
        Code.QUEUE_LONG: _warning("thousands of jobs wait for a worker", "Start more workers, or raise MAX_JOBS."),
        Code.PARKED: _failure(
            "work was refused for a reason that repeating does not mend: it is not done",
            "remedy parked list says why; mend that, then remedy parked replay.",
        ),
        Code.QUARANTINED: _warning(
            "signed deliveries came that nobody can read", "remedy parked list --kind quarantined; tell their sender."
        ),
        Code.QUARANTINE_FULL: _failure(
            "as many deliveries of a sender as are kept cannot be read: further ones are answered 503",
            "remedy parked list --kind quarantined; is its webhook secret stolen? Replay or discard them to make room.",
        ),
        Code.NOT_FOUND_FULL: _warning(
            "within a week findings or scans that SchoolScan does not know made room for others",
            "Is the district's webhook secret stolen, or its token another account's? Then remedy reconcile.",
        ),
        Code.NOTIFICATIONS_UNDELIVERED: _warning(
            "a channel does not take the messages by which people are told that something needs them",
            "remedy notify test says what happens. They are tried again, and nothing else waits for them.",
        ),
        Code.CHANNEL_ADDRESS: _failure(
            "the address of a channel cannot be used", "Correct it: docs/notifications.md has the forms."
        ),
        Code.CHANNEL_UNSEEN: _warning(
            "the address of a channel could not be looked at",
            "Ask again when this machine has less to do; remedy notify test sends a message by it.",
        ),
        Code.PROVIDER_AWAY: _failure(
            "who signs people in to the console does not answer: nobody gets in that way",
            "Is it away, or may this machine not reach it? Meanwhile: remedy console link.",
        ),
        Code.PROVIDER_DIFFERS: _failure(
            "who signs people in to the console is not as mappings.yaml says: nobody gets in that way",
            "Correct console.sign_in: docs/console-sign-in.md says what each word must be.",
        ),
        Code.SYSTEM_WAITED_FOR: _failure(
            "workers wait for a system", "Nothing is lost: the cases go on when it answers."
        ),
        Code.SIGN_IN: _failure("a system does not let us in", "Is its token or password still valid?"),
        Code.RIGHTS: _failure(
            "a system knows our account, and does not let it do what is needed",
            "Give our account the role, scope or permission that its words are about.",
        ),
        Code.OUTSIDE_AWAY: _failure("a system does not answer", "Is its address right?"),
        Code.OUTSIDE_REFUSED: _failure("a system refuses what we ask", "Is its address right?"),
        Code.LIMIT_REACHED: _failure(
            "a system answers nothing more for now: its limit is reached", "Wait until it ends; who else spends it?"
        ),
        Code.LIMIT_LOW: _warning("less than a tenth of a system's limit is left", "Who else spends it?"),
        Code.SITE_CHANGED: _failure(
            "a tracker is another site than the one that our links are of",
            "If not meant, correct its url. Else take our marks along, or name the other site under former_sites.",
        ),
        Code.TRACKER_UNNAMED: _warning(
            "cases have tickets in a tracker that mappings.yaml does not name (any more): it is unseen",
            "Name it again, or name it under formerly of the tracker that it is now.",
        ),
        Code.TABLE_UNNAMED: _warning(
            "tickets are in a table that mappings.yaml does not name (any more)",
            "Name it under the tracker's former_tables, so that a search after a loss of Redis finds them.",
        ),
        Code.TABLE_UNKNOWN: _failure(
            "tickets are in a table of which nobody says what its states mean: nothing is read of them",
            "Write what its states mean under the tracker's former_tables, then remedy parked replay.",
        ),
        Code.RULE_GONE: _warning(
            "cases live by a rule that mappings.yaml has no more; what it said goes on counting",
            "If it was renamed, run remedy reconcile --all; else see whether another rule takes its cases.",
        ),
        Code.UNFINISHED: _failure("a check did not end in its time", "Ask again; what it asks is slow or hangs."),
        Code.DEFECT: _failure("a check ended with a defect of remedy's own", "Report it, with the version."),
    }
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result for one thing. `advice` says how to correct it; `code` is empty where all is well."""

    what: str
    severity: Level
    says: str
    advice: str = ""
    code: str = ""

    @property
    def is_well(self) -> bool:
        """Whether it is no failure."""
        return self.severity is not Level.FAILURE


def well(what: str, says: str) -> Diagnosis:
    """The result that it is well."""
    return Diagnosis(what, Level.OK, says)


def trouble(code: Code, what: str, says: str, advice: str = "", severity: Level | None = None) -> Diagnosis:
    """The result that it is not; `advice` and `severity` where they differ from the usual ones of this kind."""
    usual = TROUBLES[code]
    return Diagnosis(what, severity or usual.severity, says, advice or usual.advice, code.value)


def ordinary(what: str, says: str, *troubles: Diagnosis) -> list[Diagnosis]:
    """The troubles, or the result that it is well."""
    return list(troubles) or [well(what, says)]
