"""On Jira Cloud a text renders as the text: Atlassian's own parser finds no markup in it, and the same words."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.redaction import plain
from remediation.trackers.jira.text import wiki
from tests.contract.wiki_parser import INSTALL_SECONDS, WikiParser, wiki_parser
from tests.examples import examples

pytestmark = pytest.mark.timeout(INSTALL_SECONDS + 60)

APART = "\u200b"
MARKUP = [
    *("{code}", "{code:java}", "{panel}", "{panel:title=x}", "{color:red}", "{color}", "{quote}", "{noformat}"),
    *("{adf}", "{anchor:x}", "{loremipsum}", "{*}", "{{", "}}", "[x|https://b.example]", "[~admin]", "[^a.txt]"),
    *(
        "!i.png!",
        "||",
        "h1. ",
        "bq. ",
        "----",
        "---",
        " -- ",
        "* ",
        "# ",
        "- ",
        "??",
        "\\\\",
        "\\",
        "mailto:a@b.example",
    ),
    *("(y)", "(*r)", "(off)", ":D", ":P", ":-p", ":)", ";-)", "&amp;", "&#92;", "&#123;"),
]
ADDRESSES = [
    *("https://a.example/x", "http://a.example", "https://a.example/~u/_x_?a=1&b=-2#c", "https://10.0.0.1:8443/x"),
    *("http://", "https://1.2.3.999/x", "https://a.example:99999/", "https://u:p@h.example/x", "https://xn--zz/"),
    *("HTTP://A.example/_x_", "ftp://a.example/_x_", "irc://a.example", "https://a.example/%zz", "http://a..b/*x*"),
]
LETTERS = "ab1xDP \n{}[]|!*_+-^~#?:;()\\&.h/,%=@'\"<>$\u00e9\u2603\U0001f600\u00a0\u200d"
texts = st.lists(
    st.sampled_from(LETTERS) | st.sampled_from(MARKUP) | st.sampled_from(ADDRESSES) | st.text(max_size=3), max_size=16
).map("".join)


@pytest.fixture(scope="module")
def parser() -> Iterator[WikiParser]:
    with wiki_parser() as parser:
        yield parser


def lines(text: str) -> list[str]:
    """The lines with something on them. How many empty ones there are, and blanks at an edge, no markup can say."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def assert_shown_as_it_is(parser: WikiParser, text: str) -> None:
    shown = parser.shown(wiki(text))
    assert shown.markup == []
    assert lines(shown.text.replace(APART, "")) == lines(plain(text, len(text), lines=True))
    hosts = [(urlsplit(label).hostname, urlsplit(href).hostname) for label, href in shown.links]
    assert all(said == real for said, real in hosts), "a link says where it leads"


@pytest.mark.parametrize(
    "text",
    [
        "C:\\temp\\new \\ alone \\",
        "two \\\\ of them, \\* and \\{code\\}",
        "https://a.example/x{color:red}red{color}",
        "https://a.example/x{panel}in a panel{panel}",
        "https://a.example/x[y|https://b.example]",
        "https://a.example/x|y|z",
        "https://a.example/x!i.png!",
        "https://a.example/x\\{code}y{code}",
        "(https://a.example/x); https://a.example/y.",
        "https://1.2.3.999/ is none: {color:red}red{color} _it_",
        "Contact:D and :P, :-D :-p :) ;-) (y) (*r) (off)",
        "&#123;code&#125; &amp; &lt;",
        "h1. Big\nbq. Said\n* one\n** two\n# three\n- four\n----\n||a|b||",
        "*b* _i_ -d- +u+ ^s^ ~s~ ??c?? {{m}} a -- b --- c",
        "[~admin] [x|https://b.example] !i.png! mailto:a@b.example",
        "  h2. indented\n\u00a0-\u00a0x-\n \\",
        "{adf}{anchor:x}{loremipsum}{*}x{*}",
    ],
)
def test_a_text_is_shown_as_it_is(parser: WikiParser, text: str) -> None:
    assert_shown_as_it_is(parser, text)


@pytest.mark.parametrize("markup", MARKUP)
@pytest.mark.parametrize("address", ADDRESSES)
def test_markup_directly_behind_an_address_is_shown_as_it_is(parser: WikiParser, address: str, markup: str) -> None:
    assert_shown_as_it_is(parser, f"{address}{markup}x{markup}")


@examples(1_000)
@given(text=texts)
def test_any_text_is_shown_as_it_is(parser: WikiParser, text: str) -> None:
    assert_shown_as_it_is(parser, text)


def test_an_address_is_a_link_that_leads_there(parser: WikiParser) -> None:
    shown = parser.shown(wiki("see https://a.example/~u/_x_?a=1&b=-2#c for *it*, or https://b.example: there"))
    assert shown.links == [
        ("https://a.example/~u/_x_?a=1&b=-2#c", "https://a.example/~u/_x_?a=1&b=-2#c"),
        ("https://b.example", "https://b.example/"),
    ]


@pytest.mark.parametrize(
    ("markup", "kind"), [("{panel}x{panel}", "panel"), ("*x*", "strong"), (":D", "emoji"), ("h1. x", "heading")]
)
def test_the_parser_does_find_markup(parser: WikiParser, markup: str, kind: str) -> None:
    assert kind in parser.shown(markup).markup
