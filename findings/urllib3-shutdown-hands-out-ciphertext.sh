#!/usr/bin/env bash
# urllib3's `HTTPResponse.shutdown()` is there to wake a thread that reads an answer: one would expect that reading ends
# then, with what came or with an error. Over HTTPS the reader gets the encrypted bytes that still wait in the socket, as
# if they were the body, and no error: `SSLSocket.shutdown` of Python lets go of the TLS layer, and whoever reads the
# object afterwards reads the socket below it. Where no length was told, the body then looks like a whole one.
# urllib3 2.8.0 (PyPI), Python 3.11.7, a server of the standard library on this machine. What does no such thing: to shut
# down a duplicate of the descriptor (socket.socket(fileno=os.dup(…))), which leaves the TLS layer where it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check urllib3==2.8.0 cryptography==50.0.2
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import datetime
import os
import pathlib
import socket
import ssl
import threading
import time

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
now, hour = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(hours=1)
certificate = (
    x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - hour, now + hour)
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    .sign(key, hashes.SHA256())
)
pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
both = pathlib.Path("both.pem")
both.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(both)


def read_after(end):
    """What a reader gets of an answer once `end` was called, while more of it waits in the socket."""
    more = threading.Event()

    def serve():
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(10_000)
            encrypted.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            encrypted.sendall(b"first ")
            more.wait(5)
            encrypted.sendall(b"second")
            time.sleep(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        pool = urllib3.PoolManager(ca_certs=str(both), retries=False)
        address = f"https://localhost:{listener.getsockname()[1]}/"
        answer = pool.request("GET", address, preload_content=False, timeout=5)
        assert answer.read1(100) == b"first "
        more.set()
        time.sleep(0.3)
        end(answer)
        return answer.read1(100)


def by_a_duplicate(answer):
    with socket.socket(fileno=os.dup(answer.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


own, other = read_after(lambda answer: answer.shutdown()), read_after(by_a_duplicate)
print("after response.shutdown():", own[:24])
print("after the shutdown of a duplicate:", other)
assert own[:3] == b"\x17\x03\x03", "a TLS record, handed out as the body"
assert other == b"second"
PY
