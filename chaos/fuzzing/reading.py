"""A page of incidents that says anything, in any pieces; and what is promised then."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from xml.etree import ElementTree as ET

from chaos.fuzzing.script import Script
from remediation.domain.cases.records import outside_id
from remediation.domain.incidents import Incident
from remediation.sources.incident_feed.parsing import PageParser

PRIVATE = "ZZPII"
"""Stands wherever a name could stand, and must not be found in what was read."""
_MOST_WORDS = 60

_WORDS = (
    *(b"<incidents count='1' page='1'>", b"<incidents xmlns='n'>", b"<e:incidents xmlns:e='e'>", b"</incidents>"),
    *(b"<incident uuid='1'>", b"<incident uuid='2' type='minor' deleted=''>", b"<incident>", b"</incident>"),
    *(b"<e:incident e:uuid='3'>", b"</e:incident>", b"</e:incidents>", b"<x>", b"</x>", b"<x a='ZZPII'/>"),
    *(b"<offense code='A'/>", b"<school code='1'>ZZPII</school>", b"<weapon code='W'/>", b"<injury code='&amp;'/>"),
    *(b"<date>2026-04-15</date>", b"<date>", b"</date>", b"2026-", b"<time>ZZPII</time>", b"<action code='C'>"),
    *(
        b"</action>",
        b"<offenders count='2'>",
        b"</offenders>",
        b"<offender>",
        b"</offender>",
        b"<victims><victim/></victims>",
    ),
    *(
        b"<!-- ZZPII -->",
        b"<![CDATA[ZZPII]]>",
        b"<?ZZPII ?>",
        b"<!DOCTYPE x>",
        b"<?xml version='1.0'?>",
        b"&lt;",
        b"&x;",
    ),
    *(b"<student district-id='ZZPII'><name>ZZPII</name></student>", b"ZZPII", b"\n", b"\xc3\xa9", b"<html>", b"]]>"),
)

Outcome = tuple[list[Incident], object, int, str | None]


def play(data: bytes) -> str | None:
    """One page; returns what was wrong with it. Raises AssertionError where a promise is broken."""
    script = Script(data)
    sizes = [script.number(200) for _ in range(script.number(6))]
    page = b"".join(_said(script))
    outcome = _read(page, ())
    assert _read(page, sizes) == outcome, "the way in which bytes arrive makes no difference"
    incidents, _, came, problem = outcome
    assert PRIVATE not in repr([[getattr(each, name) for name in Incident.__slots__] for each in incidents])
    assert PRIVATE not in (problem or "")
    assert len(incidents) <= came
    if problem is None:
        assert _agrees(page, [each.uuid for each in incidents]), "another parser finds the same incidents"
    return problem


def _said(script: Script) -> Iterator[bytes]:
    for _ in range(_MOST_WORDS):
        if script.is_over:
            return
        yield script.literal(8) if script.number(16) == 0 else script.one_of(_WORDS)


def _read(page: bytes, sizes: Sequence[int]) -> Outcome:
    incidents: list[Incident] = []
    parser = PageParser(UTC, incidents.append)
    start = 0
    for size in sizes:
        parser.feed(page[start : start + size])
        start += size
    parser.feed(page[start:])
    parser.end()
    return incidents, parser.stated, parser.came, parser.problem


def _agrees(page: bytes, uuids: list[str]) -> bool:
    """Whether the library's own tree of the page has these incidents. It refuses prefixes that nobody has declared."""
    try:
        root = ET.fromstring(page)  # noqa: S314 - a page that has no document type
    except ET.ParseError:
        return b":" in page
    members = [each for each in root if _local(each.tag) == "incident"]
    found = [outside_id(_uuid(each.attrib).strip()) for each in members]
    return _local(root.tag) == "incidents" and [each for each in found if each] == uuids


def _uuid(attributes: dict[str, str]) -> str:
    prefixed = [value for name, value in attributes.items() if _local(name) == "uuid"]
    return attributes.get("uuid", prefixed[-1] if prefixed else "")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
