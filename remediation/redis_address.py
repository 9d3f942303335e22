"""Where Redis is: REDIS_URL parsed once into a value, so that the library interprets no URL.

A URL is a bad place for a password: `/`, `#`, `?` and `@` in it end or move the host, and a message about a part of the
URL would show a part of the password. So no message here quotes any of it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote_to_bytes

_REDIS_PORT = 6379
_SENTINEL_PORT = 26379
_LARGEST_PORT = 65_535

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<path>[^?]*)(?:\?(?P<query>.*))?")
_HOST = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_.])?)")
_PORT = re.compile(r"[0-9]{1,5}")
_DATABASE = re.compile(r"[0-9]{1,9}")
_MASTER = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""What Sentinel itself accepts as the name of a primary."""

_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")

_ELSEWHERE = "a user or a password with characters such as / # ? @ % belongs into REDIS_USERNAME and REDIS_PASSWORD"

_OF_A_LIBRARY = {
    "ssl_cert_reqs": "the parameter ssl_cert_reqs is not taken: name the certificates to trust in REDIS_CA_FILE",
    **{
        name: f"set {setting} instead of the parameter {name}"
        for setting, name in (
            ("REDIS_CA_FILE", "ssl_ca_certs"),
            ("REDIS_CERT_FILE", "ssl_certfile"),
            ("REDIS_KEY_FILE", "ssl_keyfile"),
            ("REDIS_TLS_VERIFY_NAME", "ssl_check_hostname"),
            ("REDIS_USERNAME", "username"),
            ("REDIS_PASSWORD", "password"),
        )
    },
}
"""Parameters that libraries accept, and what to use here instead."""


@dataclass(frozen=True, slots=True)
class RedisHost:
    """A host (an IPv6 address without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """The path of a socket on this machine."""

    path: str


@dataclass(frozen=True, slots=True)
class SentinelGroup:
    """Sentinels, and the name under which they know the primary."""

    sentinels: tuple[RedisHost, ...]
    master: str


@dataclass(frozen=True, slots=True)
class RedisSignIn:
    """An ACL user and its password; None for the default user, and for no password."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return bool(self.username or self.password)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for TLS; None for the usual authorities, and for no certificate of our own.

    `verify_name` is whether a certificate must be for the host that was dialled.
    """

    trusted: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    verify_name: bool = True


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is, and how to sign in. TLS and its files also apply to sentinels; `sign_in` does not."""

    place: RedisHost | UnixSocket | SentinelGroup
    uses_tls: bool = False
    database: int = 0
    sign_in: RedisSignIn = RedisSignIn()
    sentinel_sign_in: RedisSignIn = RedisSignIn()
    tls: TlsFiles = TlsFiles()

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """The address that a URL spells out. Raises ValueError with what is wrong, which quotes nothing of it.

        redis://[user[:password]@]host[:port][/database]               rediss:// with TLS
        unix://[user[:password]@]/path[?db=database]
        redis+sentinel://host[:port],…/name of the primary[/database]  rediss+sentinel:// with TLS
        """
        if _UNSEEN.search(url):
            raise ValueError("holds a space, or what is no text: is there one before or after it?")
        if "#" in url:
            raise ValueError(f"holds a #, which ends a URL: {_ELSEWHERE}")
        parts = _URL.fullmatch(url)
        reader = _READERS.get(parts["scheme"].lower()) if parts else None
        if parts is None or reader is None:
            raise ValueError(f"must begin with {', '.join(_SCHEMES[:-1])} or {_SCHEMES[-1]}")
        sign_in, _, where = parts["authority"].rpartition("@")
        if "@" in parts["path"] or "@" in (parts["query"] or ""):
            raise ValueError(f"holds an @ behind the host: {_ELSEWHERE}")
        place, database = reader(where, parts["path"])
        return cls(
            place,
            uses_tls=parts["scheme"].lower().startswith("rediss"),
            database=_one_database(database, _named_database(parts["query"] or "")),
            sign_in=_sign_in(sign_in),
        )


def _sign_in(text: str) -> RedisSignIn:
    username, _, password = text.partition(":")
    return RedisSignIn(_decoded(username) or None, _decoded(password) or None)


def _decoded(text: str) -> str:
    if _STRAY_PERCENT.search(text):
        raise ValueError(f"holds a % that begins no escape such as %2F: {_ELSEWHERE}")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise ValueError(f"holds escapes that are no UTF-8: {_ELSEWHERE}") from None


def _server(text: str, port: int) -> RedisHost:
    """`host[:port]`. Raises ValueError."""
    host = _HOST.match(text)
    if not host:
        raise ValueError("names no host, or one with characters that no host has" if text else "names no host")
    rest = text[host.end() :]
    if not rest:
        return RedisHost(host["v6"] or host["name"], port)
    if not rest.startswith(":"):
        raise ValueError("names no host, or one with characters that no host has")
    if not _PORT.fullmatch(rest[1:]) or not 1 <= int(rest[1:]) <= _LARGEST_PORT:
        raise ValueError(f"the port must be a whole number from 1 to {_LARGEST_PORT}: {_ELSEWHERE}")
    return RedisHost(host["v6"] or host["name"], int(rest[1:]))


def _at_server(where: str, path: str) -> tuple[RedisHost, str]:
    if "," in where:
        raise ValueError(
            "names several hosts: name one server, or the sentinels as redis+sentinel://host:port,host:port/name; "
            "a cluster is not supported"
        )
    return _server(where, _REDIS_PORT), path.removeprefix("/")


def _at_socket(where: str, path: str) -> tuple[UnixSocket, str]:
    if where or len(path) <= 1:
        raise ValueError("must name an absolute path behind unix://, such as unix:///run/redis/redis.sock")
    return UnixSocket(_decoded(path)), ""


def _at_sentinels(where: str, path: str) -> tuple[SentinelGroup, str]:
    sentinels = tuple(_server(each, _SENTINEL_PORT) for each in where.split(","))
    if len(set(sentinels)) < len(sentinels):
        raise ValueError("names the same sentinel twice")
    master, _, database = path.removeprefix("/").partition("/")
    if not _MASTER.fullmatch(master):
        raise ValueError("must say the name under which the sentinels know the primary, behind the hosts and a slash")
    return SentinelGroup(sentinels, master), database


def _named_database(query: str) -> str:
    """The parameter `db`, which is the only one."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        raise ValueError(f"has parameters that cannot be read: {_ELSEWHERE}") from None
    for name, _ in pairs:
        if name != "db":
            known = _OF_A_LIBRARY.get(name)
            raise ValueError(known or f"has a parameter other than db, which is the only one: {_ELSEWHERE}")
    if len(pairs) > 1:
        raise ValueError("names the database twice")
    return pairs[0][1] if pairs else ""


def _one_database(of_path: str, of_query: str) -> int:
    if of_path and of_query:
        raise ValueError("names the database twice")
    written = of_path or of_query or "0"
    if not _DATABASE.fullmatch(written):
        raise ValueError(f"the database must be a whole number, such as 0: {_ELSEWHERE}")
    return int(written)


_READERS: Mapping[str, Callable[[str, str], tuple[RedisHost | UnixSocket | SentinelGroup, str]]] = {
    "redis": _at_server,
    "rediss": _at_server,
    "unix": _at_socket,
    "redis+sentinel": _at_sentinels,
    "rediss+sentinel": _at_sentinels,
}
_SCHEMES = tuple(f"{name}://" for name in _READERS)
