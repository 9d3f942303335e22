"""What an answer becomes when each of its words that nobody needs is a canary. Pure.

What is kept is listed: a word without which the other system would be another one. All other strings are canaries, each
object has a key that nobody knows, each element an attribute, a child and a comment, and headers and the reason phrase
are full of them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from chaos.proof.canaries import Canaries

Fields = list[tuple[bytes, bytes]]

_ID = r"id|key|self|fieldId|sys_id|number|link|value|nextPageToken|next_cursor|next|created|updated"
KEPT: Mapping[str, re.Pattern[str]] = {
    "schoolscan": re.compile(
        rf"\.(?:{_ID}|scan_id|report_id|severity|status|domain_type|(?:detected|updated|started|completed|expires)_at"
        r"|domain|type|finding_id|format|outcome)$"
    ),
    "servicenow": re.compile(
        rf"\.(?:{_ID}|element|name|state|active|internal_type|sys_(?:mod_count|updated_on|created_on|class_name)|table"
        r"|correlation_(?:id|display)|close_code|impact|urgency|priority|due_date|assignment_group|resolved_(?:at|by)"
        r"|closed_(?:at|by)|assigned_to|mandatory|reference|default_value|inactive|user_name|web_service_access_only"
        r"|super_class\.name|resolved_by\.[a-z_]+|access_token|token_type|event|close_notes)(?:\.value)?$"
    ),
    "jira": re.compile(
        rf"\.(?:{_ID}|name|accountId|accountType|baseUrl|deploymentType|colorName|field|from|to|fieldtype|type|system"
        r"|custom|items|webhookEvent|issue_event_type_name|resolutiondate|duedate|timeZone|versionNumbers\[\]|version"
        r"|operations\[\]|labels\[\]|remedy\.[a-z]+|customfield_[0-9]+|globalId|outward|inward)$"
    ),
    "incident_feed": re.compile(r"incident@(?:uuid|type|deleted|bounced)$|incident/date$|^incidents@"),
}
"""By system: the spots whose words are kept. Their values are ids, codes, times, and names that rules name."""

_CLOSED = re.compile(
    r"\.(?:permissions|properties|fields|custom|schema)$"
    r"|^\$\.projects?\b"
    r"|createmeta"
)
"""Objects whose keys mean something: one more of them would be one more field or permission."""

_MARKERS = ("Server", "Via", "X-Powered-By", "X-Request-Id", "X-Correlation-Id", "Set-Cookie", "Warning", "X-Trace")
_STANDS = frozenset(
    {
        *(b"content-length", b"content-type", b"content-encoding", b"date", b"link", b"x-total-count", b"retry-after"),
        *(b"x-aaccountid", b"x-ausername", b"x-seraph-loginreason", b"etag", b"last-modified", b"connection"),
        *(b"transfer-encoding", b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset"),
        *(b"x-authentication-denied-reason", b"x-hub-signature", b"x-schoolscan-signature", b"x-remedy-signature"),
        b"x-atlassian-webhook-identifier",
    }
)
"""Headers that steer us, in small letters. All others are taken away, and others put in their place."""


_FAILURES = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, its reason phrase, headers and a body."""

    status: int
    reason: bytes
    headers: Fields
    body: bytes


@dataclass(frozen=True, slots=True)
class Planting:
    """Plants in the answers of one kind of one system."""

    canaries: Canaries
    system: str
    kind: str

    def answer(self, status: int, headers: Fields, body: bytes) -> Answer:
        """The whole answer. One without a body that tells of a failure gets one."""
        kept = [(name, value) for name, value in headers if name.lower() in _STANDS]
        if status >= _FAILURES and not body:
            body, kept = self.failure(), [pair for pair in kept if pair[0].lower() != b"content-type"]
            kept.append((b"content-type", b"application/json"))
        return Answer(status, self.at("the reason phrase").encode(), [*kept, *self.headers()], self.body(kept, body))

    def at(self, spot: str) -> str:
        """The canary for a spot of this kind of answer."""
        return self.canaries.at(self.system, self.kind, spot)

    def headers(self) -> Fields:
        """Headers that no client needs, and one whose name is a canary."""
        told = [(name.encode(), self.at(f"header {name}").encode()) for name in _MARKERS]
        cookie = f"{self.at('name of a cookie')}={self.at('a cookie')}; Path=/"
        return [
            *told,
            (f"X-{self.at('name of a header')}".encode(), self.at("an unknown header").encode()),
            (b"Set-Cookie", cookie.encode()),
            (b"Link", f'<https://{self.at("a link")}.example/>; rel="help"; title="{self.at("a title")}"'.encode()),
        ]

    def body(self, headers: Fields, body: bytes) -> bytes:
        """The body, where it is JSON or XML; any other is one canary where there is one."""
        kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
        if not body or b"json" in kind:
            return self.json(body) if body else b""
        return self.xml(body) if b"xml" in kind else body + self.at("a text").encode()

    def failure(self) -> bytes:
        """What each system says of a failure, in the form that it has: all that is said is canaries."""
        words = [self.at("words of a failure"), f"{self.at('a sentence')} was born on a day"]
        match self.system:
            case "jira" | "jira-dc":
                told: object = {"errorMessages": words, "errors": {self.at("a field"): self.at("its error")}}
            case "servicenow":
                told = {"error": {"message": words[0], "detail": words[1]}, "status": self.at("a state")}
            case _:
                told = {"error": {"code": self.at("a code"), "message": words[1]}}
        return json.dumps(told).encode()

    def json(self, body: bytes) -> bytes:
        """JSON with every string planted that is not kept; bytes that are no JSON stay as they are."""
        try:
            tree = json.loads(body)
        except ValueError:
            return body
        return json.dumps(self._tree(tree, "$")).encode()

    def _tree(self, value: object, spot: str) -> object:
        match value:
            case dict():
                planted = {name: self._tree(each, f"{spot}.{name}") for name, each in value.items()}
                if _CLOSED.search(spot):
                    return planted
                unknown = self.at(f"{spot}: an unknown key")
                return {**planted, unknown: {self.at(f"{spot}: a key in it"): [self.at(f"{spot}: an unknown value")]}}
            case list():
                return [self._tree(each, f"{spot}[]") for each in value]
            case str() if value and not KEPT[self.system.partition("-dc")[0]].search(spot):
                return self._words(value, spot)
            case _:
                return value

    def _words(self, value: str, spot: str) -> str:
        """A canary instead of a text, in the form that the text had: an address, or a sentence."""
        if value.startswith(("http://", "https://")):
            host, query = self.at(f"{spot}, its host"), self.at(f"{spot}, its query")
            return f"https://{host}.example/{self.at(spot)}?student={query}"
        return f"{self.at(spot)} of {self.at(spot)}" if " " in value else self.at(spot)

    def xml(self, body: bytes) -> bytes:
        """XML with every text and attribute planted that is not kept, and with more of each."""
        try:
            root = ET.fromstring(body)  # noqa: S314 - the sandbox's own page
        except ET.ParseError:
            return body
        self._element(root, "", is_root=True)
        return bytes(ET.tostring(root, encoding="utf-8"))

    def _element(self, element: ET.Element, above: str, *, is_root: bool = False) -> None:
        path = above + element.tag
        is_kept = KEPT["incident_feed"].search
        for name in element.attrib:
            if not is_kept(f"{path}@{name}"):
                element.set(name, self.at(f"{path}@{name}"))
        for child in element:
            self._element(child, "" if is_root else f"{path}/")
        if not len(element) and not is_kept(path):
            element.text = self.at(path)
        if not is_root:
            element.set(self.at(f"{path}: name of an attribute"), self.at(f"{path}: an unknown attribute"))
            element.append(ET.Comment(self.at(f"{path}: a comment")))
            element[-1].tail = self.at(f"{path}: behind a comment") if not is_kept(path) else ""
            if is_kept(path):
                return
            unknown = ET.SubElement(element, self.at(f"{path}: name of an element"))
            unknown.text = self.at(f"{path}: an unknown element")


Sign = Callable[[bytes], Mapping[str, str]]
"""The headers that prove who sent a body: its sender's, over the body as it is now."""


def without(headers: Fields, names: Iterable[str]) -> Fields:
    """The headers but these."""
    gone = {name.lower().encode() for name in names}
    return [(name, value) for name, value in headers if name.lower() not in gone]
