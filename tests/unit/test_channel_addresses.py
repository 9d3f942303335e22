"""The addresses of many channels are looked at a few at a time, and one that nobody saw is not called usable."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from remediation.mapping.reading.loading import load_mappings
from remediation.outbound.channels import SendOutcome, SendResult
from remediation.read_model.status.levels import Level
from remedy.doctor.outside import channel_check
from remedy.notify import addresses
from remedy.notify.addresses import ChannelInspector


async def test_no_more_than_four_processes_look_at_addresses_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = set[str](), 0

    async def looked_at(url: str) -> None:
        nonlocal most
        running.add(url)
        most = max(most, len(running))
        await asyncio.sleep(0)
        running.discard(url)

    monkeypatch.setattr(addresses, "address_flaw", looked_at)
    found = await ChannelInspector({f"desk-{number}": f"jsons://h/{number}" for number in range(20)}).inspect(
        cast("Any", None)
    )
    assert (len(found), most) == (20, 4)


SHIPPED = (Path(__file__).parents[2] / "mappings.yaml").read_text(encoding="utf-8")
LOOKED_AT = {
    "good": None,
    "plain": SendResult(SendOutcome.PLAIN),
    "late": SendResult(SendOutcome.TIMED_OUT),
    "broken": SendResult(SendOutcome.BROKEN),
}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["good"], [("channels", Level.OK, "", "1 address of a form that can be used")]),
        (
            ["good", "late", "broken"],
            [
                ("channel late", Level.WARNING, "channel-unseen", "it took too long to look at it"),
                ("channel broken", Level.WARNING, "channel-unseen", "the process that sends it has failed"),
            ],
        ),
        (
            ["plain", "late"],
            [
                ("channel plain", Level.FAILURE, "channel-address", SendResult(SendOutcome.PLAIN).words),
                ("channel late", Level.WARNING, "channel-unseen", "it took too long to look at it"),
            ],
        ),
    ],
)
async def test_the_doctor_calls_no_address_usable_that_could_not_be_looked_at(
    names: list[str], told: list[tuple[str, Level, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def looked_at(url: str) -> SendResult | None:
        return LOOKED_AT[url]

    monkeypatch.setattr(addresses, "address_flaw", looked_at)
    for name in names:
        monkeypatch.setenv(f"URL_OF_{name.upper()}", name)
    path = tmp_path / "mappings.yaml"
    channels = "".join(f"  {name}: {{url: {{env: URL_OF_{name.upper()}}}}}\n" for name in names)
    path.write_text(f"{SHIPPED}\nnotify:\n{channels}")
    found = await channel_check(load_mappings(path)).look()
    assert [(each.what, each.severity, each.code, each.says) for each in found] == told
