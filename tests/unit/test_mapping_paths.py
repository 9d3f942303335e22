import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.mapping.config.paths import beginnings_of, covers, fixed_beginning, glob_of, path_of, pattern_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://a.example/Board//2024/", "/board/2024"),
        ("https://a.example/a%20b?q=1#x", "/a b"),
        ("https://a.example", ""),
        ("https://a.example/", ""),
        ("no address", None),
        ("https://[", None),
        (None, None),
    ],
)
def test_a_path_has_one_form_however_it_is_written(url: str | None, path: str | None) -> None:
    assert path_of(url) == path


@pytest.mark.parametrize(
    ("glob", "taken", "left"),
    [
        ("/board/**", ["/board", "/board/a", "/board/a/b"], ["/boards", "/x/board", ""]),
        ("/board/*", ["/board/a"], ["/board", "/board/a/b"]),
        ("/**/min*.pdf", ["/min.pdf", "/a/b/minutes.pdf"], ["/minutes.pdf/x", "/a/xmin.pdf"]),
        ("/a?c", ["/abc"], ["/ac", "/a/c", "/abbc"]),
        ("/", [""], ["/a"]),
        ("/**", ["", "/a", "/a/b"], []),
        ("/a.b", ["/a.b"], ["/axb"]),
    ],
)
def test_a_glob_takes_whole_paths(glob: str, taken: list[str], left: list[str]) -> None:
    pattern = pattern_of(glob)
    assert [path for path in (*taken, *left) if pattern.fullmatch(path)] == taken


@pytest.mark.parametrize("written", ["board/**", "/a**", "/a/**b", "/" + "a" * 200, "/" + "a*" * 13, ""])
def test_a_glob_that_nobody_could_mean_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"must|stands"):
        glob_of(written)


def test_what_every_path_of_a_glob_begins_with_is_among_the_beginnings_of_each() -> None:
    assert fixed_beginning("/board/2024/*.pdf") == ("board", "2024")
    assert fixed_beginning("/board/**") in beginnings_of("/board/2024/x", 4)
    assert beginnings_of("/a/b", 1) == [(), ("a",)]


SEGMENTS = st.sampled_from(["**", "a", "*", "a*b", "?", "*b", "a*a*b", "b?*"])
FOLDERS = st.text(alphabet="ab", min_size=1, max_size=4)


def taken(glob: list[str], path: list[str]) -> bool:
    """Slow and obvious."""
    if not glob:
        return not path
    if glob[0] == "**":
        return any(taken(glob[1:], path[number:]) for number in range(len(path) + 1))
    return bool(path) and fits(glob[0], path[0]) and taken(glob[1:], path[1:])


def fits(pattern: str, name: str) -> bool:
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(fits(pattern[1:], name[number:]) for number in range(len(name) + 1))
    return bool(name) and pattern[0] in {"?", name[0]} and fits(pattern[1:], name[1:])


@given(st.lists(SEGMENTS, max_size=5), st.lists(SEGMENTS, max_size=4), st.lists(FOLDERS, max_size=5))
def test_globs_take_what_they_say_and_cover_only_what_they_take(
    glob: list[str], other: list[str], path: list[str]
) -> None:
    written = "".join(f"/{each}" for each in path)
    assert bool(pattern_of("/" + "/".join(glob)).fullmatch(written)) is taken(glob, path)
    if covers("/" + "/".join(glob), "/" + "/".join(other)) and taken(other, path):
        assert taken(glob, path)
