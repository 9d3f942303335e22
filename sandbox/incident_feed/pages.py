"""A page's bytes, made of nothing but what is given, member by member: a page need never be in memory as a whole."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from html import escape

from sandbox.incident_feed.changes import details_of
from sandbox.incident_feed.fakes import drawn_incident
from sandbox.incident_feed.school_year import Calendar, school_days
from sandbox.incident_feed.spelling import PLAIN, Namespace, Spelling
from sandbox.incident_feed.tree import Node, incident_node
from sandbox.incident_feed.values import KeptIncident

PAGE_SIZE = 1_000
"""Members of a page. Source: the vendor's page."""

MEDIA_TYPE = "application/xml"
NAMESPACE = "https://feed.example/incidents/v1"
"""Of the pages that are told to have one. The vendor's page shows none."""

_CHUNK_BYTES = 64 * 1024
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_PREFIX = "eh:"
_NAMESPACES: Mapping[Namespace, str] = {
    "none": "",
    "default": f' xmlns="{NAMESPACE}"',
    "prefixed": f' xmlns:eh="{NAMESPACE}"',
}
_UNKNOWN = (
    '<reviewed-as state="open">{canary}<incident uuid="unknown" type="referral"><school code="UNKNOWN">x</school>'
    '</incident><offense code="UNKNOWN">x</offense><date>2001-01-01</date></reviewed-as>\n'
)
_UNKNOWN_ATTRIBUTE = ' revision="7"'


def page_bytes(
    members: Iterable[KeptIncident], *, count: int, page: int, total_pages: int, spelling: Spelling = PLAIN
) -> Iterator[bytes]:
    """A page in pieces of some 64 KB. The root says `count`, `page` and `total_pages`, whatever the members are."""
    stated = {
        "count": count + spelling.count_off,
        "page": page,
        "total-pages": total_pages + spelling.total_pages_off,
    }
    root, writer = Node("incidents", tuple(stated.items())), _Writer(spelling)
    writer.begin(root)
    for member in members:
        writer.write(incident_node(member, details_of(member)))
        if writer.size >= _CHUNK_BYTES:
            yield writer.taken()
    writer.end(root)
    yield writer.taken()


def sample_page(members: int = PAGE_SIZE, *, district: str = "lakeside", spelling: Spelling = PLAIN) -> Iterator[bytes]:
    """A page as the feed would show it, the same for the same arguments: 1,000 members are about 4 MB."""
    days = school_days(Calendar().year_of(date(2026, 4, 15)))
    drawn = (drawn_incident(district, number, days[number % len(days)]) for number in range(members))
    return page_bytes(drawn, count=members, page=1, total_pages=1, spelling=spelling)


def paths_of(node: Node, above: str = "") -> Iterator[str]:
    """The paths of a node, its attributes and all below it: `incident`, `incident@uuid`, `incident/date` and so on."""
    path = f"{above}{node.name}"
    yield path
    yield from (f"{path}@{name}" for name, _ in node.attributes)
    for child in node.children:
        yield from paths_of(child, f"{path}/")


class _Writer:
    """Nodes as text, in one spelling."""

    def __init__(self, spelling: Spelling) -> None:
        self._spelling = spelling
        self._prefix = _PREFIX if spelling.namespace == "prefixed" else ""
        self._comment = f"<!-- {spelling.canary or 'seen'} -->" if spelling.has_comments else ""
        self._unknown = _UNKNOWN.format(canary=escape(spelling.canary)) if spelling.has_unknown else ""
        self._written: list[str] = []
        self.size = 0

    def taken(self) -> bytes:
        """What was written since the last time."""
        text, self._written, self.size = "".join(self._written), [], 0
        return text.encode()

    def begin(self, root: Node) -> None:
        """Write how a page begins, down to its first member."""
        declared = _NAMESPACES[self._spelling.namespace]
        self._put(
            f"{_DECLARATION}<{self._prefix}{root.name}{declared}{self._attributes(root.name, root)}>\n{self._unknown}"
        )

    def end(self, root: Node) -> None:
        """Write how it ends."""
        self._put(f"</{self._prefix}{root.name}>\n")

    def write(self, node: Node, above: str = "") -> None:
        """Write a node and all that is in it."""
        path = above + node.name
        if path in self._spelling.without:
            return
        name = self._prefix + node.name
        self._put(f"<{name}{self._attributes(path, node)}>")
        if node.children:
            self._put(f"\n{self._unknown}")
            for child in reversed(node.children) if self._spelling.is_reversed else node.children:
                self.write(child, f"{path}/")
        elif node.value is not None:
            self._put(self._text(self._spelling.text(path, node.value) or ""))
        self._put(f"</{name}>\n")

    def _attributes(self, path: str, node: Node) -> str:
        spelt = ((name, self._spelling.text(f"{path}@{name}", value)) for name, value in node.attributes)
        written = [f' {name}="{escape(text)}"' for name, text in spelt if text is not None]
        if self._spelling.has_unknown:
            written.append(_UNKNOWN_ATTRIBUTE)
        return "".join(reversed(written) if self._spelling.is_reversed else written)

    def _text(self, text: str) -> str:
        if not self._comment:
            return escape(text, quote=False)
        middle = len(text) // 2
        return escape(text[:middle], quote=False) + self._comment + escape(text[middle:], quote=False)

    def _put(self, text: str) -> None:
        self._written.append(text)
        self.size += len(text)
