"""Answers of a feed of incidents in which every text is a canary of its own, and a feed that gives them.

A canary is `MARK`, a dash and a number: `CANARIES` says where each one stood.
"""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from xml.etree import ElementTree as ET

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.incident_feed.api import PATH
from sandbox.incident_feed.pages import sample_page

MARK = f"ZZPII-{uuid.uuid4().hex}"
"""In the one of each canary; stands for a student."""

CANARIES: dict[str, str] = {}
"""Where each canary stood, by its number."""

_numbers = count(1)


def canary(place: str) -> str:
    """A new canary for this place."""
    number = str(next(_numbers))
    CANARIES[number] = place
    return f"{MARK}-{number}z"


def places_of(text: str) -> set[str]:
    """Where those canaries stood that are in the text now."""
    return {CANARIES[number] for number in re.findall(f"(?i){MARK}-([0-9]+)z", text)}


def paths_of(element: ET.Element, above: str = "") -> Iterator[str]:
    """Each path of an element, as the sandbox's spellings name them, and of all in it: `incident/school@code`."""
    path = above + element.tag
    yield from (f"{path}@{name}" for name in element.attrib)
    if not len(element):
        yield path
    for child in element:
        yield from paths_of(child, f"{path}/")


def _sample() -> ET.Element:
    return ET.fromstring(b"".join(sample_page(300)))  # noqa: S314 - our own page


def spelt_with_canaries(kept: frozenset[str]) -> Mapping[str, str]:
    """A canary for every path of the stand-in's pages but these."""
    paths = dict.fromkeys(path for member in _sample() for path in paths_of(member))
    return {path: canary(path) for path in paths if path not in kept}


def odd_page(*uuids: str, page: int = 1, stated: int | None = None) -> bytes:
    """A page whose members have these uuids, or one of them as odd as can be; all else is canaries, names too."""
    root = ET.Element("incidents", {"count": str(stated or len(uuids)), "page": str(page), "total-pages": "1"})
    root.set("note", canary("incidents@note"))
    rich = max(_sample(), key=lambda member: len({*paths_of(member)}))
    for name in uuids:
        member = ET.fromstring(ET.tostring(rich))  # noqa: S314 - our own page
        _plant(member)
        member.set("uuid", name)
        root.append(member)
    return ET.tostring(root)


def _plant(element: ET.Element, above: str = "") -> None:
    path = above + element.tag
    for name in element.attrib:
        element.set(name, canary(f"{path}@{name}"))
    for child in element:
        _plant(child, f"{path}/")
    element.text = canary(path)
    element.append(ET.Comment(canary(f"{path}: a comment")))
    element[-1].tail = canary(f"{path}: behind a comment")
    name, attribute = (canary(f"{path}: a name") for _ in range(2))
    unknown = ET.SubElement(element, name, {attribute: canary(f"{path}: an unknown attribute")})
    unknown.text = canary(f"{path}: an unknown element")


def _headers(place: str) -> dict[str, str]:
    names = ("ETag", "Set-Cookie", "WWW-Authenticate", "X-Request-Id", "X-RateLimit-Remaining", "Server", "Link")
    return {name: f'"{canary(f"{place}: {name}")}"' for name in names}


def _answer(place: str, content: bytes | str = "", status: int = 200, **headers: str) -> Response:
    return Response(content, status, {**_headers(place), **headers}, media_type="application/xml")


def misbehaviours() -> dict[str, Response]:
    """Answers that are no page, or not a whole one, by what they are."""
    words = canary("a body that is no page")
    name, entity = canary("an entity's name"), canary("an entity")
    whole = odd_page("an incident of a broken page", "another")
    return {
        "401": _answer("401", words, 401),
        "403": _answer("403", words, 403),
        "500": _answer("500", words, 500),
        "400": _answer("400", words, 400),
        "302": _answer("302", words, 302, Location=f"https://{canary('Location')}.example/?name={canary('Location')}"),
        "html": _answer("html", f"<!doctype html><title>{words}</title><p>{words}"),
        "empty": _answer("empty"),
        "entities": _answer(
            "entities", f'<!DOCTYPE {name} [<!ENTITY {name} "{entity}">]><incidents>&{name};</incidents>'
        ),
        "no entity": _answer("no entity", f"<incidents><incident uuid='{words}'>&{name};</incident></incidents>"),
        "instruction": _answer("instruction", f"<?{name} {words}?><incidents/>"),
        "encoding": _answer("encoding", f'<?xml version="1.0" encoding="{name}"?><incidents/>'),
        "other root": _answer("other root", f"<{name}>{words}</{name}>"),
        "tags": _answer("tags", f"<incidents><{name}></{entity}></incidents>"),
        "no gzip": _answer("no gzip", words, 200, **{"Content-Encoding": "gzip"}),
        "cut off": _answer("cut off", whole[: len(whole) * 2 // 3]),
        "other page": _answer("other page", odd_page("an incident of another page", page=9)),
        "other count": _answer("other count", odd_page("an incident of too short a page", stated=77)),
        "429": _answer("429", words, 429, **{"Retry-After": canary("Retry-After")}),
    }


class OddFeed:
    """A feed that gives the same answer until it is told another one; `asked` is how often."""

    def __init__(self) -> None:
        self.answer: Callable[[Request], Response] = lambda _request: Response(b"<incidents/>")
        self.asked = 0

    @property
    def app(self) -> Starlette:
        """What is to be served."""

        async def give(request: Request) -> Response:
            self.asked += 1
            return self.answer(request)

        return Starlette(routes=[Route(PATH, give)])
