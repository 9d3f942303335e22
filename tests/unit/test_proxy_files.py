"""The proxies' files in docs/proxies/ agree with what the receiver has by itself, and docs/proxies.md with both."""

import re
from pathlib import Path

import pytest

from receiver.webhooks import STORE_DEADLINE
from remediation.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
FILES = DOCS / "proxies"
SECONDS = {"s": 1, "ms": 0.001}
BYTES = {"": 1, "k": 1024, "KiB": 1024}


def default(setting: str) -> float:
    """What a setting is where nobody says otherwise."""
    return float(Settings.model_fields[setting].default)


LONGEST_ANSWER = default("body_deadline") + STORE_DEADLINE
"""Seconds from the end of a delivery's head to its answer."""


def said(file: str, pattern: str) -> str:
    """The one value that a pattern finds in a file, comments left out."""
    text = re.sub(r"(^|\s)#.*", "", (FILES / file).read_text(encoding="utf-8"))
    found = re.findall(pattern, text)
    assert len(found) == 1, (file, pattern, found)
    return str(found[0])


def seconds(file: str, pattern: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(m?s)", said(file, pattern + r"\s+(\w+)")).groups()  # type: ignore[union-attr]
    return int(number) * SECONDS[unit]


def size(file: str, pattern: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\w*)", said(file, pattern + r"\s+(\w+)")).groups()  # type: ignore[union-attr]
    return int(number) * BYTES[unit]


def test_nginx_has_the_receiver_s_limits_of_bytes() -> None:
    assert size("nginx.conf", "client_max_body_size") == default("max_body_bytes")
    count, each = said("nginx.conf", r"large_client_header_buffers (\d+ \d+k);").split()
    assert int(each.removesuffix("k")) * 1024 == default("max_url_bytes")
    assert int(count) * int(each.removesuffix("k")) * 1024 == default("max_header_bytes")


def test_the_others_hold_heads_to_the_same_and_leave_bodies_to_the_receiver() -> None:
    assert size("haproxy.cfg", r"tune\.bufsize") == default("max_header_bytes")
    assert int(said("haproxy.cfg", r"url_len gt (\d+)")) == default("max_url_bytes")
    assert size("Caddyfile", "max_header_size") == default("max_header_bytes")
    assert "request_body" not in (FILES / "Caddyfile").read_text()


@pytest.mark.parametrize(
    ("file", "pattern"),
    [("nginx.conf", "client_header_timeout"), ("haproxy.cfg", "timeout http-request"), ("Caddyfile", "read_header")],
)
def test_a_sender_has_as_long_for_its_head_as_the_receiver_gives(file: str, pattern: str) -> None:
    assert seconds(file, pattern) == default("header_deadline")


@pytest.mark.parametrize(
    ("file", "pattern"),
    [("nginx.conf", "client_body_timeout"), ("haproxy.cfg", "timeout client"), ("Caddyfile", "read_body")],
)
def test_a_sender_has_as_long_for_its_body_as_the_receiver_gives(file: str, pattern: str) -> None:
    assert seconds(file, pattern) == default("body_deadline")


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("nginx.conf", "proxy_read_timeout"),
        ("haproxy.cfg", "timeout server"),
        ("Caddyfile", "response_header_timeout"),
    ],
)
def test_a_proxy_waits_longer_than_an_answer_may_take(file: str, pattern: str) -> None:
    assert seconds(file, pattern) > LONGEST_ANSWER


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("nginx.conf", r"keepalive 32;\s+keepalive_timeout"),
        ("haproxy.cfg", "pool-purge-delay"),
        ("Caddyfile", "keepalive"),
    ],
)
def test_a_proxy_leaves_an_idle_connection_before_the_receiver_does(file: str, pattern: str) -> None:
    assert seconds(file, pattern) < default("idle_seconds")


def test_a_proxy_repeats_a_delivery_where_a_kept_connection_was_just_closed() -> None:
    assert said("nginx.conf", r"proxy_next_upstream (.*);") == "error non_idempotent"
    assert said("haproxy.cfg", r"retry-on (.*)").strip() == "conn-failure empty-response"


@pytest.mark.parametrize("file", sorted(each.name for each in FILES.iterdir()))
def test_only_webhooks_pass_and_no_certificate_is_asked_for(file: str) -> None:
    text = (FILES / file).read_text(encoding="utf-8")
    assert "/webhooks/" in text
    assert not re.search(r"ssl_verify_client|verify (required|optional)|client_auth", text)


def test_the_page_names_each_file_and_install_leads_to_the_page() -> None:
    page = (DOCS / "proxies.md").read_text(encoding="utf-8")
    assert {f"proxies/{each.name}" for each in FILES.iterdir()} <= set(re.findall(r"\((proxies/[^)]*)\)", page))
    assert "(proxies.md)" in (DOCS / "install.md").read_text(encoding="utf-8")
