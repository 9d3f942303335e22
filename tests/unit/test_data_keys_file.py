"""DATA_KEYS_FILE: keys from a file that changes while a process runs. A broken one changes nothing."""

import os
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from remediation.domain.errors import ConfigurationError, KeyMissing
from remediation.sealing import Keyring, generate_key
from remediation.settings import load_settings
from remedy.runtime.data_keys import DataKeys, keyring_of

OLD, NEW, THIRD = generate_key(), generate_key(), generate_key()
IDS = {entry: entry.partition(":")[0] for entry in (OLD, NEW, THIRD)}
CANARY = "ZZKEY-not-a-key"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "data-keys"
    path.write_text(f"{OLD}\n", encoding="ascii")
    monkeypatch.delenv("DATA_KEYS", raising=False)
    monkeypatch.setenv("DATA_KEYS_FILE", str(path))
    return path


@pytest.fixture
def keys(file: Path) -> DataKeys:
    return DataKeys(load_settings())


def put(file: Path, text: str) -> None:
    """Put another file in its place, as an editor or a mount does."""
    other = file.with_name("written")
    other.write_text(text, encoding="utf-8")
    other.replace(file)


def put_away(file: Path) -> Path:
    return file.rename(file.with_name("away"))


def put_back(file: Path) -> None:
    file.with_name("away").rename(file)


async def settled(keys: DataKeys, file: Path, polls: int = 3) -> None:
    """Look until the file counts as stable."""
    for _ in range(polls):
        await keys.poll(file)


async def write(keys: DataKeys, file: Path, text: str) -> None:
    put(file, text)
    await settled(keys, file)


def shown() -> tuple[float | None, float | None]:
    return REGISTRY.get_sample_value("remedy_data_keys"), REGISTRY.get_sample_value("remedy_data_keys_valid")


@pytest.mark.parametrize("text", [f"{NEW},{OLD}", f"{NEW}\n{OLD}\n", f"\n{NEW},\n  {OLD}\n\n"], ids=range(3))
async def test_a_changed_file_is_taken_by_all_that_have_the_keyring(keys: DataKeys, file: Path, text: str) -> None:
    ring = keys.keyring
    before = ring.seal(b"before", "row")
    assert ring.derived("audit").keys() == {IDS[OLD]}
    await write(keys, file, text)
    assert ring.key_ids == (IDS[NEW], IDS[OLD])
    assert list(ring.derived("audit")) == [IDS[NEW], IDS[OLD]]
    assert (ring.open(before, "row"), ring.open(ring.seal(b"after", "row"), "row")) == (b"before", b"after")
    assert len(ring.fingerprints(b"words")) == 2
    assert (keys.problems, shown()) == ((), (2, 1))


@pytest.mark.parametrize(
    "broken",
    ["", CANARY, f"{NEW},{OLD},{CANARY}", f"{NEW},{NEW}", "x" * 70_000, "é", f"{IDS[OLD]}:{NEW.partition(':')[2]}"],
    ids=["empty", "no entry", "one of three", "twice", "too long", "no ASCII", "another key of that id"],
)
async def test_a_broken_file_is_refused_and_quoted_nowhere(keys: DataKeys, file: Path, broken: str) -> None:
    sealed = keys.keyring.seal(b"words", "row")
    await write(keys, file, broken)
    assert keys.keyring.open(sealed, "row") == b"words"
    assert keys.problems
    assert all(each.startswith("the data keys were refused: DATA_KEYS_FILE: ") for each in keys.problems)
    assert not any(
        secret in "".join(keys.problems) for secret in (CANARY, NEW.partition(":")[2], OLD.partition(":")[2])
    )
    assert shown() == (1, 0)
    await write(keys, file, f"{NEW},{OLD}")
    assert (keys.problems, keys.keyring.key_ids, shown()) == ((), (IDS[NEW], IDS[OLD]), (2, 1))


async def test_a_file_that_goes_away_and_comes_back_as_it_was_is_in_use(keys: DataKeys, file: Path) -> None:
    put_away(file)
    await settled(keys, file, 10)
    assert keys.problems == ("the data keys were refused: DATA_KEYS_FILE: cannot be read: No such file or directory",)
    put_back(file)
    await settled(keys, file)
    assert not keys.problems


async def test_a_key_that_is_taken_away_is_named_by_what_it_sealed(keys: DataKeys, file: Path) -> None:
    sealed = keys.keyring.seal(b"words", "row")
    await write(keys, file, NEW)
    with pytest.raises(KeyMissing, match=f"the data key {IDS[OLD]} of a sealed value is not in DATA_KEYS"):
        keys.keyring.open(sealed, "row")
    await write(keys, file, f"{NEW},{OLD}")
    assert keys.keyring.open(sealed, "row") == b"words"


@pytest.mark.parametrize("sealed", [b"Jane Doe fought:rest", b"x" * 40 + b":rest", b"no-separator", "é:".encode(), b""])
def test_what_has_not_the_shape_of_a_key_id_is_not_quoted(sealed: bytes) -> None:
    with pytest.raises(KeyMissing) as caught:
        Keyring.parse(OLD).open(sealed, "row")
    assert str(caught.value) == "the data key of a sealed value is not in DATA_KEYS"


def test_both_settings_at_once_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_KEYS", NEW)
    with pytest.raises(ConfigurationError, match="are both set"):
        keyring_of(load_settings())


def test_what_is_no_regular_file_is_refused_and_waits_for_nobody(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ConfigurationError, match="it is no regular file"):
        DataKeys(load_settings())
