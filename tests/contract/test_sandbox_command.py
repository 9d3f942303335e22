"""`remedy sandbox` as a command: what it says where it cannot run, and what it prints for the shell."""

import os
import socket
import subprocess
import sys

COMMAND = [sys.executable, "-m", "remedy", "sandbox"]


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = subprocess.run([*COMMAND, "--jira-port", str(port)], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == f"error: remedy sandbox: port {port} cannot be listened on: Address already in use\n"


def test_whoever_reads_only_its_first_lines_is_told_of_no_port() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = subprocess.run(COMMAND, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(writer)
    assert (ran.returncode, ran.stderr) == (1, "")
