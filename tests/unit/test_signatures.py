"""Whether a delivery is from its sender: the formats, the refusals, and that nothing else ever comes out."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.deliveries.signatures import (
    SCHOOLSCAN_HEADER,
    TOLERANCE,
    SignatureFormat,
    Verified,
    by_name,
    sign,
    verify,
)
from remediation.domain.errors import ConfigurationError, SignatureInvalid

SAMPLES = Path(__file__).parent.parent / "payloads" / "schoolscan"
SECRET = "test-only-webhook-secret"
STANDARD_SECRET = "whsec_" + base64.b64encode(b"test-only-standard-webhooks-key!").decode()
NOW = 1_776_261_600
BODY = b'{"id":"evt_1","type":"finding.critical","data":{"finding_id":"fnd_9d2"}}'
FORMATS = [each for each in SignatureFormat if each is not SignatureFormat.AUTO]
BARE = [SignatureFormat.HEX, SignatureFormat.PREFIXED, SignatureFormat.BASE64]
TIMED = [SignatureFormat.TIMESTAMPED, SignatureFormat.STANDARD]
HEADER = SCHOOLSCAN_HEADER.encode()

each_format = pytest.mark.parametrize("how", FORMATS)
Pairs = list[tuple[bytes, bytes]]


def signed(how: SignatureFormat, *, body: bytes = BODY, secret: str = SECRET, now: float = NOW) -> Pairs:
    return sign(body, secret, how, now, "msg_1")


def is_refused(
    headers: Pairs,
    how: SignatureFormat = SignatureFormat.AUTO,
    *,
    body: bytes = BODY,
    secrets: tuple[str, ...] = (SECRET,),
    now: float = NOW,
) -> bool:
    try:
        verify(by_name(headers), body, secrets, how, now)
    except SignatureInvalid as error:
        return str(error) == "the signature does not verify"
    return False


def with_value(headers: Pairs, name: bytes, value: bytes) -> Pairs:
    return [(key, value if key == name else old) for key, old in headers]


@pytest.mark.parametrize(
    ("key", "body", "expected"),
    [
        (
            "It's a Secret to Everybody",
            b"Hello, World!",
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
        ("mysecret", b'{"foo":"bar"}', "4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3"),
        ("123456", b"gidget", "091319196718d5bcb1c20ad25fc890597423ecdbad1f947f560afd643b5000de"),
    ],
)
def test_published_vectors_hold(key: str, body: bytes, expected: str) -> None:
    for value in (expected, expected.upper()):
        verdict = verify(by_name([(HEADER, value.encode())]), body, [key], SignatureFormat.HEX, NOW)
        assert verdict == Verified(SignatureFormat.HEX)
    assert not is_refused(
        [(HEADER, f"sha256={expected}".encode())], SignatureFormat.PREFIXED, body=body, secrets=(key,)
    )
    assert sign(body, key, SignatureFormat.HEX, NOW, "m") == [(HEADER, expected.encode())]


def test_the_published_base64_vector_holds_in_both_alphabets() -> None:
    value = b"dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="
    for written in (value, value.replace(b"/", b"_")):
        headers = by_name([(HEADER, written)])
        verdict = verify(headers, b"Hello, World!", ["It's a Secret to Everybody"], SignatureFormat.BASE64, NOW)
        assert verdict.format is SignatureFormat.BASE64


def test_the_published_standard_webhooks_vector_holds() -> None:
    headers = [
        (b"webhook-id", b"msg_p5jXN8AQM9LWM0D4loKWxJek"),
        (b"webhook-timestamp", b"1614265330"),
        (b"webhook-signature", b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]
    secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    verdict = verify(by_name(headers), b'{"test": 2432232314}', secrets, SignatureFormat.STANDARD, 1614265330)
    assert verdict == Verified(SignatureFormat.STANDARD, "msg_p5jXN8AQM9LWM0D4loKWxJek")


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.json") if ".headers" not in path.name))
def test_a_stored_sample_verifies_alone_and_under_auto(name: str) -> None:
    sample = json.loads((SAMPLES / f"{name}.headers.json").read_text())
    headers = [(key.encode(), value.encode()) for key, value in sample["headers"]]
    body = (SAMPLES / f"{name}.json").read_bytes()
    for how in (SignatureFormat(sample["format"]), SignatureFormat.AUTO):
        verdict = verify(by_name(headers), body, [sample["secret"]], how, sample["now"])
        assert verdict.format == sample["format"]


@given(body=st.binary(max_size=200), secret=st.text(min_size=1), at=st.integers(0, 999_999_999_999))
@each_format
def test_what_was_signed_verifies(how: SignatureFormat, body: bytes, secret: str, at: int) -> None:
    if how is SignatureFormat.STANDARD and secret.startswith("whsec_"):
        secret = STANDARD_SECRET
    headers = [(b"content-type", b"application/json"), *signed(how, body=body, secret=secret, now=at)]
    expected = Verified(how, "msg_1" if how is SignatureFormat.STANDARD else None)
    assert verify(by_name(headers), body, [secret], how, at) == expected
    assert verify(by_name(headers), body, [secret], SignatureFormat.AUTO, at) == expected


@each_format
def test_any_of_three_secrets_verifies(how: SignatureFormat) -> None:
    secrets = ["test-only-one", "test-only-two", SECRET]
    for rotated in (secrets, secrets[::-1], [secrets[1], SECRET, secrets[0]]):
        assert verify(by_name(signed(how)), BODY, rotated, how, NOW).format is how
    assert is_refused(signed(how), how, secrets=("test-only-one", "test-only-two"))


@each_format
def test_no_secret_and_an_empty_secret_verify_nothing(how: SignatureFormat) -> None:
    digest = hmac.digest(b"", BODY, hashlib.sha256).hex()
    forged = [(HEADER, digest.encode())]
    assert is_refused(forged, SignatureFormat.HEX, secrets=("",))
    assert is_refused(signed(how), how, secrets=())
    with pytest.raises(ConfigurationError):
        sign(BODY, "", how, NOW, "msg_1")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64", "whsec_Q"])
def test_a_malformed_standard_secret_verifies_nothing(secret: str) -> None:
    assert is_refused(signed(SignatureFormat.STANDARD), SignatureFormat.STANDARD, secrets=(secret,))
    with pytest.raises(ConfigurationError) as caught:
        sign(BODY, secret, SignatureFormat.STANDARD, NOW, "msg_1")
    assert secret not in str(caught.value)


@pytest.mark.parametrize("how", [*BARE, SignatureFormat.TIMESTAMPED])
def test_a_whsec_secret_is_used_as_it_stands_outside_standard_webhooks(how: SignatureFormat) -> None:
    headers = sign(BODY, STANDARD_SECRET, SignatureFormat.HEX, NOW, "m")
    assert headers == [(HEADER, hmac.digest(STANDARD_SECRET.encode(), BODY, hashlib.sha256).hex().encode())]
    assert not is_refused(signed(how, secret=STANDARD_SECRET), how, secrets=(STANDARD_SECRET,))


@given(data=st.data())
@each_format
def test_one_changed_byte_anywhere_is_refused(how: SignatureFormat, data: st.DataObject) -> None:
    secret = STANDARD_SECRET if how is SignatureFormat.STANDARD else SECRET
    headers = signed(how, secret=secret)
    which = data.draw(st.integers(0, len(headers) + 1), "what is changed")
    original = [*(value for _, value in headers), BODY, secret.encode()][which]
    at = data.draw(st.integers(0, len(original) - 1))
    new = data.draw(st.integers(0, 255).filter(lambda byte: byte != original[at]))
    changed = original[:at] + bytes([new]) + original[at + 1 :]
    if which < len(headers):
        headers[which] = (headers[which][0], changed)
    body = changed if which == len(headers) else BODY
    if which > len(headers):
        secret = changed.decode("utf-8", "surrogateescape")
    for tried in (how, SignatureFormat.AUTO):
        assert is_refused(headers, tried, body=body, secrets=(secret,))


@each_format
def test_every_proper_prefix_and_one_byte_more_are_refused(how: SignatureFormat) -> None:
    headers = signed(how)
    name, value = headers[-1]
    wrong = [value[:length] for length in range(len(value))]
    wrong += [value + more for more in (b"0", b"=", b" ", b",", b"\n", b"\x00")] + [b" " + value]
    for each in wrong:
        for tried in (how, SignatureFormat.AUTO):
            assert is_refused(with_value(headers, name, each), tried), each


@each_format
def test_a_signature_in_another_format_is_refused(how: SignatureFormat) -> None:
    for other in FORMATS:
        assert is_refused(signed(other), how) is (other is not how)


DIGEST = hmac.digest(SECRET.encode(), BODY, hashlib.sha256)
TIMED_DIGEST = hmac.digest(SECRET.encode(), f"{NOW}.".encode() + BODY, hashlib.sha256).hex()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"v1",
        b"v1,",
        b"t=",
        b"sha256=",
        b"sha1=" + DIGEST.hex().encode(),
        b"SHA256=" + DIGEST.hex().encode(),
        b"\xff" * 64,
        "０".encode() * 64,  # noqa: RUF001 - full-width digits are the point
        DIGEST.hex().encode().replace(b"a", b"a ", 1),
        DIGEST.hex(" ").encode(),
        base64.b64encode(DIGEST)[:20] + b"!" + base64.b64encode(DIGEST)[20:],
        base64.b64encode(DIGEST)[:-1],
        base64.b64encode(DIGEST) + b"=",
        base64.b64encode(DIGEST[:31]),
        base64.b64encode(DIGEST + b"0"),
        b"a" * 16_384,
        b"t=%d," % NOW + b",".join([b"v1=" + TIMED_DIGEST.encode()] * 1_000),
        b"t=%d," % NOW + b",".join([b"v1=" + TIMED_DIGEST.encode()] * 11),
        b"t=%d,v1=%s," % (NOW, TIMED_DIGEST.encode()),
        b"t=%d,v0=%s" % (NOW, TIMED_DIGEST.encode()),
        b"t=%d,t=%d,v1=%s" % (NOW, NOW, TIMED_DIGEST.encode()),
        b"v1=%s,t=%d" % (TIMED_DIGEST.encode(), NOW),
        b"t=%d, v1=%s" % (NOW, TIMED_DIGEST.encode()),
        b"t=%d,v1=%s,v1=00" % (NOW, TIMED_DIGEST.encode()),
    ],
)
def test_a_malformed_header_is_refused_in_every_format(value: bytes) -> None:
    for how in SignatureFormat:
        assert is_refused([(HEADER, value)], how)
        if how is SignatureFormat.STANDARD:
            assert is_refused(with_value(signed(how), b"webhook-signature", value), how)


@each_format
def test_an_absent_or_repeated_header_is_refused(how: SignatureFormat) -> None:
    headers = signed(how)
    for tried in (how, SignatureFormat.AUTO):
        assert is_refused([], tried)
        for pair in headers:
            assert is_refused([each for each in headers if each != pair], tried)
            assert is_refused([*headers, pair], tried)
            assert is_refused([*headers, (pair[0].upper(), b"x")], tried)


def test_two_kinds_of_signature_at_once_are_refused_under_auto() -> None:
    assert is_refused(signed(SignatureFormat.STANDARD) + signed(SignatureFormat.HEX))


@pytest.mark.parametrize("how", TIMED)
def test_a_signed_time_counts_for_five_minutes_either_way(how: SignatureFormat) -> None:
    for seconds in (-TOLERANCE, 0, TOLERANCE):
        assert not is_refused(signed(how), how, now=NOW + seconds)
    for wrong in (-301, -300.5, 300.5, 301, 86_400, float("nan")):
        assert is_refused(signed(how), how, now=NOW + wrong)


@pytest.mark.parametrize(
    "time",
    [
        "",
        "nan",
        "inf",
        "1_7",
        "-1",
        "+1776261600",
        " 1776261600",
        "1776261600.0",
        "1e9",
        f"{NOW}000",
        "１７７６２６１６００",  # noqa: RUF001 - full-width digits are the point
    ],
)
def test_a_time_that_is_not_plain_seconds_is_refused_even_if_signed(time: str) -> None:
    timed = hmac.digest(SECRET.encode(), f"{time}.".encode() + BODY, hashlib.sha256).hex()
    assert is_refused([(HEADER, f"t={time},v1={timed}".encode())], SignatureFormat.TIMESTAMPED)
    standard = hmac.digest(SECRET.encode(), f"msg_1.{time}.".encode() + BODY, hashlib.sha256)
    triple = [(b"webhook-id", b"msg_1"), (b"webhook-timestamp", time.encode())]
    assert is_refused([*triple, (b"webhook-signature", b"v1," + base64.b64encode(standard))], SignatureFormat.STANDARD)


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\tb", "é", "a" * 201])
def test_a_message_id_that_could_be_read_two_ways_is_refused_even_if_signed(message_id: str) -> None:
    assert is_refused(sign(BODY, SECRET, SignatureFormat.STANDARD, NOW, message_id), SignatureFormat.STANDARD)


@pytest.mark.parametrize("how", TIMED)
def test_one_right_signature_among_ten_is_enough_and_other_versions_are_passed_over(how: SignatureFormat) -> None:
    *others, (name, value) = signed(how)
    right = value.split(b",")[-1]
    separator, mark, foreign = (
        (b",", b"v1=", b"v0=abc") if how is SignatureFormat.TIMESTAMPED else (b" ", b"v1,", b"v1a,abc")
    )
    wrong = mark + (b"0" * 64 if how is SignatureFormat.TIMESTAMPED else base64.b64encode(bytes(32)))
    right = right if how is SignatureFormat.TIMESTAMPED else mark + right
    start = b"t=%d," % NOW if how is SignatureFormat.TIMESTAMPED else b""
    ten = start + separator.join([wrong] * 8 + [foreign, right])
    assert not is_refused([*others, (name, ten)], how)
    assert is_refused([*others, (name, start + separator.join([wrong] * 9 + [foreign, right]))], how)


def test_another_senders_header_carries_the_signature_where_asked_for() -> None:
    headers = sign(BODY, SECRET, SignatureFormat.PREFIXED, NOW, "m", header="x-hub-signature")
    assert headers[0][0] == b"x-hub-signature"
    verdict = verify(by_name(headers), BODY, [SECRET], SignatureFormat.PREFIXED, NOW, header="X-Hub-Signature")
    assert verdict.format is SignatureFormat.PREFIXED
    assert is_refused(headers, SignatureFormat.PREFIXED)


def test_auto_signs_without_a_time() -> None:
    assert signed(SignatureFormat.AUTO) == signed(SignatureFormat.HEX)


names = st.sampled_from([HEADER, b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"x-other"])
texts = st.text(alphabet="tv1=,sha256 0af+/-_", max_size=80).map(str.encode)


@given(headers=st.lists(st.tuples(names, st.one_of(st.binary(max_size=80), texts)), max_size=5))
@pytest.mark.parametrize("how", SignatureFormat)
def test_whatever_the_headers_hold_nothing_but_a_refusal_comes_out(how: SignatureFormat, headers: Pairs) -> None:
    assert is_refused(headers, how)
