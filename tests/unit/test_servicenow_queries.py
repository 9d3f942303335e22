import pytest

from sandbox.servicenow.queries import query_of

ROWS = [
    {"name": "a", "category": "x", "impact": "1", "correlation_id": "remedy:1"},
    {"name": "b", "category": "x", "impact": "2", "correlation_id": "remedy:2"},
    {"name": "c", "category": "y", "impact": "3", "correlation_id": "other"},
]
COLUMNS = frozenset(ROWS[0])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abc"),
        ("category=x", "ab"),
        ("category=X", "ab"),
        ("category!=x", "c"),
        ("category=", ""),
        ("impact>1", "bc"),
        ("impact>=2", "bc"),
        ("impact<2", "a"),
        ("impact<=2", "ab"),
        ("impactIN1,3", "ac"),
        ("correlation_idSTARTSWITHrem", "ab"),
        ("category=x^impact=2", "b"),
        ("category=y^ORimpact=2", "bc"),
        ("category=x^impact=1^ORimpact=2", "ab"),
        ("shoe_size=44", "abc"),
        ("correlation_ids=remedy:1", "abc"),
        ("category=x^shoe_size=44", "ab"),
        ("correlation_id=remedy:1", "a"),
        ("correlation_id=remedy", ""),
        ("ORDERBYDESCimpact", "cba"),
        ("ORDERBYcategory^ORDERBYDESCimpact", "bac"),
    ],
)
def test_an_encoded_query_takes_the_rows_it_means(query: str, expected: str) -> None:
    assert "".join(row["name"] for row in query_of(query, COLUMNS).select(ROWS)) == expected


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("category=x^impact=1", "x"),
        ("impact=1", None),
        ("category!=x", None),
        ("category=x^ORcategory=y", None),
        ("category=", ""),
    ],
)
def test_a_query_tells_the_one_value_that_it_demands(query: str, value: str | None) -> None:
    assert query_of(query, COLUMNS).equals("category") == value
