"""Whether a page is all that it states, and what the next request for it may carry."""

import pytest

from remediation.sources.incident_feed.pages import Validators, disagreement, validators_of
from remediation.sources.incident_feed.parsing import Stated


@pytest.mark.parametrize(
    ("stated", "asked", "came"),
    [
        (Stated(), 1, 5),
        (Stated(), 7, 0),
        (Stated(0, 1, 0), 1, 0),
        (Stated(0, 1, 1), 1, 0),
        (Stated(5, 1, 1), 1, 5),
        (Stated(10, 1, 3), 1, 10),
        (Stated(10, 2, 3), 2, 10),
        (Stated(5, 3, 3), 3, 5),
        (Stated(25, 1, 3), 1, 10),
        (Stated(25, 3, 3), 3, 5),
        (Stated(25, 4, 3), 4, 0),
        (Stated(0, 4, 3), 4, 0),
        (Stated(25, 3, None), 3, 5),
        (Stated(10, None, None), 1, 10),
        (Stated(None, 2, 3), 2, 7),
    ],
)
def test_a_page_that_agrees_with_itself_is_whole(stated: Stated, asked: int, came: int) -> None:
    assert disagreement(stated, asked, came, page_size=10) is None


@pytest.mark.parametrize(
    ("stated", "asked", "came", "words"),
    [
        (Stated(10, 1, 1), 1, 9, "the page states 10 incidents, and 9 came"),
        (Stated(9, 1, 1), 1, 10, "the page states 9 incidents, and 10 came"),
        (Stated(0, 1, 0), 1, 1, "the page states 0 incidents, and 1 came"),
        (Stated(25, 2, 3), 2, 9, "the page states 25 incidents, and 9 came"),
        (Stated(25, 3, 3), 3, 4, "the page states 25 incidents, and 4 came"),
        (Stated(25, 3, 4), 3, 5, "the page states 25 incidents, and 5 came"),
        (Stated(5, 1, 3), 2, 5, "page 2 was asked for, and the answer is page 1"),
        (Stated(5, 3, 2), 3, 5, "page 3 of 2 is not empty"),
        (Stated(None, None, 0), 1, 5, "page 1 of 0 is not empty"),
        (Stated(0, 1, 3), 1, 0, "page 1 of 3 is empty"),
    ],
)
def test_a_page_that_disagrees_with_itself_says_how(stated: Stated, asked: int, came: int, words: str) -> None:
    assert disagreement(stated, asked, came, page_size=10) == words


@pytest.mark.parametrize(
    ("headers", "validators"),
    [
        ({}, Validators()),
        (
            {"ETag": ' "a" ', "Last-Modified": "Wed, 15 Apr 2026 10:02:11 GMT"},
            Validators('"a"', "Wed, 15 Apr 2026 10:02:11 GMT"),
        ),
        ({"ETag": 'W/"a"'}, Validators('W/"a"')),
        ({"ETag": "", "Last-Modified": "\xe9"}, Validators()),
        ({"ETag": '"' + "x" * 300 + '"'}, Validators()),
        ({"ETag": "a\r\nX: y"}, Validators()),
    ],
)
def test_validators_are_kept_where_a_header_can_carry_them_back(
    headers: dict[str, str], validators: Validators
) -> None:
    assert validators_of(headers) == validators


def test_a_request_carries_the_validators_that_there_are() -> None:
    assert Validators().headers() == {}
    assert Validators('"a"', "b").headers() == {"If-None-Match": '"a"', "If-Modified-Since": "b"}
