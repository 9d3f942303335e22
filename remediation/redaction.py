"""Text from outside, made safe for the place it goes to. What cannot be trusted is cut out, not escaped."""

import re
import unicodedata

WORDS_LIMIT = 500
_SCRUBBED_AT_MOST = 4_000
"""Longer texts are cut before they are scrubbed: an error page of a megabyte has nothing to say at its end."""

_ELLIPSIS = "…"
_ZERO_WIDTH_JOINERS = {"\u200c", "\u200d"}
"""Format characters that words of some languages and emoji need; every other one only hides or reorders text."""
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
    # Keys that can be told by their form: prefixed ones, Atlassian's, JSON Web Tokens, very long ones.
    (re.compile(r"\b(?:sk|pk|rk|whsec|ghp|gho|ghs|glpat|xox[a-z])[_-][\w+/=-]{6,}"), _ELLIPSIS),
    (re.compile(r"\bATATT[\w+/=-]{6,}"), _ELLIPSIS),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w.-]+"), _ELLIPSIS),
    (re.compile(r"(?<![\w+=-])[\w+=-]{64,}"), _ELLIPSIS),
    # People.
    (re.compile(r"[^\s@<>\"'(),;:]{1,64}@[\w-]+(?:\.[\w-]+)+"), f"{_ELLIPSIS}@{_ELLIPSIS}"),
)


def plain(text: str, limit: int, *, lines: bool = False) -> str:
    """`text` without control characters, invisible marks and surrogates, at most `limit` characters with an ellipsis.

    Line breaks of every kind become a newline where `lines` are wanted, otherwise a blank; tabs become a blank.
    """
    return _cut(_visible(text, lines=lines), limit)


def words_of(text: str) -> str:
    """What a system said when it refused, as one line of at most 500 characters.

    Without credentials, e-mail addresses, queries of addresses and user names inside them, as far as these can be
    told by their form.
    """
    words = " ".join(_visible(text[:_SCRUBBED_AT_MOST], lines=False).split())
    for pattern, replacement in _SCRUBS:
        words = pattern.sub(replacement, words)
    return _cut(words, WORDS_LIMIT)


def terminal(text: str, *, lines: bool = False) -> str:
    """`text` for a terminal: escape sequences go as a whole, then everything else that `plain` takes out."""
    return _visible(_TERMINAL_SEQUENCE.sub("", text), lines=lines)


def _visible(text: str, *, lines: bool) -> str:
    broken = _LINE_BREAKS.sub("\n" if lines else " ", text).replace("\t", " ")
    return "".join(char for char in broken if _is_visible(char))


def _is_visible(char: str) -> bool:
    """Not a control (Cc), format (Cf), surrogate (Cs) or private (Co) character, nor an unassigned one (Cn)."""
    return char in _ZERO_WIDTH_JOINERS or char == "\n" or not unicodedata.category(char).startswith("C")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + _ELLIPSIS[:limit]
