"""Messages to people, sent by Apprise in a process of its own for each.

That process gets the channel's address on its standard input, and nothing else of ours: no environment, no data keys,
no connection. It can be ended at any moment, whatever a server does to it, and nothing that Apprise writes or raises
gets out of it but one word of ours and a status. Workers never import Apprise, which takes as long as their start.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

SECONDS = 12.0
"""Seconds until a message is given up: a round has 30, and several channels at once."""

AT_ONCE = 4
"""Processes at once: each has seconds for its start, which twenty of them on one core would take from each other."""

_COMMAND = (sys.executable, "-I", "-m", "remediation.outbound.apprise_process")
_NO_HOME = "/nonexistent"
"""requests reads passwords from a file in the home of its user: there is none."""


class SendOutcome(StrEnum):
    """What became of a message."""

    SENT = "sent"
    PARTLY = "partly"
    """Some of the channel's recipients have it."""
    NOT_TAKEN = "not_taken"
    UNREACHED = "unreached"
    TIMED_OUT = "timed_out"
    """Whether it was taken is not known."""
    UNKNOWN = "unknown"
    PLAIN = "plain"
    UNVERIFIED = "unverified"
    BROKEN = "broken"

    @property
    def is_over(self) -> bool:
        """Whether it is not to be sent again: somebody has it."""
        return self in {SendOutcome.SENT, SendOutcome.PARTLY}

    @property
    def is_about_address(self) -> bool:
        """Whether only another address helps."""
        return self in {SendOutcome.UNKNOWN, SendOutcome.PLAIN, SendOutcome.UNVERIFIED}


_WORDS: Mapping[SendOutcome, str] = {
    SendOutcome.SENT: "sent",
    SendOutcome.PARTLY: "sent to some of its recipients, and not to all",
    SendOutcome.NOT_TAKEN: "the server did not take it",
    SendOutcome.UNREACHED: "the server cannot be reached, or its certificate is not trusted, or it hung up",
    SendOutcome.TIMED_OUT: f"the server did not take it within {SECONDS:.0f} seconds",
    SendOutcome.UNKNOWN: "its address is of no form that Apprise reads, or lacks a part",
    SendOutcome.PLAIN: "its address is not encrypted: mailtos:// and jsons://, not mailto:// and json://",
    SendOutcome.UNVERIFIED: "its address says verify=no: name the certificates with OUTBOUND_CA_FILE instead",
    SendOutcome.BROKEN: "the process that sends it has failed",
}


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of a message, and the status with which the server refused it: one of HTTP, or of mail."""

    outcome: SendOutcome
    status: int | None = None

    @property
    def words(self) -> str:
        """The same for people. Nothing of the address, and no word of the server's."""
        return f"{_WORDS[self.outcome]}{f' (it answered {self.status})' if self.status else ''}"


@dataclass(frozen=True, slots=True)
class ChannelWay:
    """How channels are reached: through a proxy, which HTTP takes and mail does not, with certificates of one's own."""

    proxy: str | None = None
    ca_file: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the process that sends."""
        proxied = {"HTTPS_PROXY": self.proxy, "HTTP_PROXY": self.proxy, "NO_PROXY": "localhost,127.0.0.1,::1"}
        ca_file = str(self.ca_file.absolute()) if self.ca_file else None
        trusted = {"REQUESTS_CA_BUNDLE": ca_file, "SSL_CERT_FILE": ca_file}
        found = {"HOME": _NO_HOME, **(proxied if self.proxy else {}), **trusted}
        return {name: value for name, value in found.items() if value}


def flaw_words(flaw: SendResult) -> str:
    """What is wrong with an address that was only looked at, for people: no server was asked."""
    return "it took too long to look at it" if flaw.outcome is SendOutcome.TIMED_OUT else flaw.words


async def send(url: str, way: ChannelWay, title: str, text: str) -> SendResult:
    """Send a message to an address of Apprise's form. Raises nothing but what cancels it."""
    return await _asked({"url": url, "title": title, "text": text}, way)


async def address_flaw(url: str) -> SendResult | None:
    """What is wrong with an address, as far as its form says; None where nothing is. Sends nothing."""
    result = await _asked({"url": url}, ChannelWay())
    return None if result.outcome is SendOutcome.SENT else result


async def _asked(order: Mapping[str, str], way: ChannelWay) -> SendResult:
    wire = json.dumps({**order, "seconds": SECONDS}).encode()
    try:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=way.environment,
            cwd=os.sep,
        )
    except OSError:
        return SendResult(SendOutcome.BROKEN)
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate(wire)
    except TimeoutError:
        return SendResult(SendOutcome.TIMED_OUT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _result(said)


def _result(said: bytes) -> SendResult:
    try:
        answer: Mapping[str, Any] = json.loads(said)
        status = answer.get("status")
        return SendResult(SendOutcome(answer["outcome"]), int(status) if status else None)
    except (ValueError, KeyError, TypeError, AttributeError):
        return SendResult(SendOutcome.BROKEN)
