import gzip

import pytest

from chaos.proof.canaries import Canaries, Origin, kind_of
from chaos.proof.commands import NOT_PLAYED, Known, every_command, plays_of
from chaos.proof.judging import leaks_in
from chaos.proof.searching import ENCODINGS, UNREADABLE, numbers_in
from remediation.store.packing import Form, packed

CANARIES = Canaries()
CANARY = [CANARIES.at("jira", "GET /x 200", f"$.{number}") for number in range(345)][-1]


@pytest.mark.parametrize("around", ["{}", "a {} b", "<é>{}</é>", "{}{}"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_canary_is_found_however_it_was_written(encoding: str, around: str) -> None:
    text = around.replace("{}", CANARY)
    if encoding in {"JSON escapes", "Python escapes", "XML references"}:
        text = text.replace("é", "e")
    assert numbers_in(ENCODINGS[encoding](text), CANARIES.mark) == {345}


@pytest.mark.parametrize("encoding", [each for each in ENCODINGS if not each.startswith("packed")])
def test_a_canary_is_found_between_other_bytes(encoding: str) -> None:
    data = b"\x00\xff {'key': '" + ENCODINGS[encoding](CANARY) + b"'}\r\n\xfe"
    assert numbers_in(data, CANARIES.mark) == {345}


def test_what_is_packed_inside_what_is_packed_is_found() -> None:
    row = packed(ENCODINGS["base64"](CANARY), Form.ROW)
    assert numbers_in(gzip.compress(row), CANARIES.mark) == {345}


def test_a_canary_that_was_cut_off_is_found_without_its_number() -> None:
    assert numbers_in(CANARY[:-2].encode(), CANARIES.mark) == {UNREADABLE}


def test_nothing_is_found_where_nothing_is() -> None:
    assert numbers_in(b"zzpii and zzpii-" + Canaries().at("jira", "", "").encode(), CANARIES.mark) == set()


def test_the_same_origin_has_the_same_canary_and_a_number_tells_it() -> None:
    first = CANARIES.at("jira", "GET /x 200", "$.0")
    assert CANARIES.origins(numbers_in(first.encode(), CANARIES.mark)) == {Origin("jira", "GET /x 200", "$.0")}


def test_addresses_of_one_kind_are_one_kind() -> None:
    assert kind_of("GET", "/rest/api/2/issue/10001", 404) == kind_of("GET", "/rest/api/2/issue/SEC-12", 404)
    assert kind_of("GET", "/rest/api/2/issue/10001", 200) == "GET /rest/api/*/issue/* 200"


def test_every_command_is_played_or_said_why_not() -> None:
    known = Known("fnd_1", "fnd_2", "scan_1", "incident", (), "mappings.yaml", "folder", "http://receiver")
    assert sorted([*plays_of(known), *NOT_PLAYED]) == every_command()


@pytest.mark.parametrize("place", ["logs", "notes", "tickets", "sent to jira", "command doctor"])
def test_a_word_that_no_row_of_the_table_allows_is_a_leak(place: str) -> None:
    canaries = Canaries()
    word = canaries.at("schoolscan", "GET /v1/findings/* 200", "$.description")
    (leak,) = leaks_in({place: word.encode()}, canaries)
    assert str(leak) == f"in {place}: what stood in schoolscan: GET /v1/findings/* 200: $.description"


def test_a_system_may_be_told_its_own_words() -> None:
    canaries = Canaries()
    assert leaks_in({"sent to jira": canaries.at("jira", "GET /x 200", "a cursor").encode()}, canaries) == []
