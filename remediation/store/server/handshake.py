"""Why a connection was closed, or stayed silent, before the first reply: whether it is TLS, and whose certificate.

Event loops hide the reason: with TLS 1.3 a server refuses a certificate after the handshake, and the reader gets a
reset. A plain socket gets the reason.
"""

import contextlib
import socket
import ssl

from remediation.redis_address import RedisHost
from remediation.store.server.refusals import ConnectionCause, cause_in_tls

SECONDS = 0.5
"""Seconds for each of at most three connections. They are made only where there is trouble, so that a start can name
it."""

_REPLIES = (b"+", b"-")


def cause_told_by(server: RedisHost, tls: ssl.SSLContext | None) -> ConnectionCause | None:
    """Why a server gives no reply; None where that cannot be told. Blocks; raises nothing."""
    if tls is None:
        return ConnectionCause.TLS_WANTED if _speaks_tls(server) else None
    try:
        with _connected(server) as plain, tls.wrap_socket(plain, server_hostname=server.host) as secure:
            if not secure.recv(1):  # where all is well, nothing comes and nothing ends
                return ConnectionCause.CLOSED
    except ssl.SSLError as error:
        return cause_in_tls(error)
    except OSError:
        pass
    return ConnectionCause.NO_TLS if _speaks_plainly(server) else None


def _connected(server: RedisHost) -> socket.socket:
    return socket.create_connection((server.host, server.port), SECONDS)


def _speaks_tls(server: RedisHost) -> bool:
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing is sent to the unknown server
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(OSError), _connected(server) as plain, anybody.wrap_socket(plain):
        return True
    return False


def _speaks_plainly(server: RedisHost) -> bool:
    with contextlib.suppress(OSError), _connected(server) as plain:
        plain.sendall(b"PING\r\n")
        return plain.recv(1) in _REPLIES
    return False
