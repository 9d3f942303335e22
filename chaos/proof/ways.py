"""Every way in which a word from outside could get lost: success, refusal, parking, poison, a missing key, a defect."""

import contextlib
import json
import signal
import time
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import httpx2

from chaos.proof.commands import OUTSIDE, Known, play_commands, plays_of
from chaos.proof.defects.sitecustomize import DEADLY, MARKED
from chaos.proof.pages import console_is_read
from chaos.proof.places import read_places
from chaos.proof.setting import CHANNEL, FEW, SYSTEMS, Setting
from remediation.deliveries.events import delivery_id
from remediation.domain.cases.records import CaseKey, CaseKind, ref_of_mark
from remediation.sealing import generate_key
from remediation.store.keys import BEGUN, DIRTY, FEED, NOTIFIED, NOTIFY_TURN, PARKED, PENDING, SCANS, SYSTEM, TURN
from remediation.store.terms import MOST_CRASHES
from sandbox.jira.state import PERSON as JIRA_PERSON
from sandbox.schoolscan.signing import signed_headers
from sandbox.secrets import DISTRICT, ENVIRONMENT
from sandbox.stage.processes import FEED as HANDBOOK
from sandbox.stage.systems import SeenTicket

BOTH = {"severity": "critical", "domain_type": "direct_pii"}
VENDOR = {"severity": "critical", "domain_type": "vendor_exposure"}
GROUPED = {"severity": "low", "domain_type": "metadata"}
MENDED = {"severity": "low", "domain_type": "directory_info"}
FEED_NAME = f"{DISTRICT}/{HANDBOOK}"
PERSON = "what a person wrote"
STATUSES = (400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503)
"""Those with which a system says no, or not now."""

SOME_STATUSES = (400, 403, 429, 503)

_BREAKS_SECONDS = 0.5
_MOST_SHOWN = 15
"""Of what is parked, so many are shown one by one: of each kind there are some among the latest."""


def happen(setting: Setting, *, whole: bool) -> None:
    """Everything, in order; what breaks things comes last. `whole` is the long form."""
    incident = incidents_live(setting)
    finding, few = findings_live(setting)
    scans_are_verified(setting)

    def known() -> Known:
        parked = [name.decode() for name in setting.world.redis.zrange(PARKED, 0, -1)][-_MOST_SHOWN:]
        folder = str(setting.world.stage.folder)
        receiver = setting.world.addresses[0]
        scan = str(setting.world.outside.finding(few)["scan_id"])
        return Known(finding, few, scan, incident, parked, setting.environment["MAPPINGS_PATH"], folder, receiver)

    strangers_call(setting)
    unreadable_deliveries_come(setting)
    play_commands(setting, known(), ("incidents show", "incidents list"), whole=whole)  # before another key seals them
    systems_refuse(setting, STATUSES if whole else SOME_STATUSES)
    commands_meet_failures(setting, known(), SOME_STATUSES if whole else SOME_STATUSES[1:2], whole=whole)
    a_key_is_missing(setting)
    workers_die(setting, MOST_CRASHES if whole else 1)
    our_own_code_fails(setting)
    read_places(setting, last=False)
    people_are_told(setting)
    console_is_read(setting, known())
    play_commands(setting, known(), list(plays_of(known())), whole=whole)
    setting.way("every command is played")
    read_places(setting, last=True)


def people_are_told(setting: Setting) -> None:
    """What is parked by now is told by the channel, and so are the figures of the week."""
    redis, memory = setting.world.redis, f"{NOTIFIED}{CHANNEL}"
    _told(setting, b"parked list says why")
    long_ago = {"since": 0, "weekly": 1}
    redis.set(memory, json.dumps(json.loads(redis.get(memory)) | long_ago))
    _told(setting, b"past week")
    setting.way("people are told")


def _told(setting: Setting, words: bytes) -> None:
    """Workers begin until a round has told this: a trouble is seen by one, and told by a later one."""
    for _ in range(8):
        setting.world.redis.delete(f"{TURN}notify", f"{NOTIFY_TURN}{CHANNEL}")
        setting.worker()
        with contextlib.suppress(RuntimeError):
            setting.until(lambda: any(words in each for each in setting.heard.notifications), words.decode(), 6.0)
            return
    raise RuntimeError(f"no notification says {words.decode()}")


def rest(setting: Setting) -> None:
    """Wait until nothing is left to do but what waits for its time."""
    redis = setting.world.redis

    def is_at_rest() -> bool:
        return not any(redis.zcount(name, 0, time.time() * 1000 + 500) for name in (PENDING, SCANS, DIRTY))

    setting.until(is_at_rest, "rest")


def tickets_of(setting: Setting, subject: str, kind: CaseKind = CaseKind.FINDING) -> list[bool]:
    """Whether each ticket of Jira Cloud and ServiceNow is open."""
    return [each.is_active for each in setting.world.outside.tickets(subject, kind)]


def findings_live(setting: Setting) -> tuple[str, str]:
    """Findings are found, told of, closed by people, found again, reviewed; some have odd words and ids."""
    outside, at = setting.world.outside, setting.canaries.at
    odd = {name: at("schoolscan", "finding", f"a code: {name}") for name in ("severity", "domain_type", "confidence")}
    sentence = f"{at('schoolscan', 'finding', 'a sentence for a code')} was born"
    review = {"outcome": at("schoolscan", "finding", "outcome of a review"), "comment": sentence}
    named = f"fnd_{at('schoolscan', 'finding', 'id')}"
    first, few, vendor, strange, wordy, last = outside.scan(
        [BOTH, FEW, VENDOR, {**BOTH, **odd}, {"severity": sentence, "domain_type": sentence}, {**BOTH, "id": named}]
    )
    setting.until(
        lambda: [tickets_of(setting, each) for each in (first, few, last)] == [[True] * 2, [True], [True] * 2],
        "tickets",
    )
    setting.until(lambda: all(tickets_of(setting, each) for each in (vendor, strange, wordy)), "odd tickets")
    setting.way("findings of a scan get tickets")
    outside.review_finding(first, expert_review=review)  # type: ignore[arg-type] # an object
    for finding in (first, few):
        for ticket in outside.tickets(finding):
            outside.resolve_as_priya(ticket, words=f"{at('person', 'closing a ticket', 'words')} asked for it.")
    setting.until(lambda: outside.finding(first)["status"] == "resolved", "resolved finding")
    setting.until(lambda: outside.finding(few)["status"] == "resolved", "resolved finding that few read")
    _close_in_data_center(setting)
    setting.way("people close tickets")
    outside.scan(find_again=[first])
    setting.until(lambda: tickets_of(setting, first) == [True, True], "reopened tickets")
    setting.way("a finding is found again")
    rest(setting)
    return first, few


def scans_are_verified(setting: Setting) -> None:
    """Findings share a ticket, and people mend one that is scanned again; each scan has a ticket that sums it up."""
    outside = setting.world.outside
    *grouped, mended = outside.scan([GROUPED, GROUPED, MENDED])

    def shared() -> list[SeenTicket]:
        marked = ((ref_of_mark(mark) or "", ticket) for mark, ticket in outside.all_tickets())
        return [ticket for ref, ticket in marked if ":group-" in ref]

    def summed_up() -> bool:
        scan = outside.finding(mended)["scan_id"]
        return any(mark.endswith(f":summary:{scan}") for mark, _ in outside.all_tickets())

    setting.until(lambda: len(shared()) == len(("servicenow", "jira")), "tickets of a group")
    setting.until(lambda: all(each in str(outside.contents(shared()[0])) for each in grouped), "list of a group")
    setting.way("findings share a ticket")
    setting.until(summed_up, "ticket that sums a scan up")
    setting.way("a scan is summed up")
    setting.until(lambda: tickets_of(setting, mended) == [True], "ticket of what is mended")
    outside.control("schoolscan", "PATCH", "settings", json={"scan_seconds": 1, "scan_finds": 0})
    outside.resolve_as_priya(outside.tickets(mended)[0], words="Done.")
    setting.until(lambda: outside.finding(mended)["status"] == "resolved", "verified mending")
    setting.way("a mending is verified by a scan")
    rest(setting)


def _close_in_data_center(setting: Setting) -> None:
    """A person closes what is open in the Data Center, and writes why."""
    word = f"{setting.canaries.at('person', 'closing a ticket', 'words')} asked for it."
    api = f"{setting.relays['jira-dc'].target}/rest/api/2"
    with httpx2.Client(auth=(JIRA_PERSON.name, JIRA_PERSON.token), trust_env=False) as client:
        for issue in client.get(f"{setting.relays['jira-dc'].target}/_sandbox/issues").json():
            if issue["fields"]["status"]["statusCategory"]["key"] != "done":
                steps = client.get(f"{api}/issue/{issue['id']}/transitions").json()["transitions"]
                done = next(each for each in steps if each["to"]["statusCategory"]["key"] == "done")
                client.post(f"{api}/issue/{issue['id']}/comment", json={"body": word}).raise_for_status()
                order = {"transition": {"id": done["id"]}, "fields": {"resolution": {"name": "Done"}}}
                client.post(f"{api}/issue/{issue['id']}/transitions", json=order).raise_for_status()


def incidents_live(setting: Setting) -> str:
    """Incidents are shown, change, are deleted in the feed and come back, and a feed is read from its start."""
    control = setting.world.outside.control
    victims = [{"injury": "MINOR"}]
    offenders = [{"offenses": ["FIGHT"], "weapons": ["KNIFE"], "actions": ["OSS"], "injury": "NONE"}]
    told: dict[str, object] = {"offenders": offenders, "victims": victims}
    orders = [{"type": each, **told} for each in ("referral", "minor", "pending")]
    added = control("incident_feed", "POST", "incidents", json={"incidents": orders})["incidents"]
    setting.worker()
    setting.until(
        lambda: [len(tickets_of(setting, each, CaseKind.INCIDENT)) for each in added] == [2, 1, 1],
        "tickets of incidents",
    )
    setting.way("incidents get tickets")
    control("incident_feed", "POST", f"incidents/{added[0]}/delete")
    setting.until(
        lambda: hurried(setting) and tickets_of(setting, added[0], CaseKind.INCIDENT) == [False] * 2, "closed"
    )
    control("incident_feed", "POST", f"incidents/{added[0]}/undelete")
    setting.until(lambda: hurried(setting) and tickets_of(setting, added[0], CaseKind.INCIDENT) == [True] * 2, "open")
    setting.way("incidents are deleted and come back")
    return str(added[0])


def hurried(setting: Setting) -> bool:
    """Have the feed read with the next round."""
    setting.world.redis.delete(f"{SYSTEM}incidents:{FEED_NAME}")
    setting.world.redis.hset(FEED + FEED_NAME, "attempts", 0)
    setting.world.redis.hdel(FEED + FEED_NAME, "wait_until", "polled_at", "swept_at", "asked_at")
    time.sleep(0.3)
    return True


def deliver(
    setting: Setting,
    wanted: int,
    body: bytes,
    *,
    secret: str = "",
    path: str = DISTRICT,
    more: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Deliver past the relay, signed as SchoolScan signs. Raises RuntimeError for an answer that is not `wanted`."""
    secret = secret or ENVIRONMENT["SCHOOLSCAN_WEBHOOK_SECRET"]
    signed = signed_headers("timestamped", secret, body, "", time.time())
    address = f"{setting.world.addresses[0]}/webhooks/schoolscan/{path}"
    headers = {**signed, "Content-Type": "application/json", **more}
    answer = httpx2.post(address, content=body, headers=headers, timeout=10, trust_env=False)
    if answer.status_code != wanted:
        raise RuntimeError(f"the receiver answered {answer.status_code} instead of {wanted}")


def strangers_call(setting: Setting) -> None:
    """Somebody without the secret, and somebody at addresses that are none."""
    at = setting.canaries.at
    body = json.dumps({"type": at("stranger", "forged", "type"), at("stranger", "forged", "key"): "x"}).encode()
    deliver(setting, 401, body, secret="test-only-forger")  # noqa: S106 - of nobody
    word = at("stranger", "address", "path")
    deliver(setting, 404, body, path=f"{word}?q={word}", more={f"X-{word}": word, "User-Agent": word})
    setting.way("strangers are turned away")


def unreadable_deliveries_come(setting: Setting) -> None:
    """Authentic deliveries that nobody can read, that name nothing, or name what does not exist."""
    at = setting.canaries.at
    outside = setting.world.outside
    words = {each: at("schoolscan", f"delivery: {each}", "a word") for each in ("broken", "type", "twice", "id", "utf")}
    bodies = (
        f'{{"type": "finding.critical", "data": {{"name": "{words["broken"]}'.encode(),
        f'{{"id": "evt_1", "type": "{words["type"]}", "data": {{"{words["type"]}": "{words["type"]}"}}}}'.encode(),
        f'{{"id": "evt_3", "type": "{words["twice"]}", "type": "{words["twice"]}", "data": {{}}}}'.encode(),
        f'{{"id": "{words["id"]} and a blank", "type": "finding.critical", "data": {{"x": 1}}}}'.encode(),
        f'{{"id": "evt_4", "type": "{words["utf"]}"}}'.encode("utf-16"),
        f'{{"id": ["{words["id"]}"], "type": {{"{words["type"]}": 1}}}}'.encode(),
    )
    for body in bodies:
        deliver(setting, 202, body)
    gone = f"fnd_{at('schoolscan', 'delivery', 'id of no finding')}"
    outside.send("finding.critical", {"finding_id": gone, "summary": "x"})
    outside.send("scan.completed", {"scan_id": f"scan_{at('schoolscan', 'delivery', 'id of no scan')}", "domain": "x"})
    setting.until(lambda: setting.world.redis.keys("remedy:not-found:*"), "finding that does not exist")
    setting.way("deliveries are quarantined")


def systems_refuse(setting: Setting, statuses: tuple[int, ...]) -> None:
    """Each system answers with each failure, first to writes and then to all, in words that quote; then links break."""
    outside = setting.world.outside
    for status in statuses:
        (finding,) = _broken(setting, status, ("servicenow", "jira", "jira-dc"), method="POST")
        setting.until(partial(_refused, setting, status, finding, ("servicenow", "jira")), f"{status} to a create")
        _broken(setting, status, SYSTEMS)
        setting.until(partial(_refused, setting, status, finding, SYSTEMS[:4]), f"{status} of each system")
        outside.mend()
        setting.way(f"systems answer {status}")
    _limits_end(setting)
    outside.break_down("jira", "reset", times=2)
    outside.break_down("servicenow", "half", times=2)
    outside.break_down("schoolscan", "cut", times=2)
    outside.scan([BOTH])
    setting.world.fall_due()
    setting.until(lambda: not outside.control("schoolscan", "DELETE", "connections"), "closed connections")
    time.sleep(_BREAKS_SECONDS)
    outside.mend()
    setting.way("connections break")


def _broken(setting: Setting, status: int, systems: tuple[str, ...], **which: str) -> list[str]:
    """From now on these answer so. Returns a finding that was found then."""
    found = setting.world.outside.scan([BOTH])
    for system in (system for system in systems if system in setting.world.stage.outside):
        retry = {"Retry-After": setting.canaries.at(system, f"any {status}", "header Retry-After")}
        setting.world.outside.break_down(system, "status", status=status, times=None, headers=retry, **which)
        setting.relays[system].statuses.clear()
    return found


def _refused(setting: Setting, status: int, finding: str, systems: tuple[str, ...]) -> bool:
    """Whether each of these has answered so; if not, all are asked again."""
    _limits_end(setting)
    hurried(setting)
    setting.world.redis.zadd(DIRTY, {f"{DISTRICT}:finding:{finding}": int(time.time() * 1000)})
    return all(setting.relays[system].statuses[status] for system in systems)


def commands_meet_failures(setting: Setting, known: Known, statuses: tuple[int, ...], *, whole: bool) -> None:
    """Commands that ask other systems, while these fail."""
    for status in statuses:
        _broken(setting, status, SYSTEMS)
        is_waited_for = whole and status == statuses[0]
        play_commands(setting, known, OUTSIDE if is_waited_for else OUTSIDE[:-1], whole=whole, dry=True)
        setting.world.outside.mend()
    _limits_end(setting)
    setting.way("commands meet failures")


def _limits_end(setting: Setting) -> None:
    keys = setting.world.redis.keys(f"{SYSTEM}*")
    if keys:
        setting.world.redis.delete(*keys)


def a_key_is_missing(setting: Setting) -> None:
    """A worker without the data key meets deliveries and cases, and sets them aside."""
    setting.worker(DATA_KEYS=generate_key())
    word = setting.canaries.at("schoolscan", "delivery: without a key", "a word")
    body = json.dumps({"id": "evt_keyless", "type": "finding.critical", "data": {"finding_id": "fnd_x", word: word}})
    deliver(setting, 202, body.encode())
    name = f"delivery/{delivery_id('schoolscan', DISTRICT, 'evt_keyless')}"
    setting.until(lambda: setting.world.redis.zscore(PARKED, name), "parked delivery")
    setting.worker()
    setting.way("a key is missing")


def workers_die(setting: Setting, times: int) -> None:
    """A finding over which worker after worker dies in a look, until it is set aside."""
    world, redis = setting.world, setting.world.redis
    finding = f"fnd_{DEADLY}"
    ref = CaseKey(DISTRICT, CaseKind.FINDING, finding).ref
    world.outside.add_findings([{**BOTH, "id": finding}])
    if times < MOST_CRASHES:
        redis.hset(BEGUN + ref, mapping={"crashes": MOST_CRASHES - times, "first": 1, "last": 2})
    world.outside.send("finding.critical", {"finding_id": finding, "summary": "x"})
    deadline = time.monotonic() + 60 + 10 * times
    while not redis.exists(f"remedy:parked:{ref}/look"):
        if time.monotonic() > deadline:
            raise RuntimeError("what kills is still tried")
        for slot in [slot for slot in world.workers if not slot.lives]:
            if slot.program.process.returncode != -signal.SIGKILL:
                raise RuntimeError("a worker ended by itself")
            world.workers.remove(slot)
            setting.worker()
        time.sleep(0.05)
    setting.way("workers die in a look")


def our_own_code_fails(setting: Setting) -> None:
    """A worker and the receiver raise what nobody foresaw, quoting all that they know."""
    outside = setting.world.outside
    outside.add_findings([{**BOTH, "id": f"fnd_{MARKED}"}])
    outside.send("finding.critical", {"finding_id": f"fnd_{MARKED}"})
    word = setting.canaries.at("schoolscan", "delivery: a defect of the receiver", "a word")
    deliver(setting, 503, f'{{"id": "{MARKED}_of_receiver", "{word}": "{word}"}}'.encode())
    setting.until(lambda: b"worker" in b"".join(setting.heard.reports), "report of an error")
    setting.way("our own code fails")
