"""REDIS_URL is read by us: what it may say, and that no refusal quotes anything of it."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from remediation.redis_address import RedisAddress, RedisHost, RedisSignIn, SentinelGroup, UnixSocket

HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]{1,5}){0,2}", fullmatch=True)
SERVERS = st.builds(RedisHost, HOSTS, st.integers(1, 65_535))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True)
PLACES = st.one_of(
    SERVERS,
    st.builds(UnixSocket, WORDS.filter(lambda path: path.strip("/") != "").map(lambda path: f"/{path}")),
    st.builds(SentinelGroup, st.lists(SERVERS, min_size=1, max_size=3, unique=True).map(tuple), NAMES),
)


def written(address: RedisAddress) -> str:
    """A URL that spells the address out."""
    sign_in = ""
    if address.sign_in:
        parts = (quote(each or "", safe="") for each in (address.sign_in.username, address.sign_in.password))
        sign_in = ":".join(parts) + "@"
    secure = "s" if address.uses_tls else ""
    match address.place:
        case UnixSocket(path):
            return f"unix://{sign_in}{quote(path)}?db={address.database}"
        case RedisHost() as server:
            return f"redis{secure}://{sign_in}{server}/{address.database}"
        case SentinelGroup(sentinels, master):
            return f"redis{secure}+sentinel://{sign_in}{','.join(map(str, sentinels))}/{master}/{address.database}"


def outcome(url: str) -> tuple[RedisAddress | None, str]:
    """The address, or why it is none."""
    try:
        return RedisAddress.parse(url), ""
    except ValueError as error:
        return None, str(error)


@given(PLACES, st.booleans(), st.integers(0, 999), WORDS, WORDS)
def test_what_can_be_said_is_read_as_it_was_meant(
    place: RedisHost | UnixSocket | SentinelGroup,
    secure: bool,  # noqa: FBT001 - drawn
    database: int,
    username: str,
    password: str,
) -> None:
    uses_tls = secure and not isinstance(place, UnixSocket)
    address = RedisAddress(place, uses_tls, database, RedisSignIn(username or None, password or None))
    assert RedisAddress.parse(written(address)) == address


@given(
    WORDS.filter(lambda word: len(word) > 3), st.sampled_from(["redis", "rediss", "unix", "redis+sentinel", "http", ""])
)
@example("ab/cd@ef", "redis")
@example("12/34", "redis")
def test_a_refusal_quotes_nothing_of_a_password_that_was_not_escaped(password: str, scheme: str) -> None:
    url = f"{scheme}://:«{password}»@redis.example:6379/0"
    address, refusal = outcome(url)
    if address is None:
        assert not set(refusal) & set("«»")
    else:
        assert address.sign_in.password == f"«{unquote(password)}»", "read whole, or not at all"


@given(st.text(max_size=60))
def test_any_other_text_is_an_address_or_one_sentence(text: str) -> None:
    for url in (text, f"redis://{text}", f"unix://{text}", f"redis+sentinel://{text}"):
        address, refusal = outcome(url)
        assert (address is None) == bool(refusal)
        assert "\n" not in refusal


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://redis.example", RedisAddress(RedisHost("redis.example", 6379))),
        ("redis://redis.example/", RedisAddress(RedisHost("redis.example", 6379))),
        ("REDISS://redis.example:6380/3", RedisAddress(RedisHost("redis.example", 6380), uses_tls=True, database=3)),
        ("redis://[::1]:7000?db=2", RedisAddress(RedisHost("::1", 7000), database=2)),
        ("redis://redis.default.svc.:1/0", RedisAddress(RedisHost("redis.default.svc.", 1))),
        (
            "redis://remedy:a%2Fb%23c%40@r.example",
            RedisAddress(RedisHost("r.example", 6379), sign_in=RedisSignIn("remedy", "a/b#c@")),
        ),
        ("redis://:a@b:c@r.example", RedisAddress(RedisHost("r.example", 6379), sign_in=RedisSignIn(None, "a@b:c"))),
        ("unix:///run/a%20b.sock?db=1", RedisAddress(UnixSocket("/run/a b.sock"), database=1)),
        ("unix://remedy:x@/run/r.sock", RedisAddress(UnixSocket("/run/r.sock"), sign_in=RedisSignIn("remedy", "x"))),
        (
            "rediss+sentinel://a.example,b.example:26380/main/4",
            RedisAddress(
                SentinelGroup((RedisHost("a.example", 26379), RedisHost("b.example", 26380)), "main"),
                uses_tls=True,
                database=4,
            ),
        ),
    ],
)
def test_every_form_is_read(url: str, address: RedisAddress) -> None:
    assert RedisAddress.parse(url) == address


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "must begin with redis://"),
        ("redis.example:6379", "must begin with redis://"),
        ("rediscluster://r.example", "must begin with redis://"),
        (" redis://r.example", "holds a space, or what is no text"),
        ("redis://r.example\n", "holds a space, or what is no text"),
        ("redis://:\udcff@r.example", "holds a space, or what is no text"),
        ("redis://", "names no host"),
        ("redis:///0", "names no host"),
        ("redis://:6379/0", "names no host"),
        ("redis://:test-only/pass@r.example", "an @ behind the host"),
        ("redis://:test-only#pass@r.example", "holds a #"),
        ("redis://:test-only?pass@r.example", "an @ behind the host"),
        ("redis://:test-only%pass@r.example", "a % that begins no escape"),
        ("redis://:test-only%ffpass@r.example", "no UTF-8"),
        ("redis://u:12/34@r.example", "an @ behind the host"),
        ("redis://a.example:6379,b.example:6379/0", "names several hosts"),
        ("redis://r.example:70000", "the port must be a whole number from 1"),
        ("redis://r.example:0", "the port must be a whole number from 1"),
        ("redis://r.example:port", "the port must be a whole number from 1"),
        ("redis://r.example:", "the port must be a whole number from 1"),
        ("redis://[::1", "names no host"),
        ("redis://r%2eexample", "characters that no host has"),
        ("redis://r.example/zero", "the database must be a whole number"),
        ("redis://r.example/-1", "the database must be a whole number"),
        ("redis://r.example/1/2", "the database must be a whole number"),
        ("redis://r.example/٣", "the database must be a whole number"),
        ("redis://r.example?db=zero", "the database must be a whole number"),
        ("redis://r.example/1?db=1", "names the database twice"),
        ("redis://r.example?db=1&db=1", "names the database twice"),
        ("redis://r.example?decode_responses=false", "a parameter other than db"),
        ("redis://r.example?socket_timeout=soon", "a parameter other than db"),
        ("redis://r.example?db", "parameters that cannot be read"),
        ("rediss://r.example?ssl_ca_certs=/etc/ca.pem", "set REDIS_CA_FILE"),
        ("rediss://r.example?ssl_check_hostname=false", "set REDIS_TLS_VERIFY_NAME"),
        ("rediss://r.example?ssl_cert_reqs=none", "ssl_cert_reqs is not taken"),
        ("rediss://r.example?ssl_certfile=c&ssl_keyfile=k", "set REDIS_CERT_FILE"),
        ("unix:///run/r.sock?password=test-only", "set REDIS_PASSWORD"),
        ("unix://run/r.sock", "must name an absolute path"),
        ("unix://", "must name an absolute path"),
        ("unix:///", "must name an absolute path"),
        ("redis+sentinel://a.example,b.example", "the name under which the sentinels know the primary"),
        ("redis+sentinel://a.example//0", "the name under which the sentinels know the primary"),
        ("redis+sentinel://a.example,/main", "names no host"),
        ("redis+sentinel://a.example,a.example:26379/main", "names the same sentinel twice"),
        ("redis+sentinel://a.example/main/x", "the database must be a whole number"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_quotes_nothing(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        RedisAddress.parse(url)
    for quoted in ("test-only", "r.example", "34", "zero", "false", "soon", "/etc", "r.sock"):
        assert quoted not in str(refused.value)


def test_a_password_is_not_shown() -> None:
    address = RedisAddress.parse("redis://remedy:test-only-password@r.example")
    assert "test-only" not in repr(address)
