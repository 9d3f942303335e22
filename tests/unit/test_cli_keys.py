"""`remedy keys generate` prints what DATA_KEYS takes."""

import json

from click.testing import CliRunner

from remediation.sealing import Keyring
from remedy.main import main


def generated(*options: str) -> str:
    result = CliRunner().invoke(main, ["keys", "generate", *options])
    assert result.exit_code == 0
    assert result.stderr == ""
    return result.stdout


def test_the_entry_printed_is_a_key_that_seals_and_opens() -> None:
    keyring = Keyring.parse(generated().strip())
    assert keyring.open(keyring.seal(b"words", "row"), "row") == b"words"


def test_no_two_entries_are_alike() -> None:
    first, second = generated().strip(), generated().strip()
    assert len(Keyring.parse(f"{first},{second}").key_ids) == 2


def test_json_names_the_entry_and_its_id() -> None:
    described = json.loads(generated("--json"))
    assert Keyring.parse(described["entry"]).key_ids == (described["id"],)
