"""The proxies of docs/proxies/ in front of a receiver: Debian's programs, with the files as they are shipped.

Only what is this machine's own is put in: ports, certificates, and folders where nothing of the system is touched.
"""

import contextlib
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from remediation.settings import environ
from sandbox.wire.ports import free_port
from tests.certificates import Authority
from tests.debian import laid_out
from tests.integration.guarded_server import Client

FILES = Path(__file__).parents[2] / "docs" / "proxies"
HOST = "localhost"
_START_SECONDS = 20.0
_CERTIFICATE_REQUEST = 13
"""The type of the handshake's message with which a server asks for a client's certificate (RFC 8446, 4)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxy of a test lives."""

    folder: Path
    port: int
    receiver: str
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Kind:
    """A proxy: the path of its program in Debian's packages, and its shipped file.

    `replaced` answers what this machine has in place of words of that file, `whole` what the program is given, made
    of the file that came of this, and `command` how it starts in the foreground.
    """

    program: str
    packages: tuple[str, ...]
    file: str
    replaced: Callable[[Place], Mapping[str, str]]
    whole: Callable[[Place, str], str]
    command: Callable[[str, str], list[str]]


def _nginx(place: Place) -> Mapping[str, str]:
    return {
        "listen 443 ssl": f"listen 127.0.0.1:{place.port} ssl",
        "127.0.0.1:8080": place.receiver,
        "/etc/ssl/hooks.pem": str(place.certificate),
        "/etc/ssl/private/hooks.key": str(place.key),
    }


def _nginx_whole(place: Place, text: str) -> str:
    """The rest of /etc/nginx/nginx.conf, with which Debian includes conf.d/, without a second process."""
    temporary = "".join(
        f"{name}_temp_path {place.folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off;\nmaster_process off;\npid {place.folder}/nginx.pid;\nerror_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{text}}}\n"
    )


def _haproxy(place: Place) -> Mapping[str, str]:
    both = place.folder / "both.pem"
    both.write_bytes(place.certificate.read_bytes() + place.key.read_bytes())
    return {
        "bind :443": f"bind 127.0.0.1:{place.port}",
        "127.0.0.1:8080": place.receiver,
        "/etc/ssl/private/hooks.pem": str(both),
    }


def _caddy(place: Place) -> Mapping[str, str]:
    """Its own certificate in place of one that is fetched, and no port for administrators."""
    return {
        "{\n\tservers {": "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {",
        "hooks.lakeside.example {": f"https://{HOST}:{place.port} {{\n\ttls {place.certificate} {place.key}",
        "127.0.0.1:8080": place.receiver,
    }


KINDS: Mapping[str, Kind] = {
    "nginx": Kind(
        "usr/sbin/nginx",
        ("nginx",),
        "nginx.conf",
        _nginx,
        _nginx_whole,
        lambda program, file: [program, "-c", file],
    ),
    "haproxy": Kind(
        "usr/sbin/haproxy",
        ("haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"),
        "haproxy.cfg",
        _haproxy,
        lambda _, text: text,
        lambda program, file: [program, "-db", "-f", file],
    ),
    "caddy": Kind(
        "usr/bin/caddy",
        ("caddy",),
        "Caddyfile",
        _caddy,
        lambda _, text: text,
        lambda program, file: [program, "run", "--adapter", "caddyfile", "--config", file],
    ),
}


@dataclass(slots=True)
class Proxy:
    """A proxy that runs, and whoever speaks to it."""

    port: int
    context: ssl.SSLContext
    log: Path
    clients: list[Client] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"https://{HOST}:{self.port}"

    def dial(self) -> Client:
        """A connection with TLS, for whoever writes its bytes by hand."""
        self.clients.append(_TlsClient(self.port, self.context))
        return self.clients[-1]

    def asked_messages(self) -> list[int]:
        """The types of all messages of the handshake that the proxy sends."""
        seen: list[int] = []
        context = ssl.create_default_context(cafile=None)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context._msg_callback = lambda _c, way, _v, _t, kind, _d: (  # type: ignore[attr-defined]  # the only way to see them
            seen.append(int(kind)) if way == "read" else None
        )
        _TlsClient(self.port, context).socket.close()
        return seen

    def hang_up(self) -> None:
        while self.clients:
            self.clients.pop().socket.close()


class _TlsClient(Client):
    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(port)
        self.socket = context.wrap_socket(self.socket, server_hostname=HOST)


def asks_for_a_certificate(proxy: Proxy) -> bool:
    """Whether the proxy asks who speaks to it for a certificate."""
    seen = proxy.asked_messages()
    assert seen, "something was seen of the handshake"
    return _CERTIFICATE_REQUEST in seen


@contextlib.contextmanager
def in_front(name: str, receiver: str, folder: Path, changed: Mapping[str, str] | None = None) -> Iterator[Proxy]:
    """The proxy, for as long as this is open. `changed` are further words of its file to replace."""
    kind = KINDS[name]
    program, libraries = _program(kind)
    authority = Authority(folder)
    certificate, key = authority.issue("hooks", HOST, "127.0.0.1")
    place = Place(folder, free_port(), receiver.removeprefix("http://"), certificate, key)
    text = (FILES / kind.file).read_text(encoding="utf-8")
    for word, other in {**kind.replaced(place), **(changed or {})}.items():
        assert word in text, word
        text = text.replace(word, other)
    file, log = folder / kind.file, folder / "proxy.log"
    file.write_text(kind.whole(place, text), encoding="utf-8")
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            kind.command(program, str(file)),
            env={**environ(), **own, **libraries},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    proxy = Proxy(place.port, ssl.create_default_context(cafile=str(authority.file)), log)
    try:
        _wait_until_it_listens(proxy, process)
        yield proxy
    finally:
        proxy.hang_up()
        process.terminate()
        process.wait(_START_SECONDS)


def _program(kind: Kind) -> tuple[str, Mapping[str, str]]:
    """The program's path and the environment in which it finds its libraries; skips where it cannot be had."""
    name = Path(kind.program).name
    if found := shutil.which(name, path=f"{os.defpath}:/usr/sbin:/sbin"):
        return found, {}
    folder = laid_out(*kind.packages)
    if folder is None or not (folder / kind.program).exists():
        pytest.skip(f"needs Debian's package {kind.packages[0]}, which is not on this machine and cannot be had")
    places = {str(each.parent) for each in (folder / "usr" / "lib").rglob("*.so*")}
    return str(folder / kind.program), {"LD_LIBRARY_PATH": ":".join(sorted(places))}


def _wait_until_it_listens(proxy: Proxy, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            proxy.dial()
        except OSError:
            assert process.poll() is None, proxy.log.read_text()
            assert time.monotonic() < deadline, proxy.log.read_text()
            time.sleep(0.05)
        else:
            proxy.hang_up()
            return
