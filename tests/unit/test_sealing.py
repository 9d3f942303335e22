"""Sealed values: only the right key and the right row open them."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.errors import ConfigurationError, KeyMissing
from remediation.sealing import Keyring, generate_key

OLD_KEY = base64.b64encode(b"test-only-data-key-number-one-32").decode()
NEW_KEY = base64.b64encode(b"test-only-data-key-number-two-32").decode()
OLD = Keyring.parse(f"old:{OLD_KEY}")
NEW = Keyring.parse(f"new:{NEW_KEY}")
BOTH = Keyring.parse(f" new:{NEW_KEY},\n old:{OLD_KEY} ")
IDENTITY = "delivery:0011"


@given(plaintext=st.binary(max_size=500), identity=st.text(max_size=50))
def test_what_was_sealed_opens_for_the_same_row(plaintext: bytes, identity: str) -> None:
    sealed = OLD.seal(plaintext, identity)
    assert OLD.open(sealed, identity) == plaintext
    assert plaintext == b"" or len(plaintext) < 4 or plaintext not in sealed


@given(data=st.data(), plaintext=st.binary(max_size=50))
def test_one_changed_byte_anywhere_opens_nothing(data: st.DataObject, plaintext: bytes) -> None:
    sealed = bytearray(BOTH.seal(plaintext, IDENTITY))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(KeyMissing):
        BOTH.open(bytes(sealed), IDENTITY)


def test_every_proper_prefix_opens_nothing() -> None:
    sealed = OLD.seal(b"something", IDENTITY)
    for length in range(len(sealed)):
        with pytest.raises(KeyMissing):
            OLD.open(sealed[:length], IDENTITY)


@given(noise=st.binary(max_size=100))
def test_noise_opens_nothing(noise: bytes) -> None:
    for sealed in (noise, b"old:" + noise):
        with pytest.raises(KeyMissing):
            OLD.open(sealed, IDENTITY)


@given(identity=st.text(max_size=20).filter(lambda text: text != IDENTITY))
def test_another_row_opens_nothing(identity: str) -> None:
    with pytest.raises(KeyMissing):
        OLD.open(OLD.seal(b"something", IDENTITY), identity)


def test_a_key_id_put_in_front_of_another_keys_value_opens_nothing() -> None:
    sealed = BOTH.seal(b"something", IDENTITY)
    with pytest.raises(KeyMissing):
        BOTH.open(b"old" + sealed.removeprefix(b"new"), IDENTITY)


def test_a_rotation_seals_with_the_new_key_and_opens_both() -> None:
    before, after = OLD.seal(b"before", IDENTITY), BOTH.seal(b"after", IDENTITY)
    assert BOTH.key_ids == ("new", "old")
    assert (before.partition(b":")[0], after.partition(b":")[0]) == (b"old", b"new")
    assert (BOTH.open(before, IDENTITY), BOTH.open(after, IDENTITY)) == (b"before", b"after")
    with pytest.raises(KeyMissing, match="not in DATA_KEYS"):
        NEW.open(before, IDENTITY)


def test_the_same_text_is_sealed_differently_every_time() -> None:
    assert len({OLD.seal(b"something", IDENTITY) for _ in range(100)}) == 100


def test_generated_keys_are_entries_and_differ() -> None:
    entries = [generate_key() for _ in range(3)]
    ring = Keyring.parse(",".join(entries))
    assert len(set(ring.key_ids)) == 3
    assert ring.open(ring.seal(b"something", IDENTITY), IDENTITY) == b"something"


def test_keys_may_be_written_in_the_url_alphabet() -> None:
    key = base64.b64encode(b"\xfb\xff" * 16).decode()
    url = key.replace("+", "-").replace("/", "_")
    assert Keyring.parse(f"a:{url}").open(Keyring.parse(f"a:{key}").seal(b"x", ""), "") == b"x"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "entry 1 is not of the form kid:base64key"),
        (OLD_KEY, "entry 1 is not of the form kid:base64key"),
        (f"a:{OLD_KEY},", "entry 2 is not of the form kid:base64key"),
        (f":{OLD_KEY}", "entry 1: the key id is not"),
        (f"a b:{OLD_KEY}", "entry 1: the key id is not"),
        (f"{'a' * 33}:{OLD_KEY}", "entry 1: the key id is not"),
        ("a:", "entry 1: the key has 0 bytes instead of 32"),
        ("a:test-only!", "entry 1: the key is not base64"),
        ("a:té", "entry 1: the key is not base64"),
        (f"a:{base64.b64encode(b'test-only-short').decode()}", "entry 1: the key has 15 bytes instead of 32"),
        (f"a:{OLD_KEY},a:{NEW_KEY}", "the same key id is listed twice, with two keys: give one of them another id"),
        (f"a:{OLD_KEY},b:{OLD_KEY}", "the same key is listed twice, under two ids: take one of them out"),
        (f"a:{OLD_KEY},a:{OLD_KEY}", "the same entry is listed twice: take one of them out"),
    ],
)
def test_malformed_keys_stop_the_start_without_being_shown(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Keyring.parse(text)
    assert f"DATA_KEYS: {problem}" in str(caught.value)
    assert OLD_KEY not in str(caught.value)
    assert "test-only" not in str(caught.value)


def test_every_malformed_entry_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Keyring.parse(f"a,b:{OLD_KEY},c:short")
    assert len(caught.value.problems) == 2


def test_a_keyring_shows_no_keys() -> None:
    for shown in (repr(BOTH), str(BOTH)):
        assert OLD_KEY not in shown
        assert "data-key" not in shown


def test_a_fingerprint_stands_for_a_content_and_is_known_to_nobody_without_the_first_key() -> None:
    assert OLD.fingerprint(b"a") == Keyring.parse(f"another-id:{OLD_KEY},new:{NEW_KEY}").fingerprint(b"a")
    others = {NEW.fingerprint(b"a"), OLD.fingerprint(b"b"), hashlib.sha256(b"a").hexdigest()}
    others.add(hmac.digest(base64.b64decode(OLD_KEY), b"a", "sha256").hex())
    assert OLD.fingerprint(b"a") not in others
    assert BOTH.fingerprints(b"a") == (NEW.fingerprint(b"a"), OLD.fingerprint(b"a"))


def test_a_value_is_sealed_anew_with_the_first_key_alone_and_for_the_same_row() -> None:
    anew = BOTH.renewed(OLD.seal(b"something", IDENTITY), IDENTITY)
    assert anew is not None
    assert NEW.open(anew, IDENTITY) == b"something"
    assert BOTH.renewed(anew, IDENTITY) is None
    with pytest.raises(KeyMissing):
        NEW.renewed(OLD.seal(b"something", IDENTITY), IDENTITY)
    with pytest.raises(KeyMissing):
        BOTH.renewed(OLD.seal(b"something", IDENTITY), "another row")
