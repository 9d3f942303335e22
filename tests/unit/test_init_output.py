"""A file appears whole or not at all, and never over another one unless that was said."""

from pathlib import Path

import pytest

from remediation.domain.errors import ConfigurationError
from remediation.mapping.reading.loading import text_of_file
from remedy.init.output import replace, write_new


def test_a_new_file_is_whole_and_never_takes_another_one_s_place(tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    write_new(path, "version: 1\n# ü\n")
    assert path.read_text(encoding="utf-8") == "version: 1\n# ü\n"
    with pytest.raises(ConfigurationError, match="cannot be written: File exists"):
        write_new(path, "other")
    assert path.read_text(encoding="utf-8") == "version: 1\n# ü\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_changed_file_keeps_its_mode_and_stays_where_links_lead(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path, link = tmp_path / "real" / "rules.yaml", tmp_path / "mappings.yaml"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    link.symlink_to(path)
    replace(link, "new", "old")
    assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("new", 0o640)
    assert link.is_symlink()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("theirs", [b"theirs", b"\xef\xbb\xbfold", b"\xff\xfeold"], ids=["text", "mark", "no UTF-8"])
def test_what_somebody_changed_meanwhile_is_not_overwritten(tmp_path: Path, theirs: bytes) -> None:
    path = tmp_path / "mappings.yaml"
    path.write_bytes(theirs)
    with pytest.raises(ConfigurationError, match="was changed meanwhile"):
        replace(path, "new", "old")
    assert path.read_bytes() == theirs
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_begins_with_a_byte_order_mark_can_be_changed_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    path.write_bytes(b"\xef\xbb\xbfold")
    replace(path, "\ufeffnew", text_of_file(path))
    assert path.read_bytes() == b"\xef\xbb\xbfnew"
