"""A worker takes changed certificates of OUTBOUND_CA_FILE while it runs: for SchoolScan, and for both trackers."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from remediation.mapping.reading.loading import Loaded
from remedy.runtime import polling
from remedy.runtime.assembly import worker_files
from remedy.runtime.reload import Follower
from tests.certificates import Authority
from tests.contract.unavailable import MAPPINGS, ask_all, unavailable


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def asked(authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """What a server was asked for whose certificate is of this authority."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.issue("localhost"))
    with unavailable(tls) as server:
        address = f"https://localhost:{server.port}"
        (tmp_path / "mappings.yaml").write_text(MAPPINGS.replace("<server>", address))
        monkeypatch.setenv("TEST_TOKEN", "test-only-token")
        monkeypatch.setattr(polling, "POLL_SECONDS", 0.02)
        yield server.asked


async def test_changed_certificates_are_taken_and_a_broken_file_is_refused(
    asked: list[str], authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "trusted.pem"
    file.write_bytes(Authority(tmp_path, "another one").file.read_bytes())
    monkeypatch.setenv("OUTBOUND_CA_FILE", str(file))
    follower = Follower(tmp_path / "mappings.yaml", partial(worker_files, outbound_ca=file), time.time)
    await ask_all(follower.first())
    assert asked == []
    taken = asyncio.Event()

    async def take(loaded: Loaded) -> None:
        await ask_all(loaded)
        taken.set()

    async with follower.following(take), asyncio.timeout(20):
        file.write_text("no certificate")
        while not follower.problems:  # noqa: ASYNC110 - files have no event to wait for
            await asyncio.sleep(0.02)
        assert "OUTBOUND_CA_FILE" in follower.problems[0]
        assert not taken.is_set()
        file.write_bytes(authority.file.read_bytes())
        await taken.wait()
        while follower.problems:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
    hosts = {address.split("?")[0].split("/")[1] for address in asked}
    assert hosts == {"v1", "jira", "api"}
