"""A page's bytes → its incidents, one after the other, as they come and in bounded memory. Pure.

The parser is expat, which is part of every Python. Elements are known by their local names. One that is not known is
skipped with all that is in it, so that no name in it is taken for one of ours. Text is asked for in a `date` alone:
anywhere else the parser makes no string of it. An attribute is a string for as long as the beginning of its element is
looked at; nothing keeps it unless it is on the allow list. Document types, and with them entities, are refused.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from xml.parsers import expat  # nosec B407

from remediation.domain.errors import Unreadable
from remediation.domain.incidents import Incident, IncidentFlaw
from remediation.sources.incident_feed.days import LONGEST_DATE
from remediation.sources.incident_feed.drafts import READERS, Attributes, IncidentDraft, attribute
from remediation.sources.incident_feed.words import count_of

MOST_MEMBERS = 10_000
"""Incidents of one page: ten times what the vendor states."""
DEEPEST = 32
"""Elements inside each other. The vendor's page has 10."""
LONGEST_UNFINISHED = 64 * 1024
"""Bytes of a tag with its attributes, or of a comment, that has not ended yet. Older versions of expat read them anew
with each piece."""
MOST_NAMES = 1_000
"""Different names of elements and attributes in one page. The vendor's page has 60; the parser keeps each of them."""

_PIECE = 16 * 1024
"""Bytes that the parser is given at a time, so that what it does never depends on how the bytes arrived."""
_ENCODINGS = frozenset({"utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "latin-1", "windows-1252"})
"""Any other one that a page declares would be looked for among Python's codecs, which raise errors of their own."""
_ENDS_EARLY = frozenset(
    expat.errors.codes[each]
    for each in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_ROOT, _MEMBER = 1, 2
"""At which depth the page's root is, and its incidents are."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a page says of itself; None for what it does not say, or not in a number."""

    count: int | None = None
    page: int | None = None
    total_pages: int | None = None


class PageParser:
    """Reads one page. `take` is given each incident when its element has ended.

    `zone` is the feed's time zone. `stated` is what the page says of itself, None until its root was seen; `came` is
    how many incidents have ended, with those that have no id; `flaws` counts incidents by what could not be read in
    them. `problem` says why the page cannot be read to its end, and quotes nothing: nothing more is read then, but
    what was taken before is valid. A page is whole when `end` was called and there is no problem.
    """

    def __init__(self, zone: tzinfo, take: Callable[[Incident], None]) -> None:
        self.problem: str | None = None
        self.stated: Stated | None = None
        self.came = 0
        self.flaws: Counter[IncidentFlaw] = Counter()
        self._zone = zone
        self._take = take
        self._date = ""
        self._waiting = bytearray()
        self._given = 0
        self._parser: expat.XMLParserType | None = self._made()

    def feed(self, chunk: bytes) -> None:
        """Read some more bytes of the page, however many."""
        self._waiting += chunk
        end = len(self._waiting) // _PIECE * _PIECE
        for start in range(0, end, _PIECE):
            self._parse(bytes(self._waiting[start : start + _PIECE]))
        del self._waiting[:end]

    def end(self) -> None:
        """No more bytes come. What ends before the page does is a problem, too."""
        self._parse(bytes(self._waiting), is_last=True)
        self._give_up()

    def _made(self) -> expat.XMLParserType:
        parser = expat.ParserCreate()
        parser.XmlDeclHandler = _check_declaration
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.ProcessingInstructionHandler = _refuse_instruction
        parser.StartElementHandler, parser.EndElementHandler = self._handlers(parser)
        return parser

    def _parse(self, piece: bytes, *, is_last: bool = False) -> None:
        if self._parser is None:
            return
        try:
            if self._given == 0 and _HTML.match(piece):
                raise Unreadable("the answer is an HTML page")  # noqa: TRY301 - as the parser's own handlers do
            self._parser.Parse(piece, is_last)
        except expat.ExpatError as error:
            self.problem = _words_of(error)
        except Unreadable as problem:
            self.problem = str(problem)
        else:
            self._given += len(piece)
            self.problem = self._excess(self._parser, is_last=is_last)
        if self.problem is not None:
            self._give_up()

    def _excess(self, parser: expat.XMLParserType, *, is_last: bool) -> str | None:
        """What the page has more of than the parser should keep."""
        if len(parser.intern) > MOST_NAMES:
            return "the page has too many different names"
        if not is_last and self._given - max(parser.CurrentByteIndex, 0) > LONGEST_UNFINISHED:
            return "the page has a tag or a comment that is too long"
        return None

    def _give_up(self) -> None:
        """Free at once what holds bytes of the page. The parser and its handlers refer to each other."""
        if self._parser is not None:
            self._parser.StartElementHandler = self._parser.EndElementHandler = None
            self._parser.CharacterDataHandler = None
        self._parser = None
        self._waiting.clear()

    def _handlers(  # noqa: C901 - two functions that share their variables
        self, parser: expat.XMLParserType
    ) -> tuple[Callable[[str, Attributes], None], Callable[[str], None]]:
        """What is called when an element begins, and when one ends.

        A page has a hundred thousand elements: what each one needs is in variables of these functions, which are read
        faster than attributes.
        """
        depth = skipped = 0  # skipped: the depth of the element that is skipped with all that is in it
        draft: IncidentDraft | None = None
        readers, end_date = READERS, self._end_date

        def begin(name: str, attributes: Attributes) -> None:
            nonlocal depth, skipped, draft
            depth += 1
            if depth > DEEPEST:
                raise Unreadable("the page is nested too deeply")
            if skipped:
                return
            local = name.rpartition(":")[2] if ":" in name else name
            if draft is not None:
                read = readers.get(local)
                if read is None or not read(draft, local, attributes):
                    skipped = depth
                    if local == "date":
                        parser.CharacterDataHandler = self._add_text
            elif depth == _ROOT:
                self._begin_page(local, attributes)
            elif local == "incident":
                draft = self._draft(attributes)
            else:
                skipped = depth

        def end(_name: str) -> None:
            nonlocal depth, skipped, draft
            if skipped == depth:
                skipped = 0
                if draft is not None and parser.CharacterDataHandler is not None:
                    parser.CharacterDataHandler = None
                    end_date(draft)
            elif depth == _MEMBER and draft is not None:
                self._end_member(draft)
                draft = None
            depth -= 1

        return begin, end

    def _begin_page(self, local: str, attributes: Attributes) -> None:
        if local != "incidents":
            raise Unreadable("the answer is no page of incidents")
        count, page, total = (attribute(attributes, each) or "" for each in ("count", "page", "total-pages"))
        self.stated = Stated(count_of(count), count_of(page), count_of(total))

    def _draft(self, attributes: Attributes) -> IncidentDraft:
        if self.came >= MOST_MEMBERS:
            raise Unreadable(f"the page has more than {MOST_MEMBERS:,} incidents")
        return IncidentDraft(attributes, self._zone)

    def _add_text(self, text: str) -> None:
        """One more part of a date: line breaks and comments divide it. Of a long text only a beginning is kept."""
        self._date = (self._date + text).lstrip()[: LONGEST_DATE + 1]

    def _end_date(self, draft: IncidentDraft) -> None:
        draft.add_day(self._date)
        self._date = ""

    def _end_member(self, draft: IncidentDraft) -> None:
        self.came += 1
        incident = draft.incident()
        self.flaws.update(draft.flaws)
        if incident is not None:
            self._take(incident)


def _check_declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise Unreadable("the page is in an encoding that is not read")


def _refuse_doctype(_name: str, _system: str | None, _public: str | None, _inside: int) -> None:
    raise Unreadable("the page has a document type, which is not read")


def _refuse_instruction(_target: str, _data: str) -> None:
    raise Unreadable("the page has a processing instruction, which is not obeyed")


def _words_of(error: expat.ExpatError) -> str:
    """Expat's own fixed phrase, and the line. Nothing of the page."""
    if error.code in _ENDS_EARLY:
        return f"the page ends early, in line {error.lineno:,}"
    return f"the page is no XML: {expat.ErrorString(error.code)}, in line {error.lineno:,}"
