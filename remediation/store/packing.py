"""Short texts, compressed: deflated with a dictionary that both sides know. Pure.

A text of some hundred bytes repeats little of itself: what it repeats is in all other texts of its kind.
"""

import zlib
from enum import Enum

_RAW = -15
"""Deflate without zlib's header and checksum: the largest window, and six bytes less."""

_EARLIER_TIMELINE_WORDS = (
    b'doubt {"at":1,"tracker":"servicenow","ticket":"INC00","evidence":"unmarked"}\n'
    b'conflict {"at":1}\nparked {"at":1,"error":"Refused","system":"schoolscan","status":403}\n'
    b'put_off {"at":1,"system":"schoolscan","due":1,"status":503,"waiting":"limit"}\n'
    b'"reason":"false_positive""duplicate""cancelled""not_solved""accepted_risk""in_progress""gone"'
    b'"cause":"person""reconcile""appointment""again""sweep""scan""poll:servicenow""poll:jira"'
    b'"webhook:servicenow""why":"found_again""why":"reopened""why":"severity_raised""why":"unsolved"'
    b'"action":"comment:jira","action":"comment:servicenow","action":"reopen:jira","action":"reopen:servicenow",'
    b'"outcome":"later","error":"TryLater","outcome":"refused","severity":"low""medium""high"'
    b'trigger {"at":1,"cause":"webhook:jira","marked_at":1}\n'
    b'seen {"at":1,"status":"reviewing","severity":"critical","tickets":[{"tracker":"jira","key":"SEC-1",'
    b'"state":"done","reason":"fixed"},{"tracker":"servicenow","key":"INC0010001","state":"open","reason":""}]}\n'
    b'plan {"at":1,"steps":[{"action":"resolve:servicenow","why":"solved","detail":"fixed"},'
    b'{"action":"resolve:jira","why":"solved","detail":"fixed"},'
    b'{"action":"patch:resolved","why":"solved","detail":"fixed"}]}\n'
    b'action {"at":1,"action":"patch:resolved","outcome":"done"}\nsettled {"at":1}\n'
    b'trigger {"at":1,"cause":"webhook:schoolscan","marked_at":1}\n'
    b'seen {"at":1,"status":"open","severity":"critical"}\n'
    b'plan {"at":1,"steps":[{"action":"open:servicenow","why":"new","detail":""},'
    b'{"action":"open:jira","why":"new","detail":""},{"action":"patch:reviewing","why":"new","detail":""}]}\n'
    b'action {"at":1,"action":"open:servicenow","outcome":"done","ticket":"INC0010001","request_id":"1"}\n'
    b'action {"at":1,"action":"open:jira","outcome":"done","ticket":"SEC-1","request_id":"1"}\n'
    b'action {"at":1,"action":"patch:reviewing","outcome":"done"}\nsettled {"at":17'
)
"""What timelines said most often, the most frequent last, when each line had its times in full."""

_TIMELINE_WORDS = (
    b'doubt "tracker":"servicenow","ticket":"INC00","evidence":"unmarked"\n0 1 conflict \n'
    b'0 1 parked "error":"Refused","system":"schoolscan","status":403\n'
    b'0 1 put_off "until":30000,"system":"schoolscan","error":"TryLater","status":503,"waiting":"limit"\n'
    b'"reason":"false_positive""duplicate""cancelled""not_solved""accepted_risk""in_progress""gone""unseen":["'
    b'"cause":"person""reconcile""appointment""again""sweep""poll:servicenow""poll:jira""mappings"'
    b'"webhook:servicenow""why":"found_again""why":"reopened""why":"severity_raised""why":"finding_resolved"'
    b'"why":"ticket_reopened""why":"risk_expired""why":"expert_reviewed""request_id":"'
    b'"action":"comment:jira","action":"comment:servicenow","action":"reopen:jira","action":"reopen:servicenow",'
    b'"outcome":"later","error":"TryLater","outcome":"refused","severity":"low""medium""high"\n'
    b'900 1 trigger "cause":"webhook:jira","marked_at":-300\n'
    b'.seen "status":"reviewing","severity":"critical","tickets":[{"tracker":"jira","key":"SEC-1",'
    b'"state":"open"},{"tracker":"servicenow","key":"INC0010001","state":"done","reason":"fixed"}]\n'
    b'.plan "steps":[{"action":"resolve:servicenow","why":"ticket_done","detail":"fixed"},'
    b'{"action":"resolve:jira","why":"ticket_done","detail":"fixed"},'
    b'{"action":"patch:resolved","why":"ticket_done","detail":"fixed"}]\n'
    b'30 1 action "action":"patch:resolved","outcome":"done"\n.settled \n'
    b' 1 trigger "cause":"scan","marked_at":-1\n 1 trigger "cause":"webhook:schoolscan","marked_at":-1\n'
    b'.seen "status":"open","severity":"critical"\n'
    b'.plan "steps":[{"action":"open:servicenow","why":"new","detail":""},'
    b'{"action":"open:jira","why":"new","detail":""},{"action":"patch:reviewing","why":"new","detail":""}]\n'
    b'40 1 action "action":"open:servicenow","outcome":"done","ticket":"INC0010001","request_id":"1"\n'
    b'.action "action":"open:jira","outcome":"done","ticket":"SEC-1","request_id":"1"\n'
    b'.action "action":"patch:reviewing","outcome":"done"\n.settled \n17'
)
"""What timelines say most often, the most frequent last: a nearer match takes fewer bits."""

_ROW_WORDS = (
    b'"false_positive""duplicate""cancelled""not_solved""accepted_risk""in_progress""gone""low""medium""high"'
    b'"left_over":{"told":["conflict_at":"doing":["planned_at":"open","ends":{"severity":"high","unmarked":true'
    b'"yes":["any","reason","expiry","close","copy","names"],"within":2592000,"kept":["Won\'t Do","Known error"'
    b'{"finding":"reviewing","tickets":{"servicenow":"open","jira":"open"},"said":{"at_most":31536000},'
    b'"severity":"critical","rule":"","wrote":{"servicenow":'
    b'{"impact":"1","urgency":"1","due_date":"2026-11-30 12:00:00"},"jira":{"priority":"Highest",'
    b'"duedate":"2026-12-01"}}}{"finding":"resolved","tickets":{"servicenow":"done","jira":"done"},"said":{},'
    b'"severity":"critical","rule":"","wrote":'
    b'{"servicenow":{"impact":"1","urgency":"1","due_date":"2026-12-01 12:00:00"},'
    b'"jira":{"priority":"Highest","duedate":"2026-12-01"}},"closings":{"servicenow":["fixed","Solution provided",'
    b'null],"jira":["fixed","Done",null]},"closed":{"servicenow":"incident/0","jira":"100"}}'
    b'[179.0,179,true,"https://.service-now.com","{site}/nav_to.do?uri=incident.do%3Fsys_id%3D{id}"]'
    b'[179,179,false,"https://.atlassian.net","{site}/browse/{key}"]'
)
"""What a case's row remembers most often: what both sides were, and what is known of its tickets."""


_INCIDENT_WORDS = (
    b'"is_deleted":true,"is_deleted":null,"is_bounced":true,"is_bounced":null,"day":null,"school":null,'
    b'"last_modified":null,"type":"unknown","type":"pending","type":"minor"'
    b'{"uuid":"","type":"referral","last_modified":"2026-11-28T12:00:00-05:00","is_deleted":false,"is_bounced":false,'
    b'"day":"2026-11-28","school":"101","offenses":["1"],"weapons":[],"injuries":[],"actions":["1"],'
    b'"offenders":1,"victims":0,"at":179'
)
"""What rows of incidents say most often."""

_AUDIT_WORDS = (
    b'"act":"chain_trimmed""act":"discard","act":"reconcile","act":"replay","act":"rules","act":"read","piece":"delivery/'
    b'"cause":"person""reconcile""appointment""again""sweep""scan""poll:servicenow""poll:jira""webhook:servicenow"'
    b'"why":"found_again"},"why":"severity_raised"},"why":"unsolved"},"why":"finding_resolved"},"why":"ticket_reopened"},'
    b'"act":"replayed","act":"discarded","action":"comment:jira:severity_raised","action":"comment:servicenow:'
    b'{"act":"decided","at":179,"case":":incident:"{"act":"decided","at":179,"case":":finding:","cause":"webhook:jira","did":['
    b'{"action":"resolve:servicenow","detail":"fixed","ticket":"INC0010001","why":"ticket_done"},'
    b'{"action":"resolve:jira","detail":"fixed","ticket":"SEC-1","why":"ticket_done"},'
    b'{"action":"patch:resolved","detail":"fixed","why":"ticket_done"}],"id":"","note":"","people":"","rule":"","rules":"'
    b'","cause":"webhook:schoolscan","did":[{"action":"open:servicenow","ticket":"INC0010001","why":"new"},'
    b'{"action":"open:jira","ticket":"SEC-1","why":"new"},{"action":"patch:reviewing","why":"new"}],"id":"'
)
"""What lines of the audit say most often, the most frequent last."""


class Form(bytes, Enum):
    """In front of all that is packed. A change of a form's words is another form, and the one before stays readable."""

    EARLIER_TIMELINE = b"\x01"
    ROW = b"\x02"
    TIMELINE = b"\x03"
    INCIDENT = b"\x04"
    AUDIT = b"\x05"


_WORDS = {
    Form.EARLIER_TIMELINE: _EARLIER_TIMELINE_WORDS,
    Form.ROW: _ROW_WORDS,
    Form.TIMELINE: _TIMELINE_WORDS,
    Form.INCIDENT: _INCIDENT_WORDS,
    Form.AUDIT: _AUDIT_WORDS,
}

_MOST_BYTES = 1_000_000
"""The longest text after unpacking. Ours have less than a tenth of it."""


_SHORT = 2_000
"""Bytes up to which zlib needs little memory for the same result. To clear what long texts need takes ten times as long
as to pack a short one."""


def packed(text: bytes, form: Form) -> bytes:
    """A text as it is kept."""
    memory = 5 if len(text) <= _SHORT else 9
    press = zlib.compressobj(9, zlib.DEFLATED, _RAW, memory, zlib.Z_DEFAULT_STRATEGY, _WORDS[form])
    return form.value + press.compress(text) + press.flush()


def unpacked(kept: bytes) -> bytes:
    """A text as it was packed. Raises ValueError where this version cannot read it."""
    form = next((each for each in Form if kept.startswith(each.value)), None)
    if form is None:
        raise ValueError("packed in a form that this version does not know")
    release = zlib.decompressobj(_RAW, zdict=_WORDS[form])
    try:
        text = release.decompress(kept[len(form.value) :], _MOST_BYTES)
    except zlib.error as error:
        raise ValueError("not packed, or damaged") from error
    if not release.eof:
        raise ValueError("packed text is cut off, or too long")
    return text
