"""Files of reports come from hosts that are allowed, whole or not at all, and their signed addresses stay secret."""

import asyncio
import gzip
from collections.abc import Callable

import httpx2
import pytest

from remediation.domain.errors import OutsideError, Refused, TryLater, Waiting
from remediation.sources.schoolscan import downloads
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.downloads import AddressExpired, FileDownloads, address_flaw

BASE = "https://api.schoolscan.example/v1"
SIGNED = "https://files.example/r/rep_1?expires=1&signature=ZZPII-signed"
HOSTS = ["files.example", "*.store.example"]


@pytest.mark.parametrize(
    "address",
    [
        SIGNED,
        "https://FILES.example:443/r",
        "https://a.store.example/r",
        "https://a.b.store.example/r",
        "https://api.schoolscan.example/v1/files/r",
    ],
)
def test_a_signed_address_may_lead_to_hosts_that_are_allowed(address: str) -> None:
    assert address_flaw(address, BASE, HOSTS) is None


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("https://evil.example/r?signature=ZZPII", "is on evil.example, which is not among download_hosts"),
        ("https://store.example/r", "is on store.example"),
        ("https://evilstore.example/r", "is on evilstore.example"),
        ("https://files.example.evil.example/r", "is on files.example.evil.example"),
        ("https://files.example./r", "is on files.example."),
        ("https://169.254.169.254/latest", "is on 169.254.169.254"),
        ("https://127.0.0.1/r", "is on 127.0.0.1"),
        ("http://files.example/r", "is not https on its usual port"),
        ("http://api.schoolscan.example/r", "is not https on its usual port"),
        ("https://files.example:8443/r", "is not https on its usual port"),
        ("ftp://files.example/r", "is not https on its usual port"),
        ("https://files.example@evil.example/r", "names a user"),
        ("https://user:password@files.example/r", "names a user"),
        ("https://[::1/r", "is not valid"),
        ("https://files.example:port/r", "is not valid"),
        ("file:///etc/passwd", "is not https on its usual port"),
        ("https:///r", "is on "),
    ],
)
def test_no_other_address_is_asked_and_none_is_quoted(address: str, says: str) -> None:
    flaw = address_flaw(address, BASE, HOSTS)
    assert flaw is not None
    assert flaw.startswith(says)
    assert "ZZPII" not in flaw


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000/v1", "http://localhost:8000/v1", "http://[::1]:8000/v1"])
def test_a_stand_in_on_this_machine_may_have_its_files_on_another_port(base: str) -> None:
    assert address_flaw("http://127.0.0.1:9000/files/r", base, []) is None
    assert address_flaw("http://files.example/r", base, HOSTS) is not None
    assert address_flaw("http://127.0.0.1:9000/files/r", BASE, []) is not None


class Store:
    """What the API and the store of files answer, and what each was asked."""

    def __init__(self, *answers: Callable[[], httpx2.Response], signed: str = SIGNED) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []
        self.addresses = 0
        self._signed = signed

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "api.schoolscan.example":
            self.addresses += 1
            return httpx2.Response(200, json={"url": f"{self._signed}{self.addresses}"})
        self.asked.append(request)
        return self.answers.pop(0)()

    async def fetch(self, largest: int = 100) -> bytes:
        pieces: list[bytes] = []
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(self)) as client:
            account = SchoolScan("lakeside", BASE, "test-only-token", client=client, download_hosts=HOSTS)
            await account.fetch_report("rep_1", pieces.append, largest)
        return b"".join(pieces)


def answer(status: int = 200, content: bytes = b"whole", **headers: str) -> Callable[[], httpx2.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx2.Response(status, stream=httpx2.ByteStream(content), headers=named)


def fails(error: type[httpx2.TransportError]) -> Callable[[], httpx2.Response]:
    def failing() -> httpx2.Response:
        raise error("https://files.example/r?signature=ZZPII-signed")

    return failing


async def test_the_districts_token_is_not_sent_with_a_signed_address() -> None:
    store = Store(answer())
    assert await store.fetch() == b"whole"
    (request,) = store.asked
    assert not request.headers.keys() & {"authorization", "cookie"}
    assert request.headers["accept-encoding"] == "identity"


async def test_an_address_that_has_expired_is_asked_for_once_more() -> None:
    store = Store(answer(403), answer())
    assert await store.fetch() == b"whole"
    assert store.addresses == 2
    assert store.asked[0].url != store.asked[1].url
    with pytest.raises(AddressExpired):
        await Store(answer(403), answer(403)).fetch()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    store = Store(answer(status, location="https://files.example/other?signature=ZZPII"))
    with pytest.raises(Refused, match="not followed"):
        await store.fetch()
    assert len(store.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (404, Refused), (408, TryLater), (429, TryLater), (500, TryLater), (503, TryLater)],
)
async def test_what_the_store_of_files_refuses_or_cannot_do_is_told_by_its_status(
    status: int, kind: type[OutsideError]
) -> None:
    with pytest.raises(kind) as caught:
        await Store(answer(status, b"<Error>ZZPII</Error>", retry_after="7")).fetch()
    assert caught.value.status == status
    assert "ZZPII" not in str(caught.value)
    assert not isinstance(caught.value, TryLater) or caught.value.after == 7


async def test_a_page_in_place_of_a_report_is_none() -> None:
    with pytest.raises(TryLater, match="a page came") as caught:
        await Store(answer(content_type="Text/HTML; charset=utf-8")).fetch()
    assert caught.value.waiting is Waiting.AWAY


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_file_that_is_too_large_is_given_up(*, compressed: bool) -> None:
    def of(size: int) -> Callable[[], httpx2.Response]:
        content = b"x" * size
        if compressed:
            return answer(content=gzip.compress(content), content_encoding="gzip")
        return answer(content=content)

    assert len(await Store(of(100)).fetch()) == 100
    with pytest.raises(Refused, match="more than 100 bytes"):
        await Store(of(101)).fetch()


PACKED = gzip.compress(b"whole" * 20, mtime=0)


@pytest.mark.parametrize("packed", [PACKED[:20], PACKED[:-1], PACKED + b"x", b"no gzip at all", b""])
async def test_a_packed_file_whose_end_is_missing_is_for_later(packed: bytes) -> None:
    """Also where HTTP counts its bytes right: httpx2 takes what could be unpacked for the whole."""
    with pytest.raises(TryLater, match="did not come whole"):
        await Store(answer(content=packed, content_encoding="gzip")).fetch()


async def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    assert await Store(answer(content_encoding="Identity")).fetch() == b"whole"
    with pytest.raises(Refused, match="encoding"):
        await Store(answer(content=b"whole", content_encoding="br")).fetch()


async def test_a_packed_file_is_unpacked_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_UNPACKED_AT_ONCE", 7)
    assert await Store(answer(content=PACKED, content_encoding="gzip")).fetch() == b"whole" * 20


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ReadError, httpx2.RemoteProtocolError])
async def test_a_broken_connection_is_for_later_and_quotes_nothing(error: type[httpx2.TransportError]) -> None:
    with pytest.raises(TryLater) as caught:
        await Store(fails(error), fails(error)).fetch()
    assert "ZZPII" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_file_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        return httpx2.Response(200)

    monkeypatch.setattr(downloads, "WHOLE_FILE_SECONDS", 0.01)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(never)) as client:
        files = FileDownloads("schoolscan:lakeside", BASE, HOSTS, client, lambda: 0.0)
        with pytest.raises(TryLater, match="in time"):
            await files.fetch(SIGNED, list, 100)
