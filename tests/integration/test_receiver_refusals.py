"""P3, nobody else: what is not provably from its sender gets 401 with one body, and leaves no trace in Redis."""

from collections.abc import Callable

import pytest

from remediation.deliveries.signatures import SignatureFormat, sign
from remediation.sealing import Keyring
from remediation.store.deliveries.signing import (
    NOTED_SECONDS,
    SignedTime,
    SignedTimes,
    forget_signed_time,
    read_signed_times,
)
from remediation.store.keys import SIGNED_TIMES
from remediation.store.server.connection import Connection
from tests.integration.receivers import SECRET, Pairs, Receiver, account, event, keyspace

HEADER = b"x-schoolscan-signature"
BODY = event()
SIGNED = [form for form in SignatureFormat if form is not SignatureFormat.AUTO]
NOW = 1_800_000_000.0


def signed(form: SignatureFormat, now: float = NOW, secret: str = SECRET, body: bytes = BODY) -> dict[bytes, bytes]:
    return dict(sign(body, secret, form, now, "msg_1"))


def value_of(form: SignatureFormat) -> tuple[bytes, bytes]:
    """The header that carries the signature, and its value."""
    name = b"webhook-signature" if form is SignatureFormat.STANDARD else HEADER
    return name, signed(form)[name]


def altered(form: SignatureFormat, change: Callable[[bytes], bytes]) -> Pairs:
    """A good signature with one thing changed."""
    name, value = value_of(form)
    return list({**signed(form), name: change(value)}.items())


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "v1": lambda _: b"v1",
    "v1 and a comma": lambda _: b"v1,",
    "one byte more": lambda value: value + b"0",
    "one byte more in front": lambda value: b"0" + value,
    "another last byte": lambda value: value[:-2] + (b"00" if value[-2:] != b"00" else b"11"),
    "not ASCII": lambda value: value[:-1] + b"\xe9",
    "full-width digits": lambda value: value[:-1] + "\uff11".encode(),
    "white space inside": lambda value: value[:40] + b" " + value[40:],
    "a tab inside": lambda value: value[:40] + b"\t" + value[40:],
    "junk inside": lambda value: value[:40] + b"!" + value[40:],
    "16 KB long": lambda value: value + b"A" * 16_384,
    "a thousand signatures": lambda value: b" ".join([value] * 1_000),
    "a thousand signatures with commas": lambda value: value + b"".join([b",v1=" + b"0" * 64] * 1_000),
    "twice in one value": lambda value: value + b", " + value,
}

TIMES: dict[str, bytes] = {
    "nan": b"nan",
    "inf": b"inf",
    "with an underscore": b"1_7",
    "full-width": "\uff11\uff18".encode() + b"00000000",
    "milliseconds": b"1800000000000",
    "301 s ago": b"1799999699",
    "301 s ahead": b"1800000301",
    "negative": b"-1800000000",
    "with a sign": b"+1800000000",
    "hexadecimal": b"0x6b49d200",
    "empty": b"",
    "long": b"1" * 13,
    "a fraction": b"1800000000.5",
}


def with_time(form: SignatureFormat, time: bytes) -> Pairs:
    """Well signed over a time that is none of ours."""
    if form is SignatureFormat.STANDARD:
        headers = signed(form)
        prefix = b"msg_1." + time + b"."
        mac = signed(SignatureFormat.BASE64, body=prefix + BODY)[HEADER]
        return list({**headers, b"webhook-timestamp": time, b"webhook-signature": b"v1," + mac}.items())
    mac = signed(SignatureFormat.HEX, body=time + b"." + BODY)[HEADER]
    return [(HEADER, b"t=" + time + b",v1=" + mac)]


class Refusals:
    """A receiver, what it keeps before, and what all refusals have in common."""

    def __init__(self, connection: Connection, keyring: Keyring, form: SignatureFormat) -> None:
        self.redis = connection.redis
        self.receiver = Receiver(connection, keyring, {"lakeside": account(signature=form)})

    async def hold(self, cases: list[Pairs]) -> None:
        """Every one of these is refused, in the same words, and nothing at all is written."""
        await self.receiver.deliver(event(99), SignatureFormat.STANDARD if self.is_standard else self.form)
        before = await keyspace(self.redis)
        assert before, "there is something that could be changed"
        seen = set()
        for headers in cases:
            answer = await self.receiver.post(headers, BODY)
            told = {name: value for name, value in answer.headers.items() if name != "x-request-id"}  # made by chance
            seen.add((answer.status_code, answer.content, tuple(sorted(told.items()))))
            assert answer.status_code == 401, headers
        assert len(seen) == 1, seen
        assert await keyspace(self.redis) == before

    @property
    def form(self) -> SignatureFormat:
        return self.receiver.accounts["lakeside"].signature

    @property
    def is_standard(self) -> bool:
        return self.form is SignatureFormat.STANDARD


@pytest.mark.parametrize("form", SIGNED)
async def test_no_signature_that_is_not_quite_right_is_let_in(
    connection: Connection, keyring: Keyring, form: SignatureFormat
) -> None:
    cases = [altered(form, change) for change in CHANGES.values()]
    name, value = value_of(form)
    cases += [altered(form, lambda _, cut=cut: value[:cut]) for cut in range(len(value))]  # type: ignore[misc]
    without = [pair for pair in signed(form).items() if pair[0] != name]
    cases += [without, [*signed(form).items(), (name, value)], [*without, (name.upper(), value), (name, value)]]
    cases += [list(signed(form, secret=secret).items()) for secret in ("test-only-other", SECRET + " ", SECRET[:-1])]
    cases += [list(signed(form, body=body).items()) for body in (BODY + b" ", BODY[:-1], b"")]
    await Refusals(connection, keyring, form).hold(cases)


@pytest.mark.parametrize("form", [SignatureFormat.TIMESTAMPED, SignatureFormat.STANDARD])
async def test_no_time_that_is_not_quite_right_is_let_in(
    connection: Connection, keyring: Keyring, form: SignatureFormat
) -> None:
    await Refusals(connection, keyring, form).hold([with_time(form, time) for time in TIMES.values()])


@pytest.mark.parametrize("form", [SignatureFormat.TIMESTAMPED, SignatureFormat.STANDARD])
@pytest.mark.parametrize("off", [-300, 300])
async def test_a_time_of_just_the_tolerance_is_let_in(
    connection: Connection, keyring: Keyring, form: SignatureFormat, off: int
) -> None:
    receiver = Receiver(connection, keyring, {"lakeside": account(signature=form)})
    answer = await receiver.post(list(signed(form, NOW + off).items()), BODY)
    assert answer.status_code == 202


@pytest.mark.parametrize("form", SIGNED)
async def test_one_format_is_not_taken_for_another(
    connection: Connection, keyring: Keyring, form: SignatureFormat
) -> None:
    others: list[Pairs] = [list(signed(other).items()) for other in SIGNED if other is not form]
    await Refusals(connection, keyring, form).hold(others)


@pytest.mark.parametrize("form", SIGNED)
async def test_a_refusal_under_auto_leaves_no_trace_either(
    connection: Connection, keyring: Keyring, form: SignatureFormat
) -> None:
    receiver = Receiver(connection, keyring, {"lakeside": account(signature=SignatureFormat.AUTO)})
    for change in CHANGES.values():
        assert (await receiver.post(altered(form, change), BODY)).status_code == 401
    assert (await receiver.post(list(signed(form, secret="test-only-other").items()), BODY)).status_code == 401
    assert await keyspace(connection.redis) == {}


async def test_a_signature_of_one_district_is_worth_nothing_in_another(
    connection: Connection, keyring: Keyring
) -> None:
    accounts = {name: account(name, (f"test-only-{name}",)) for name in ("lakeside", "hillside")}
    receiver = Receiver(connection, keyring, accounts)
    answer = await receiver.deliver(BODY, secret="test-only-lakeside", path="/webhooks/schoolscan/hillside")
    assert answer.status_code == 401
    assert await keyspace(connection.redis) == {}


async def test_what_is_refused_is_not_parsed_and_what_it_says_is_not_told(
    connection: Connection, keyring: Keyring
) -> None:
    receiver = Receiver(connection, keyring)
    for body in (BODY, b"{" * 2_000, b""):
        answer = await receiver.post([(HEADER, b"t=1800000000,v1=" + b"0" * 64)], body)
        assert (answer.status_code, answer.content) == (401, b"Unauthorized\n")


# `auto`, for the first day.


def auto(connection: Connection, keyring: Keyring) -> Receiver:
    accounts = {name: account(name, signature=SignatureFormat.AUTO) for name in ("lakeside", "hillside")}
    return Receiver(connection, keyring, accounts)


@pytest.mark.parametrize("seen", [SignatureFormat.TIMESTAMPED, SignatureFormat.STANDARD])
@pytest.mark.parametrize("bare", [SignatureFormat.HEX, SignatureFormat.PREFIXED, SignatureFormat.BASE64])
async def test_once_a_signed_time_was_seen_a_bare_signature_is_refused_by_every_receiver(
    connection: Connection, keyring: Keyring, seen: SignatureFormat, bare: SignatureFormat
) -> None:
    first, second = auto(connection, keyring), auto(connection, keyring)
    assert (await second.deliver(event(1), bare)).status_code == 202
    assert (await first.deliver(event(2), seen)).status_code == 202
    restarted = auto(connection, keyring)
    for receiver in (first, second, restarted):
        assert (await receiver.deliver(event(3), bare)).status_code == 401
        assert (await receiver.deliver(event(4), seen)).status_code == 202
    hillside = await first.deliver(event(5), bare, path="/webhooks/schoolscan/hillside")
    assert hillside.status_code == 202, "another district's sender may still be without"


@pytest.mark.parametrize("bare", [SignatureFormat.HEX, SignatureFormat.PREFIXED, SignatureFormat.BASE64])
async def test_a_forged_time_does_not_lock_an_honest_sender_out(
    connection: Connection, keyring: Keyring, bare: SignatureFormat
) -> None:
    receiver = auto(connection, keyring)
    for form in (SignatureFormat.TIMESTAMPED, SignatureFormat.STANDARD):
        assert (await receiver.deliver(event(1), form, secret="test-only-forger")).status_code == 401
    assert (await receiver.deliver(event(2), bare)).status_code == 202


async def test_a_signed_time_that_shut_the_sender_out_is_told_and_can_be_taken_back(
    connection: Connection, keyring: Keyring
) -> None:
    first, second = auto(connection, keyring), auto(connection, keyring)
    assert await read_signed_times(connection) == []
    assert (await first.deliver(event(1), SignatureFormat.TIMESTAMPED)).status_code == 202
    at = first.clock()
    assert await read_signed_times(connection) == [SignedTime("lakeside", at, "first")]
    second.clock.pass_by(10)
    assert (await second.deliver(event(2), SignatureFormat.HEX)).status_code == 401
    assert await read_signed_times(connection) == [SignedTime("lakeside", at, "first", second.clock())]
    assert await forget_signed_time(connection, "lakeside")
    assert not await forget_signed_time(connection, "lakeside")
    for receiver in (first, second):
        assert (await receiver.deliver(event(3), SignatureFormat.HEX)).status_code == 202
    assert await read_signed_times(connection) == []


async def test_what_was_taken_back_is_known_again_after_the_next_signed_time_within_a_minute(
    connection: Connection, keyring: Keyring
) -> None:
    steady = [0.0]
    times = SignedTimes(connection, lambda: steady[0])
    await times.note("lakeside", 100.0, "first")
    await forget_signed_time(connection, "lakeside")
    await times.note("lakeside", 101.0, "first")
    assert not await times.refuses("lakeside", 102.0)
    steady[0] += NOTED_SECONDS
    await times.note("lakeside", 161.0, "second")
    assert await times.refuses("lakeside", 162.0)
    assert await read_signed_times(connection) == [SignedTime("lakeside", 161.0, "second", 162.0)]


async def test_a_district_that_an_earlier_version_noted_is_shown_and_taken_back(
    connection: Connection, keyring: Keyring
) -> None:
    await connection.ask(connection.redis.sadd(SIGNED_TIMES, "lakeside"))
    receiver = auto(connection, keyring)
    assert await read_signed_times(connection) == [SignedTime("lakeside")]
    assert (await receiver.deliver(event(1), SignatureFormat.HEX)).status_code == 401
    assert await forget_signed_time(connection, "lakeside")
    assert (await receiver.deliver(event(1), SignatureFormat.HEX)).status_code == 202
