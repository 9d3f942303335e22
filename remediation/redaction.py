"""Text from outside, made safe for where it goes. What cannot be trusted is removed, not escaped."""

import re
import unicodedata

WORDS_LIMIT = 500
_SCRUBBED_AT_MOST = 4_000
"""Longer texts are cut before they are scrubbed: the end of an error page of a megabyte says nothing of interest."""

_CLEANED_AT_MOST = 4
"""So many times the characters that are wanted are cleaned: a text of megabytes would stop all else for seconds."""

_ELLIPSIS = "…"
_ZERO_WIDTH_JOINERS = {"\u200c", "\u200d"}
"""Format characters that some languages and emoji need; all others only hide or reorder text."""
_LINE_BREAKS = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_TERMINAL_SEQUENCE = re.compile(
    r"""(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]      # CSI: colours, cursor
      | (?:\x1b[\]P^_X]|[\x90\x98\x9d-\x9f])  # OSC, DCS, PM, APC, SOS: titles, links, clipboard …
        [^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)? # … with their text
      | \x1b[ -/]*[0-~]                       # every other escape
    """,
    re.VERBOSE,
)

_SCRUBS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Who signs in inside an address, and everything behind its question mark or hash.
    (re.compile(r"(://)[^\s\"'<>]*@"), rf"\1{_ELLIPSIS}@"),
    (re.compile(r"(://[^\s\"'<>?#]*)[?#][^\s\"'<>]*"), rf"\1?{_ELLIPSIS}"),
    (re.compile(r"\?[^\s\"'<>?=]*=[^\s\"'<>]*"), f"?{_ELLIPSIS}"),
    # Header lines and fields that hold a secret: their value, to the end of the quotation or of the line.
    (
        re.compile(
            r"\b((?:proxy-)?authorization|(?:set-)?cookie|[\w-]{0,40}(?:api[_-]?key|token|secret|passw(?:or)?d|signature))"
            r"(\\?[\"']?\s*[:=]\s*)(?:b?\\?\"[^\"]*\"?|b?\\?'[^']*'?|(?:bearer|basic|digest|negotiate)\s+\S+|[^\s,;)}\]]+)",
            re.IGNORECASE,
        ),
        rf"\1\2{_ELLIPSIS}",
    ),
    # A scheme and its credentials, but not a sentence about the scheme.
    (
        re.compile(
            r"\b(bearer|basic)\s+(?!(?:tokens?|auth\w*|credentials?|access|scheme|realm|is|was|and|or|with|for)\b)"
            r"[\w.~+/=-]{4,}",
            re.IGNORECASE,
        ),
        rf"\1 {_ELLIPSIS}",
    ),
    # Keys that are recognised by their form: prefixed ones, Atlassian's, JSON Web Tokens, very long ones.
    (re.compile(r"\b(?:sk|pk|rk|whsec|ghp|gho|ghs|glpat|xox[a-z])[_-][\w+/=-]{6,}"), _ELLIPSIS),
    (re.compile(r"\bATATT[\w+/=-]{6,}"), _ELLIPSIS),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w.-]+"), _ELLIPSIS),
    (re.compile(r"(?<![\w+=-])[\w+=-]{64,}"), _ELLIPSIS),
    # People.
    (re.compile(r"[^\s@<>\"'(),;:]{1,64}@[\w-]+(?:\.[\w-]+)+"), f"{_ELLIPSIS}@{_ELLIPSIS}"),
)


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_GAP = r"[\W_]{0,3}"
"""What may stand between the digits of one number: blanks, dashes, brackets, dots."""

_PERSONAL: tuple[tuple[re.Pattern[str], str], ...] = (
    # Pages: their folders and files can be named after a person. With a scheme, without one, and without a host.
    (re.compile(r"(://[^\s/\"'<>]*)/[^\s\"'<>]*"), rf"\1/{_ELLIPSIS}"),
    (re.compile(r"\b(www\.[^\s/\"'<>]*)/[^\s\"'<>]*", re.IGNORECASE), rf"\1/{_ELLIPSIS}"),
    (
        re.compile(r"(?<![\w.-])((?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?::\d+)?)/[^\s\"'<>]+", re.IGNORECASE),
        rf"\1/{_ELLIPSIS}",
    ),
    (re.compile(r"(?<![\w./])/[\w.%~-]+/[^\s\"'<>]+"), f"/{_ELLIPSIS}"),
    # People that Jira's markup names.
    (re.compile(r"\[~[^\]]*\]?"), f"[~{_ELLIPSIS}]"),
    # Values that a word in front of them names as a person's number or birthday.
    (
        re.compile(
            r"\b(d\.?o\.?b\b|date\s+of\s+birth|birth\s*-?(?:date|day)|born(?:\s+(?:on|in))?|ssn"
            r"|(?:student|pupil|staff|employee)['\u2019]?s?\s*-?(?:id|no|number)\b|id\s*-?(?:no|number)\b)"
            rf"({_GAP}(?:is{_GAP})?)[\w./-]*\d[\w./-]*",
            re.IGNORECASE,
        ),
        rf"\1\2{_ELLIPSIS}",
    ),
    # Days: of birth or of an incident; both identify people.
    (re.compile(rf"\b{_MONTH}\b\.?\s+{_DAY}\b(?:,?\s+\d{{2,4}}\b)?", re.IGNORECASE), _ELLIPSIS),
    (re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}\b(?:\.?,?\s+\d{{2,4}}\b)?", re.IGNORECASE), _ELLIPSIS),
    (re.compile(r"(?<!\d)\d{1,4}\s?([./\-\u2010-\u2015])\s?\d{1,2}\s?\1\s?\d{1,4}(?!\d)"), _ELLIPSIS),
    # Telephone numbers, student ids and all other long numbers, however their digits are grouped.
    (re.compile(rf"[+(]?\d(?:{_GAP}\d){{5,}}"), _ELLIPSIS),
    (re.compile(r"\d{5,}"), _ELLIPSIS),
)


def plain(text: str, limit: int, *, lines: bool = False) -> str:
    """`text` without control characters, invisible marks and surrogates, at most `limit` characters with an ellipsis.

    Line breaks of every kind become a newline where `lines` are wanted, otherwise a blank; tabs become a blank.
    """
    start = text[: _CLEANED_AT_MOST * limit + _CLEANED_AT_MOST]
    shown = _visible(start, lines=lines)
    return _cut(shown if len(start) == len(text) else f"{shown}{_ELLIPSIS}", limit)


def words_of(text: str) -> str:
    """A system's words about a refusal, as one line of at most 500 characters.

    Credentials, e-mail addresses, queries of addresses and user names in them are removed, as far as their form shows
    them.
    """
    words = " ".join(_visible(text[:_SCRUBBED_AT_MOST], lines=False).split())
    for pattern, replacement in _SCRUBS:
        words = pattern.sub(replacement, words)
    return _cut(words, WORDS_LIMIT)


def scrubbed(text: str, limit: int) -> str:
    """A person's words, as one line of at most `limit` characters, for a place where they stay.

    Removed is all that `words_of` removes, and telephone numbers, days, long numbers such as student ids, and the paths
    of pages. Names have no form of their own, so they stay; that is why nothing is copied unless a rule says so.
    """
    start = unicodedata.normalize("NFKC", text[:_SCRUBBED_AT_MOST])
    if len(text) > _SCRUBBED_AT_MOST:
        start = start.rpartition(" ")[0]  # no part of a number at the end
    words = " ".join(_visible(start, lines=False).replace("\u200c", "").replace("\u200d", "").split())
    for pattern, replacement in (*_SCRUBS, *_PERSONAL):
        words = pattern.sub(replacement, words)
    return _cut(words, limit)


def terminal(text: str, *, lines: bool = False) -> str:
    """`text` for a terminal: whole escape sequences are removed, then everything else that `plain` removes."""
    return _visible(_TERMINAL_SEQUENCE.sub("", text), lines=lines)


def _visible(text: str, *, lines: bool) -> str:
    broken = _LINE_BREAKS.sub("\n" if lines else " ", text).replace("\t", " ")
    if broken.replace("\n", "").isprintable():  # the usual case: a printable character has none of the categories below
        return broken
    return "".join(char for char in broken if _is_visible(char))


def _is_visible(char: str) -> bool:
    """Not a control (Cc), format (Cf), surrogate (Cs) or private (Co) character, nor an unassigned one (Cn)."""
    return char in _ZERO_WIDTH_JOINERS or char == "\n" or not unicodedata.category(char).startswith("C")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + _ELLIPSIS[:limit]
