import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.building import Builder, missing_tools


@pytest.fixture(scope="session")
def rootfs() -> Iterator[Path]:
    """The image's root file system; built once. Not below pytest's own folder: another user must be able to come in."""
    if reason := missing_tools():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="remedy-image-", ignore_cleanup_errors=True) as folder:
        yield Builder(Path(folder)).image()
