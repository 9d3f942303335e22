"""What is measured of the console's pages."""

from bench.topics.showing import assets_in

_PAGE = """
<link rel="stylesheet" href="/static/console-1f2e.css?v=1"><script src="/static/console-3a4b.js"></script>
<a href="/cases.csv?state=dirty">CSV</a> <a href="/cases.json">JSON</a> <a href="/cases.json?state=dirty">JSON</a>
"""


def test_a_list_as_a_file_is_no_part_of_what_its_page_weighs() -> None:
    assert assets_in(_PAGE) == ["/static/console-1f2e.css?v=1", "/static/console-3a4b.js"]
