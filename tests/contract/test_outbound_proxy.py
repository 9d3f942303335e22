"""Every client goes through the proxy that the environment names: SchoolScan's and both trackers'."""

from collections.abc import Iterator

import pytest

from remediation.mapping.reading.loading import loaded_of
from tests.contract.unavailable import MAPPINGS, ask_all, unavailable

NOBODY = "http://localhost:9"
"""Where nothing listens."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses that a proxy was asked for."""
    with unavailable() as proxy:
        monkeypatch.setenv("OUTBOUND_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("TEST_TOKEN", "test-only-token")
        yield proxy.asked


async def test_every_client_goes_through_the_proxy(asked: list[str]) -> None:
    await ask_all(loaded_of(MAPPINGS.replace("<server>", NOBODY), "mappings.yaml"))
    hosts = {address.split("?")[0] for address in asked}
    assert {address for address in hosts if address.startswith(f"{NOBODY}/v1/findings/")}
    assert {address for address in hosts if address.startswith(f"{NOBODY}/jira/rest/api/2/myself")}
    assert {address for address in hosts if address.startswith(f"{NOBODY}/api/now/")}
