import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.redaction import plain
from remediation.trackers.jira.text import SUMMARY_LIMIT, TEXT_LIMIT, length, one_line, wiki

APART = "\u200b"


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("nothing special, at all.", "nothing special, at all."),
        ("fnd_9d2 direct_pii 2026-11-21 a*b 1+1 - so", "fnd_9d2 direct_pii 2026-11-21 a*b 1+1 - so"),
        ("{code}", "\\{code\\}"),
        ("[~admin] [x|y]", "\\[\\~admin\\] \\[x\\|y\\]"),
        ("||head|", "\\|\\|head\\|"),
        ("!image.png!", "\\!image.png\\!"),
        ("h1. Big", f"h1{APART}. Big"),
        ("  h6. Small\nbq. Quote", f"  h6{APART}. Small\nbq{APART}. Quote"),
        ("h7. and h1 are none", "h7. and h1 are none"),
        ("- one\n** two\n# three", "\\- one\n\\*\\* two\n\\# three"),
        ("----", "\\-\\-\\-\\-"),
        ("*bold* _it_ -gone- +new+ ^up^ ~low~", "\\*bold\\* \\_it\\_ \\-gone\\- \\+new\\+ \\^up\\^ \\~low\\~"),
        ("??cited?? why?", "\\?\\?cited\\?\\? why?"),
        ("C:\\temp \\ x", "C:\\temp \\ x"),
        ("\\\\ \\* \\", f"\\{APART}\\ \\{APART}\\* \\{APART}"),
        ("D:D :P :-p :Data", f"D:{APART}D :{APART}P :\\-p :Data"),
        ("&#123;&amp; A & B", f"&{APART}#123;&{APART}amp; A & B"),
        ("yes (y) :) ;( (not)", "yes \\(y) :\\) ;\\( (not)"),
        ("see https://a.example/~u/_x_?a=1&b=-2#c for *it*", "see https://a.example/~u/_x_?a=1&b=-2#c for \\*it\\*"),
        ("https://a.example/{x}", f"https://a.example/{APART}\\{{x\\}}"),
        ("https://a.example/x, https://a.example: y", f"https://a.example/x, https://a.example{APART}: y"),
        ("https://1.2.3.999/_x_ mailto:a@b.c", f"https{APART}://1.2.3.999/\\_x\\_ mailto{APART}:a@b.c"),
        ("a\r\nb\tc\x00\u202e", "a\nb c"),
    ],
)
def test_markup_renders_as_the_text_that_it_was(text: str, markup: str) -> None:
    assert wiki(text) == markup


def rendered(markup: str) -> str:
    """What Jira shows for markup that has no meaning of its own."""
    return re.sub(r"\\([-#*_+?^~|%{}\[\]()!@])", r"\1", markup).replace(APART, "")


texts = st.text(st.sampled_from("ab1 \n{}[]|!*_+-^~#?:;()\\&.h/x\u00e9\u2603\U0001f600"), max_size=60) | st.text(
    max_size=60
)


@given(texts)
def test_no_text_is_lost_or_added(text: str) -> None:
    assert rendered(wiki(text)) == plain(text, len(text), lines=True)


@given(texts)
def test_no_macro_link_image_or_table_is_left(text: str) -> None:
    assert not re.search(r"(?<!\\)[{}\[\]|!]", wiki(text))
    assert not re.search(r"(?m)^\s*(?:[-#*]|(?:h[1-6]|bq)\.)", wiki(text))
    assert "\\\\" not in wiki(text)


@given(st.text(max_size=300), st.integers(1, 60))
def test_markup_is_never_longer_than_its_limit_nor_cut_inside_an_escape(text: str, limit: int) -> None:
    markup = wiki(text, limit)
    assert length(markup) <= limit
    beginning = plain(text, len(text), lines=True)
    assert beginning.startswith(rendered(markup.removesuffix("…"))) or rendered(markup) == beginning


def test_the_worst_text_is_cut_to_the_limit() -> None:
    assert length(wiki("{" * 100_000)) == TEXT_LIMIT
    assert length(wiki("\\" * 100_000)) <= TEXT_LIMIT


@given(st.text(max_size=600))
def test_a_summary_is_one_line_that_fits(text: str) -> None:
    line = one_line(text)
    assert length(line) <= SUMMARY_LIMIT
    assert line.isprintable() or not line.isascii()
    assert not re.search(r"[\r\n\t]", line)


def test_characters_beyond_the_basic_plane_count_twice() -> None:
    assert length("a\U0001f600") == 3
    assert len(one_line("\U0001f600" * 200)) == 128
