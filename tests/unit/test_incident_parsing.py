"""A page's bytes → incidents: tolerant of whatever a feed may write, and bounded against all else."""

import codecs
import gc
from collections.abc import Iterator
from datetime import UTC, date
from random import Random
from types import FunctionType, ModuleType
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.incidents import Incident, IncidentFlaw, IncidentType
from remediation.sources.incident_feed import parsing
from remediation.sources.incident_feed.drafts import MOST_CODES
from remediation.sources.incident_feed.parsing import DEEPEST, MOST_MEMBERS, MOST_NAMES, PageParser, Stated
from sandbox.incident_feed.pages import sample_page
from sandbox.incident_feed.spelling import DateForm, FlagForm, Spelling
from tests.examples import examples
from tests.incident_pages import member, page, read, read_one

CANARY = "ZZPII-canary"

WHOLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<incidents count="1" page="2" total-pages="3" note="{CANARY}">
  <incident uuid="8f14-1" type="Referral" last-modified="2026-04-15 10:02:11" deleted="1" by="{CANARY}">
    <date by="{CANARY}">04/15/2026</date>
    <time>10:02 {CANARY}</time>
    <written-by datetime="{CANARY}" district-id="{CANARY}">{CANARY}</written-by>
    <school code="101" name="{CANARY}">{CANARY}</school>
    <location code="{CANARY}">{CANARY}</location>
    <subject code="{CANARY}">{CANARY}</subject>
    <arrangement code="{CANARY}">{CANARY}</arrangement>
    <offense code="FIGHT">{CANARY}</offense>
    <description><![CDATA[{CANARY} <b>]]> &amp; {CANARY}</description>
    <attributes count="1"><attribute code="{CANARY}">{CANARY}</attribute></attributes>
    <!-- {CANARY} -->
    <offenders count="2">
      <offender>
        <student district-id="{CANARY}"><name>{CANARY}</name><grade>{CANARY}</grade><iep>{CANARY}</iep></student>
        <offenses count="2"><offense code="WEAPON">{CANARY}</offense><offense code="FIGHT">{CANARY}</offense></offenses>
        <weapons count="1"><weapon code="KNIFE">{CANARY}</weapon></weapons>
        <injury code="MINOR">{CANARY}</injury>
        <actions count="1">
          <action code="OSS" cost="{CANARY}">
            <name>{CANARY}</name><duration day-length="{CANARY}">{CANARY}</duration>
            <schedule count="1"><event><date>2026-04-01</date><start>{CANARY}</start></event></schedule>
            <details>{CANARY}</details><attributes><attribute code="{CANARY}"/></attributes>
            <assigned-by datetime="{CANARY}" district-id="{CANARY}">{CANARY}</assigned-by>
          </action>
        </actions>
      </offender>
      <offender/>
    </offenders>
    <victims count="1">
      <victim><employee district-id="{CANARY}">{CANARY}</employee><injury code="NONE">{CANARY}</injury></victim>
    </victims>
    {CANARY}
  </incident>
</incidents>
""".encode()

READ = Incident(
    uuid="8f14-1",
    type=IncidentType.REFERRAL,
    last_modified="2026-04-15 10:02:11",
    is_deleted=True,
    day=date(2026, 4, 15),
    school="101",
    offenses=("FIGHT", "WEAPON"),
    weapons=("KNIFE",),
    injuries=("MINOR", "NONE"),
    actions=("OSS",),
    offenders=2,
    victims=1,
)


def test_what_is_on_the_allow_list_is_read() -> None:
    done = read(WHOLE)
    assert (done.incidents, done.problem, done.parser.flaws) == ([READ], None, {})
    assert (done.parser.stated, done.parser.came) == (Stated(1, 2, 3), 1)


def texts_reached_from(*roots: object) -> Iterator[str | bytes | bytearray]:
    """Every text that somebody who holds these objects could get at, their modules and classes left out."""
    seen: set[int] = set()
    waiting: list[Any] = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | ModuleType):
            continue
        seen.add(id(each))
        if isinstance(each, str | bytes | bytearray):
            yield each
        elif isinstance(each, FunctionType):
            waiting += [*(each.__closure__ or ()), *(each.__defaults__ or ())]
        else:
            waiting += gc.get_referents(each)


def test_nothing_else_becomes_an_object_that_anybody_could_reach() -> None:
    incidents: list[Incident] = []
    parser = PageParser(UTC, incidents.append)
    for start in range(0, len(WHOLE), 7):
        parser._parse(WHOLE[start : start + 7])  # not fed: what waits for its turn is bytes of the page
        reached = [text for text in texts_reached_from(parser, incidents) if isinstance(text, str)]
        assert not [text for text in reached if CANARY in text]
    parser.end()
    assert parser.problem is None
    assert incidents == [READ]
    reached_in_the_end = list(texts_reached_from(parser, incidents))
    assert "FIGHT" in reached_in_the_end
    assert not [
        text for text in reached_in_the_end if CANARY.encode() in (text.encode() if isinstance(text, str) else text)
    ]


@pytest.mark.parametrize("cut", [len(WHOLE) // 3, len(WHOLE) - 5])
def test_a_page_that_is_given_up_leaves_nothing_of_it_behind(cut: int) -> None:
    done = read(WHOLE[:cut] + b"<")
    assert done.problem is not None
    assert CANARY not in done.problem
    assert not [text for text in texts_reached_from(done) if isinstance(text, str) and CANARY in text]


def test_every_part_of_an_incident_may_be_missing() -> None:
    assert read_one() == Incident("u-1")
    assert read_one('<offenders/><victims/><school/><offense code=""/><date/>') == Incident("u-1")


@pytest.mark.parametrize(
    ("root", "stated"),
    [
        ('count="12" page="2" total-pages="3"', Stated(12, 2, 3)),
        ('total-pages=" 3 " page="02"', Stated(None, 2, 3)),
        ("", Stated()),
        ('count="" page="one" total-pages="-1"', Stated()),
        ('xmlns="https://feed.example/v1" count="1"', Stated(1)),
        ('xmlns:e="https://feed.example/v1" e:count="1"', Stated(1)),
    ],
)
def test_a_page_states_what_can_be_read_of_it(root: str, stated: Stated) -> None:
    done = read(page(root=root))
    assert (done.parser.stated, done.problem, done.parser.came) == (stated, None, 0)


@pytest.mark.parametrize(
    "body",
    [
        page(member('<date>2026-<!-- x -->04-15</date><offense code="F">a<!-- b -->c</offense>')),
        page(member('<date>2026<![CDATA[-04-]]>15</date><offense code="F"/>')),
        page(member('<date>\n   \n  2026-04-15\n  </date><offense code=" F "/>')),
        page(member('<date>2026&#45;04-15</date><offense code="&#70;"/>')),
        page(member('<date>2026-<b>04</b>-15</date><offense code="F"/>')),
        page(member("<offense code='F'\n/><date\n>2026-04-15</date\n>")),
        page("<!-- a -->", member('<date>2026-04-15</date><offense code="F"/>'), "<!-- b -->", "text"),
        page(member('<date>2026-04-15</date><offense code="F"/><offense code="F"/>')),
        b'<?xml version="1.0"?>\n\n' + page(member('<date>2026-04-15</date><offense code="F"/>')) + b"\n<!-- end -->\n",
        b"<e:incidents xmlns:e='x'><e:incident e:uuid='u-1'><e:date>2026-04-15</e:date><e:offense e:code='F'/>%b"
        % b"</e:incident></e:incidents>",
        b'<incidents xmlns="x"><incident uuid="u-1"><date>2026-04-15</date><offense code="F"/></incident></incidents>',
        b'<e:incidents><e:incident uuid="u-1"><date>2026-04-15</date><offense code="F"/></e:incident></e:incidents>',
    ],
)
def test_spelling_makes_no_difference(body: bytes) -> None:
    done = read(body)
    assert (done.incidents, done.problem) == ([Incident("u-1", day=date(2026, 4, 15), offenses=("F",))], None)


@pytest.mark.parametrize(
    "attributes", ["uuid='u-1' e:uuid='u-2'", "e:uuid='u-2' uuid='u-1'", "xmlns:type='x' uuid='u-1'"]
)
def test_an_attribute_without_a_namespace_counts_before_one_that_has_one(attributes: str) -> None:
    assert read_one("", attributes) == Incident("u-1")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "UTF-8", "utf-16", "iso-8859-1", "ISO-8859-1", "windows-1252", "us-ascii", "utf-8-sig"]
)
def test_a_page_may_be_in_any_usual_encoding(encoding: str) -> None:
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    text = f'<?xml version="1.0" encoding="{declared}"?>' + page(member('<school code="é-1"/>')).decode()
    body = text.encode(encoding, "xmlcharrefreplace")
    done = read(body)
    assert (done.problem, [each.school for each in done.incidents]) == (None, ["é-1"])


def test_a_page_without_a_declaration_is_in_utf_8() -> None:
    body = codecs.BOM_UTF8 + page(member('<school code="é-1"/>'))
    assert [each.school for each in read(body).incidents] == ["é-1"]


@pytest.mark.parametrize(
    "inside",
    [
        '<note><offense code="X"/><date>2001-01-01</date></note>',
        '<student><offense code="X"/></student>',
        '<action><offense code="X"/></action>',
        '<note><incident uuid="u-2"><offense code="X"/></incident></note>',
        '<incident uuid="u-2"><offense code="X"/></incident>',
        '<offenders-of-old count="9"><offender/></offenders-of-old>',
        "<dates>2001-01-01</dates>",
    ],
)
def test_an_element_that_is_not_known_is_skipped_with_all_that_is_in_it(inside: str) -> None:
    assert read_one(f'{inside}<offense code="F"/>') == Incident("u-1", offenses=("F",))
    assert [each.uuid for each in read(page(inside, member())).incidents if each.uuid == "u-1"] == ["u-1"]


def test_elements_may_move_between_those_that_are_known() -> None:
    moved = read_one(
        '<weapons><weapon code="W"/></weapons><victims><victim><offense code="F"/><school code="1"/></victim></victims>'
        '<actions><injury code="I"/><offenders><action code="A"/></offenders></actions>'
    )
    assert moved == Incident(
        "u-1", school="1", offenses=("F",), weapons=("W",), injuries=("I",), actions=("A",), victims=1
    )


@pytest.mark.parametrize(
    ("inside", "offenders"),
    [
        ('<offenders count="3"/>', 3),
        ('<offenders count="1"><offender/><offender/></offenders>', 2),
        ("<offenders><offender/></offenders>", 1),
        ('<offenders count="0"/>', 0),
        ("", 0),
    ],
)
def test_people_are_counted_as_they_come_or_as_their_list_says(inside: str, offenders: int) -> None:
    assert read_one(inside).offenders == offenders


@pytest.mark.parametrize(
    ("attributes", "inside", "flaw", "incident"),
    [
        ("", "", IncidentFlaw.UUID, None),
        ('uuid=" "', "", IncidentFlaw.UUID, None),
        ('uuid="a&#10;b"', "", IncidentFlaw.UUID, None),
        (f'uuid="{"x" * 257}"', "", IncidentFlaw.UUID, None),
        ('uuid="u" type="major"', "", IncidentFlaw.TYPE, Incident("u")),
        ('uuid="u" deleted="perhaps"', "", IncidentFlaw.DELETED, Incident("u", is_deleted=None)),
        ('uuid="u" bounced="perhaps"', "", IncidentFlaw.BOUNCED, Incident("u", is_bounced=None)),
        (f'uuid="u" last-modified="{"9" * 101}"', "", IncidentFlaw.LAST_MODIFIED, Incident("u")),
        ('uuid="u"', "<date>soon</date>", IncidentFlaw.DATE, Incident("u")),
        ('uuid="u"', f"<date>{'2026-04-15 ' * 9}</date>", IncidentFlaw.DATE, Incident("u")),
        ('uuid="u"', f'<offense code="{"x" * 101}"/>', IncidentFlaw.CODE, Incident("u")),
        ('uuid="u"', '<victims count="few"><victim/></victims>', IncidentFlaw.COUNT, Incident("u", victims=2)),
    ],
)
def test_what_cannot_be_read_is_unknown_and_counted(
    attributes: str, inside: str, flaw: IncidentFlaw, incident: Incident | None
) -> None:
    done = read(page(member(inside * 2, attributes), member()))
    assert done.problem is None
    assert done.incidents == [*([] if incident is None else [incident]), Incident("u-1")]
    assert (done.parser.flaws, done.parser.came) == ({flaw: 1}, 2)


def test_more_codes_than_are_kept_are_counted_and_left_out() -> None:
    codes = "".join(f'<offense code="{number:04}"/>' for number in range(MOST_CODES + 5))
    done = read(page(member(codes * 2)))
    assert len(done.incidents[0].offenses) == MOST_CODES
    assert done.parser.flaws == {IncidentFlaw.TOO_MANY_CODES: 1}


REFUSED = {
    "an HTML page": (b"<HTML><head/><body>Sign in</body></HTML>", "the answer is an HTML page"),
    "an HTML page with its type": (b"\n<!DOCTYPE html><html><br></html>", "the answer is an HTML page"),
    "an HTML page in small letters": (
        codecs.BOM_UTF8 + b"<!doctype html>\n<title>x</title>",
        "the answer is an HTML page",
    ),
    "JSON": (b'{"incidents": []}', "the page is no XML: not well-formed (invalid token), in line 1"),
    "nothing": (b"", "the page ends early, in line 1"),
    "another document": (b"<errors><error/></errors>", "the answer is no page of incidents"),
    "a document type": (b"<!DOCTYPE incidents>" + page(), "the page has a document type, which is not read"),
    "an entity": (
        b'<!DOCTYPE incidents [<!ENTITY school "101">]>' + page(member("<school>&school;</school>")),
        "the page has a document type, which is not read",
    ),
    "an entity elsewhere": (
        b'<!DOCTYPE incidents SYSTEM "nowhere.dtd">' + page(),
        "the page has a document type, which is not read",
    ),
    "an entity of nobody": (page(member("<school>&nbsp;</school>")), "the page is no XML: undefined entity, in line 1"),
    "an instruction": (
        b'<?xml-stylesheet href="a.xsl"?>' + page(),
        "the page has a processing instruction, which is not obeyed",
    ),
    "an instruction inside": (
        page(member("<note><?php ?></note>")),
        "the page has a processing instruction, which is not obeyed",
    ),
    "too deep": (
        page(member("<a>" * DEEPEST + "</a>" * DEEPEST)),
        "the page is nested too deeply",
    ),
    "a long attribute": (
        page(member(attributes=f'uuid="{"x" * 200_000}"')),
        "the page has a tag or a comment that is too long",
    ),
    "a long comment": (page(f"<!--{'x' * 200_000}-->"), "the page has a tag or a comment that is too long"),
    "many attributes": (
        page(member(attributes=" ".join(f'a{number}=""' for number in range(30_000)))),
        "the page has a tag or a comment that is too long",
    ),
    "many names": (
        page("".join(f"<a{number}/>" for number in range(MOST_NAMES + 1))),
        "the page has too many different names",
    ),
    "many names of attributes": (
        page("".join(f'<a b{number}=""/>' for number in range(MOST_NAMES + 1))),
        "the page has too many different names",
    ),
    "the same attribute twice": (
        page(member(attributes='uuid="a" uuid="b"')),
        "the page is no XML: duplicate attribute, in line 1",
    ),
    "a character that XML has not": (
        page(member("\x0b")),
        "the page is no XML: not well-formed (invalid token), in line 1",
    ),
    "a character that is none": (
        page(member("&#xD800;")),
        "the page is no XML: reference to invalid character number, in line 1",
    ),
    "bytes that are no text": (
        b"<incidents>\xff</incidents>",
        "the page is no XML: not well-formed (invalid token), in line 1",
    ),
    "crossed tags": (b"<incidents>\n<a><b></a></b></incidents>", "the page is no XML: mismatched tag, in line 2"),
    "two pages": (page() + page(), "the page is no XML: junk after document element, in line 1"),
    "a page and words": (page() + b"Internal error", "the page is no XML: junk after document element, in line 1"),
    "an encoding of Python's": (
        b'<?xml version="1.0" encoding="rot13"?>' + page(),
        "the page is in an encoding that is not read",
    ),
    "a late declaration": (
        b'\n<?xml version="1.0"?>' + page(),
        "the page is no XML: XML or text declaration not at start of entity, in line 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_page_is_refused_in_clear_words(name: str) -> None:
    body, words = REFUSED[name]
    assert read(body).problem == words


def test_more_incidents_than_a_page_can_have_are_refused() -> None:
    done = read(page(member() * (MOST_MEMBERS + 1)))
    assert done.problem == "the page has more than 10,000 incidents"
    assert len(done.incidents) == MOST_MEMBERS


def test_incidents_that_ended_before_a_problem_are_kept() -> None:
    done = read(page(member(), member(attributes='uuid="u-2"'), "<?php ?>", member(attributes='uuid="u-3"')))
    assert [each.uuid for each in done.incidents] == ["u-1", "u-2"]


def test_nothing_is_read_after_a_problem() -> None:
    taken: list[Incident] = []
    parser = PageParser(UTC, taken.append)
    parser.feed(b"<html>" + b" " * 20_000)
    problem = parser.problem
    parser.feed(page(member()) * 1_000)
    parser.end()
    assert (parser.problem, taken, problem is not None) == (problem, [], True)


@pytest.mark.parametrize(
    "spelling",
    [
        Spelling(),
        Spelling(namespace="default"),
        Spelling(namespace="prefixed"),
        Spelling(is_reversed=True),
        Spelling(has_unknown=True),
        Spelling(has_comments=True),
        Spelling(namespace="prefixed", is_reversed=True, has_unknown=True, has_comments=True, flags="always"),
        *(Spelling(dates=form) for form in get_args(DateForm)),
        *(Spelling(flags=form) for form in get_args(FlagForm)),
    ],
)
def test_the_stand_ins_page_says_the_same_in_every_spelling(spelling: Spelling) -> None:
    plain, spelt = (read(b"".join(sample_page(30, spelling=each))) for each in (Spelling(), spelling))
    assert len(plain.incidents) == 30
    assert spelt.problem is None
    assert [_without_version(each) for each in spelt.incidents] == [_without_version(each) for each in plain.incidents]


def _without_version(incident: Incident) -> tuple[object, ...]:
    return tuple(getattr(incident, name) for name in Incident.__slots__ if name != "last_modified")


_STRANGE = ["<new/>", '<new a="1"><offense code="NO"/></new>', "<!-- x -->", "\n ", "<x>y</x>"]


def _tangled(element: tuple[str, list[Any]], chance: Random) -> str:
    """An element with those in it in any order, and elements between them that nobody knows."""
    tag, children = element
    inside = [child if isinstance(child, str) else _tangled(child, chance) for child in children]
    inside += chance.choices(_STRANGE, k=chance.randrange(3))
    chance.shuffle(inside)
    return f"<{tag}>{''.join(inside)}</{tag.split()[0]}>"


CODES = st.lists(st.sampled_from(["A", "B", "C", "01"]), max_size=4)


@given(
    CODES,
    CODES,
    CODES,
    st.integers(0, 3),
    st.lists(st.integers(1, 200), max_size=12),
    st.randoms(use_true_random=False),
)
def test_no_order_no_unknown_element_and_no_way_of_arriving_makes_a_difference(
    offenses: list[str], weapons: list[str], actions: list[str], victims: int, chunks: list[int], chance: Random
) -> None:
    offender = (
        "offender",
        [
            ("offenses", [(f'offense code="{code}"', []) for code in offenses]),
            ("weapons", [(f'weapon code="{code}"', []) for code in weapons]),
            ("actions", [(f'action code="{code}"', ["<name>x</name>"]) for code in actions]),
            "<student district-id='7'><name>x</name></student>",
        ],
    )
    children = [
        "<date>2026-04-15</date>",
        '<school code="101">x</school>',
        ("offenders", [offender]),
        ("victims", [("victim", ["<injury code='I'/>"])] * victims),
    ]
    body = page(_tangled(('incident type="minor" uuid="u-1"', children), chance))
    done = read(body, chunks)
    assert done.problem is None
    assert done.incidents == [
        Incident(
            "u-1",
            IncidentType.MINOR,
            day=date(2026, 4, 15),
            school="101",
            offenses=tuple(sorted(set(offenses))),
            weapons=tuple(sorted(set(weapons))),
            injuries=("I",) if victims else (),
            actions=tuple(sorted(set(actions))),
            offenders=1,
            victims=victims,
        )
    ]


SAMPLE = b"".join(sample_page(40))
"""Some ten pieces of what the parser is given at a time."""


@given(st.lists(st.integers(1, 40_000), max_size=30))
@examples(20)
def test_a_page_reads_the_same_however_its_bytes_arrive(chunks: list[int]) -> None:
    whole, pieces = read(SAMPLE), read(SAMPLE, chunks)
    assert (pieces.incidents, pieces.parser.stated, pieces.problem) == (whole.incidents, whole.parser.stated, None)


def test_a_page_that_is_cut_at_any_byte_is_not_whole() -> None:
    whole = read(WHOLE)
    for end in range(WHOLE.index(b"</incidents>") + len(b"</incidents")):
        done = read(WHOLE[:end])
        assert done.problem is not None
        assert done.problem.startswith("the page ends early")
        assert done.incidents in ([], whole.incidents)


@given(st.integers(0, len(SAMPLE) - 2), st.lists(st.integers(1, 40_000), max_size=5))
@examples(30)
def test_a_cut_page_keeps_the_incidents_that_came_whole(end: int, chunks: list[int]) -> None:
    done = read(SAMPLE[: min(end, SAMPLE.index(b"</incidents>"))], chunks)
    assert done.problem is not None
    assert done.incidents == read(SAMPLE).incidents[: len(done.incidents)]
    assert done.parser.came == SAMPLE[:end].count(b"</incident>")


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4))
def test_no_broken_byte_raises_anything(at: int, instead: bytes) -> None:
    done = read(WHOLE[:at] + instead + WHOLE[at + len(instead) :])
    assert done.problem is None or CANARY not in done.problem


@given(st.binary(max_size=200), st.sampled_from([b"", b"<incidents>", b"<incidents><incident uuid='a'>", b"<?xml "]))
def test_no_bytes_raise_anything(rest: bytes, start: bytes) -> None:
    assert read(start + rest).parser.came <= 1


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=20))
def test_no_declared_encoding_raises_anything(encoding: str) -> None:
    read(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + page())


def test_an_unfinished_tag_is_not_collected_without_end() -> None:
    parser = PageParser(UTC, lambda _incident: None)
    parser.feed(b"<incidents><incident uuid='")
    fed = 0
    while parser.problem is None:
        parser.feed(b"x" * 1_000)
        fed += 1_000
    assert fed <= parsing.LONGEST_UNFINISHED + 2 * parsing._PIECE
